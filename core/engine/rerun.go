package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// replacedRun is a run in whose place another one is started.
type replacedRun struct {
	record runRecord
	data   []byte // the record as it is stored
	// takeOver has the machine of the new run, which has started, take over what this
	// one did; nil takes over nothing.
	takeOver func(*workflow.Machine) ([]workflow.Event, error)
}

// passTurn gives its turn in an order to the run that takes its place there. One that
// was parked has none to give, and the other goes through without order, as it would.
func (r *replacedRun) passTurn(to *runRecord) {
	if r == nil || r.record.Order != to.Order {
		return
	}
	if r.record.Turn == turnHas || r.record.Status == workflow.RunFailed {
		to.Turn = r.record.Turn
	}
}

// ops returns the ops that note which run takes its place. The first is their
// condition: that nothing has changed the run.
func (r *replacedRun) ops(by string) []state.Op {
	if r == nil {
		return nil
	}
	next := r.record
	next.RerunAs = by
	if next.Turn == turnHas {
		next.Turn = turnHad
	}
	return append([]state.Op{state.RequireValue(layout.BucketRun, r.record.ID, r.data)}, r.record.updateOps(&next)...)
}

// id is the replaced run's, empty where none exists.
func (r *replacedRun) id() string {
	if r == nil {
		return ""
	}
	return r.record.ID
}

// takenOver applies what a new run takes over, and returns it.
func (r *replacedRun) takenOver(m *workflow.Machine) ([]workflow.Event, error) {
	if r == nil || r.takeOver == nil {
		return nil, nil
	}
	return r.takeOver(m)
}

// changed reports whether a commit failed because the replaced run was changed.
func (r *replacedRun) changed(err error) bool {
	lost, ok := errors.AsType[*state.ConflictError](err)
	return ok && r != nil && lost.Failed(state.RequireValue(layout.BucketRun, r.record.ID, nil))
}

// rerun is Engine.Rerun.
func (s *starter) rerun(ctx context.Context, req RerunRequest) (Run, error) {
	r, data, err := s.reader.load(ctx, req.ID)
	if err != nil {
		return Run{}, err
	}
	if r == nil {
		return Run{}, fmt.Errorf("%w: %s", ErrNotFound, req.ID)
	}
	if err := s.canRerun(ctx, r); err != nil {
		return r.view(), err
	}
	return s.start(ctx, StartRequest{
		ID: req.NewID, Workflow: r.record.Workflow, Roots: r.machine.Roots(),
		RequestID: req.RequestID, StartedBy: req.By, Once: req.Once,
		instead: &replacedRun{record: r.record, data: data},
	})
}

// canRerun says why a run cannot be replaced by another with the same input, nil if
// it can.
func (s *starter) canRerun(ctx context.Context, r *storedRun) error {
	if refused := r.record.replaced(); refused != nil {
		return refused
	}
	if err := s.reader.checkOutcomes(ctx, r); err != nil {
		return err
	}
	switch {
	case !r.record.Status.Ended():
		return sdk.Refuse(sdk.CodeConflict, "the run is %s: only one that has ended can be run again", r.record.Status)
	case r.record.Parent != nil:
		return sdk.Refuse(sdk.CodeConflict, "the run belongs to a step of run %s: retry that, or run that again", r.record.Parent.ID)
	case r.machine.Root("input") == nil:
		return sdk.Refuse(sdk.CodeConflict, "the run was started by an event: retry it, or replay the event")
	default:
		return nil
	}
}

// replaced says that another run took the place of this one, nil if none did.
func (r *runRecord) replaced() *sdk.Error {
	if r.RerunAs == "" {
		return nil
	}
	return sdk.Refuse(sdk.CodeConflict, "the run was replaced by run %s", r.RerunAs)
}

// checkOutcomes returns an error, *sdk.Error with CodeOutcomeUnknown, while it is not
// known what a run did: what it did, or may have done, must not be done under other
// keys then. One with CodeConflict says that a run which it started has not ended.
func (r *reader) checkOutcomes(ctx context.Context, run *storedRun) error {
	for _, c := range run.machine.LostChildren() {
		child, _, err := r.load(ctx, c.ID)
		switch {
		case err != nil:
			return err
		case child != nil && !child.record.Status.Ended():
			return sdk.Refuse(sdk.CodeConflict, "run %s, which step %s started, has not ended", c.ID, c.Path)
		case child != nil:
			if err := r.checkOutcomes(ctx, child); err != nil {
				return err
			}
		case c.Error == nil || c.Error.Outcome != sdk.OutcomeNotExecuted:
			return sdk.Refuse(sdk.CodeOutcomeUnknown, "it is not known what run %s did, which step %s started: it is not kept any more", c.ID, c.Path)
		}
	}
	if outcome, path := run.machine.Outcome(); outcome == sdk.OutcomeUnknown {
		return sdk.Refuse(sdk.CodeOutcomeUnknown, "it is not known whether step %s of run %s took effect: look at the other side, then retry the run under the same key, or cancel it", path, run.record.ID)
	}
	return nil
}
