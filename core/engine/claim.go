package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// errNotNow: the run cannot be taken up at present, and nothing was changed.
var errNotNow = errors.New("engine: the run cannot be taken up now")

// take claims a run that nobody works on and works on it, if it can be. The
// caller has a slot, which take passes on or gives back.
func (e *Engine) take(id string, why reason) (bool, error) {
	if !e.reserve(id) {
		e.freeSlot()
		return false, nil // this process has it already, or is stopping
	}
	r, err := e.claim(context.Background(), id, why)
	if err != nil || r == nil {
		e.freeSlot()
		e.release(id)
		return false, err
	}
	go r.drive() // owned by e.driving, which Stop waits for
	return true, nil
}

// reason is why a run is taken up: the status that it has in the store.
type reason workflow.RunStatus

const (
	queued   = reason(workflow.RunQueued)  // it was never begun, or handed back
	due      = reason(workflow.RunWaiting) // its timer is due
	orphaned = reason(workflow.RunRunning) // its holder ended
)

// claim loads a run and makes this process its holder, in one write that fails
// if anybody else changed the run meanwhile. It answers nil if the run is not
// to be taken up for this reason any more.
func (e *Engine) claim(ctx context.Context, id string, why reason) (*run, error) {
	r, data, err := e.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if r == nil || reason(r.head.Status) != why {
		return nil, nil
	}
	events, err := r.takeUp(why)
	if err != nil {
		return nil, err
	}
	conditions := []state.Op{state.RequireValue(bucketRun, id, data)}
	if why == due {
		conditions = append(conditions, state.RequireDue(queueRun, id), state.ClearTimer(queueRun, id))
	}
	stored := r.head
	r.head.Status, r.head.Lease = workflow.RunRunning, e.lease.ID()
	if r.head.StartedAt.IsZero() {
		r.head.StartedAt = e.now().UTC()
	}
	err = r.commit(&stored, events, conditions...)
	var conflict *state.ConflictError
	if errors.As(err, &conflict) {
		return nil, nil // somebody else was faster
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// takeUp decides what becomes of a run that is taken up.
func (r *run) takeUp(why reason) ([]workflow.Event, error) {
	var events []workflow.Event
	now := r.engine.now().UTC()
	switch why {
	case due:
		for _, step := range r.machine.Steps() {
			if step.Status != workflow.StepWaiting {
				continue
			}
			repeat, known := r.engine.repeat(step.Step.Integration, step.Step.Action)
			if !known && step.Unknown {
				return nil, fmt.Errorf("%w: integration %s is not ready", errNotNow, step.Step.Integration)
			}
			events = append(events, r.machine.Woken(step.Path, repeat, now))
		}
	case orphaned:
		for _, call := range r.machine.Calls() {
			repeat, known := r.engine.repeat(call.Integration, call.Action)
			if !known {
				return nil, fmt.Errorf("%w: integration %s is not ready", errNotNow, call.Integration)
			}
			if event, ended := r.machine.Interrupted(call.Path, repeat, now); ended {
				events = append(events, event)
			}
		}
	}
	return events, nil
}

// load reads a run and folds its journal; nil if there is no such run. It also
// answers the head's bytes, for a compare-and-swap.
func (e *Engine) load(ctx context.Context, id string) (*run, []byte, error) {
	found, err := e.store.Get(ctx, state.Ref{Bucket: bucketRun, ID: id})
	if err != nil {
		return nil, nil, fmt.Errorf("engine: load run %s: %w", id, err)
	}
	if found[0] == nil {
		return nil, nil, nil
	}
	h, err := decodeHead(found[0])
	if err != nil {
		return nil, nil, err
	}
	definition, err := e.pinned(ctx, h.Definition)
	if err != nil {
		return nil, nil, err
	}
	r := &run{engine: e, machine: workflow.NewMachine(definition, id), head: *h}
	entries, err := e.store.Journal(ctx, id, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("engine: journal of run %s: %w", id, err)
	}
	for _, data := range entries {
		events, err := workflow.DecodeEntry(data)
		if err != nil {
			return nil, nil, err
		}
		for _, event := range events {
			if err := r.machine.Apply(event); err != nil {
				return nil, nil, err
			}
		}
	}
	r.entries = len(entries)
	return r, found[0], nil
}
