package destination

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
)

// Name is that of the integration that sends: webhook.send and webhook.publish. No
// other may have it.
const Name = "webhook"

// The actions of the integration.
const (
	ActionSend    = "send"
	ActionPublish = "publish"
)

// Integration is the integration as one config has it. It is safe for concurrent use.
type Integration struct {
	manifest *sdk.Manifest
	service  *Service // nil where nothing is called
}

var _ action.Integration = (*Integration)(nil)

// NewIntegration returns the integration of a config with these destinations. It says
// what it is, and cannot be called: see Through.
func NewIntegration(names []string) *Integration {
	return &Integration{manifest: manifestOf(names)}
}

// Through returns the integration as it sends by a service.
func (i *Integration) Through(s *Service) *Integration { return &Integration{i.manifest, s} }

// manifestOf is what the integration publishes. The names of destinations are part of
// it, so that an unknown one is found before anything is called. An id has no full
// stop, which separates the parts of what is signed.
func manifestOf(names []string) *sdk.Manifest {
	encoded, _ := json.Marshal(names) // texts alone
	const common = `"type":{"type":"string","minLength":1,"maxLength":%d,"description":"What the message is about, such as order.paid."},` +
		`"data":{"description":"What it says: any JSON."},` +
		`"id":{"type":"string","pattern":"^[A-Za-z0-9_-]{1,%d}$","description":"The id that receivers know the message by. Without it: one of the call's own."}`
	shared := fmt.Sprintf(common, maxTypeLen, maxIDLen)
	return &sdk.Manifest{
		Name: Name, Description: "Sends webhooks to the destinations of the config.",
		Actions: []sdk.ActionSpec{
			{
				Name: ActionSend, Description: "Sends a message to one destination.", Writes: true,
				Repeat: sdk.RepeatTransactional, KeyLifetime: keyLifetime,
				Params: fmt.Appendf(nil, `{"type":"object","required":["destination","type","data"],"additionalProperties":false,"properties":{"destination":{"type":"string","enum":%s,"description":"Name of the destination."},%s}}`, encoded, shared),
				Result: json.RawMessage(`{"type":"object","required":["id"],"properties":{"id":{"type":"string"}}}`),
			},
			{
				Name: ActionPublish, Description: "Sends a message to every destination that wants its type.", Writes: true,
				Repeat: sdk.RepeatTransactional, KeyLifetime: keyLifetime,
				Params: fmt.Appendf(nil, `{"type":"object","required":["type","data"],"additionalProperties":false,"properties":{%s}}`, shared),
				Result: json.RawMessage(`{"type":"object","required":["id","messages"],"properties":{"id":{"type":"string"},"messages":{"type":"array","items":{"type":"object","required":["destination","id"],"properties":{"destination":{"type":"string"},"id":{"type":"string"}}}}}}`),
			},
		},
	}
}

// Name is what config and paths call it.
func (*Integration) Name() string { return Name }

// Manifest is what it publishes, always the same.
func (i *Integration) Manifest() *sdk.Manifest { return i.manifest }

// Status is always ready: messages are stored, whatever their receivers do.
func (*Integration) Status() action.Status { return action.Status{State: action.StateReady} }

// Execute makes a message durable, once for each key. The error is *sdk.Error.
func (i *Integration) Execute(ctx context.Context, call action.Call) (sdk.Result, error) {
	if i.service == nil {
		return sdk.Result{}, sdk.Refuse(sdk.CodeUnavailable, "nothing is sent here")
	}
	var params struct {
		Destination, Type, ID string
		Data                  json.RawMessage
	}
	if err := json.Unmarshal(call.Params.Raw(), &params); err != nil {
		return sdk.Result{}, sdk.Refuse(sdk.CodeInvalidParams, "%v", err)
	}
	m := outgoingMessage{id: params.ID, kind: params.Type, data: params.Data, requestID: call.RequestID}
	if m.id == "" {
		m.id = messageID(call.Action, call.IdempotencyKey)
	}
	var result any
	switch call.Action {
	case ActionSend:
		d, err := i.service.find(params.Destination)
		if err != nil {
			return sdk.Result{}, err
		}
		if err := i.service.send(ctx, d, m, i.service.now().UTC().Truncate(time.Microsecond)); err != nil {
			return sdk.Result{}, err
		}
		result = struct {
			ID string `json:"id"`
		}{m.id}
	case ActionPublish:
		sent, err := i.service.publish(ctx, m)
		if err != nil {
			return sdk.Result{}, err
		}
		result = struct {
			ID       string      `json:"id"`
			Messages []addressed `json:"messages"`
		}{m.id, sent}
	default:
		return sdk.Result{}, sdk.Refuse(sdk.CodeUnknownAction, "integration %s has no action %q: %s", Name, call.Action, suggest.Hint(call.Action, []string{ActionSend, ActionPublish}))
	}
	return sdk.Result{Body: encode(result)}, nil
}
