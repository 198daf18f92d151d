package engine

import (
	"context"

	"github.com/backflow/backflow/sdk"
)

// continueByPresent gives a failed run the machine that follows from its journal by
// the present definition of its workflow, and changes its next record accordingly.
// Where what is done is not the same in that definition, the error lists the
// differences. Kept are the steps whose children go on.
func (c *controls) continueByPresent(ctx context.Context, r *storedRun, kept []string, next *runRecord) error {
	definition, known := c.definitions.current(r.record.Workflow)
	if !known {
		return sdk.Refuse(sdk.CodeConflict, "the config has no workflow %s any more", r.record.Workflow)
	}
	if definition.Hash == r.record.Definition {
		return nil
	}
	if faults := r.machine.Differences(definition, kept); len(faults) > 0 {
		refused := sdk.Refuse(sdk.CodeConflict, "run %s cannot go on by the present definition of %s, where what it has done is not the same: run it again, or retry it by the definition that it began with", r.record.ID, definition.ID)
		refused.Faults = faults
		return refused
	}
	roots := r.machine.Roots()
	if err := checkRoots(definition, roots); err != nil {
		return err
	}
	present := runRecord{}
	if err := present.place(definition, roots); err != nil {
		return err
	}
	machine := c.reader.newMachine(definition, r.record.ID)
	if _, err := c.reader.fold(ctx, machine, r.record.ID, r.entries); err != nil {
		return err
	}
	// Its place in an order it keeps.
	r.machine, next.Definition, next.ConcurrencyKey, next.Lane = machine, definition.Hash, present.ConcurrencyKey, present.Lane
	return nil
}
