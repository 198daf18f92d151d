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

// MaxMail is how many signals may wait for a run at once. Its box has room for
// as many cancellations and ends of children.
const MaxMail = 200

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
		state.SetTimerAfter(queueRun, id, 0),
	}
}

// runOf is the run that a timer is of: its own, or that of mail to it.
func runOf(timerID string) string {
	runID, _, _ := strings.Cut(timerID, "/")
	return runID
}

// letter is mail with its id.
type letter struct {
	mail
	id   string
	seen bool // its timer is cleared
}

// box reads the mail of a run, the oldest first.
func (e *Engine) box(ctx context.Context, runID string) ([]letter, error) {
	ids, err := e.store.Range(ctx, state.Range{Set: setMail + "/" + runID, Limit: 2 * MaxMail})
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
	return []state.Op{state.Delete(bucketMail, l.id), state.Remove(setMail+"/"+runOf(l.id), l.id), state.ClearTimer(queueRun, l.id)}
}

// look reads the box: from then on the mail in it is known, and is taken by the
// commit in which it comes to mean something. It reports whether any is new.
func (r *run) look(ctx context.Context) (news bool, err error) {
	letters, err := r.engine.box(ctx, r.head.ID)
	if err != nil {
		return false, err
	}
	slices.SortStableFunc(letters, func(a, b letter) int { return a.rank() - b.rank() })
	for i := range letters {
		known := slices.IndexFunc(r.box, func(l letter) bool { return l.id == letters[i].id })
		if known >= 0 {
			letters[i].seen = r.box[known].seen
		}
		news = news || known < 0
	}
	r.box = letters
	return news, nil
}

// readMail takes what mail there is for the run, as far as it waits for it, and
// records it with what follows. While the box cannot be read the run goes on:
// the mail's timer tells of it again.
func (r *run) readMail() error {
	news, err := r.look(context.Background())
	if errors.Is(err, state.ErrUnavailable) {
		r.engine.outage.Note("read mail", err)
		return nil
	}
	r.engine.outage.Note("read mail", nil)
	if err != nil {
		r.engine.log.Error("mail of a run cannot be read; trying again", "run", r.head.ID, "error", err)
		return nil
	}
	if !news {
		return nil
	}
	stored := r.head
	return r.commit(&stored, nil, extra{})
}

// takeMail applies the known mail that means something now: cancellations before
// all others, then the oldest. Mail that comes too late to mean anything is
// taken without an event.
func (r *run) takeMail(now time.Time) (events []workflow.Event, ops []state.Op, err error) {
	for i := r.nextMail(now); i >= 0; i = r.nextMail(now) {
		l := r.box[i]
		r.box = slices.Delete(r.box, i, i+1)
		ops = append(ops, l.discard()...)
		event, ok := r.open(l, now)
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

// hasMail reports whether any known mail is to be taken now.
func (r *run) hasMail(now time.Time) bool { return r.nextMail(now) >= 0 }

// nextMail is the place of the mail to be taken next, -1 if there is none: a
// signal that nobody waits for yet is left.
func (r *run) nextMail(now time.Time) int {
	return slices.IndexFunc(r.box, func(l letter) bool {
		_, ok := r.open(l, now)
		return ok || l.Kind != mailSignal || r.machine.Status().Ended()
	})
}

// leaveMail answers the ops after which the mail that is left does not wake the
// run any more: whoever holds it knows of it.
func (r *run) leaveMail() []state.Op {
	var ops []state.Op
	for i := range r.box {
		if l := &r.box[i]; !l.seen {
			l.seen = true
			ops = append(ops, state.ClearTimer(queueRun, l.id))
		}
	}
	return ops
}

func (l letter) rank() int {
	if l.Kind == mailCancel {
		return 0
	}
	return 1
}

// open decides what a piece of mail means to the run now.
func (r *run) open(l letter, now time.Time) (workflow.Event, bool) {
	switch l.Kind {
	case mailCancel:
		return r.machine.Cancel(now)
	case mailChild:
		return r.machine.ChildEnded(l.Child, l.Status, l.Body, l.Failure, now)
	default:
		return r.machine.Signal(l.Name, l.Body, now)
	}
}
