package engine

import (
	"errors"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// repeat returns whether an action may be repeated; false if that is unknown
// because its integration was not ready since this process began. An action that
// no longer exists is not repeated.
func (e *executor) repeat(integration, action string) (workflow.Repeat, bool) {
	found, err := e.actions.Find(integration, action)
	if err != nil {
		return workflow.Repeat{}, !errors.Is(err, &sdk.Error{Code: sdk.CodeUnavailable})
	}
	spec := found.Spec()
	return workflow.Repeat{Safe: spec.SafeToRepeat(), Keyed: spec.Keyed(), Reads: !spec.Writes, KeyLifetime: spec.KeyLifetime}, true
}

// repeatAfter is repeat for a call that has just failed. If nothing is known, the
// call was not sent, and an earlier one with an unknown outcome was found safe to
// repeat before.
func (e *executor) repeatAfter(call workflow.Call) workflow.Repeat {
	repeat, known := e.repeat(call.Integration, call.Action)
	if !known {
		return workflow.Repeat{Safe: true}
	}
	return repeat
}
