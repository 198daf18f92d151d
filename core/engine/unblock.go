package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// parkAgain is after how long a run that was to be parked is looked at again. It may
// have ended before it was told.
const parkAgain = 10 * time.Second

// unblockDue parks the runs that the next of their order waits for no longer. It returns
// when the next is due; negative if there is none.
func (a *admission) unblockDue(ctx context.Context) (next time.Duration, err error) {
	for {
		due, next, err := a.store.Due(ctx, layout.QueueBlock, page)
		if err != nil || len(due) == 0 || a.service.isStopping() {
			return next, err
		}
		for _, timer := range due {
			err := a.unlessFaster(a.unblock(ctx, timer.ID))
			if isPassing(err) || a.isFenced(err) {
				return 0, err
			}
			if err != nil {
				a.log.Error("a run that others wait for cannot be parked; trying again later", "run", timer.ID, "error", err)
				if err := a.unlessFaster(a.store.Commit(ctx, a.lease.Fence(), state.SetTimerAfter(layout.QueueBlock, timer.ID, corruptPause))); err != nil {
					return 0, err
				}
			}
		}
	}
}

// unblock parks a run that has failed, and has one that has not ended stop. That one is
// told by a message, so that its calls under way are recorded first; its timer stays
// until it is out of its order. One that cannot be read is out of it as it is.
func (a *admission) unblock(ctx context.Context, id string) error {
	stored, data, err := a.reader.load(ctx, id)
	if errors.As(err, new(*CorruptError)) {
		return a.passOver(ctx, id, err)
	}
	if err != nil {
		return err
	}
	due := []state.Op{a.lease.Fence(), state.RequireDue(layout.QueueBlock, id)}
	switch {
	case stored == nil || stored.record.Turn != turnHas:
		return a.store.Commit(ctx, append(due, state.ClearTimer(layout.QueueBlock, id))...)
	case stored.record.Status == workflow.RunFailed:
		return a.park(ctx, stored, append(due, state.RequireValue(layout.BucketRun, id, data)))
	}
	due = append(due, state.SetTimerAfter(layout.QueueBlock, id, parkAgain))
	messages, err := a.inbox.list(ctx, id)
	if err != nil {
		return err
	}
	var after followUps
	if !slices.ContainsFunc(messages, func(m pendingMessage) bool { return m.kind == messagePark }) {
		after.send(id, message{Kind: messagePark})
	}
	if err := a.store.Commit(ctx, append(due, after.ops...)...); err != nil {
		return err
	}
	a.notifyAfterCommit(after)
	return nil
}

// park makes a failed run a parked one: the next of its order goes on.
func (a *admission) park(ctx context.Context, stored *storedRun, ops []state.Op) error {
	event, ok := stored.machine.Park(stored.record.BlockFor, a.now().UTC())
	if ok {
		if err := stored.machine.Apply(event); err != nil {
			return err
		}
		ops = append(ops, state.Append(stored.record.ID, stored.entries, workflow.EncodeEntry([]workflow.Event{event})))
	}
	next := stored.record
	next.Turn, next.Error = turnHad, stored.machine.Failure()
	next.Revision++
	if next.Parent == nil {
		ops = append(ops, state.Add(layout.SetFailures, next.memberAt(a.now())))
	}
	if err := a.store.Commit(ctx, append(ops, stored.record.updateOps(&next)...)...); err != nil {
		return err
	}
	parked := execution{executor: a.executor, storedRun: storedRun{machine: stored.machine, record: next}}
	parked.warn("a run is parked, the next of its order goes on", next.Error)
	a.subscribers.changed(next.ID)
	return nil
}

// passOver takes a run that cannot be read out of its order.
func (a *admission) passOver(ctx context.Context, id string, unreadable error) error {
	found, err := a.store.Get(ctx, state.Ref{Bucket: layout.BucketRun, ID: id})
	if err != nil {
		return err
	}
	rec, err := decodeRecord(id, found[0])
	if err != nil {
		return unreadable
	}
	a.noteCorrupt(id, unreadable)
	next := *rec
	next.Turn = turnHad
	ops := []state.Op{a.lease.Fence(), state.RequireValue(layout.BucketRun, id, found[0])}
	return a.store.Commit(ctx, append(ops, rec.updateOps(&next)...)...)
}
