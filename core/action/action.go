package action

import (
	"context"
	"errors"
	"strings"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Call is one call of an action: what [sdk.Call] is to a plugin, with params that
// were checked to be JSON.
type Call struct {
	// Action is the name of the action. [Action.Execute] and [Action.Call] set it.
	Action string
	// Params is a JSON object; its numbers are as the caller wrote them.
	Params value.Doc
	// IdempotencyKey and RequestID are those of sdk.Call.
	IdempotencyKey string
	RequestID      string
}

// SDK returns the call as a plugin gets it. It shares the text of the params.
func (c Call) SDK() sdk.Call {
	return sdk.Call{Action: c.Action, Params: c.Params.Raw(), IdempotencyKey: c.IdempotencyKey, RequestID: c.RequestID}
}

// Action is one action of an integration, ready to be called. It is immutable
// and safe for concurrent use.
type Action struct {
	Descriptor
	callee Integration
	// credentials returns where the integration's credentials stand, "" if nowhere.
	credentials func() string
}

// Execute checks the params and calls the action once. It does not retry: that is
// up to the caller, for steps the engine. The error is *sdk.Error.
func (a *Action) Execute(ctx context.Context, call Call) (sdk.Result, error) {
	if err := a.Check(call.Params); err != nil {
		return sdk.Result{}, err
	}
	return a.execute(ctx, call)
}

// execute calls the action with params that were checked.
func (a *Action) execute(ctx context.Context, call Call) (sdk.Result, error) {
	call.Action = a.spec.Name
	result, err := a.callee.Execute(ctx, call)
	if err != nil {
		return sdk.Result{}, a.located(err)
	}
	return result, nil
}

// located returns the error of a call. Where the vendor refused the credentials, it
// names the action and where they stand, for those who mend them.
func (a *Action) located(err error) error {
	var failed *sdk.Error
	if !errors.As(err, &failed) || failed.Code != sdk.CodeCredentials {
		return err
	}
	located := *failed
	if name := a.integration + "." + a.spec.Name + ": "; !strings.HasPrefix(failed.Message, name) {
		located.Message = name + failed.Message
	}
	if place := a.credentials(); place != "" {
		located.Message += " (the credentials are " + place + ")"
	}
	return &located
}
