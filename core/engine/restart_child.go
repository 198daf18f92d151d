package engine

import (
	"context"
	"fmt"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// canRestartChild says why a step may not start another run in place of its child,
// which cannot be retried; nil if it may. Another run has other idempotency keys:
// it must not repeat what the child did and has not undone, or may have done. A child
// that is not there was never made, or has been removed since. Lookup returns what is
// known of repeating an action.
func (r *reader) canRestartChild(ctx context.Context, c workflow.Child, child *storedRun, lookup workflow.Lookup) error {
	switch {
	case child == nil && c.Error != nil && c.Error.Outcome == sdk.OutcomeNotExecuted:
		return nil
	case child == nil:
		return cannotRestart(sdk.CodeOutcomeUnknown, c, "it is not kept any more, so what came of it cannot be told")
	case !child.record.Status.Ended():
		return cannotRestart(sdk.CodeConflict, c, "it has not ended")
	case child.record.Status == workflow.RunSucceeded:
		return cannotRestart(sdk.CodeConflict, c, "it succeeded after all")
	}
	switch outcome, path := child.machine.Outcome(); outcome {
	case sdk.OutcomeUnknown:
		return cannotRestart(sdk.CodeOutcomeUnknown, c, fmt.Sprintf("it is not known whether its step %s took effect", path))
	case sdk.OutcomeExecuted:
		return cannotRestart(sdk.CodeConflict, c, fmt.Sprintf("the effect of its step %s stands", path))
	}
	if standing := child.machine.Standing(func(integration, action string) bool {
		repeat, known := lookup(integration, action, value.Doc{})
		return known && repeat.Reads
	}); standing != "" {
		return cannotRestart(sdk.CodeConflict, c, fmt.Sprintf("what its step %s did is not undone", standing))
	}
	for _, inner := range child.machine.LostChildren() {
		grandchild, _, err := r.load(ctx, inner.ID)
		if err != nil {
			return err
		}
		if err := r.canRestartChild(ctx, inner, grandchild, lookup); err != nil {
			return err
		}
	}
	return nil
}

func cannotRestart(code sdk.Code, c workflow.Child, why string) *sdk.Error {
	return &sdk.Error{Code: code, Outcome: sdk.OutcomeNotExecuted, Message: fmt.Sprintf(
		"step %s would start another run of %s, which could repeat under other keys what run %s did: %s", c.Path, c.Workflow, c.ID, why)}
}
