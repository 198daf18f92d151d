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
	bucketRun        = "run"
	bucketDefinition = "definition"
	bucketMail       = "mail"
	bucketGate       = "gate"
	setWorkflows     = "workflows"
	setRuns          = "runs"
	setRunning       = "running"
	setWaiting       = "waiting"
	setQueues        = "queues"
	setQueued        = "queued"
	setGroups        = "groups"
	setHeld          = "held"
	setHolding       = "holding"
	setFailed        = "failed"
	setCancelled     = "cancelled"
	setEnded         = "ended"
	setMail          = "mail"
	queueRun         = "run"
)

// recordVersion is the version of the head's format, and of the run's places
// among the sets. In version 1 a run was a member of "runs" as well, of "failed"
// and "cancelled" by its id alone, and of "ended/KIND" however soon it had ended.
// A head is brought forward by the next write that changes it: see head.change.
const recordVersion = 2

// promptly bounds how long a run takes that succeeds promptly. When such a run
// ended is told closely enough by its id, which holds the time of its start: it
// needs no place in the order of ends.
const promptly = time.Hour

// head is the record of a run: what lists and claims need without the journal.
type head struct {
	Version    int                `json:"v"`
	ID         string             `json:"id"`
	Workflow   string             `json:"workflow"`
	Definition string             `json:"definition"` // hash
	Status     workflow.RunStatus `json:"status"`
	// Lease is that of the process which works on the run; empty where none does.
	Lease string `json:"lease,omitempty"`
	// Held: a queued run that waits for others of its group to end.
	Held bool `json:"held,omitempty"`
	// Group counts the run against a limit; empty where there is none.
	Group string `json:"group,omitempty"`
	// Pickups counts how often in a row the run was taken up after its process
	// had ended, without any progress since.
	Pickups int `json:"pickups,omitempty"`
	// Turns counts how often the run was taken up, or its mail was seen by who did
	// not take it up: so no two heads of a run are the same bytes, and who
	// requires one knows that the journal is as it was with it.
	Turns      int               `json:"turns,omitempty"`
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

func decodeHead(data []byte) (*head, error) {
	h := &head{}
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
func (h *head) place() (set, member string) {
	switch {
	case h.Lease != "":
		return setRunning, h.ID + "/" + h.Lease
	case h.Status == workflow.RunQueued && h.Held:
		return setHeld + "/" + h.Group, h.ID
	case h.Status == workflow.RunQueued:
		return setQueued + "/" + h.Workflow, h.ID
	case h.Status == workflow.RunFailed:
		return setFailed, h.endedAs()
	case h.Status == workflow.RunCancelled:
		return setCancelled, h.endedAs()
	case h.Status.Ended():
		return "", ""
	default:
		return setWaiting, h.ID
	}
}

// endedAs is the run's member in the set of those that failed or were cancelled:
// with its workflow, so that a list of one workflow's need not look at the others.
func (h *head) endedAs() string {
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
func (h *head) enter() []state.Op {
	set, member := h.place()
	if set == "" {
		return nil
	}
	ops := []state.Op{state.Add(set, member)}
	if h.Status == workflow.RunQueued && !h.Held {
		ops = append(ops, state.Add(setQueues, h.Workflow))
	}
	if h.Held {
		ops = append(ops, state.Add(setGroups, h.Group))
	}
	return ops
}

// change answers the ops that turn the head as it is stored into the next one,
// with its place among the sets, in the present format.
func (h *head) change(next *head) []state.Op {
	next.Version = recordVersion
	ops := []state.Op{state.Put(bucketRun, h.ID, next.encode(), 0)}
	oldSet, oldMember := h.place()
	newSet, newMember := next.place()
	if oldSet != newSet || oldMember != newMember {
		if oldSet != "" {
			ops = append(ops, state.Remove(oldSet, oldMember))
		}
		ops = append(ops, next.enter()...)
	}
	if next.Status.Ended() && !h.Status.Ended() {
		ops = append(ops, next.leave()...)
	}
	if h.Status.Ended() && !next.Status.Ended() {
		ops = append(ops, h.rejoin()...)
	}
	if h.Version < 2 {
		ops = append(ops, state.Remove(setRuns, h.ID), state.Add(setWorkflows, h.Workflow))
		if next.prompt() {
			set, member := next.endedMember()
			ops = append(ops, state.Remove(set, member))
		}
	}
	return ops
}

// leave answers what the end of a run changes beside its place: its age counts
// from now, and its group has room.
func (h *head) leave() []state.Op {
	var ops []state.Op
	if !h.prompt() {
		ops = append(ops, state.Add(h.endedMember()))
	}
	if h.Group != "" {
		ops = append(ops, state.Remove(setHolding+"/"+h.Group, h.ID))
	}
	return ops
}

// rejoin takes back what leave did, when a run is retried. Its place in its
// group it has to wait for.
func (h *head) rejoin() []state.Op {
	set, member := h.endedMember()
	return []state.Op{state.Remove(set, member)}
}

// prompt reports whether the run has succeeded promptly.
func (h *head) prompt() bool {
	return h.Status == workflow.RunSucceeded && h.FinishedAt.Sub(h.CreatedAt) <= promptly
}

// endedMember is the run's place among those that ended as it did, in the order
// of time: for retention.
func (h *head) endedMember() (set, member string) {
	kind := workflow.RunFailed
	if h.Status == workflow.RunSucceeded {
		kind = workflow.RunSucceeded
	}
	return setEnded + "/" + string(kind), fmt.Sprintf("%016x/%s", h.FinishedAt.UnixMilli(), h.ID)
}
