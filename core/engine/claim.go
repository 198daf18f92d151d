package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime/debug"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// errNotNow: the run cannot be taken up at present, and nothing was changed.
var errNotNow = errors.New("engine: the run cannot be taken up now")

// MaxRecoveries is how often in a row a run is taken up after its process ended,
// without any progress, before it is given up: what it does may be what ends
// them.
const MaxRecoveries = 10

// reason is why a run is taken up.
type reason int

const (
	queued   reason = iota // it stands in the queue
	due                    // its timer is due: a time has come, or there is mail
	orphaned               // its process ended
)

// take claims a run that nobody works on and works on it, if it can be. The
// caller has a slot, which take passes on or gives back. The cause is the timer
// that is due, or the lease that is over for certain, where that is the reason.
func (e *Engine) tryClaim(id string, why reason, cause string) (bool, error) {
	activity := e.reserve(id)
	if activity == nil {
		e.freeSlot()
		return false, nil // this process has it already, or is stopping
	}
	r, err := e.claimSafely(id, why, cause, activity)
	if err != nil || r == nil {
		e.freeSlot()
		e.release(id)
		return false, err
	}
	e.workers.do(r.drive)
	return true, nil
}

// claimSafely is claim, of which a panic is an error: a run that cannot be worked
// out must not end the gateway.
func (e *Engine) claimSafely(id string, why reason, cause string, a *activity) (r *run, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, fmt.Errorf("engine: taking up run %s panicked: %v\n%s", id, p, debug.Stack())
		}
	}()
	return e.claim(context.Background(), id, why, cause, a)
}

// claim loads a run and makes this process its holder, in one write that fails
// if anybody else changed the run meanwhile. It answers nil if the run is not
// to be taken up for this reason any more.
func (e *Engine) claim(ctx context.Context, id string, why reason, cause string, a *activity) (*run, error) {
	r, data, err := e.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if r == nil || r.record.Status.Ended() {
		if why == due {
			return nil, e.deleteInbox(ctx, id, cause, data)
		}
		return nil, nil
	}
	if !r.record.waitsFor(why) {
		return nil, nil
	}
	r.activity = a
	if _, err := r.refreshInbox(ctx); err != nil {
		return nil, err
	}
	with := extra{conditions: []state.Op{state.RequireValue(bucketRun, id, data)}}
	var events []workflow.Event
	switch why {
	case due:
		with.conditions = append(with.conditions, state.RequireDue(queueRun, cause))
		with.ops = append(with.ops, state.ClearTimer(queueRun, cause), state.ClearTimer(queueRun, id))
		if r.record.Status == workflow.RunQueued {
			return r.claimQueued(ctx, with)
		}
		if events, err = r.dueEvents(cause); err != nil {
			return nil, err
		}
		if len(events) == 0 && !r.hasDeliverable(e.now()) {
			return nil, r.keepWaiting(ctx, with)
		}
	case orphaned:
		// Since it was found, somebody alive may have taken it up. Of a lease
		// that was over before the journal was read nothing more can be written.
		if r.record.Lease != cause {
			return nil, nil
		}
		if events, err = r.interruptedCalls(); err != nil {
			return nil, err
		}
	}
	return r.claimWith(events, with)
}

// heldElsewhere reports whether a lease is that of another process, which lives.
// One that is gone does not come back.
func (e *Engine) heldElsewhere(ctx context.Context, lease string) (bool, error) {
	if lease == e.lease.ID() {
		return false, nil
	}
	alive, err := e.lease.Alive(ctx, lease)
	if err != nil {
		return false, fmt.Errorf("engine: %w", err)
	}
	return alive, nil
}

// waitsFor reports whether a run that has not ended is to be taken up for a
// reason.
func (h *runRecord) waitsFor(why reason) bool {
	switch why {
	case queued:
		return h.Lease == "" && h.Status == workflow.RunQueued && !h.Throttled
	case due:
		return h.Lease == ""
	default:
		return h.Lease != ""
	}
}

// claimWith writes the claim with events and all that follows from them.
func (r *run) claimWith(events []workflow.Event, with extra) (*run, error) {
	stored := r.record
	r.record.Status, r.record.Lease, r.record.Throttled = workflow.RunRunning, r.engine.lease.ID(), false
	r.record.Revision++
	if r.record.StartedAt.IsZero() {
		r.record.StartedAt = r.engine.now().UTC()
	}
	err := r.commit(&stored, events, with)
	if errors.As(err, new(*state.ConflictError)) {
		return nil, nil // somebody else was faster
	}
	if err != nil {
		return nil, err
	}
	return r, nil
}

// claimQueued deals with mail to a run that is still in the queue: only a
// cancellation takes it out, a signal is read when its turn has come.
func (r *run) claimQueued(ctx context.Context, with extra) (*run, error) {
	if len(r.inbox) > 0 && r.inbox[0].Kind == messageCancel {
		return r.claimWith(nil, with)
	}
	return nil, r.keepWaiting(ctx, with)
}

// keepWaiting leaves a run that was notify for nothing as it is. Its timer is set
// anew: that of mail may have been the one that was due.
func (r *run) keepWaiting(ctx context.Context, with extra) error {
	ops := append(append([]state.Op{r.engine.lease.Fence()}, with.conditions...), with.ops...)
	if left := r.acknowledge(); len(left) > 0 {
		// Who takes the run up at this moment may have read the box before the
		// mail came: the changed head makes him look again.
		next := r.record
		next.Revision++
		ops = append(append(ops, left...), r.record.updateOps(&next)...)
	}
	if r.record.Status != workflow.RunQueued {
		ops = append(ops, r.timer(r.engine.now())...)
	}
	return ignoreConflict(r.engine.store.Commit(ctx, ops...)) // somebody else was faster
}

// deleteInbox throws away what reached a run after its end. Where it is retried
// meanwhile, and may have got new mail, nothing is changed.
func (e *Engine) deleteInbox(ctx context.Context, id, timer string, data []byte) error {
	messages, err := e.readInbox(ctx, id)
	if err != nil {
		return err
	}
	ops := []state.Op{e.lease.Fence(), state.ClearTimer(queueRun, timer), state.ClearTimer(queueRun, id)}
	if data != nil {
		ops = append(ops, state.RequireValue(bucketRun, id, data))
	}
	for _, l := range messages {
		ops = append(ops, l.deleteOps()...)
	}
	return ignoreConflict(e.store.Commit(ctx, ops...))
}

func ignoreConflict(err error) error {
	if errors.As(err, new(*state.ConflictError)) {
		return nil
	}
	return err
}

// dueEvents decides what becomes of a waiting run whose time has come. That it has
// is judged by the store's clock, which found the run's timer due: this process's
// own may be behind that of the process which set it.
func (r *run) dueEvents(timer string) ([]workflow.Event, error) {
	now := r.engine.now()
	if until, waits := r.machine.WaitUntil(); waits && timer == r.record.ID && until.After(now) {
		now = until
	}
	events, left := r.machine.FireTimers(now.UTC(), r.engine.repeat)
	if left && len(events) == 0 {
		return nil, fmt.Errorf("%w: an integration that it needs is not ready", errNotNow)
	}
	return events, nil
}

// interruptedCalls decides what becomes of the calls that were under way when
// the run's process ended.
func (r *run) interruptedCalls() ([]workflow.Event, error) {
	now := r.engine.now().UTC()
	if r.record.Recoveries++; r.record.Recoveries > MaxRecoveries {
		return r.giveUp(now), nil
	}
	var events []workflow.Event
	for _, call := range r.machine.Calls() {
		repeat, known := r.engine.repeat(call.Integration, call.Action)
		if !known {
			r.record.Recoveries--
			return nil, fmt.Errorf("%w: integration %s is not ready", errNotNow, call.Integration)
		}
		if event, ended := r.machine.Interrupted(call.Path, repeat, now); ended {
			events = append(events, event)
		}
	}
	return events, nil
}

// giveUp ends what the run was at.
func (r *run) giveUp(now time.Time) []workflow.Event {
	err := &sdk.Error{
		Code: sdk.CodeInternal, Outcome: sdk.OutcomeUnknown,
		Message: fmt.Sprintf("the process that worked on the run ended %d times in a row without any progress", MaxRecoveries),
	}
	calls := r.machine.Calls()
	if len(calls) == 0 {
		return []workflow.Event{r.machine.GiveUp(err, now)}
	}
	events := make([]workflow.Event, len(calls))
	for i, call := range calls {
		events[i] = r.machine.Failed(call.Path, err, workflow.Repeat{}, now)
	}
	return events
}

// load reads a run and folds its journal; nil if there is no such run. It also
// answers the head's bytes, for a compare-and-swap.
func (e *Engine) load(ctx context.Context, id string) (*run, []byte, error) {
	r, data, _, err := e.loadEvents(ctx, id, math.MaxInt)
	return r, data, err
}

// loadEvents is load, which answers also the events of the entries from one on.
func (e *Engine) loadEvents(ctx context.Context, id string, from int) (*run, []byte, []workflow.Event, error) {
	found, err := e.store.Get(ctx, state.Ref{Bucket: bucketRun, ID: id})
	if err != nil {
		return nil, nil, nil, fmt.Errorf("engine: load run %s: %w", id, err)
	}
	if found[0] == nil {
		return nil, nil, nil, nil
	}
	h, err := decodeRecord(found[0])
	if err != nil {
		return nil, nil, nil, err
	}
	definition, err := e.pinned(ctx, h.Definition)
	if err != nil {
		return nil, nil, nil, err
	}
	r := &run{engine: e, machine: workflow.NewMachine(definition, id), record: *h}
	entries, err := e.store.Journal(ctx, id, 0)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("engine: journal of run %s: %w", id, err)
	}
	var later []workflow.Event
	for n, data := range entries {
		events, err := workflow.DecodeEntry(data)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, event := range events {
			if err := r.machine.Apply(event); err != nil {
				return nil, nil, nil, err
			}
		}
		if n >= from {
			later = append(later, events...)
		}
	}
	r.entries = len(entries)
	return r, found[0], later, nil
}
