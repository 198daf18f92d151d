package engine

import (
	"errors"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// repeat returns what is known of repeating an action; false if nothing is now,
// since its integration was not ready since this process began. An action that does
// not exist any more is known: it is not repeated.
func (e *executor) repeat(integration, action string) (workflow.Repeat, bool) {
	found, err := e.actions.Find(integration, action)
	if err != nil {
		return workflow.Repeat{}, !errors.Is(err, &sdk.Error{Code: sdk.CodeUnavailable})
	}
	spec := found.Spec()
	return workflow.Repeat{Safe: spec.SafeToRepeat(), KeyLifetime: spec.KeyLifetime}, true
}

// repeatAfter is repeat for a call that has just failed. Where nothing is known, the
// call was not sent, and an earlier one whose outcome is unknown was found safe to
// repeat before.
func (e *executor) repeatAfter(call workflow.Call) workflow.Repeat {
	repeat, known := e.repeat(call.Integration, call.Action)
	if !known {
		return workflow.Repeat{Safe: true}
	}
	return repeat
}
