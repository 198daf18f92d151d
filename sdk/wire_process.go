//go:build !wasip1

package sdk

import (
	"errors"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pluginv1 "github.com/backflow/backflow/sdk/proto/backflow/plugin/v1"
)

// The plugin's half of the mapping between the words of this package and the
// messages. The gateway's half is the mirror of it, in its process transport.

func manifestToWire(m *Manifest) *pluginv1.Manifest {
	wire := &pluginv1.Manifest{
		Name:        m.Name,
		Version:     m.Version,
		Description: m.Description,
		Credentials: m.Credentials,
		Sandbox:     m.Sandbox,
		ChecksUses:  m.ChecksUses,
	}
	for _, p := range m.NotInDev {
		wire.NotInDev = append(wire.NotInDev, &pluginv1.CredentialPattern{Field: p.Field, Pattern: p.Pattern, Reason: p.Reason})
	}
	for i := range m.Actions {
		wire.Actions = append(wire.Actions, actionToWire(&m.Actions[i]))
	}
	if m.Webhook != nil {
		wire.Webhook = &pluginv1.WebhookCapability{
			EventTypes:     m.Webhook.EventTypes,
			SecretField:    m.Webhook.SecretField,
			Methods:        m.Webhook.Methods,
			SignsUrl:       m.Webhook.SignsURL,
			ListsEvents:    m.Webhook.ListsEvents,
			FetchAction:    m.Webhook.FetchAction,
			SyncsEndpoints: m.Webhook.SyncsEndpoints,
		}
	}
	return wire
}

func actionToWire(a *ActionSpec) *pluginv1.Action {
	wire := &pluginv1.Action{
		Name:        a.Name,
		Description: a.Description,
		Params:      a.Params,
		Result:      a.Result,
		Writes:      a.Writes,
		Repeat:      string(a.Repeat),
		Sensitive:   a.Sensitive,
		KeyLifetime: lifetimeToWire(a.KeyLifetime),
		Permissions: a.Permissions,
		ByName:      a.ByName,
		Inner:       a.Inner,
		Tables:      a.Tables,
	}
	for _, v := range a.Variants {
		wire.Variants = append(wire.Variants, &pluginv1.Variant{
			Param: v.Param, Pattern: v.Pattern, Writes: v.Writes, Repeat: string(v.Repeat),
			KeyLifetime: lifetimeToWire(v.KeyLifetime), Permissions: v.Permissions,
		})
	}
	if a.HTTP != nil {
		wire.Http = &pluginv1.HTTPBinding{
			Method: a.HTTP.Method, Path: a.HTTP.Path, Query: a.HTTP.Query, Reserved: a.HTTP.Reserved, Body: a.HTTP.Body,
		}
	}
	for _, example := range a.Examples {
		wire.Examples = append(wire.Examples, &pluginv1.Example{Params: example.Params, Result: example.Result})
	}
	return wire
}

// lifetimeToWire returns nil where a key lives for ever.
func lifetimeToWire(lifetime time.Duration) *durationpb.Duration {
	if lifetime == 0 {
		return nil
	}
	return durationpb.New(lifetime)
}

// errorToWire returns nil for nil. Texts are made valid UTF-8, which the wire
// insists on.
func errorToWire(err error) *pluginv1.Error {
	if err == nil {
		return nil
	}
	e := asError(err)
	wire := &pluginv1.Error{
		Code:      string(e.Code),
		Message:   strings.ToValidUTF8(e.Message, "\uFFFD"),
		Retryable: e.Retryable,
		Outcome:   string(e.Outcome),
		Final:     e.Final,
		Details:   e.Details,
	}
	if e.RetryAfter != 0 {
		wire.RetryAfter = durationpb.New(e.RetryAfter)
	}
	for _, fault := range e.Faults {
		wire.Faults = append(wire.Faults, &pluginv1.Fault{
			Pointer: strings.ToValidUTF8(fault.Pointer, "\uFFFD"),
			Message: strings.ToValidUTF8(fault.Message, "\uFFFD"),
		})
	}
	return wire
}

func webhookRequestFromWire(wire *pluginv1.VerifyWebhookRequest) WebhookRequest {
	request := WebhookRequest{
		Method:    wire.GetMethod(),
		Headers:   make(map[string][]string, len(wire.GetHeaders())),
		Body:      wire.GetBody(),
		URL:       wire.GetUrl(),
		Secrets:   wire.GetSecrets(),
		Now:       wire.GetNow().AsTime(),
		Tolerance: wire.GetTolerance().AsDuration(),
	}
	for name, header := range wire.GetHeaders() {
		values := make([]string, len(header.GetValues()))
		for i, value := range header.GetValues() {
			values[i] = string(value)
		}
		request.Headers[name] = values
	}
	return request
}

func verifyToWire(event WebhookEvent, err error) *pluginv1.VerifyWebhookResponse {
	var refusal *WebhookRefusal
	switch {
	case errors.As(err, &refusal):
		return &pluginv1.VerifyWebhookResponse{
			Outcome: &pluginv1.VerifyWebhookResponse_Refusal{Refusal: refusal.Reason}, RefusalGenuine: refusal.Genuine,
		}
	case err != nil:
		return &pluginv1.VerifyWebhookResponse{Outcome: &pluginv1.VerifyWebhookResponse_Error{Error: errorToWire(err)}}
	}
	return &pluginv1.VerifyWebhookResponse{Outcome: &pluginv1.VerifyWebhookResponse_Event{Event: eventToWire(event)}}
}

func eventToWire(event WebhookEvent) *pluginv1.WebhookEvent {
	wire := &pluginv1.WebhookEvent{
		Id: event.ID, Type: event.Type, Livemode: event.Livemode, Flags: event.Flags,
		Payload: event.Payload, IdUnsigned: event.IDUnsigned,
	}
	if event.Reply != nil {
		wire.Reply = &pluginv1.WebhookReply{ContentType: event.Reply.ContentType, Body: event.Reply.Body}
	}
	return wire
}

func sampleRequestFromWire(wire *pluginv1.SampleWebhookRequest) SampleRequest {
	return SampleRequest{
		EventType: wire.GetEventType(),
		Set:       wire.GetSet(),
		Secret:    wire.GetSecret(),
		Now:       wire.GetNow().AsTime(),
		Chain:     wire.GetChain(),
	}
}

func sampleToWire(sample Sample, err error) *pluginv1.SampleWebhookResponse {
	if err != nil {
		return &pluginv1.SampleWebhookResponse{Error: errorToWire(err)}
	}
	wire := &pluginv1.SampleWebhookResponse{Headers: sample.Headers, Body: sample.Body}
	for _, before := range sample.Before {
		wire.Before = append(wire.Before, &pluginv1.Sample{Headers: before.Headers, Body: before.Body})
	}
	return wire
}

func webhookTargetsFromWire(wire []*pluginv1.WebhookTarget) []WebhookTarget {
	var targets []WebhookTarget
	for _, target := range wire {
		targets = append(targets, WebhookTarget{Name: target.GetName(), URL: target.GetUrl(), Secret: target.GetSecret()})
	}
	return targets
}

func usesFromWire(wire []*pluginv1.Use) []Use {
	uses := make([]Use, len(wire))
	for i, use := range wire {
		uses[i] = Use{Action: use.GetAction(), Params: use.GetParams(), Open: use.GetOpen()}
	}
	return uses
}

func useFaultsToWire(faults []UseFault) []*pluginv1.UseFault {
	var wire []*pluginv1.UseFault
	for _, fault := range faults {
		wire = append(wire, &pluginv1.UseFault{
			Use:     int64(fault.Use),
			Pointer: strings.ToValidUTF8(fault.Pointer, "\uFFFD"),
			Message: strings.ToValidUTF8(fault.Message, "\uFFFD"),
		})
	}
	return wire
}

func listRequestFromWire(wire *pluginv1.ListEventsRequest) ListEventsRequest {
	request := ListEventsRequest{
		Since: wire.GetSince().AsTime(), Types: wire.GetTypes(), Cursor: wire.GetCursor(), Limit: int(wire.GetLimit()),
	}
	if wire.GetUntil() != nil {
		request.Until = wire.GetUntil().AsTime()
	}
	return request
}

func pageToWire(page EventPage) *pluginv1.ListEventsResponse {
	wire := &pluginv1.ListEventsResponse{NextCursor: page.NextCursor}
	for _, event := range page.Events {
		wire.Events = append(wire.Events, &pluginv1.ListedEvent{Event: eventToWire(event.WebhookEvent), CreatedAt: timestamppb.New(event.CreatedAt)})
	}
	return wire
}

func syncRequestFromWire(wire *pluginv1.SyncEndpointRequest) SyncEndpointRequest {
	return SyncEndpointRequest{
		Webhook: wire.GetWebhook(), URL: wire.GetUrl(), Types: wire.GetTypes(), Apply: wire.GetApply(), IdempotencyKey: wire.GetIdempotencyKey(),
	}
}

func syncToWire(sync EndpointSync) *pluginv1.EndpointSync {
	wire := &pluginv1.EndpointSync{
		Action: string(sync.Action), Id: sync.ID, Url: sync.URL, Types: sync.Types, Version: sync.Version, Notes: sync.Notes, Secret: sync.Secret,
	}
	for _, change := range sync.Changes {
		wire.Changes = append(wire.Changes, &pluginv1.EndpointChange{Field: change.Field, From: change.From, To: change.To})
	}
	return wire
}
