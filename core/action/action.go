package action

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/schema"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// Action is one action of an integration, ready to be called. It is immutable
// and safe for concurrent use.
type Action struct {
	integration Integration
	spec        *sdk.ActionSpec
	params      *schema.Schema
	binding     *binding
	types       map[string]textType
}

// Spec is what the integration publishes of the action. It must not be changed.
func (a *Action) Spec() *sdk.ActionSpec { return a.spec }

// Integration is the name of the integration.
func (a *Action) Integration() string { return a.integration.Name() }

// Check holds params against the action's schema. The error is *sdk.Error with
// CodeInvalidParams and every fault.
func (a *Action) Check(params []byte) error {
	_, err := a.read(params)
	return err
}

// read is Check that answers what the params are.
func (a *Action) read(params []byte) (any, error) {
	parsed, err := value.Parse(params)
	if err != nil {
		return nil, unreadable(err)
	}
	faults := a.params.Faults(parsed)
	if len(faults) == 0 {
		return parsed, nil
	}
	return nil, &sdk.Error{
		Code:    sdk.CodeInvalidParams,
		Message: fmt.Sprintf("%s.%s: %s", a.Integration(), a.spec.Name, summary(faults)),
		Outcome: sdk.OutcomeNotExecuted,
		Faults:  faults,
	}
}

// summary names the first fault, and how many there are.
func summary(faults []sdk.Fault) string {
	text := faults[0].Message
	place := strings.TrimPrefix(faults[0].Pointer, "/")
	if place != "" && !strings.Contains(text, strconv.Quote(place)) {
		text = place + ": " + text
	}
	if more := len(faults) - 1; more > 0 {
		text += fmt.Sprintf(" (and %d more)", more)
	}
	return text
}

// unreadable is the error of params that are not JSON as Parse takes it, with
// the place where it is known.
func unreadable(err error) *sdk.Error {
	refused := refuse(sdk.CodeInvalidParams, "", "params: %v", err)
	var syntax *value.SyntaxError
	if errors.As(err, &syntax) && syntax.Pointer != "" {
		refused.Faults = []sdk.Fault{{Pointer: syntax.Pointer, Message: syntax.Message}}
	}
	return refused
}

// Faults are all places in which params, as value.Parse answers them, do not
// meet the schema. Of the values at the pointers for which open holds, which
// are placeholders still, only the names are judged.
func (a *Action) Faults(params any, open func(pointer string) bool) []sdk.Fault {
	return a.params.OpenFaults(params, open)
}

// Execute checks the params and calls the action once. The error is *sdk.Error.
// Who calls it decides about repeats; the engine does, for steps.
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
	if integration, ok := a.integration.(ParsedExecutor); ok {
		return integration.ExecuteParsed(ctx, call, params)
	}
	return a.integration.Execute(ctx, call)
}
