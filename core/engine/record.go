package engine

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// Where runs are kept. The names are part of the stored format.
const (
	bucketRun          = "run"
	bucketDefinition   = "definition"
	bucketInbox        = "mail"
	bucketGroupVersion = "gate"
	setWorkflows       = "workflows"
	setRuns            = "runs"
	setRunning         = "running"
	setWaiting         = "waiting"
	setQueues          = "queues"
	setQueued          = "queued"
	setGroups          = "groups"
	setThrottled       = "held"
	setActive          = "holding"
	setFailed          = "failed"
	setCancelled       = "cancelled"
	setEnded           = "ended"
	setInbox           = "mail"
	queueRun           = "run"
)

// recordVersion is the version of the head's format, and of the run's places
// among the sets. In version 1 a run was a member of "runs" as well, of "failed"
// and "cancelled" by its id alone, and of "ended/KIND" however soon it had ended.
// A head is brought forward by the next write that changes it: see head.change.
const recordVersion = 2

// promptly bounds how long a run takes that succeeds promptly. When such a run
// ended is told closely enough by its id, which holds the time of its start: it
// needs no place in the order of ends.
const fastSuccessWithin = time.Hour

// head is the record of a run: what lists and claims need without the journal.
type runRecord struct {
	Version    int                `json:"v"`
	ID         string             `json:"id"`
	Workflow   string             `json:"workflow"`
	Definition string             `json:"definition"` // hash
	Status     workflow.RunStatus `json:"status"`
	// Lease is that of the process which works on the run; empty where none does.
	Lease string `json:"lease,omitempty"`
	// Held: a queued run that waits for others of its group to end.
	Throttled bool `json:"held,omitempty"`
	// Group counts the run against a limit; empty where there is none.
	ConcurrencyKey string `json:"group,omitempty"`
	// Pickups counts how often in a row the run was taken up after its process
	// had ended, without any progress since.
	Recoveries int `json:"pickups,omitempty"`
	// Turns counts how often the run was taken up, or its mail was seen by who did
	// not take it up: so no two heads of a run are the same bytes, and who
	// requires one knows that the journal is as it was with it.
	Revision   int               `json:"turns,omitempty"`
	Parent     *parent           `json:"parent,omitempty"`
	CreatedAt  time.Time         `json:"createdAt"`
	StartedAt  time.Time         `json:"startedAt,omitzero"`
	FinishedAt time.Time         `json:"finishedAt,omitzero"`
	Error      *workflow.Failure `json:"error,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
}

// parent is the run that a run was started by and that waits for its end.
type parent struct {
	ID string `json:"id"`
	// Depth is how many runs are above.
	Depth int `json:"depth"`
}

func decodeRecord(data []byte) (*runRecord, error) {
	h := &runRecord{}
	if err := json.Unmarshal(data, h); err != nil {
		return nil, fmt.Errorf("engine: head of a run: %w", err)
	}
	if h.Version < 1 || h.Version > recordVersion {
		return nil, fmt.Errorf("engine: run %s has format %d, this program reads 1 to %d", h.ID, h.Version, recordVersion)
	}
	return h, nil
}

// place is the run's place among the sets: that of the processes' runs while
// one works on it, else that of its status. A run that succeeded has none.
func (h *runRecord) indexEntry() (set, member string) {
	switch {
	case h.Lease != "":
		return setRunning, h.ID + "/" + h.Lease
	case h.Status == workflow.RunQueued && h.Throttled:
		return setThrottled + "/" + h.ConcurrencyKey, h.ID
	case h.Status == workflow.RunQueued:
		return setQueued + "/" + h.Workflow, h.ID
	case h.Status == workflow.RunFailed:
		return setFailed, h.finishedMember()
	case h.Status == workflow.RunCancelled:
		return setCancelled, h.finishedMember()
	case h.Status.Ended():
		return "", ""
	default:
		return setWaiting, h.ID
	}
}

// finishedMember is the run's member in the set of those that failed or were cancelled:
// with its workflow, so that a list of one workflow's need not look at the others.
func (h *runRecord) finishedMember() string {
	if h.Version < 2 {
		return h.ID
	}
	return h.ID + "/" + h.Workflow
}

// splitRunning takes a member of the set "running" apart.
func splitRunning(member string) (id, lease string) {
	id, lease, _ = strings.Cut(member, "/")
	return id, lease
}

// enter answers the ops that put a new run to its place.
func (h *runRecord) insertIndex() []state.Op {
	set, member := h.indexEntry()
	if set == "" {
		return nil
	}
	ops := []state.Op{state.Add(set, member)}
	if h.Status == workflow.RunQueued && !h.Throttled {
		ops = append(ops, state.Add(setQueues, h.Workflow))
	}
	if h.Throttled {
		ops = append(ops, state.Add(setGroups, h.ConcurrencyKey))
	}
	return ops
}

// change answers the ops that turn the head as it is stored into the next one,
// with its place among the sets, in the present format.
func (h *runRecord) updateOps(next *runRecord) []state.Op {
	next.Version = recordVersion
	ops := []state.Op{state.Put(bucketRun, h.ID, next.encode(), 0)}
	oldSet, oldMember := h.indexEntry()
	newSet, newMember := next.indexEntry()
	if oldSet != newSet || oldMember != newMember {
		if oldSet != "" {
			ops = append(ops, state.Remove(oldSet, oldMember))
		}
		ops = append(ops, next.insertIndex()...)
	}
	if next.Status.Ended() && !h.Status.Ended() {
		ops = append(ops, next.onFinished()...)
	}
	if h.Status.Ended() && !next.Status.Ended() {
		ops = append(ops, h.onReopened()...)
	}
	if h.Version < 2 {
		ops = append(ops, state.Remove(setRuns, h.ID), state.Add(setWorkflows, h.Workflow))
		if next.isFastSuccess() {
			set, member := next.retentionEntry()
			ops = append(ops, state.Remove(set, member))
		}
	}
	return ops
}

// leave answers what the end of a run changes beside its place: its age counts
// from now, and its group has room.
func (h *runRecord) onFinished() []state.Op {
	var ops []state.Op
	if !h.isFastSuccess() {
		ops = append(ops, state.Add(h.retentionEntry()))
	}
	if h.ConcurrencyKey != "" {
		ops = append(ops, state.Remove(setActive+"/"+h.ConcurrencyKey, h.ID))
	}
	return ops
}

// rejoin takes back what leave did, when a run is retried. Its place in its
// group it has to wait for.
func (h *runRecord) onReopened() []state.Op {
	set, member := h.retentionEntry()
	return []state.Op{state.Remove(set, member)}
}

// prompt reports whether the run has succeeded promptly.
func (h *runRecord) isFastSuccess() bool {
	return h.Status == workflow.RunSucceeded && h.FinishedAt.Sub(h.CreatedAt) <= fastSuccessWithin
}

// retentionEntry is the run's place among those that ended as it did, in the order
// of time: for retention.
func (h *runRecord) retentionEntry() (set, member string) {
	kind := workflow.RunFailed
	if h.Status == workflow.RunSucceeded {
		kind = workflow.RunSucceeded
	}
	return setEnded + "/" + string(kind), fmt.Sprintf("%016x/%s", h.FinishedAt.UnixMilli(), h.ID)
}
