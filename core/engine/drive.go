package engine

import (
	"context"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/backflow/backflow/core/workflow"
)

// run is a run that this process works on: the machine, the head as it is
// stored, and the length of the journal. They belong to whoever works on it, one
// goroutine at a time. Nobody waits for something to happen: who brings news, most
// often a call that was answered, works on the run until there is nothing to do
// but wait again, and makes the next call itself.
type run struct {
	engine  *Engine
	machine *workflow.Machine
	record  runRecord
	entries int

	// box is the mail to the run that is known and was not taken.
	inbox []pendingMessage

	started []string // paths of the calls that are being made
	alarm   *time.Timer
	alarmAt time.Time // what the alarm is set to; zero while it is not
	// notBefore keeps timers from being looked at, where that was no use.
	notBefore time.Time
	activity  *activity

	calls  context.Context // of the calls: ends when their answers are of no use
	cancel context.CancelCauseFunc

	mu       sync.Mutex // guards the fields below
	updates  updates
	working  bool // somebody works on the run
	finished bool // nobody does any more
	inFlight int  // how many calls are being made
}

// news is what has happened to a run since it was worked on.
type updates struct {
	results []callResult
	due     bool // its alarm
	message bool
}

func (n *updates) empty() bool { return len(n.results) == 0 && !n.due && !n.message }

// drive works on a run until it ends, waits, or is handed back; then its slot and
// its reservation are given back. It returns when somebody else is to go on.
func (r *run) drive() {
	r.calls, r.cancel = context.WithCancelCause(r.engine.calls)
	r.working = true
	r.engine.attach(r)
	r.work()
}

// work works on a run that nobody else works on, and makes calls itself as long as
// there is nothing else to do.
func (r *run) work() {
	for {
		call, more := r.advance()
		if !more {
			return
		}
		if !r.deliverResult(r.call(r.calls, call)) {
			return
		}
	}
}

// brings hands in news, which add puts in, and works on the run unless somebody
// does already.
func (r *run) deliver(add func(*updates)) {
	r.mu.Lock()
	idle := !r.finished && !r.working
	if !r.finished {
		add(&r.updates)
		r.working = true
	}
	r.mu.Unlock()
	if idle {
		r.work()
	}
}

// answered hands in the answer of a call, and reports whether the caller is to
// work on the run.
func (r *run) deliverResult(a callResult) bool {
	r.mu.Lock()
	r.inFlight--
	if r.finished {
		last := r.inFlight == 0
		r.mu.Unlock()
		if last {
			r.release()
		}
		return false
	}
	r.updates.results = append(r.updates.results, a)
	idle := !r.working
	r.working = true
	r.mu.Unlock()
	return idle
}

// turn records what is new and begins the calls that follow, until there is no
// more news. It answers the last of these calls, for the caller to make; false if
// there is none, or the run is not worked on any more.
func (r *run) advance() (call workflow.Call, more bool) {
	e := r.engine
	over := true
	defer func() {
		if p := recover(); p != nil {
			e.log.Error("a run is left for the check to take up, for working on it panicked", "run", r.record.ID, "panic", p, "stack", string(debug.Stack()))
			more = false
		}
		if over {
			r.finish()
		}
	}()
	for r.record.Lease != "" {
		var begun []workflow.Call
		if !e.isStopping() {
			begun = r.callsToStart()
		}
		if len(r.started) == 0 { // not idle, and nothing may be begun any more
			r.handBack()
			return call, false
		}
		r.setAlarm()
		now, idle := r.park(len(begun))
		if idle && len(begun) > 0 {
			call, begun, more = begun[len(begun)-1], begun[:len(begun)-1], true
		}
		for _, c := range begun {
			e.workers.do(func() {
				if r.deliverResult(r.call(r.calls, c)) {
					r.work()
				}
			})
		}
		if idle {
			over = false
			return call, more
		}
		if err := r.apply(now); err != nil {
			r.abandon(err)
			return call, false
		}
	}
	return call, false
}

// begun answers the calls that are to be under way and were not yet.
func (r *run) callsToStart() []workflow.Call {
	calls := slices.DeleteFunc(r.machine.Calls(), func(c workflow.Call) bool { return slices.Contains(r.started, c.Path) })
	for _, c := range calls {
		r.started = append(r.started, c.Path)
	}
	return calls
}

// pause counts the calls that are about to be made, and answers what is new. If
// that is nothing the run is nobody's from then on.
func (r *run) park(begun int) (now updates, idle bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight += begun
	if r.updates.empty() {
		r.working = false
		return updates{}, true
	}
	now, r.updates = r.updates, updates{}
	return now, false
}

// end stops the work on a run. Its place is free once all calls have returned,
// whose answers nobody takes any more.
func (r *run) finish() {
	r.cancel(context.Canceled)
	if r.alarm != nil {
		r.alarm.Stop()
	}
	r.mu.Lock()
	r.finished = true
	last := r.inFlight == 0
	r.mu.Unlock()
	if last {
		r.release()
	}
}

// release gives back the run's slot and its reservation. Then its timer may be
// looked at, or mail that came meanwhile. Most runs end without either, and the
// timers need not be read for each of them.
func (r *run) release() {
	e := r.engine
	e.freeSlot()
	if mail := e.release(r.record.ID); mail || r.record.Lease == "" && !r.record.Status.Ended() {
		wake(e.wakeTimers)
	}
}

// leave tells that the run could not be worked on further. It is found by the
// check, here or elsewhere.
func (r *run) abandon(err error) {
	if r.engine.calls.Err() == nil {
		r.engine.log.Error("a run is left for the check to take up", "run", r.record.ID, "error", err)
	}
}

// setAlarm has the run worked on when it goes on by itself.
func (r *run) setAlarm() {
	until, waits := r.machine.WaitUntil()
	if !waits {
		if r.alarm != nil {
			r.alarm.Stop()
			r.alarmAt = time.Time{}
		}
		return
	}
	if until.Before(r.notBefore) {
		until = r.notBefore
	}
	if until.Equal(r.alarmAt) {
		return
	}
	r.alarmAt = until
	wait := max(until.Sub(r.engine.now()), 0)
	if r.alarm == nil {
		r.alarm = time.AfterFunc(wait, func() { r.deliver(func(n *updates) { n.due = true }) })
		return
	}
	r.alarm.Reset(wait)
}

// take deals with news. Answers of calls that were given up mean nothing: what
// the calls were at is found out by whoever takes the run up.
func (r *run) apply(now updates) error {
	if r.engine.calls.Err() != nil {
		return context.Cause(r.engine.calls)
	}
	if len(now.results) > 0 {
		if err := r.recordResults(now.results); err != nil {
			return err
		}
	}
	if now.due && r.record.Lease != "" {
		r.alarmAt = time.Time{}
		if err := r.fireTimers(); err != nil {
			return err
		}
	}
	if now.message && r.record.Lease != "" {
		r.engine.ack(r)
		return r.handleMessages()
	}
	return nil
}

// record makes durable what came of calls and what follows from it.
func (r *run) recordResults(results []callResult) error {
	now := r.engine.now().UTC()
	events := make([]workflow.Event, 0, len(results))
	for _, a := range results {
		r.started = slices.DeleteFunc(r.started, func(path string) bool { return path == a.call.Path })
		event := r.machine.Succeeded(a.call.Path, a.result, now)
		if a.err != nil {
			event = r.machine.Failed(a.call.Path, a.err, r.engine.repeatAfter(a.call), now)
		}
		events = append(events, event)
	}
	stored := r.record
	return r.commit(&stored, events, extra{})
}

// wake records what is due while calls are under way. What cannot be told now,
// for an integration is not ready, is looked at again after a pause.
func (r *run) fireTimers() error {
	events, left := r.machine.FireTimers(r.engine.now().UTC(), r.engine.repeat)
	if left {
		r.notBefore = r.engine.now().Add(retryPause)
	}
	if len(events) == 0 {
		return nil
	}
	stored := r.record
	return r.commit(&stored, events, extra{})
}
