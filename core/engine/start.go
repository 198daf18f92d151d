package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// Start makes a run and returns once it is on stable storage. What is under
// way of it then goes on without the caller.
//
// Errors: ErrUnknownWorkflow; ErrStopped; *state.ConflictError when a condition
// of req.Also does not hold; one that matches state.ErrUnavailable when it is
// not known whether the run was made: if it was, it will go on.
func (e *Engine) Start(ctx context.Context, req StartRequest) (Run, error) {
	definition, ok := e.definitions.current(req.Workflow)
	if !ok {
		return Run{}, fmt.Errorf("%w %q", ErrUnknownWorkflow, req.Workflow)
	}
	if req.ID == "" {
		req.ID = NewRunID()
	}
	if !e.reserve(req.ID) {
		return Run{}, ErrStopped
	}
	r := &run{engine: e, machine: workflow.NewMachine(definition, req.ID), head: head{
		Version: recordVersion, ID: req.ID, Workflow: definition.ID, Definition: definition.Hash,
		Status: workflow.RunQueued, CreatedAt: e.now().UTC(), RequestID: req.RequestID,
	}}
	picked := e.trySlot()
	if err := r.create(ctx, req, picked); err != nil {
		if picked {
			e.freeSlot()
		}
		e.release(req.ID)
		if errors.Is(err, state.ErrUnavailable) {
			poke(e.check) // should it have been made after all, it must not wait for a restart
		}
		return Run{}, err
	}
	if r.head.Status.Ended() {
		e.announce(r) // every step was skipped, or the first one cannot be begun
	}
	started := r.snapshot()
	if !picked {
		e.release(req.ID)
		poke(e.pull)
		return started, nil
	}
	go r.drive() // owned by e.driving, which Stop waits for
	return started, nil
}

// create writes the run: as its holder if it was picked up at once, together
// with what its first step is about to do; else into the queue.
func (r *run) create(ctx context.Context, req StartRequest, picked bool) error {
	now := r.engine.now().UTC()
	events := []workflow.Event{{Type: workflow.EventStarted, At: now, Roots: req.Roots}}
	if err := r.machine.Apply(events[0]); err != nil {
		return err
	}
	if picked {
		r.head.Lease, r.head.StartedAt = r.engine.lease.ID(), now
		decided, err := r.machine.Advance(now)
		if err != nil {
			return err
		}
		events = append(events, decided...)
		r.settleHead()
	}
	ops := make([]state.Op, 0, len(req.Also)+6)
	ops = append(ops, req.Also...)
	ops = append(ops,
		r.engine.lease.Fence(),
		state.Insert(bucketRun, r.head.ID, r.head.encode(), 0),
		state.Append(r.head.ID, 0, workflow.EncodeEntry(events)),
		state.Add(setRuns, r.head.ID),
		state.Add(setOf(r.head.Workflow), r.head.ID),
	)
	if set, member := r.head.member(); set != "" {
		ops = append(ops, state.Add(set, member))
	}
	if err := r.engine.store.Commit(ctx, ops...); err != nil {
		return fmt.Errorf("engine: start run: %w", err)
	}
	r.entries = 1
	return nil
}

// setOf is the set of the runs of one workflow.
func setOf(workflowID string) string { return setRuns + "/" + workflowID }
