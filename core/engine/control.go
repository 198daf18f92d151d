package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// controls change runs from outside.
type controls struct {
	*executor
}

// send puts a message into the inbox of a run that has not ended.
func (c *controls) send(ctx context.Context, id string, m message, once Once) (Run, error) {
	record, err := c.reader.record(ctx, id)
	if err != nil {
		return Run{}, err
	}
	run := record.view()
	if run.Status.Ended() {
		return run, fmt.Errorf("%w: run %s is %s", ErrEnded, id, run.Status)
	}
	waiting, err := c.inbox.measure(ctx, id, m.Name)
	if err != nil {
		return Run{}, fmt.Errorf("engine: %s run %s: %w", m.Kind, id, err)
	}
	if m.Kind == messageSignal && !waiting.hasRoom(len(m.Body.Raw())) {
		if err := c.checkAwaited(ctx, id, m.Name, waiting); err != nil {
			return run, err
		}
	}
	var after followUps
	if m.Kind != messageCancel || !waiting.cancelled {
		after.send(id, m)
	}
	ops := append(append(once.Ops(), c.lease.Fence()), after.ops...)
	if err := c.store.Commit(ctx, ops...); err != nil {
		return Run{}, c.conflictOf(ctx, fmt.Errorf("engine: %s run %s: %w", m.Kind, id, err), once, Advance{})
	}
	c.notifyAfterCommit(after)
	return run, nil
}

// checkAwaited refuses a signal to a run whose inbox is full, unless a step waits for
// it: one more than wait already.
func (c *controls) checkAwaited(ctx context.Context, id, name string, waiting pending) error {
	stored, _, err := c.reader.load(ctx, id)
	if err != nil {
		return err
	}
	if stored != nil && stored.machine.Awaits(name) > waiting.sameName {
		return nil
	}
	return fmt.Errorf("%w: %d signals of %d bytes wait for run %s, and none of its steps waits for %q", ErrInboxFull, waiting.signals, waiting.bytes, id, name)
}

// retry is Engine.Retry.
func (c *controls) retry(ctx context.Context, req RetryRequest) (Run, error) {
	id, once := req.ID, req.Once
	r, data, err := c.reader.load(ctx, id)
	if err != nil {
		return Run{}, err
	}
	if r == nil {
		return Run{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	if req.Now {
		return c.retryNow(ctx, r, req.Once)
	}
	if refused := r.record.replaced(); refused != nil {
		return r.view(), refused
	}
	if req.Latest {
		if err := c.reader.checkOutcomes(ctx, r); err != nil {
			return r.view(), err
		}
	}
	if refused := c.canRetry(r); refused != nil {
		return r.view(), refused
	}
	ops, err := c.retryOps(ctx, r, data, req)
	if err != nil {
		return Run{}, err
	}
	ops = slices.Concat(once.Ops(), []state.Op{c.lease.Fence()}, req.Swap.ops(id), ops)
	if err := c.store.Commit(ctx, ops...); err != nil {
		err = c.conflictOf(ctx, fmt.Errorf("engine: retry run %s: %w", id, err), once, Advance{})
		if errors.As(err, new(*state.ConflictError)) && !errors.Is(err, ErrFenced) {
			return Run{}, fmt.Errorf("%w: run %s is being changed by another request", ErrBusy, id)
		}
		return Run{}, err
	}
	c.wakeups.queue.Wake()
	c.wakeups.admission.Wake()
	c.subscribers.changed(id)
	return r.view(), nil
}

// canRetry says why a run cannot be retried, nil if it can.
func (c *controls) canRetry(r *storedRun) *sdk.Error {
	if refused := r.machine.CanRetry(); refused != nil {
		return refused
	}
	return r.machine.CanRepeat(c.now(), c.repeat)
}

// retryOps returns the ops that continue a run that failed, or waits for a decision,
// and with it the child runs whose failure it was. A child is retried where that is
// possible, because a new one would repeat under new keys what it did; of one that has
// succeeded meanwhile the result is taken. Only where neither is possible (it was
// cancelled, or has compensated what it did) and its outcome is known, a new
// child is started.
func (c *controls) retryOps(ctx context.Context, r *storedRun, data []byte, req RetryRequest) ([]state.Op, error) {
	var kept []string
	var ops []state.Op
	for _, open := range r.machine.OpenChildren() {
		child, childData, err := c.reader.load(ctx, open.ID)
		if err != nil {
			return nil, err
		}
		var childOps []state.Op
		switch {
		case child != nil && child.record.Status == workflow.RunSucceeded:
			childOps = appendInbox(r.record.ID, child.endMessage())
		case child == nil || child.machine.CanRetry() != nil:
			if err := c.reader.canRestartChild(ctx, open, child, c.repeat); err != nil {
				return nil, err
			}
			continue
		default:
			if refused := c.canRetry(child); refused != nil {
				return nil, refused
			}
			if childOps, err = c.retryOps(ctx, child, childData, req); err != nil {
				return nil, err
			}
		}
		kept, ops = append(kept, open.Path), append(ops, childOps...)
	}
	endOps, err := c.endsOfGivenUp(ctx, r)
	if err != nil {
		return nil, err
	}
	ops = append(ops, endOps...)
	next := r.record
	event := r.machine.Retry(kept, c.now().UTC())
	if req.Latest {
		if err := c.continueByPresent(ctx, r, kept, &next); err != nil {
			return nil, err
		}
		event.Name = workflow.RetryLatest
	}
	if err := r.machine.Apply(event); err != nil {
		return nil, err
	}
	next.Status, next.Recoveries, next.Revision, next.Error = workflow.RunQueued, 0, next.Revision+1, nil
	next.RetriedBy = req.By
	next.throttle(!r.record.Status.Ended()) // the place of a run that has ended may be taken by now
	ops = append(ops, state.RequireValue(layout.BucketRun, r.record.ID, data))
	ops = append(ops, r.record.updateOps(&next)...)
	ops = append(ops, state.Append(r.record.ID, r.entries, workflow.EncodeEntry([]workflow.Event{event})))
	r.record = next
	return ops, nil
}

// endsOfGivenUp returns the ops that tell a run which is retried how the runs ended that
// its steps had given up, where these are not begun again: what tells a run that has
// ended is dropped. The ops fail where such a run goes on meanwhile. One that is not
// kept any more may have done anything.
func (c *controls) endsOfGivenUp(ctx context.Context, r *storedRun) ([]state.Op, error) {
	var ops []state.Op
	open := r.machine.OpenChildren()
	for _, given := range r.machine.GivenUp() {
		if slices.ContainsFunc(open, func(c workflow.Child) bool { return c.ID == given.ID }) {
			continue
		}
		child, data, err := c.reader.load(ctx, given.ID)
		switch {
		case err != nil:
			return nil, err
		case child == nil:
			ops = append(ops, appendInbox(r.record.ID, message{Kind: messageChild, Child: given.ID, Status: workflow.RunCancelled, Outcome: sdk.OutcomeUnknown})...)
		case child.record.Status.Ended():
			ops = append(ops, appendInbox(r.record.ID, child.endMessage())...)
		default:
			ops = append(ops, state.RequireValue(layout.BucketRun, given.ID, data))
		}
	}
	return ops, nil
}
