package engine

import (
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// Runs are indexed by sets. Each run is a member of its workflow's. It has one
// more entry for its status, where that is not success, and another to be counted
// where no process works on it until something happens; and one in the order of
// ends once it has ended, unless it succeeded fast.

// workflowSet is the set of the runs of one workflow.
func workflowSet(workflowID string) string { return layout.SetRuns + "/" + workflowID }

// indexEntry is the run's entry for its status: that of the processes' runs while
// one works on it. A run that succeeded has none.
func (r *runRecord) indexEntry() (set, member string) {
	switch {
	case r.Lease != "":
		return layout.SetRunning, r.ID + "/" + r.Lease
	case r.Status == workflow.RunQueued && r.Throttled:
		return layout.SetThrottled + "/" + r.waitsIn(), r.ID
	case r.Status == workflow.RunQueued:
		return layout.SetQueued + "/" + r.Workflow, r.ID
	case r.Status == workflow.RunFailed:
		return layout.SetFailed, r.finishedMember()
	case r.Status == workflow.RunCancelled:
		return layout.SetCancelled, r.finishedMember()
	case r.Status.Ended():
		return "", ""
	default:
		return layout.SetWaiting, r.ID
	}
}

// idleStatuses are the statuses of runs that no process works on until something
// happens.
var idleStatuses = [...]workflow.RunStatus{workflow.RunWaiting, workflow.RunCompensating}

// idleSet is the set of a workflow's runs that are idle with a status.
func idleSet(status workflow.RunStatus, workflowID string) string {
	return layout.SetIdle + "/" + string(status) + "/" + workflowID
}

// idleEntry is the set in which the run is counted, empty while it is not idle.
func (r *runRecord) idleEntry() string {
	if set, _ := r.indexEntry(); set != layout.SetWaiting {
		return ""
	}
	return idleSet(r.Status, r.Workflow)
}

// moveIdle returns the ops that count the run in another set.
func (r *runRecord) moveIdle(from, to string) []state.Op {
	var ops []state.Op
	if from != "" && from != to {
		ops = append(ops, state.Remove(from, r.ID))
	}
	if to != "" && from != to {
		ops = append(ops, state.Add(to, r.ID))
	}
	return ops
}

// finishedMember is the run's member in the set of those that failed or were
// cancelled: with its workflow, so that a list of one workflow's need not read the
// others.
func (r *runRecord) finishedMember() string {
	if r.Version < 2 {
		return r.ID
	}
	return r.ID + "/" + r.Workflow
}

// splitRunning splits a member of the set "running".
func splitRunning(member string) (id, lease string) {
	id, lease, _ = strings.Cut(member, "/")
	return id, lease
}

// retentionEntry is the run's entry among those that ended as it did, in the order
// of time.
func (r *runRecord) retentionEntry() (set, member string) {
	kind := workflow.RunFailed
	if r.Status == workflow.RunSucceeded {
		kind = workflow.RunSucceeded
	}
	return layout.SetEnded + "/" + string(kind), r.endMember()
}

// endMember is the run's member in the sets that are in the order of ends.
func (r *runRecord) endMember() string { return r.memberAt(r.FinishedAt) }

// memberAt is the run's member in a set that is in the order of time.
func (r *runRecord) memberAt(t time.Time) string {
	return fmt.Sprintf("%016x/%s", t.UnixMilli(), r.ID)
}

// insertOps returns the ops that write a new run with its first journal entry.
func (r *runRecord) insertOps(entry []byte) []state.Op {
	ops := []state.Op{
		state.Insert(layout.BucketRun, r.ID, r.encode(), 0),
		state.Append(r.ID, 0, entry),
		state.Add(workflowSet(r.Workflow), r.ID),
	}
	if r.Status.Ended() {
		ops = append(ops, r.onFinished()...)
	}
	ops = append(ops, r.moveIdle("", r.idleEntry())...)
	ops = append(ops, r.insertIndex()...)
	return append(ops, (&runRecord{ID: r.ID}).movePlaces(r)...)
}

// updateOps returns the ops that turn the record as it is stored into the next
// one, with its entries in the index, in the present format.
func (r *runRecord) updateOps(next *runRecord) []state.Op {
	next.Version = next.format()
	ops := []state.Op{state.Put(layout.BucketRun, r.ID, next.encode(), 0)}
	oldSet, oldMember := r.indexEntry()
	newSet, newMember := next.indexEntry()
	if oldSet != newSet || oldMember != newMember {
		if oldSet != "" {
			ops = append(ops, state.Remove(oldSet, oldMember))
		}
		ops = append(ops, next.insertIndex()...)
	}
	ops = append(ops, r.moveIdle(r.idleEntry(), next.idleEntry())...)
	ops = append(ops, r.movePlaces(next)...)
	if next.Status.Ended() && !r.Status.Ended() {
		ops = append(ops, next.onFinished()...)
	}
	if r.Status.Ended() && !next.Status.Ended() {
		ops = append(ops, r.onReopened()...)
	}
	if r.Version < 2 {
		ops = append(ops, state.Remove(layout.SetRuns, r.ID), state.Add(layout.SetWorkflows, r.Workflow))
		if next.isFastSuccess() {
			set, member := next.retentionEntry()
			ops = append(ops, state.Remove(set, member))
		}
	}
	return ops
}

// deleteOps returns the ops that remove the run, whose record is stored as data,
// with all its entries but that in the order of ends.
func (r *runRecord) deleteOps(data []byte) []state.Op {
	ops := []state.Op{
		state.RequireValue(layout.BucketRun, r.ID, data),
		state.Delete(layout.BucketRun, r.ID), state.DropJournal(r.ID),
		state.Remove(workflowSet(r.Workflow), r.ID),
	}
	if r.Version < 2 {
		ops = append(ops, state.Remove(layout.SetRuns, r.ID))
	}
	if set, member := r.indexEntry(); set != "" {
		ops = append(ops, state.Remove(set, member))
	}
	for _, status := range idleStatuses { // a version that does not know the sets may have left it there
		ops = append(ops, state.Remove(idleSet(status, r.Workflow), r.ID))
	}
	return append(ops, r.movePlaces(&runRecord{ID: r.ID})...)
}

// insertIndex returns the ops that make the run's entry for its status.
func (r *runRecord) insertIndex() []state.Op {
	set, member := r.indexEntry()
	if set == "" {
		return nil
	}
	ops := []state.Op{state.Add(set, member)}
	if r.Status == workflow.RunQueued && !r.Throttled {
		ops = append(ops, state.Add(layout.SetQueues, r.Workflow))
	}
	if r.Throttled && !r.isPlaced() {
		ops = append(ops, state.Add(layout.SetGroups, r.ConcurrencyKey))
	}
	return ops
}

// onFinished returns what the end of a run changes beside its entry for its status and
// its places: its age counts from now, and a failure is there to be noticed.
func (r *runRecord) onFinished() []state.Op {
	var ops []state.Op
	if !r.isFastSuccess() {
		ops = append(ops, state.Add(r.retentionEntry()))
	}
	if r.Status == workflow.RunFailed && r.Parent == nil {
		ops = append(ops, state.Add(layout.SetFailures, r.endMember()))
	}
	return ops
}

// onReopened takes back what onFinished did, when a run is retried.
func (r *runRecord) onReopened() []state.Op {
	set, member := r.retentionEntry()
	return []state.Op{state.Remove(set, member)}
}
