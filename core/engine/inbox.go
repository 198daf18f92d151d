package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Bounds of the signals that wait for a run. At either of them, a signal is refused
// with ErrInboxFull unless a step waits for it.
const (
	// MaxPendingSignals is how many signals may wait for a run at once.
	MaxPendingSignals = 200
	// MaxPendingBytes is how many bytes the bodies of the signals that wait for a run
	// may have together.
	MaxPendingBytes = 16 << 20
)

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
	// Outcome is what is known of the effects of a child that did not succeed; empty
	// in a message from before it was told.
	Outcome sdk.Outcome `json:"outcome,omitempty"`
	// Parent: a cancellation comes from the run that waited for this one, and no
	// person has asked for it.
	Parent bool `json:"parent,omitempty"`
}

type messageKind string

const (
	messageSignal messageKind = "signal"
	messageCancel messageKind = "cancel"
	messageChild  messageKind = "child" // a run that was waited for has ended
	messagePark   messageKind = "park"  // the next of its order waits no longer
	messageRetry  messageKind = "retry" // steps that wait for another attempt are called at once
)

const messageVersion = 1

// pendingMessage is a message in an inbox, as its id tells of it. Its body is read
// when it is taken.
type pendingMessage struct {
	id    string // RUN/TIME/KIND/SIZE/NAME, with the name escaped as in a query
	kind  messageKind
	size  int    // of the stored message, in bytes
	name  string // of a signal; the run, of the end of a child; who cancels
	acked bool   // its timer is cleared
	// unreadable: its body is damaged. It stays until the run ends.
	unreadable bool
}

// letters are how ids name the kinds of messages.
var letters = map[messageKind]string{messageSignal: "s", messageCancel: "c", messageChild: "r", messageRetry: "n", messagePark: "p"}

// newPendingMessage returns a message of so many bytes on its way to a run.
func newPendingMessage(runID string, m message, size int) pendingMessage {
	p := pendingMessage{kind: m.Kind, size: size, name: m.about()}
	p.id = runID + "/" + NewRunID() + "/" + letters[p.kind] + "/" + strconv.Itoa(size) + "/" + url.QueryEscape(p.name) // in the order of time
	return p
}

// about is the name of a signal, the run of the end of a child, or who cancels.
func (m *message) about() string {
	switch {
	case m.Kind == messageChild:
		return m.Child
	case m.Parent:
		return parentGaveUp
	default:
		return m.Name
	}
}

// parentGaveUp says of a cancellation that no person has asked for it.
const parentGaveUp = "parent"

// parseMessageID reads what an id tells; false for a message of an earlier program,
// which tells nothing.
func parseMessageID(id string) (pendingMessage, bool) {
	parts := strings.SplitN(id, "/", 5)
	if len(parts) < 5 {
		return pendingMessage{id: id}, false
	}
	size, badSize := strconv.Atoi(parts[3])
	name, badName := url.QueryUnescape(parts[4])
	m := pendingMessage{id: id, size: size, name: name}
	for kind, letter := range letters {
		if letter == parts[2] {
			m.kind = kind
		}
	}
	return m, badSize == nil && badName == nil && m.kind != ""
}

// priority orders messages that wait at the same time, the lowest first.
func (m *pendingMessage) priority() int {
	if m.kind == messageCancel || m.kind == messagePark {
		return 0
	}
	return 1
}

// deleteOps returns the ops that remove a message from its inbox.
func (m *pendingMessage) deleteOps() []state.Op {
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
	id := newPendingMessage(runID, m, len(data)).id
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

// list returns the messages to a run without their bodies: cancellations before all
// others, then the oldest first.
func (b *inbox) list(ctx context.Context, runID string) ([]pendingMessage, error) {
	var messages []pendingMessage
	for after := ""; ; {
		ids, err := b.store.Range(ctx, state.Range{Set: inboxSet(runID), After: after, Limit: page})
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			m, told := parseMessageID(id)
			if !told {
				body, size, err := b.body(ctx, id)
				if err != nil {
					return nil, err
				}
				if body == nil {
					continue
				}
				m.kind, m.size, m.name = body.Kind, size, body.about()
			}
			messages = append(messages, m)
		}
		if len(ids) < page {
			break
		}
		after = ids[len(ids)-1]
	}
	slices.SortStableFunc(messages, func(a, b pendingMessage) int { return a.priority() - b.priority() })
	return messages, nil
}

// body reads one message; nil if it is gone.
func (b *inbox) body(ctx context.Context, id string) (m *message, size int, err error) {
	found, err := b.store.Get(ctx, state.Ref{Bucket: layout.BucketInbox, ID: id})
	if err != nil || found[0] == nil {
		return nil, 0, err
	}
	m = &message{}
	if err := json.Unmarshal(found[0], m); err != nil {
		return nil, 0, &CorruptError{Run: runOf(id), Part: "message " + id, Err: err}
	}
	if m.Version != messageVersion {
		return nil, 0, &CorruptError{Run: runOf(id), Part: "message " + id, Err: fmt.Errorf("it has format %d, this program reads %d", m.Version, messageVersion)}
	}
	return m, len(found[0]), nil
}

// pending are the messages that wait for a run, summed up.
type pending struct {
	signals, bytes int
	sameName       int // signals of the name asked for
	cancelled      bool
}

// measure sums up what waits for a run.
func (b *inbox) measure(ctx context.Context, runID, name string) (p pending, err error) {
	messages, err := b.list(ctx, runID)
	for i := range messages {
		switch m := &messages[i]; m.kind {
		case messageSignal:
			p.signals++
			p.bytes += m.size
			if m.name == name {
				p.sameName++
			}
		case messageCancel: // that of a parent says less
			p.cancelled = p.cancelled || m.name != parentGaveUp
		}
	}
	return p, err
}

// hasRoom reports whether a further signal with a body of so many bytes may wait.
func (p *pending) hasRoom(size int) bool {
	return p.signals < MaxPendingSignals && p.bytes+size <= MaxPendingBytes
}

// clear removes the messages that arrived after the end of a run, with the timer
// that was due. The run's record is stored as data, nil if it is gone. If the run
// is retried meanwhile, nothing is changed.
func (b *inbox) clear(ctx context.Context, runID, timer string, data []byte) error {
	messages, err := b.list(ctx, runID)
	if err != nil {
		return err
	}
	ops := []state.Op{b.lease.Fence(), state.ClearTimer(layout.QueueRun, timer), state.ClearTimer(layout.QueueRun, runID)}
	if data != nil {
		ops = append(ops, state.RequireValue(layout.BucketRun, runID, data))
	}
	for i := range messages {
		ops = append(ops, messages[i].deleteOps()...)
	}
	return ignoreConflict(b.store.Commit(ctx, ops...))
}
