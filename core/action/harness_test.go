package action_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// double is an integration whose state and results a test scripts.
type double struct {
	name     string
	manifest *sdk.Manifest
	status   action.Status
	execute  func(ctx context.Context, call action.Call) (sdk.Result, error)
}

var _ action.Integration = (*double)(nil)

func (d *double) Name() string            { return d.name }
func (d *double) Manifest() *sdk.Manifest { return d.manifest }
func (d *double) Status() action.Status   { return d.status }
func (d *double) Execute(ctx context.Context, call action.Call) (sdk.Result, error) {
	return d.execute(ctx, call)
}

// paymentSchema has the forms that occur in schemas derived from a vendor's
// description.
const paymentSchema = `{
	"type": "object",
	"additionalProperties": false,
	"required": ["amount", "currency"],
	"properties": {
		"amount":   {"type": "integer", "minimum": 1},
		"currency": {"type": "string", "minLength": 3, "maxLength": 3},
		"capture":  {"type": "string", "enum": ["automatic", "manual"]},
		"confirm":  {"type": "boolean"},
		"expand":   {"type": "array", "items": {"type": "string"}},
		"rate":     {"type": "number", "exclusiveMaximum": 1.5},
		"mandate":  {"anyOf": [
			{"type": "object", "additionalProperties": false, "required": ["acceptance"], "properties": {
				"acceptance": {"type": "object", "required": ["at"], "properties": {"at": {"type": "integer"}}}}},
			{"type": "string", "enum": [""]}]},
		"metadata": {"anyOf": [
			{"type": "object", "additionalProperties": {"type": "string"}},
			{"type": "string", "enum": [""]}]},
		"fee":      {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "enum": [""]}]},
		"until":    {"anyOf": [{"type": "string", "enum": ["now"]}, {"type": "integer"}]},
		"items":    {"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {
			"price": {"type": "string"}, "quantity": {"type": "integer"}}}}
	}
}`

// registryOf returns a registry with one integration, "shop".
func registryOf(t *testing.T, actions ...sdk.ActionSpec) (*action.Registry, *double) {
	t.Helper()
	shop := &double{
		name:     "shop",
		manifest: &sdk.Manifest{Name: "shop", Actions: actions},
		status:   action.Status{State: action.StateReady},
		execute: func(context.Context, action.Call) (sdk.Result, error) {
			t.Error("the integration was called")
			return sdk.Result{}, nil
		},
	}
	registry, err := action.NewRegistry(shop)
	if err != nil {
		t.Fatal(err)
	}
	return registry, shop
}

// document returns params that are JSON, or none of an empty text.
func document(text string) value.Doc {
	if text == "" {
		return value.Doc{}
	}
	return value.TrustedDoc([]byte(text))
}

// find returns the action of that name.
func find(t *testing.T, registry *action.Registry, name string) *action.Action {
	t.Helper()
	a, err := registry.Find("shop", name)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// pay returns an action with paymentSchema whose calls go to execute.
func pay(t *testing.T) *action.Action {
	t.Helper()
	registry, _ := registryOf(t, sdk.ActionSpec{Name: "pay", Params: json.RawMessage(paymentSchema), Writes: true})
	return find(t, registry, "pay")
}

// wantError checks that err is an *sdk.Error that was raised before any call.
func wantError(t *testing.T, err error, code sdk.Code) *sdk.Error {
	t.Helper()
	var failed *sdk.Error
	if !errors.As(err, &failed) {
		t.Fatalf("error is %v (%T), want an *sdk.Error", err, err)
	}
	if failed.Code != code || failed.Outcome != sdk.OutcomeNotExecuted {
		t.Fatalf("error is %v with outcome %q, want code %s, not executed", failed, failed.Outcome, code)
	}
	return failed
}
