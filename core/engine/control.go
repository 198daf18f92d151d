package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// Cancel ends a run, in whatever state it is: what waits ends at once, a call
// that is under way is waited for and recorded, and what can be undone is. It
// returns once the cancellation is on stable storage, with the run as it is then.
// Cancelling a run that has ended is ErrEnded; a further request with once is a
// *DuplicateError.
func (e *Engine) Cancel(ctx context.Context, id string, once Once) (Run, error) {
	return e.sendMessage(ctx, id, message{Kind: messageCancel}, once)
}

// Signal hands a signal to a run. It returns once the signal is on stable
// storage: the run takes it when it waits for one of that name, each signal
// once, in the order in which they came. A body is JSON. Errors: ErrNotFound,
// ErrEnded, ErrTooLarge, ErrOverloaded where MaxPendingSignals signals wait already, and
// *DuplicateError where once is taken.
func (e *Engine) Signal(ctx context.Context, id, name string, body json.RawMessage, once Once) (Run, error) {
	if len(body) > MaxInput {
		return Run{}, fmt.Errorf("%w: %d bytes are more than %d", ErrTooLarge, len(body), MaxInput)
	}
	return e.sendMessage(ctx, id, message{Kind: messageSignal, Name: name, Body: body}, once)
}

// mail puts mail into the box of a run that has not ended.
func (e *Engine) sendMessage(ctx context.Context, id string, m message, once Once) (Run, error) {
	run, err := e.Get(ctx, id)
	if err != nil {
		return Run{}, err
	}
	if run.Status.Ended() {
		return run, fmt.Errorf("%w: run %s is %s", ErrEnded, id, run.Status)
	}
	waiting, err := e.store.Range(ctx, state.Range{Set: setInbox + "/" + id, Limit: MaxPendingSignals})
	if err != nil {
		return Run{}, fmt.Errorf("engine: %s run %s: %w", m.Kind, id, err)
	}
	if len(waiting) == MaxPendingSignals && m.Kind == messageSignal {
		return run, fmt.Errorf("%w: %d signals wait for run %s", ErrOverloaded, MaxPendingSignals, id)
	}
	ops := append(once.Ops(), e.lease.Fence())
	ops = append(ops, appendInbox(id, m)...)
	if err := e.store.Commit(ctx, ops...); err != nil {
		return Run{}, e.conflictOf(ctx, fmt.Errorf("engine: %s run %s: %w", m.Kind, id, err), once, Advance{})
	}
	e.notifyAfterCommit(followUps{notify: []string{id}})
	return run, nil
}

// Retry lets a failed run go on from where it failed. A step that failed for
// certain is called with another idempotency key, one whose outcome is unknown
// with the same. A run that failed as its child did has the child retried.
// Errors: ErrNotFound; *sdk.Error with CodeConflict for a run that cannot be
// retried, and with CodeOutcomeUnknown where that could repeat, under another key,
// what may have taken effect; *DuplicateError where once is taken; ErrBusy.
func (e *Engine) Retry(ctx context.Context, id string, once Once) (Run, error) {
	r, data, err := e.load(ctx, id)
	if err != nil {
		return Run{}, err
	}
	if r == nil {
		return Run{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if refused := r.machine.CanRetry(); refused != nil {
		return r.snapshot(), refused
	}
	ops, err := e.retryOps(ctx, r, data)
	if err != nil {
		return Run{}, err
	}
	ops = append(append(once.Ops(), e.lease.Fence()), ops...)
	if err := e.store.Commit(ctx, ops...); err != nil {
		err = e.conflictOf(ctx, fmt.Errorf("engine: retry run %s: %w", id, err), once, Advance{})
		if errors.As(err, new(*state.ConflictError)) && !errors.Is(err, ErrFenced) {
			return Run{}, fmt.Errorf("%w: run %s is being changed by another request", ErrBusy, id)
		}
		return Run{}, err
	}
	wake(e.wakeQueue)
	wake(e.wakeAdmission)
	e.changed(id)
	return r.snapshot(), nil
}

// retryOps answers the ops that let a failed run go on, with the runs whose
// failure was its own. A child that can be retried is, for another one would
// repeat under new keys what this one did; only where it cannot be (it was
// cancelled, or has undone what it did), and it is known what came of it, another
// is started.
func (e *Engine) retryOps(ctx context.Context, r *run, data []byte) ([]state.Op, error) {
	var kept []string
	var ops []state.Op
	for _, c := range r.machine.FailedChildren() {
		child, childData, err := e.load(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		if child == nil || child.machine.CanRetry() != nil {
			if err := e.canRestartChild(ctx, c, child); err != nil {
				return nil, err
			}
			continue
		}
		childOps, err := e.retryOps(ctx, child, childData)
		if err != nil {
			return nil, err
		}
		kept, ops = append(kept, c.Path), append(ops, childOps...)
	}
	event := r.machine.Retry(kept, e.now().UTC())
	if err := r.machine.Apply(event); err != nil {
		return nil, err
	}
	next := r.record
	next.Status, next.Recoveries, next.Revision, next.Error = workflow.RunQueued, 0, next.Revision+1, nil
	if next.Throttled = next.ConcurrencyKey != ""; next.Throttled { // its place may be taken by now
		ops = append(ops, bumpVersion(next.ConcurrencyKey))
	}
	ops = append(ops, state.RequireValue(bucketRun, r.record.ID, data))
	ops = append(ops, r.record.updateOps(&next)...)
	ops = append(ops, state.Append(r.record.ID, r.entries, workflow.EncodeEntry([]workflow.Event{event})))
	r.record = next
	return ops, nil
}
