package action

import (
	"context"

	"github.com/backflow/backflow/sdk"
)

// Action is one action of an integration, ready to be called. It is immutable
// and safe for concurrent use.
type Action struct {
	Descriptor
	callee Integration
}

// Execute checks the params and calls the action once. The error is *sdk.Error.
// Repeats are for the caller to decide; for steps the engine does.
func (a *Action) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	params, err := a.read(call.Params)
	if err != nil {
		return sdk.Result{}, err
	}
	return a.execute(ctx, call, params)
}

// execute calls the action; params are those of the call, parsed.
func (a *Action) execute(ctx context.Context, call sdk.Call, params any) (sdk.Result, error) {
	call.Action = a.spec.Name
	if parsed, ok := a.callee.(ParsedExecutor); ok {
		return parsed.ExecuteParsed(ctx, call, params)
	}
	return a.callee.Execute(ctx, call)
}
