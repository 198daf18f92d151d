package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// extra holds the conditions and ops of a commit beside those of the run's
// events.
type extra struct {
	conditions []state.Op
	ops        []state.Op
}

// commit applies events and what follows from them, and writes all of it together
// with the new record over the stored one. The machine is ahead of the store
// until it returns; after an error the run must be loaded again.
func (r *execution) commit(stored *runRecord, events []workflow.Event, with extra) error {
	now := r.now().UTC()
	events, inboxOps, err := r.follow(events, now)
	if err != nil {
		return err
	}
	r.syncRecord(len(events) > 0)
	if stored.Status != r.record.Status && !stored.Status.CanBecome(r.record.Status) {
		return fmt.Errorf("engine: run %s is %s and cannot become %s", r.record.ID, stored.Status, r.record.Status)
	}
	var recordOps []state.Op
	if stored.Status != r.record.Status || stored.Lease != r.record.Lease || stored.Recoveries != r.record.Recoveries || stored.Revision != r.record.Revision ||
		!stored.Waiting.Equal(r.record.Waiting) {
		recordOps = stored.updateOps(&r.record)
	}
	timerOps := r.timer(now)
	var entry []byte
	if len(events) > 0 {
		entry = workflow.EncodeEntry(events)
	}
	var after followUps
	for {
		if after, err = r.followUpsUntilKnown(events); err != nil {
			return err
		}
		const own = 2 // the fence and the journal entry
		ops := make([]state.Op, 0, own+len(with.conditions)+len(with.ops)+len(inboxOps)+len(recordOps)+len(timerOps)+len(after.places.groups)+len(after.ops))
		ops = append(ops, r.lease.Fence())
		ops = append(ops, with.conditions...)
		ops = append(ops, after.places.conditions()...)
		ops = append(ops, with.ops...)
		ops = append(ops, inboxOps...)
		ops = append(ops, recordOps...)
		if entry != nil {
			ops = append(ops, state.Append(r.record.ID, r.entries, entry))
		}
		ops = append(ops, timerOps...)
		ops = append(ops, after.ops...)
		if err = r.commitUntilKnown(r.record.ID, r.entries, ops); err == nil {
			break
		}
		if !after.places.changed(err) {
			return err
		}
	}
	if len(events) > 0 {
		r.entries++
	}
	r.observe(events)
	r.notifyAfterCommit(after)
	r.subscribers.changed(r.record.ID)
	if r.record.Status.Ended() {
		r.announce()
		if r.record.ConcurrencyKey != "" {
			r.wakeups.admission.wake()
		}
	}
	return nil
}

// follow applies events and all that follows from them, known messages included,
// so that a run never waits for a message that it has. It returns all events, and
// the ops that remove the messages from the inbox.
func (r *execution) follow(events []workflow.Event, now time.Time) (all []workflow.Event, ops []state.Op, err error) {
	for _, event := range events {
		if err := r.machine.Apply(event); err != nil {
			return nil, nil, err
		}
	}
	all = events
	for more := true; more; {
		// A cancellation is handled before further steps begin.
		taken, with, err := r.drainInbox(now)
		if err != nil {
			return nil, nil, err
		}
		decided, err := r.machine.Advance(now)
		if err != nil {
			return nil, nil, err
		}
		all, ops = append(append(all, taken...), decided...), append(ops, with...)
		more = r.hasDeliverable(now)
	}
	return all, append(ops, r.ackMessages()...), nil
}

// timer returns the op that sets the run's timer. While a process works on the
// run it has an alarm instead: the timer is for the process that claims the run
// next.
func (r *execution) timer(now time.Time) []state.Op {
	if r.record.Lease != "" {
		return nil
	}
	until, waits := r.machine.WaitUntil()
	if !waits {
		return nil
	}
	return []state.Op{state.SetTimerAfter(layout.QueueRun, r.record.ID, max(until.Sub(now), time.Millisecond))}
}

// handBack puts a run that is between two calls back into the queue, so that
// another process continues it at once. A queued run has no call that was sent
// but not recorded.
func (r *execution) handBack() {
	next := r.record
	next.Status, next.Lease = workflow.RunQueued, ""
	ops := append([]state.Op{r.lease.Fence()}, r.record.updateOps(&next)...)
	if err := r.store.Commit(context.Background(), ops...); err != nil {
		r.log.Warn("a run could not be handed back; it is taken up when the lease is over", "run", r.record.ID, "error", err)
	}
}

// followUpsUntilKnown is followUps, for as long as an outage of the store lasts.
func (r *execution) followUpsUntilKnown(events []workflow.Event) (followUps, error) {
	for failures := 1; ; failures++ {
		after, err := r.followUps(context.Background(), events)
		if !errors.Is(err, state.ErrUnavailable) {
			return after, err
		}
		r.outage.Note("record", err)
		if backoff.Sleep(r.calls, commitWait.After(failures)) != nil {
			return after, err
		}
	}
}

// commitWait is the wait between two attempts at a commit.
var commitWait = backoff.Exponential{First: 50 * time.Millisecond, Longest: 2 * time.Second}

// commitUntilKnown commits until the outcome is known. A commit whose outcome an
// outage of the store left unknown is made again; its journal entry shows whether
// the first attempt was applied.
func (e *executor) commitUntilKnown(id string, entries int, ops []state.Op) error {
	for failures := 1; ; failures++ {
		err := e.store.Commit(context.Background(), ops...)
		if !errors.Is(err, state.ErrUnavailable) {
			e.outage.Note("record", nil)
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, state.ErrUnavailable):
			e.outage.Note("record", err)
		case failures > 1 && e.applied(id, entries, ops):
			return nil
		default:
			return fmt.Errorf("engine: record run %s: %w", id, err)
		}
		if backoff.Sleep(e.calls, commitWait.After(failures)) != nil {
			return fmt.Errorf("engine: record run %s: %w", id, err)
		}
	}
}

// applied reports whether the store holds what ops write: the entry that they
// append to the run's journal, and the record that they put. Either alone could be
// another process's, which decided the same at the same time; the record names the
// holder, and without one only the holder appends.
func (e *executor) applied(id string, entries int, ops []state.Op) bool {
	written := false
	for _, op := range ops {
		var held [][]byte
		var err error
		switch {
		case op.Kind == state.KindAppend && op.ID == id:
			held, err = e.store.Journal(context.Background(), id, entries)
		case op.Kind == state.KindPut && op.Space == layout.BucketRun && op.ID == id:
			held, err = e.store.Get(context.Background(), state.Ref{Bucket: layout.BucketRun, ID: id})
		default:
			continue
		}
		if err != nil || len(held) == 0 || string(held[0]) != string(op.Value) {
			return false
		}
		written = true
	}
	return written
}
