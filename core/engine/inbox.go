package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
)

// MaxPendingSignals is how many signals may wait for a run at once. Its inbox has
// room for as many cancellations and ends of children.
const MaxPendingSignals = 200

// message reaches a run from outside: from a user, or from a child run. It is
// kept until the run takes it, in the order of arrival. Each message has a timer
// of its own, due at once, that stays until the process which holds the run has
// read the message. So none is lost, even if the process that was about to read
// it ends.
type message struct {
	Version int         `json:"v"`
	Kind    messageKind `json:"kind"`
	Name    string      `json:"name,omitempty"` // of a signal
	Body    value.Doc   `json:"body,omitzero"`  // of a signal, or a child's output
	// Child is the run that ended, and how.
	Child   string             `json:"child,omitempty"`
	Status  workflow.RunStatus `json:"status,omitempty"`
	Failure *workflow.Failure  `json:"failure,omitempty"`
	// NotMade: there is no such run, since it could not be created.
	NotMade bool `json:"notMade,omitempty"`
}

type messageKind string

const (
	messageSignal messageKind = "signal"
	messageCancel messageKind = "cancel"
	messageChild  messageKind = "child" // a run that was waited for has ended
)

const messageVersion = 1

// pendingMessage is a message in an inbox, with its id.
type pendingMessage struct {
	message
	id    string
	acked bool // its timer is cleared
}

// priority orders messages that wait at the same time, the lowest first.
func (m pendingMessage) priority() int {
	if m.Kind == messageCancel {
		return 0
	}
	return 1
}

// deleteOps returns the ops that remove a message from its inbox.
func (m pendingMessage) deleteOps() []state.Op {
	return []state.Op{state.Delete(layout.BucketInbox, m.id), state.Remove(inboxSet(runOf(m.id)), m.id), state.ClearTimer(layout.QueueRun, m.id)}
}

// inboxSet is the set of the messages to a run.
func inboxSet(runID string) string { return layout.SetInbox + "/" + runID }

// runOf is the run that a timer belongs to: its own, or that of a message to it.
func runOf(timerID string) string {
	runID, _, _ := strings.Cut(timerID, "/")
	return runID
}

// appendInbox returns the ops that put a message into a run's inbox, with a timer
// that has the run look at it.
func appendInbox(runID string, m message) []state.Op {
	m.Version = messageVersion
	data, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("engine: message to run %s: %v", runID, err)) // a document encodes for certain
	}
	id := runID + "/" + NewRunID() // in the order of time
	return []state.Op{
		state.Put(layout.BucketInbox, id, data, 0),
		state.Add(inboxSet(runID), id),
		state.SetTimerAfter(layout.QueueRun, id, 0),
	}
}

// inbox reads and empties the inboxes of runs. It is safe for concurrent use.
type inbox struct {
	store state.Store
	lease Lease
}

// read returns the messages to a run: cancellations before all others, then the
// oldest first.
func (b *inbox) read(ctx context.Context, runID string) ([]pendingMessage, error) {
	ids, err := b.store.Range(ctx, state.Range{Set: inboxSet(runID), Limit: 2 * MaxPendingSignals})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	refs := make([]state.Ref, len(ids))
	for i, id := range ids {
		refs[i] = state.Ref{Bucket: layout.BucketInbox, ID: id}
	}
	found, err := b.store.Get(ctx, refs...)
	if err != nil {
		return nil, err
	}
	messages := make([]pendingMessage, 0, len(ids))
	for i, data := range found {
		if data == nil {
			continue
		}
		m := pendingMessage{id: ids[i]}
		if err := json.Unmarshal(data, &m.message); err != nil {
			return nil, fmt.Errorf("engine: message %s: %w", m.id, err)
		}
		if m.Version != messageVersion {
			return nil, fmt.Errorf("engine: message %s has format %d, this program reads %d", m.id, m.Version, messageVersion)
		}
		messages = append(messages, m)
	}
	slices.SortStableFunc(messages, func(a, b pendingMessage) int { return a.priority() - b.priority() })
	return messages, nil
}

// isFull reports whether as many signals wait for a run as may.
func (b *inbox) isFull(ctx context.Context, runID string) (bool, error) {
	waiting, err := b.store.Range(ctx, state.Range{Set: inboxSet(runID), Limit: MaxPendingSignals})
	return len(waiting) == MaxPendingSignals, err
}

// clear removes the messages that arrived after the end of a run, with the timer
// that was due. The run's record is stored as data, nil if it is gone. If the run
// is retried meanwhile, nothing is changed.
func (b *inbox) clear(ctx context.Context, runID, timer string, data []byte) error {
	messages, err := b.read(ctx, runID)
	if err != nil {
		return err
	}
	ops := []state.Op{b.lease.Fence(), state.ClearTimer(layout.QueueRun, timer), state.ClearTimer(layout.QueueRun, runID)}
	if data != nil {
		ops = append(ops, state.RequireValue(layout.BucketRun, runID, data))
	}
	for _, m := range messages {
		ops = append(ops, m.deleteOps()...)
	}
	return ignoreConflict(b.store.Commit(ctx, ops...))
}
