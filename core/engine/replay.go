package engine

import (
	"context"
	"fmt"
	"maps"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// ReplayRequest asks that what a run of an event has not done is done by the present
// definition of its workflow.
type ReplayRequest struct {
	// ID is the id of the run that has ended, NewID that of one that takes its place,
	// where it does not go on itself: empty makes a new one.
	ID, NewID string
	// FromStart has everything done again.
	FromStart bool
	// RequestID joins logs.
	RequestID string
	// By is what asks for it.
	By Initiator
	// Once has it done at most once, and Swap changes a record in the same write; the
	// zero values are no restriction and no change.
	Once Once
	Swap Swap
}

// replays repair runs of events.
type replays struct {
	starter  *starter
	controls *controls
}

// replay is Engine.Replay.
func (p *replays) replay(ctx context.Context, req ReplayRequest) (Run, error) {
	r, data, err := p.starter.reader.load(ctx, req.ID)
	if err != nil {
		return Run{}, err
	}
	if r == nil {
		return Run{}, fmt.Errorf("%w: %s", ErrNotFound, req.ID)
	}
	if err := p.canReplay(ctx, r); err != nil {
		return r.view(), err
	}
	definition, known := p.starter.definitions.current(r.record.Workflow)
	if !known {
		return r.view(), sdk.Refuse(sdk.CodeConflict, "the config has no workflow %s any more", r.record.Workflow)
	}
	same := definition.Hash == r.record.Definition
	switch {
	case req.FromStart:
		return p.replace(ctx, r, data, req, nil)
	case same && r.record.Status == workflow.RunSucceeded:
		return r.view(), sdk.Refuse(sdk.CodeConflict, "the run has succeeded, by the present definition: nothing is left to be done (fromStart does everything again)")
	case same && r.machine.CanRetry() == nil:
		return p.controls.retry(ctx, RetryRequest{ID: req.ID, By: req.By, Once: req.Once, Swap: req.Swap})
	default:
		return p.replace(ctx, r, data, req, p.takeOver(ctx, r))
	}
}

// canReplay says why a run cannot be replayed, nil if it can.
func (p *replays) canReplay(ctx context.Context, r *storedRun) error {
	if refused := r.record.replaced(); refused != nil {
		return refused
	}
	if !r.record.Status.Ended() && r.record.Waiting.For != workflow.WaitingForDecision {
		return sdk.Refuse(sdk.CodeConflict, "the run is %s: only one that has ended can be replayed", r.record.Status)
	}
	if err := p.starter.reader.checkOutcomes(ctx, r); err != nil {
		return err
	}
	switch {
	case !r.record.Status.Ended():
		return sdk.Refuse(sdk.CodeConflict, "the run waits for a decision: retry or cancel it")
	case r.machine.Root("payload") == nil:
		return sdk.Refuse(sdk.CodeConflict, "the run was not started by an event: run it again, or retry it")
	default:
		return nil
	}
}

// replace starts a run in the place of another one.
func (p *replays) replace(ctx context.Context, r *storedRun, data []byte, req ReplayRequest, takeOver func(*workflow.Machine) ([]workflow.Event, error)) (Run, error) {
	return p.starter.start(ctx, StartRequest{
		ID: req.NewID, Workflow: r.record.Workflow, Roots: eventRoots(r.machine.Roots()), RequestID: req.RequestID,
		StartedBy: r.record.StartedBy, RetriedBy: req.By, Once: req.Once, Swap: req.Swap,
		instead: &replacedRun{record: r.record, data: data, takeOver: takeOver},
	})
}

// eventRoots returns the roots of an event's run with those that earlier versions did
// not have.
func eventRoots(roots map[string]value.Doc) map[string]value.Doc {
	if _, given := roots["query"]; given {
		return roots
	}
	all := maps.Clone(roots)
	all["query"] = value.TrustedDoc([]byte("{}"))
	return all
}

// takeOver returns what makes a new run go on where another one has come to.
func (p *replays) takeOver(ctx context.Context, r *storedRun) func(*workflow.Machine) ([]workflow.Event, error) {
	reads := func(integration, action string) bool {
		repeat, known := p.controls.repeat(integration, action, value.Doc{})
		return known && repeat.Reads
	}
	return func(m *workflow.Machine) ([]workflow.Event, error) {
		for _, child := range r.machine.LostChildren() {
			stored, _, err := p.starter.reader.load(ctx, child.ID)
			if err != nil {
				return nil, err
			}
			if err := p.starter.reader.canRestartChild(ctx, child, stored, p.controls.repeat); err != nil {
				return nil, orFromStart(err)
			}
		}
		events, refused := m.TakeOver(r.machine, reads, p.starter.now().UTC())
		if refused != nil {
			return nil, orFromStart(refused)
		}
		return events, nil
	}
}

// orFromStart adds to a refusal what is possible all the same.
func orFromStart(err error) error {
	refused, ok := err.(*sdk.Error) //nolint:errorlint // the functions that it follows return it as it is
	if !ok || refused.Code != sdk.CodeConflict {
		return err
	}
	return sdk.Refuse(sdk.CodeConflict, "what the run did cannot be taken over by the present definition: %s (fromStart does everything again)", refused.Message)
}
