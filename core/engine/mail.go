package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// mail is what reaches a run from outside: from a user, or from a run that it
// waits for. It is kept until the run takes it, in the order in which it came;
// the run is woken by its timer, wherever it is.
type mail struct {
	Version int             `json:"v"`
	Kind    mailKind        `json:"kind"`
	Name    string          `json:"name,omitempty"` // of a signal
	Body    json.RawMessage `json:"body,omitempty"` // of a signal, or a child's output
	// Child is the run that ended, and how.
	Child   string             `json:"child,omitempty"`
	Status  workflow.RunStatus `json:"status,omitempty"`
	Failure *workflow.Failure  `json:"failure,omitempty"`
}

type mailKind string

const (
	mailSignal mailKind = "signal"
	mailCancel mailKind = "cancel"
	mailChild  mailKind = "child" // a run that was waited for has ended
)

const mailVersion = 1

// send answers the ops that put mail into a run's box and wake the run.
func send(runID string, m mail) []state.Op {
	m.Version = mailVersion
	data, err := json.Marshal(m)
	if err != nil {
		panic(fmt.Sprintf("engine: mail to run %s: %v", runID, err)) // bodies were valid JSON when they came in
	}
	id := runID + "/" + NewRunID() // in the order of time
	return []state.Op{
		state.Put(bucketMail, id, data, 0),
		state.Add(setMail+"/"+runID, id),
		state.SetTimerAfter(queueRun, runID, 0),
	}
}

// letter is mail with its id.
type letter struct {
	mail
	id string
}

// box reads the mail of a run, the oldest first.
func (e *Engine) box(ctx context.Context, runID string) ([]letter, error) {
	ids, err := e.store.Range(ctx, state.Range{Set: setMail + "/" + runID, Limit: page})
	if err != nil || len(ids) == 0 {
		return nil, err
	}
	refs := make([]state.Ref, len(ids))
	for i, id := range ids {
		refs[i] = state.Ref{Bucket: bucketMail, ID: id}
	}
	found, err := e.store.Get(ctx, refs...)
	if err != nil {
		return nil, err
	}
	letters := make([]letter, 0, len(ids))
	for i, data := range found {
		if data == nil {
			continue
		}
		l := letter{id: ids[i]}
		if err := json.Unmarshal(data, &l.mail); err != nil {
			return nil, fmt.Errorf("engine: mail %s: %w", l.id, err)
		}
		if l.Version != mailVersion {
			return nil, fmt.Errorf("engine: mail %s has format %d, this program reads %d", l.id, l.Version, mailVersion)
		}
		letters = append(letters, l)
	}
	return letters, nil
}

// discard answers the ops that take mail out of its box.
func (l letter) discard() []state.Op {
	runID, _, _ := strings.Cut(l.id, "/")
	return []state.Op{state.Delete(bucketMail, l.id), state.Remove(setMail+"/"+runID, l.id)}
}

// readMail takes what mail there is for the run, as far as it waits for it, and
// records it with what follows. The timer is cleared before the box is read: mail
// that comes later sets it anew.
func (r *run) readMail() error {
	clear := extra{ops: []state.Op{state.ClearTimer(queueRun, r.head.ID)}}
	stored := r.head
	if err := r.commit(&stored, nil, clear); err != nil {
		return err
	}
	for r.head.Lease != "" {
		letters, err := r.engine.box(context.Background(), r.head.ID)
		if err != nil {
			return err
		}
		event, with, found := r.take(letters)
		if !found {
			return nil
		}
		stored := r.head
		if err := r.commit(&stored, event, with); err != nil {
			return err
		}
	}
	return nil
}

// take chooses the piece of mail that the run takes next: a cancellation before
// all others, then the oldest that it waits for. Mail that comes too late to
// mean anything is taken without an event; a signal that nobody waits for yet is
// left.
func (r *run) take(letters []letter) (events []workflow.Event, with extra, found bool) {
	slices.SortStableFunc(letters, func(a, b letter) int { return a.rank() - b.rank() })
	r.leftMail = len(letters) > 0
	for _, l := range letters {
		event, ok := r.open(l)
		if !ok && l.Kind == mailSignal && !r.machine.Status().Ended() {
			continue
		}
		if r.leftMail = len(letters) > 1; ok {
			events = []workflow.Event{event}
		}
		return events, extra{ops: l.discard()}, true
	}
	return nil, extra{}, false
}

func (l letter) rank() int {
	if l.Kind == mailCancel {
		return 0
	}
	return 1
}

// open decides what a piece of mail means to the run now.
func (r *run) open(l letter) (workflow.Event, bool) {
	now := r.engine.now().UTC()
	switch l.Kind {
	case mailCancel:
		return r.machine.Cancel(now)
	case mailChild:
		return r.machine.ChildEnded(l.Child, l.Status, l.Body, l.Failure, now)
	default:
		return r.machine.Signal(l.Name, l.Body, now)
	}
}

// recheckMail looks at the box once more after the run was put away to wait, for
// mail that came in between: what the run can take wakes it at once. What is
// left to a run that has ended is thrown away.
func (r *run) recheckMail() error {
	ended := r.head.Status.Ended()
	if ended && !r.leftMail && !r.claimed {
		return nil
	}
	letters, err := r.engine.box(context.Background(), r.head.ID)
	if err != nil || len(letters) == 0 {
		return err
	}
	var ops []state.Op
	if ended {
		ops = append(ops, state.ClearTimer(queueRun, r.head.ID))
		for _, l := range letters {
			ops = append(ops, l.discard()...)
		}
	} else if _, _, found := r.take(letters); found {
		ops = append(ops, state.SetTimerAfter(queueRun, r.head.ID, 0))
	}
	if len(ops) == 0 {
		return nil
	}
	return r.engine.store.Commit(context.Background(), ops...)
}
