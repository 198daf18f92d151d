package engine

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// admitted is a throttled run that goes on: by the work of this process, where it has a
// slot, else by the queue.
type admitted struct {
	stored runRecord
	data   []byte    // the stored record
	next   runRecord // once it is admitted
	// claimed is set where this process works on the run from the commit on. That also
	// records the turn.
	claimed *execution
	turn    *preparedTurn
	after   followUps
}

// keeps reports whether the run has its place in a group after the commit that admits
// it: with its turn it may have ended, or begun to wait.
func (r *admitted) keeps(group string) bool {
	record := &r.next
	if r.claimed != nil {
		record = &r.claimed.record
	}
	return slices.Contains(record.holds(), group)
}

// ops are what the run adds to the commit that admits it.
func (r *admitted) ops() []state.Op {
	ops := []state.Op{state.RequireValue(layout.BucketRun, r.stored.ID, r.data)}
	if r.claimed == nil {
		return append(ops, r.stored.updateOps(&r.next)...)
	}
	return append(append(ops, r.turn.ops...), r.after.ops...)
}

// admit commits a batch, and works on its runs where claims says so. It reports whether
// the timer of the group is cleared: no further run can go on. After an error nothing is
// changed, unless the error matches ErrUnavailable.
func (a *admission) admit(ctx context.Context, name string, g *group, seen *groupView, b *batch, claims bool) (settled bool, err error) {
	if claims {
		a.claimAll(ctx, b.runs)
	}
	ops := append([]state.Op{a.lease.Fence()}, b.ops...)
	// What clears the timer comes before what the runs do: they may set it again.
	settle := seen.settled(name, g, b.all)
	var own []state.Op
	for _, run := range b.runs {
		own = append(own, run.ops()...)
	}
	settled = b.all || b.full && !slices.ContainsFunc(b.runs, func(run *admitted) bool { return !run.keeps(name) })
	if settled {
		err = a.commitBatch(ctx, b, append(append(ops[:len(ops):len(ops)], settle...), own...))
		conflict, ok := errors.AsType[*state.ConflictError](err)
		settled = !ok || !conflict.Failed(settle[0])
	}
	if !settled { // others have begun to wait: they must not keep it from going on
		err = a.commitBatch(ctx, b, append(ops, own...))
	}
	if err != nil {
		a.giveBack(b.runs)
		if errors.Is(err, state.ErrUnavailable) {
			a.wakeups.recovery.Wake() // should they have been claimed after all, they must not wait for a restart
		}
		return false, err
	}
	for _, run := range b.runs {
		if run.claimed == nil {
			a.wakeups.queue.Wake()
			continue
		}
		run.claimed.onRecorded(run.turn, run.after)
		a.workers.do(run.claimed.drive)
	}
	return settled, nil
}

// commitBatch commits. Where the commit makes this process the holder of runs, its
// outcome is waited for.
func (a *admission) commitBatch(ctx context.Context, b *batch, ops []state.Op) error {
	for _, run := range b.runs {
		if run.claimed != nil {
			return a.commitUntilKnown(run.stored.ID, run.claimed.entries, ops)
		}
	}
	return a.store.Commit(ctx, ops...)
}

// claimAll prepares to work on the runs of a batch, several at once: as many as this
// process has slots for.
func (a *admission) claimAll(ctx context.Context, runs []*admitted) {
	var claims sync.WaitGroup
	for i, run := range runs {
		// A large run waits for its turn to be loaded, which must keep no other waiting.
		if run.next.Throttled || run.next.MiB > 0 || !a.active.trySlot() {
			continue
		}
		if i == len(runs)-1 {
			a.claimAdmitted(ctx, run)
			continue
		}
		claims.Go(func() { a.claimAdmitted(ctx, run) })
	}
	claims.Wait()
}

// claimAdmitted prepares to work on a run, in the commit that admits it. The caller has
// a slot. A run for which that is not possible now is left to the queue, which says why.
func (a *admission) claimAdmitted(ctx context.Context, run *admitted) {
	id := run.stored.ID
	reserved := a.active.reserve(id)
	if reserved == nil {
		a.active.freeSlot()
		return
	}
	r, err := recoverPanic(id, reserved, func(_ context.Context, activity *activity) (*execution, error) {
		r, data, err := a.load(ctx, id, activity)
		if err != nil || r == nil || !bytes.Equal(data, run.data) {
			return nil, err
		}
		events, err := r.eventsInQueue(ctx)
		if err != nil {
			return nil, err
		}
		r.record = run.next
		r.markClaimed()
		if run.turn, err = r.prepareTurn(&run.stored, events); err != nil {
			return nil, err
		}
		if run.after, err = r.followUps(ctx, run.turn.events); err != nil || len(run.after.places.groups) > 0 {
			return nil, err // the places that it takes are counted for it alone
		}
		return r, nil
	})
	if err != nil || r == nil {
		a.free(id, false)
		return
	}
	run.claimed = r
}

// giveBack ends the claims of a batch that was not committed.
func (a *admission) giveBack(runs []*admitted) {
	for _, run := range runs {
		if run.claimed != nil {
			a.free(run.stored.ID, false)
		}
	}
}
