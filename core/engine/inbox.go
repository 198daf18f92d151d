package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// mail is what reaches a run from outside: from a user, or from a run that it
// waits for. It is kept until the run takes it, in the order in which it came.
// Each piece has a timer of its own, due at once, which is there until somebody
// who holds the run has seen the piece: so none is forgotten, whatever becomes
// of those who are about to look at it.
type message struct {
	Version int             `json:"v"`
	Kind    messageKind     `json:"kind"`
	Name    string          `json:"name,omitempty"` // of a signal
	Body    json.RawMessage `json:"body,omitempty"` // of a signal, or a child's output
	// Child is the run that ended, and how.
	Child   string             `json:"child,omitempty"`
	Status  workflow.RunStatus `json:"status,omitempty"`
	Failure *workflow.Failure  `json:"failure,omitempty"`
}

type messageKind string

const (
	messageSignal messageKind = "signal"
	messageCancel messageKind = "cancel"
	messageChild  messageKind = "child" // a run that was waited for has ended
)

const messageVersion = 1

// MaxPendingSignals is how many signals may wait for a run at once. Its box has room for
// as many cancellations and ends of children.
const MaxPendingSignals = 200

// send answers the ops that put mail into a run's box and wake the run.
func appendInbox(runID string, m message) []state.Op {
	m.Version = messageVersion
	data, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("engine: mail to run %s: %v", runID, err)) // bodies were valid JSON when they came in
	}
	id := runID + "/" + NewRunID() // in the order of time
	return []state.Op{
		state.Put(bucketInbox, id, data, 0),
		state.Add(setInbox+"/"+runID, id),
		state.SetTimerAfter(queueRun, id, 0),
	}
}

// runOf is the run that a timer is of: its own, or that of mail to it.
func runOf(timerID string) string {
	runID, _, _ := strings.Cut(timerID, "/")
	return runID
}

// pendingMessage is mail with its id.
type pendingMessage struct {
	message
	id    string
	acked bool // its timer is cleared
}

// box reads the mail of a run, the oldest first.
func (e *Engine) readInbox(ctx context.Context, runID string) ([]pendingMessage, error) {
	ids, err := e.store.Range(ctx, state.Range{Set: setInbox + "/" + runID, Limit: 2 * MaxPendingSignals})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	refs := make([]state.Ref, len(ids))
	for i, id := range ids {
		refs[i] = state.Ref{Bucket: bucketInbox, ID: id}
	}
	found, err := e.store.Get(ctx, refs...)
	if err != nil {
		return nil, err
	}
	messages := make([]pendingMessage, 0, len(ids))
	for i, data := range found {
		if data == nil {
			continue
		}
		l := pendingMessage{id: ids[i]}
		if err := json.Unmarshal(data, &l.message); err != nil {
			return nil, fmt.Errorf("engine: mail %s: %w", l.id, err)
		}
		if l.Version != messageVersion {
			return nil, fmt.Errorf("engine: mail %s has format %d, this program reads %d", l.id, l.Version, messageVersion)
		}
		messages = append(messages, l)
	}
	return messages, nil
}

// discard answers the ops that take mail out of its box.
func (l pendingMessage) deleteOps() []state.Op {
	return []state.Op{state.Delete(bucketInbox, l.id), state.Remove(setInbox+"/"+runOf(l.id), l.id), state.ClearTimer(queueRun, l.id)}
}

// look reads the box: from then on the mail in it is known, and is taken by the
// commit in which it comes to mean something. It reports whether any is new.
func (r *run) refreshInbox(ctx context.Context) (isNew bool, err error) {
	messages, err := r.engine.readInbox(ctx, r.record.ID)
	if err != nil {
		return false, err
	}
	slices.SortStableFunc(messages, func(a, b pendingMessage) int { return a.priority() - b.priority() })
	for i := range messages {
		known := slices.IndexFunc(r.inbox, func(l pendingMessage) bool { return l.id == messages[i].id })
		if known >= 0 {
			messages[i].acked = r.inbox[known].acked
		}
		isNew = isNew || known < 0
	}
	r.inbox = messages
	return isNew, nil
}

// handleMessages takes what mail there is for the run, as far as it waits for it, and
// records it with what follows. While the box cannot be read the run goes on:
// the mail's timer tells of it again.
func (r *run) handleMessages() error {
	isNew, err := r.refreshInbox(context.Background())
	if errors.Is(err, state.ErrUnavailable) {
		r.engine.outage.Note("read mail", err)
		return nil
	}
	r.engine.outage.Note("read mail", nil)
	if err != nil {
		r.engine.log.Error("mail of a run cannot be read; trying again", "run", r.record.ID, "error", err)
		return nil
	}
	if !isNew {
		return nil
	}
	stored := r.record
	return r.commit(&stored, nil, extra{})
}

// drainInbox applies the known mail that means something now: cancellations before
// all others, then the oldest. Mail that comes too late to mean anything is
// taken without an event.
func (r *run) drainInbox(now time.Time) (events []workflow.Event, ops []state.Op, err error) {
	for i := r.nextDeliverable(now); i >= 0; i = r.nextDeliverable(now) {
		l := r.inbox[i]
		r.inbox = slices.Delete(r.inbox, i, i+1)
		ops = append(ops, l.deleteOps()...)
		event, ok := r.eventOf(l, now)
		if !ok {
			continue
		}
		if err := r.machine.Apply(event); err != nil {
			return nil, nil, err
		}
		events = append(events, event)
	}
	return events, ops, nil
}

// hasDeliverable reports whether any known mail is to be taken now.
func (r *run) hasDeliverable(now time.Time) bool { return r.nextDeliverable(now) >= 0 }

// nextDeliverable is the place of the mail to be taken next, -1 if there is none: a
// signal that nobody waits for yet is left.
func (r *run) nextDeliverable(now time.Time) int {
	return slices.IndexFunc(r.inbox, func(l pendingMessage) bool {
		_, ok := r.eventOf(l, now)
		return ok || l.Kind != messageSignal || r.machine.Status().Ended()
	})
}

// acknowledge answers the ops after which the mail that is left does not wake the
// run any more: whoever holds it knows of it.
func (r *run) acknowledge() []state.Op {
	var ops []state.Op
	for i := range r.inbox {
		if l := &r.inbox[i]; !l.acked {
			l.acked = true
			ops = append(ops, state.ClearTimer(queueRun, l.id))
		}
	}
	return ops
}

func (l pendingMessage) priority() int {
	if l.Kind == messageCancel {
		return 0
	}
	return 1
}

// open decides what a piece of mail means to the run now.
func (r *run) eventOf(l pendingMessage, now time.Time) (workflow.Event, bool) {
	switch l.Kind {
	case messageCancel:
		return r.machine.Cancel(now)
	case messageChild:
		return r.machine.ChildEnded(l.Child, l.Status, l.Body, l.Failure, now)
	default:
		return r.machine.Signal(l.Name, l.Body, now)
	}
}
