package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// starter makes runs.
type starter struct {
	*executor
	reader    *reader
	queue     *queue
	admission *admission
}

// start is Engine.Start.
func (s *starter) start(ctx context.Context, req StartRequest) (Run, error) {
	definition, ok := s.definitions.current(req.Workflow)
	if !ok {
		return Run{}, fmt.Errorf("%w %q", ErrUnknownWorkflow, req.Workflow)
	}
	if err := checkRoots(definition, req.Roots); err != nil {
		return Run{}, err
	}
	if req.ID == "" {
		req.ID = NewRunID()
	}
	activity := s.active.reserve(req.ID)
	if activity == nil {
		return Run{}, ErrStopped
	}
	r := &execution{executor: s.executor, activity: activity, storedRun: storedRun{
		machine: s.reader.newMachine(definition, req.ID),
		record: runRecord{
			ID: req.ID, Workflow: definition.ID, Definition: definition.Hash,
			Status: workflow.RunQueued, CreatedAt: s.now().UTC(), RequestID: req.RequestID,
			StartedBy: req.StartedBy, RetriedBy: req.RetriedBy, RerunOf: req.instead.id(),
		},
	}}
	accepted := r.record.view()
	claimed, err := s.admit(r, definition, req)
	if err == nil {
		err = r.create(ctx, definition, req, claimed)
	}
	if err != nil {
		if claimed {
			s.active.freeSlot()
		}
		s.unreserve(req.ID, false)
		if errors.Is(err, state.ErrUnavailable) {
			s.wakeups.recovery.Wake() // should it have been made after all, it must not wait for a restart
		}
		return Run{}, err
	}
	if r.record.Status.Ended() {
		r.announce() // every step was skipped, or the first one cannot be begun
	}
	if !claimed {
		s.unreserve(req.ID, false)
		s.queue.add()
		s.wakeups.admission.Wake()
		return accepted, nil
	}
	s.workers.do(r.drive)
	return accepted, nil
}

// admit decides whether this process claims a new run at once: then the run has a
// slot. A run that others bound is throttled first.
func (s *starter) admit(r *execution, definition *workflow.Definition, req StartRequest) (claimed bool, err error) {
	if err := r.record.place(definition, req.Roots); err != nil {
		return false, err
	}
	if r.record.isGrouped() {
		req.instead.passTurn(&r.record)
		r.record.throttle(false)
		r.drops = definition.Concurrency != nil && definition.Concurrency.Drop
		if !r.record.Throttled && s.queue.isFull() {
			return false, ErrOverloaded
		}
		return false, nil
	}
	if s.active.trySlot() {
		return true, nil
	}
	if s.queue.isFull() {
		return false, ErrOverloaded
	}
	return false, nil
}

// create writes the run: claimed by this process, together with the first calls, or
// into the queue. A start is never lost for what follows from it: where that cannot
// be decided or recorded, the run is written alone, and goes on from there.
func (r *execution) create(ctx context.Context, definition *workflow.Definition, req StartRequest, claimed bool) error {
	record := r.record
	err := r.tryCreate(ctx, req, claimed, true)
	refused, ok := errors.AsType[*state.RefusedError](err)
	if !ok && !errors.Is(err, errUndecided) || !claimed {
		return r.conflictOf(ctx, err, req.Once, req.Advance)
	}
	r.record, r.machine = record, r.reader.newMachine(definition, req.ID)
	if ok {
		r.log.Warn("the state store does not take the first steps of a run; recording them after its start", "run", req.ID, "error", refused)
		r.width = single
	}
	return r.conflictOf(ctx, r.tryCreate(ctx, req, claimed, false), req.Once, req.Advance)
}

// errUndecided is matched by the error of a start whose first decisions failed.
var errUndecided = errors.New("engine: the first steps cannot be decided")

// tryCreate is create; the first decisions are part of it if decide is true.
func (r *execution) tryCreate(ctx context.Context, req StartRequest, claimed, decide bool) error {
	now := r.now().UTC()
	events := []workflow.Event{{Type: workflow.EventStarted, At: now, Roots: req.Roots}}
	if err := r.machine.Apply(events[0]); err != nil {
		return err
	}
	taken, err := req.instead.takenOver(r.machine)
	if err != nil {
		return err
	}
	events = append(events, taken...)
	var decided []workflow.Event
	if claimed {
		r.record.Lease, r.record.StartedAt = r.lease.ID(), now
		r.unsettled = true
		if decide {
			var settled bool
			var err error
			if decided, settled, err = r.decideFirst(now, &events[0]); err != nil {
				return err
			}
			events, r.unsettled = append(events, decided...), !settled
		}
		r.syncRecord(true)
	}
	own := append(append(req.Advance.Ops(), req.Once.Ops()...), r.lease.Fence())
	own = append(own, req.Beside...)
	own = append(own, req.instead.ops(req.ID)...)
	own = append(own, req.Swap.ops(req.ID)...)
	own = append(own, r.record.insertOps(workflow.EncodeEntry(events))...)
	if claimed {
		own = append(own, r.timer(now)...)
	}
	for {
		after, err := r.followUps(ctx, decided)
		if err != nil {
			return err
		}
		if r.drops {
			free, err := after.places.take(ctx, r.store, r.record.ConcurrencyKey)
			if err != nil {
				return err
			}
			if !free {
				return ErrFull
			}
		}
		ops := slices.Concat(own, after.places.conditions(), after.ops)
		err = r.store.Commit(ctx, ops...)
		if after.places.changed(err) {
			continue
		}
		if err != nil {
			if req.instead.changed(err) {
				return fmt.Errorf("%w: run %s is being changed by another request", ErrBusy, req.instead.id())
			}
			if req.Swap.failed(err) {
				return fmt.Errorf("%w: what the run is started for is being changed by another request", ErrBusy)
			}
			if conflict, ok := errors.AsType[*state.ConflictError](err); ok && slices.ContainsFunc(req.Beside, conflict.Failed) {
				return ErrStale
			}
			return fmt.Errorf("engine: start run: %w", err)
		}
		r.entries = 1
		r.observe(events)
		r.notifyAfterCommit(after)
		return nil
	}
}

// decideFirst decides the first steps of a run. A panic is errUndecided: a run that
// breaks the program must not cost the event that started it.
func (r *execution) decideFirst(now time.Time, started *workflow.Event) (decided []workflow.Event, settled bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: panic: %v", errUndecided, p)
		}
	}()
	turn := r.newTurn()
	turn.Add(started)
	decided, settled, err = r.machine.Advance(now, turn)
	if err != nil {
		err = fmt.Errorf("%w: %w", errUndecided, err)
	}
	return decided, settled, err
}
