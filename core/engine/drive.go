package engine

import (
	"context"
	"runtime/debug"
	"sync"
	"time"

	"github.com/backflow/backflow/core/workflow"
)

// run is a run that this process works on: the machine, the head as it is
// stored, and the length of the journal. One goroutine owns it.
type run struct {
	engine  *Engine
	machine *workflow.Machine
	head    head
	entries int

	// box is the mail to the run that is known and was not taken.
	box []letter

	answers  chan answer
	underWay map[string]struct{} // paths of the calls that are being made
	making   sync.WaitGroup      // those who make them
	// notBefore keeps timers from being looked at, where that was no use.
	notBefore time.Time
	activity  *activity
}

// drive works on a run until it ends, waits, or is handed back; it gives back
// the run's slot and its reservation.
func (r *run) drive() {
	e := r.engine
	defer e.release(r.head.ID)
	defer e.freeSlot()
	r.answers = make(chan answer)
	r.underWay = map[string]struct{}{}
	ctx, cancel := context.WithCancelCause(e.calls)
	defer func() {
		cancel(context.Canceled)
		r.making.Wait() // their answers nobody takes any more
		if p := recover(); p != nil {
			e.log.Error("a run is left for the check to take up, for working on it panicked", "run", r.head.ID, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	for r.head.Lease != "" {
		if !e.isStopping() {
			r.makeCalls(ctx)
		}
		if len(r.underWay) == 0 { // not idle, and nothing may be begun any more
			r.handBack()
			return
		}
		if err := r.await(); err != nil {
			r.leave(err)
			return
		}
	}
	// For a timer that was set, or mail that came meanwhile. Most runs end without
	// either, and the timers need not be read for each of them.
	if !r.head.Status.Ended() || len(r.activity.nudge) > 0 {
		poke(e.wake)
	}
}

// leave tells that the run could not be worked on further. It is found by the
// check, here or elsewhere.
func (r *run) leave(err error) {
	if r.engine.calls.Err() == nil {
		r.engine.log.Error("a run is left for the check to take up", "run", r.head.ID, "error", err)
	}
}

// makeCalls begins the calls that are to be under way and are not yet.
func (r *run) makeCalls(ctx context.Context) {
	for _, call := range r.machine.Calls() {
		if _, made := r.underWay[call.Path]; made {
			continue
		}
		r.underWay[call.Path] = struct{}{}
		r.making.Add(1)
		r.engine.crew.do(func() {
			defer r.making.Done()
			a := r.call(ctx, call)
			select {
			case r.answers <- a:
			case <-ctx.Done():
			}
		})
	}
}

// await waits for what happens next, an answer, a time, or mail, and records
// it with what follows.
func (r *run) await() error {
	e := r.engine
	var timer <-chan time.Time
	if until, waits := r.machine.WaitUntil(); waits {
		if until.Before(r.notBefore) {
			until = r.notBefore
		}
		t := time.NewTimer(max(until.Sub(e.now()), 0))
		defer t.Stop()
		timer = t.C
	}
	select {
	case a := <-r.answers:
		return r.record(r.gather(a))
	case <-timer:
		return r.wake()
	case <-r.activity.nudge:
		return r.readMail()
	case <-e.calls.Done():
		return context.Cause(e.calls)
	}
}

// gather takes the answers that are there already, to be recorded in one write.
func (r *run) gather(first answer) []answer {
	answers := []answer{first}
	for {
		select {
		case a := <-r.answers:
			answers = append(answers, a)
		default:
			for _, a := range answers {
				delete(r.underWay, a.call.Path)
			}
			return answers
		}
	}
}

// record makes durable what came of calls and what follows from it.
func (r *run) record(answers []answer) error {
	now := r.engine.now().UTC()
	events := make([]workflow.Event, 0, len(answers))
	for _, a := range answers {
		event := r.machine.Succeeded(a.call.Path, a.result, now)
		if a.err != nil {
			event = r.machine.Failed(a.call.Path, a.err, r.engine.repeatAfter(a.call), now)
		}
		events = append(events, event)
	}
	stored := r.head
	return r.commit(&stored, events, extra{})
}

// wake records what is due while calls are under way. What cannot be told now,
// for an integration is not ready, is looked at again after a pause.
func (r *run) wake() error {
	events, left := r.machine.Wake(r.engine.now().UTC(), r.engine.repeat)
	if left {
		r.notBefore = r.engine.now().Add(retryPause)
	}
	if len(events) == 0 {
		return nil
	}
	stored := r.head
	return r.commit(&stored, events, extra{})
}
