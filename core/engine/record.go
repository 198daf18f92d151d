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
	setRuns          = "runs"
	setRunning       = "running"
	setQueued        = "queued"
	setWaiting       = "waiting"
	setFailed        = "failed"
	queueRun         = "run"
)

// recordVersion is the version of the head's format.
const recordVersion = 1

// head is the record of a run: what lists and claims need without the journal.
type head struct {
	Version    int                `json:"v"`
	ID         string             `json:"id"`
	Workflow   string             `json:"workflow"`
	Definition string             `json:"definition"` // hash
	Status     workflow.RunStatus `json:"status"`
	// Lease is that of the process which holds the run, while it is running.
	Lease      string            `json:"lease,omitempty"`
	CreatedAt  time.Time         `json:"createdAt"`
	StartedAt  time.Time         `json:"startedAt,omitzero"`
	FinishedAt time.Time         `json:"finishedAt,omitzero"`
	Error      *workflow.Failure `json:"error,omitempty"`
	RequestID  string            `json:"requestId,omitempty"`
}

// encode cannot fail: all fields are plain, and an error's Details were valid
// JSON when they came in.
func (h *head) encode() []byte {
	data, err := json.Marshal(h)
	if err != nil {
		panic(fmt.Sprintf("engine: head of run %s: %v", h.ID, err))
	}
	return data
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

// member is the run's place in the set of its status: the set's name, "" for
// statuses without a set, and the member.
func (h *head) member() (set, member string) {
	switch h.Status {
	case workflow.RunRunning:
		return setRunning, h.ID + "/" + h.Lease
	case workflow.RunQueued:
		return setQueued, h.ID
	case workflow.RunWaiting:
		return setWaiting, h.ID
	case workflow.RunFailed:
		return setFailed, h.ID
	default:
		return "", ""
	}
}

// splitRunning takes a member of the set "running" apart.
func splitRunning(member string) (id, lease string) {
	id, lease, _ = strings.Cut(member, "/")
	return id, lease
}

// change answers the ops that turn the head as it is stored into the next one,
// with its place among the sets.
func (h *head) change(next *head) []state.Op {
	ops := []state.Op{state.Put(bucketRun, h.ID, next.encode(), 0)}
	oldSet, oldMember := h.member()
	newSet, newMember := next.member()
	if oldSet == newSet && oldMember == newMember {
		return ops
	}
	if oldSet != "" {
		ops = append(ops, state.Remove(oldSet, oldMember))
	}
	if newSet != "" {
		ops = append(ops, state.Add(newSet, newMember))
	}
	return ops
}
