package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
)

// Start makes a run and returns once it is on stable storage, with the run as
// it was accepted: queued. What is under way of it then goes on without the
// caller.
//
// Errors: ErrUnknownWorkflow; *sdk.Error with the faults of an input that does
// not meet the workflow's schema; ErrBadInput; ErrTooLarge; ErrFull where the
// workflow's limit drops the run; ErrOverloaded; ErrStopped; ErrStale where the
// timer of req.Advance was moved, and *DuplicateError where req.Once is taken, in
// this order; ErrFenced; one that matches ErrUnavailable when it is not known
// whether the run was made: if it was, it will go on.
func (e *Engine) Start(ctx context.Context, req StartRequest) (Run, error) {
	definition, ok := e.definitions.current(req.Workflow)
	if !ok {
		return Run{}, fmt.Errorf("%w %q", ErrUnknownWorkflow, req.Workflow)
	}
	if err := checkRoots(definition, req.Roots); err != nil {
		return Run{}, err
	}
	if req.ID == "" {
		req.ID = NewRunID()
	}
	activity := e.reserve(req.ID)
	if activity == nil {
		return Run{}, ErrStopped
	}
	r := &run{engine: e, activity: activity, machine: workflow.NewMachine(definition, req.ID), record: runRecord{
		Version: recordVersion, ID: req.ID, Workflow: definition.ID, Definition: definition.Hash,
		Status: workflow.RunQueued, CreatedAt: e.now().UTC(), RequestID: req.RequestID,
	}}
	accepted := Run{ID: req.ID, Workflow: definition.ID, Status: workflow.RunQueued, CreatedAt: r.record.CreatedAt}
	picked, err := r.admission(ctx, definition, req.Roots)
	if err == nil {
		err = r.create(ctx, req, picked)
	}
	if err != nil {
		if picked {
			e.freeSlot()
		}
		e.release(req.ID)
		if errors.Is(err, state.ErrUnavailable) {
			wake(e.wakeCheck) // should it have been made after all, it must not wait for a restart
		}
		return Run{}, err
	}
	if r.record.Status.Ended() {
		e.announce(r) // every step was skipped, or the first one cannot be begun
	}
	if !picked {
		e.release(req.ID)
		e.backlog.Add(1) // until the next measuring
		wake(e.wakeQueue)
		wake(e.wakeAdmission)
		return accepted, nil
	}
	e.workers.do(r.drive)
	return accepted, nil
}

// checkRoots holds what a run starts with against its bounds and its schema.
func checkRoots(definition *workflow.Definition, roots map[string]value.Doc) error {
	size := 0
	for _, root := range roots {
		size += len(root.Raw())
	}
	if size > MaxInput {
		return fmt.Errorf("%w: %d bytes are more than %d", ErrTooLarge, size, MaxInput)
	}
	if input, ok := roots["input"]; ok {
		if err := checkInput(definition, input); err != nil {
			return err
		}
	}
	return nil
}

// admission decides whether a new run is picked up by this process at once:
// then it has a slot. One that is counted against a limit is held first.
func (r *run) admission(ctx context.Context, definition *workflow.Definition, roots map[string]value.Doc) (picked bool, err error) {
	e := r.engine
	if err := r.applyLimit(definition, roots); err != nil {
		return false, err
	}
	if r.record.Throttled {
		if definition.Concurrency.Drop {
			full, err := e.atLimit(ctx, r.record.ConcurrencyKey)
			if err != nil {
				return false, err
			}
			if full {
				return false, ErrFull
			}
		}
		return false, nil
	}
	if e.trySlot() {
		return true, nil
	}
	if e.backlogged() {
		return false, ErrOverloaded
	}
	return false, nil
}

// create writes the run: as its holder if it was picked up at once, together
// with what its first step is about to do; else into the queue.
func (r *run) create(ctx context.Context, req StartRequest, picked bool) error {
	now := r.engine.now().UTC()
	events := []workflow.Event{{Type: workflow.EventStarted, At: now, Roots: req.Roots}}
	if err := r.machine.Apply(events[0]); err != nil {
		return err
	}
	var k followUps
	if picked {
		r.record.Lease, r.record.StartedAt = r.engine.lease.ID(), now
		decided, err := r.machine.Advance(now)
		if err != nil {
			return err
		}
		events = append(events, decided...)
		r.syncRecord(true)
		if k, err = r.followUps(decided); err != nil {
			return err
		}
	}
	ops := append(req.Advance.Ops(), req.Once.Ops()...)
	ops = append(ops, r.engine.lease.Fence())
	ops = append(ops, r.insertOps(workflow.EncodeEntry(events))...)
	if picked {
		ops = append(ops, r.timer(now)...)
	}
	ops = append(ops, k.ops...)
	if err := r.engine.store.Commit(ctx, ops...); err != nil {
		return r.engine.conflictOf(ctx, fmt.Errorf("engine: start run: %w", err), req.Once, req.Advance)
	}
	r.entries = 1
	r.engine.notifyAfterCommit(k)
	return nil
}

// made answers the ops that write a new run with its first journal entry.
func (r *run) insertOps(entry []byte) []state.Op {
	ops := []state.Op{
		state.Insert(bucketRun, r.record.ID, r.record.encode(), 0),
		state.Append(r.record.ID, 0, entry),
		state.Add(setOf(r.record.Workflow), r.record.ID),
	}
	if r.record.Throttled {
		ops = append(ops, bumpVersion(r.record.ConcurrencyKey))
	}
	if r.record.Status.Ended() {
		ops = append(ops, r.record.onFinished()...)
	}
	return append(ops, r.record.insertIndex()...)
}

// setOf is the set of the runs of one workflow.
func setOf(workflowID string) string { return setRuns + "/" + workflowID }
