package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// turn says whether it is a run's turn in its order.
type turn string

const (
	turnAwaited turn = ""    // it comes after others
	turnHas     turn = "has" // the next waits for it, also while it has failed
	turnHad     turn = "had" // it succeeded, was cancelled or parked: it goes through without order
)

// place puts a new run into the groups of its workflow, over the values that it starts
// with.
func (r *runRecord) place(definition *workflow.Definition, roots map[string]value.Doc) error {
	key, err := concurrencyKey(definition, roots)
	if err != nil {
		return err
	}
	r.ConcurrencyKey = key
	if o := definition.Ordered; o != nil {
		r.Order, r.BlockFor = definition.ID+"/order/"+keyHash(workflow.PlacementKey(o.Key, roots)), o.BlockFor
	}
	r.Lane = laneOf(definition, roots)
	r.Version = r.format()
	return nil
}

// keyHash stands for a key in the name of a group.
func keyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}

// isPlaced reports whether the run has an order or a lane.
func (r *runRecord) isPlaced() bool { return r.Order != "" || r.Lane != "" }

// isGrouped reports whether anything bounds when the run goes on.
func (r *runRecord) isGrouped() bool { return r.ConcurrencyKey != "" || r.isPlaced() }

// format is the version that the record is written in.
func (r *runRecord) format() int {
	if r.isPlaced() {
		return placedRecordVersion
	}
	return recordVersion
}

// waitsIn is the group in which a throttled run waits for its turn or a place, empty
// for any other run. It waits for one after the other: its turn, then its lane.
func (r *runRecord) waitsIn() string {
	switch {
	case !r.Throttled || r.Status != workflow.RunQueued:
		return ""
	case r.Order != "" && r.Turn == turnAwaited:
		return r.Order
	case r.Lane != "":
		return r.Lane
	default:
		return r.ConcurrencyKey
	}
}

// throttle has a queued run wait for what bounds it, if anything does. Its turn and
// its place under a limit it may have kept.
func (r *runRecord) throttle(keepsLimit bool) {
	r.Throttled = r.Order != "" && r.Turn == turnAwaited || r.Lane != "" || r.ConcurrencyKey != "" && !keepsLimit
}

// holdsLane reports whether the run has a place in its lane: it is worked on, or about
// to be.
func (r *runRecord) holdsLane() bool {
	return r.Lane != "" && !r.Throttled && (r.Lease != "" || r.Status == workflow.RunQueued)
}

// holds are the groups in which the run has a place. That under the limit of its
// workflow it has until it ends, that in its order until it was its turn, and that in
// its lane while it is worked on.
func (r *runRecord) holds() []string {
	var groups []string
	if r.ConcurrencyKey != "" && r.Status != "" && !r.Throttled && !r.Status.Ended() {
		groups = append(groups, r.ConcurrencyKey)
	}
	if r.Turn == turnHas {
		groups = append(groups, r.Order)
	}
	if r.holdsLane() {
		groups = append(groups, r.Lane)
	}
	return groups
}

// movePlaces returns the ops that turn the run's places into those of the next record.
// A group is looked at where a place in it becomes free, or a run begins to wait in it.
func (r *runRecord) movePlaces(next *runRecord) []state.Op {
	if !r.isGrouped() && !next.isGrouped() {
		return nil
	}
	var ops []state.Op
	had, has := r.holds(), next.holds()
	for _, group := range had {
		if !slices.Contains(has, group) {
			ops = append(append(ops, state.Remove(layout.SetActive+"/"+group, r.ID)), lookAt(group)...)
		}
	}
	for _, group := range has {
		if !slices.Contains(had, group) {
			ops = append(ops, state.Add(layout.SetActive+"/"+group, r.ID))
		}
	}
	if group := next.waitsIn(); group != "" && group != r.waitsIn() {
		ops = append(ops, lookAt(group)...)
		if group == next.ConcurrencyKey {
			ops = append(ops, bumpVersion(group)) // for those that count before they wait: see places
		}
	}
	if from, to := r.blockedEntry(), next.blockedEntry(); from != to {
		ops = append(ops, r.moveIdle(from, to)...)
	}
	if next.Turn == turnHas && !next.StartedAt.IsZero() && r.StartedAt.IsZero() {
		ops = append(ops, state.SetTimerAfter(layout.QueueBlock, r.ID, next.BlockFor))
	}
	if r.Turn == turnHas && next.Turn != turnHas {
		ops = append(ops, state.ClearTimer(layout.QueueBlock, r.ID))
	}
	return ops
}

// blockedEntry is the set in which a run is listed while it waits for its order or its
// lane, empty while it does not.
func (r *runRecord) blockedEntry() string {
	if r.isPlaced() && r.waitsIn() != "" {
		return layout.SetBlocked + "/" + r.Workflow
	}
	return ""
}

// waiting is what the run waits for as it is shown, beside what its machine says.
func (r *runRecord) waiting(w workflow.Waiting) workflow.Waiting {
	switch group := r.waitsIn(); {
	case group == "" || !r.isPlaced():
		return w
	case group == r.Order:
		w.For = workflow.WaitingForOrder
	default:
		w.For = workflow.WaitingForLane
	}
	w.Until = time.Time{}
	return w
}

// syncTurn updates whether it is the run's turn in its order: no longer once it has
// succeeded or was cancelled. One that failed keeps it, until it is parked; and one that
// is parked, until no call of it is under way.
func (r *execution) syncTurn() {
	if r.record.Turn != turnHas {
		return
	}
	switch status := r.record.Status; {
	case status == workflow.RunSucceeded || status == workflow.RunCancelled, r.record.Parking && !r.unsettled && r.machine.Idle():
		r.record.Turn, r.record.Parking = turnHad, false
	}
}

// leaveWait puts a waiting run that may go on back into the queue, where it waits for a
// place in its lane. What it waited for is handled when it is taken up: due says that its
// timer was. The caller wakes admission and queue when the run can be claimed again.
func (r *execution) leaveWait(ctx context.Context, with extra, due bool) error {
	next := r.record
	next.Status, next.Throttled, next.Due = workflow.RunQueued, true, due
	next.Revision++
	ops := slices.Concat([]state.Op{r.lease.Fence()}, with.conditions, with.ops, r.ackMessages(), r.record.updateOps(&next))
	if err := r.store.Commit(ctx, ops...); err != nil {
		return ignoreConflict(err) // another process was faster
	}
	r.subscribers.changed(r.record.ID)
	return nil
}
