package engine

import (
	"errors"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// repeat returns whether a call of an action may be repeated; false if that is unknown
// because its integration was not ready since this process began. An action that
// no longer exists is not repeated.
func (e *executor) repeat(integration, action string, params value.Doc) (workflow.Repeat, bool) {
	found, err := e.actions.Find(integration, action)
	if err != nil {
		return workflow.Repeat{}, !errors.Is(err, &sdk.Error{Code: sdk.CodeUnavailable})
	}
	// The value of the run's own document would stay in memory as long as the step.
	treatment := found.For(value.TrustedDoc(params.Raw()))
	return workflow.Repeat{
		Safe: treatment.SafeToRepeat(), Keyed: treatment.Keyed(), Reads: !treatment.Writes, KeyLifetime: treatment.KeyLifetime,
	}, true
}

// repeatAfter is repeat for a call that has just failed. If nothing is known, the
// call was not sent, and an earlier one with an unknown outcome was found safe to
// repeat before.
func (e *executor) repeatAfter(call workflow.Call) workflow.Repeat {
	repeat, known := e.repeat(call.Integration, call.Action, call.Params)
	if !known {
		return workflow.Repeat{Safe: true}
	}
	return repeat
}
