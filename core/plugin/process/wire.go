package process

import (
	"strings"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/backflow/backflow/sdk"
	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// The gateway's half of the mapping between the types of package sdk and the
// messages. The SDK has the plugin's half.

func manifestFromWire(wire *pluginv1.Manifest) *sdk.Manifest {
	manifest := &sdk.Manifest{
		Name:        wire.GetName(),
		Version:     wire.GetVersion(),
		Description: wire.GetDescription(),
		Credentials: wire.GetCredentials(),
		Sandbox:     wire.GetSandbox(),
		ChecksUses:  wire.GetChecksUses(),
	}
	for _, p := range wire.GetNotInDev() {
		manifest.NotInDev = append(manifest.NotInDev, sdk.CredentialPattern{Field: p.GetField(), Pattern: p.GetPattern(), Reason: p.GetReason()})
	}
	for _, action := range wire.GetActions() {
		manifest.Actions = append(manifest.Actions, actionFromWire(action))
	}
	if webhook := wire.GetWebhook(); webhook != nil {
		manifest.Webhook = &sdk.WebhookCapability{
			EventTypes:     webhook.GetEventTypes(),
			SecretField:    webhook.GetSecretField(),
			Methods:        webhook.GetMethods(),
			SignsURL:       webhook.GetSignsUrl(),
			ListsEvents:    webhook.GetListsEvents(),
			FetchAction:    webhook.GetFetchAction(),
			SyncsEndpoints: webhook.GetSyncsEndpoints(),
		}
	}
	return manifest
}

func actionFromWire(wire *pluginv1.Action) sdk.ActionSpec {
	action := sdk.ActionSpec{
		Name:        wire.GetName(),
		Description: wire.GetDescription(),
		Params:      wire.GetParams(),
		Result:      wire.GetResult(),
		Writes:      wire.GetWrites(),
		Repeat:      sdk.Repeat(wire.GetRepeat()),
		KeyLifetime: wire.GetKeyLifetime().AsDuration(),
		Sensitive:   wire.GetSensitive(),
		Permissions: wire.GetPermissions(),
		ByName:      wire.GetByName(),
		Inner:       wire.GetInner(),
		Tables:      wire.GetTables(),
	}
	for _, v := range wire.GetVariants() {
		action.Variants = append(action.Variants, sdk.Variant{
			Param: v.GetParam(), Pattern: v.GetPattern(), Writes: v.GetWrites(), Repeat: sdk.Repeat(v.GetRepeat()),
			KeyLifetime: v.GetKeyLifetime().AsDuration(), Permissions: v.GetPermissions(),
		})
	}
	if http := wire.GetHttp(); http != nil {
		action.HTTP = &sdk.HTTPBinding{
			Method: http.GetMethod(), Path: http.GetPath(), Query: http.GetQuery(), Reserved: http.GetReserved(), Body: http.GetBody(),
		}
	}
	for _, example := range wire.GetExamples() {
		action.Examples = append(action.Examples, sdk.Example{Params: example.GetParams(), Result: example.GetResult()})
	}
	return action
}

func errorFromWire(wire *pluginv1.Error) *sdk.Error {
	e := &sdk.Error{
		Code:       sdk.Code(wire.GetCode()),
		Message:    wire.GetMessage(),
		Retryable:  wire.GetRetryable(),
		RetryAfter: wire.GetRetryAfter().AsDuration(),
		Outcome:    sdk.Outcome(wire.GetOutcome()),
		Final:      wire.GetFinal(),
		Details:    wire.GetDetails(),
	}
	for _, fault := range wire.GetFaults() {
		e.Faults = append(e.Faults, sdk.Fault{Pointer: fault.GetPointer(), Message: fault.GetMessage()})
	}
	return e
}

func webhookRequestToWire(request sdk.WebhookRequest) *pluginv1.VerifyWebhookRequest {
	wire := &pluginv1.VerifyWebhookRequest{
		Method:    request.Method,
		Headers:   make(map[string]*pluginv1.HeaderValues, len(request.Headers)),
		Body:      request.Body,
		Url:       strings.ToValidUTF8(request.URL, "\uFFFD"),
		Secrets:   request.Secrets,
		Now:       timestamppb.New(request.Now),
		Tolerance: durationpb.New(request.Tolerance),
	}
	for name, values := range request.Headers {
		header := &pluginv1.HeaderValues{}
		for _, value := range values {
			header.Values = append(header.Values, []byte(value))
		}
		wire.Headers[name] = header
	}
	return wire
}

func sampleRequestToWire(request sdk.SampleRequest) *pluginv1.SampleWebhookRequest {
	return &pluginv1.SampleWebhookRequest{
		EventType: request.EventType,
		Set:       request.Set,
		Secret:    request.Secret,
		Now:       timestamppb.New(request.Now),
		Chain:     request.Chain,
	}
}

func sampleFromWire(wire *pluginv1.SampleWebhookResponse) sdk.Sample {
	sample := sdk.Sample{Headers: wire.GetHeaders(), Body: wire.GetBody()}
	for _, before := range wire.GetBefore() {
		sample.Before = append(sample.Before, sdk.Sample{Headers: before.GetHeaders(), Body: before.GetBody()})
	}
	return sample
}

func webhookTargetsToWire(targets []sdk.WebhookTarget) []*pluginv1.WebhookTarget {
	var wire []*pluginv1.WebhookTarget
	for _, target := range targets {
		wire = append(wire, &pluginv1.WebhookTarget{Name: target.Name, Url: target.URL, Secret: target.Secret})
	}
	return wire
}

func usesToWire(uses []sdk.Use) []*pluginv1.Use {
	wire := make([]*pluginv1.Use, len(uses))
	for i, use := range uses {
		wire[i] = &pluginv1.Use{Action: use.Action, Params: use.Params, Open: use.Open}
	}
	return wire
}

func useFaultsFromWire(wire []*pluginv1.UseFault) []sdk.UseFault {
	var faults []sdk.UseFault
	for _, fault := range wire {
		faults = append(faults, sdk.UseFault{Use: int(fault.GetUse()), Pointer: fault.GetPointer(), Message: fault.GetMessage()})
	}
	return faults
}

func eventFromWire(wire *pluginv1.WebhookEvent) sdk.WebhookEvent {
	event := sdk.WebhookEvent{
		ID: wire.GetId(), Type: wire.GetType(), Flags: wire.GetFlags(), Payload: wire.GetPayload(), IDUnsigned: wire.GetIdUnsigned(),
	}
	if wire != nil {
		event.Livemode = wire.Livemode
	}
	if reply := wire.GetReply(); reply != nil {
		event.Reply = &sdk.WebhookReply{ContentType: reply.GetContentType(), Body: reply.GetBody()}
	}
	return event
}

func listRequestToWire(request sdk.ListEventsRequest) *pluginv1.ListEventsRequest {
	wire := &pluginv1.ListEventsRequest{
		Since: timestamppb.New(request.Since), Types: request.Types, Cursor: request.Cursor, Limit: int64(request.Limit),
	}
	if !request.Until.IsZero() {
		wire.Until = timestamppb.New(request.Until)
	}
	return wire
}

func pageFromWire(wire *pluginv1.ListEventsResponse) sdk.EventPage {
	page := sdk.EventPage{NextCursor: wire.GetNextCursor()}
	for _, event := range wire.GetEvents() {
		listed := sdk.ListedEvent{WebhookEvent: eventFromWire(event.GetEvent())}
		if event.GetCreatedAt() != nil {
			listed.CreatedAt = event.GetCreatedAt().AsTime()
		}
		page.Events = append(page.Events, listed)
	}
	return page
}

func syncRequestToWire(request sdk.SyncEndpointRequest) *pluginv1.SyncEndpointRequest {
	return &pluginv1.SyncEndpointRequest{
		Webhook: request.Webhook, Url: request.URL, Types: request.Types, Apply: request.Apply, IdempotencyKey: request.IdempotencyKey,
	}
}

func syncFromWire(wire *pluginv1.EndpointSync) sdk.EndpointSync {
	sync := sdk.EndpointSync{
		Action: sdk.EndpointAction(wire.GetAction()), ID: wire.GetId(), URL: wire.GetUrl(), Types: wire.GetTypes(),
		Version: wire.GetVersion(), Notes: wire.GetNotes(), Secret: wire.GetSecret(),
	}
	for _, change := range wire.GetChanges() {
		sync.Changes = append(sync.Changes, sdk.EndpointChange{Field: change.GetField(), From: change.GetFrom(), To: change.GetTo()})
	}
	return sync
}
