package engine

import (
	"context"
	"runtime/debug"
	"slices"
	"time"

	"github.com/backflow/backflow/core/workflow"
)

// No goroutine waits for a run. The one that delivers an update, most often a
// call with its result, works on the run until it has to wait again, and makes
// the next call itself.

// drive works on a run until it ends, waits, or is handed back; then its slot and
// its reservation are given back. It returns earlier if another goroutine
// continues.
func (r *execution) drive() {
	r.ctx, r.cancel = context.WithCancelCause(r.calls)
	r.working = true
	notified := r.active.attach(r.activity, func() {
		r.workers.do(func() { r.deliver(func(u *updates) { u.message = true }) })
	})
	r.mu.Lock()
	r.updates.message = r.updates.message || notified
	r.mu.Unlock()
	r.work()
}

// work works on a run that no other goroutine works on, and makes calls itself as
// long as there is nothing else to do.
func (r *execution) work() {
	for {
		call, more := r.advance()
		if !more {
			return
		}
		if !r.deliverResult(r.call(r.ctx, call)) {
			return
		}
	}
}

// deliver adds an update, and works on the run unless another goroutine does.
func (r *execution) deliver(add func(*updates)) {
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

// deliverResult adds the result of a call, and reports whether the caller must
// work on the run.
func (r *execution) deliverResult(result callResult) bool {
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
	r.updates.results = append(r.updates.results, result)
	idle := !r.working
	r.working = true
	r.mu.Unlock()
	return idle
}

// advance records updates and starts the calls that follow, until there are no
// more updates. It returns the last of these calls, for the caller to make; false
// if none exists, or if this process no longer works on the run.
func (r *execution) advance() (call workflow.Call, more bool) {
	finished := true
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("a run is left for the check to take up, for working on it panicked", "run", r.record.ID, "panic", p, "stack", string(debug.Stack()))
			more = false
		}
		if finished {
			r.finish()
		}
	}()
	for r.record.Lease != "" {
		var start []workflow.Call
		if !r.isStopping() {
			start = r.callsToStart()
		}
		goOn := r.unsettled && !r.isStopping()
		if len(r.started) == 0 && !goOn { // not idle, and nothing may be started any more
			r.handBack()
			return call, false
		}
		r.setAlarm()
		now, idle := r.park(len(start), goOn)
		if idle && len(start) > 0 {
			call, start, more = start[len(start)-1], start[:len(start)-1], true
		}
		for _, c := range start {
			r.workers.do(func() {
				if r.deliverResult(r.call(r.ctx, c)) {
					r.work()
				}
			})
		}
		if idle {
			finished = false
			return call, more
		}
		if err := r.apply(now); err != nil {
			r.abandon(err)
			return call, false
		}
	}
	return call, false
}

// callsToStart returns the calls that are to be made and were not started yet.
func (r *execution) callsToStart() []workflow.Call {
	calls := slices.DeleteFunc(r.machine.Calls(), func(c workflow.Call) bool { return slices.Contains(r.started, c.Path) })
	for _, c := range calls {
		r.started = append(r.started, c.Path)
	}
	return calls
}

// park counts the calls that are about to be made, and returns the updates.
// Without updates, unless it goes on by itself, no goroutine works on the run from
// then on.
func (r *execution) park(calls int, goOn bool) (now updates, idle bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inFlight += calls
	if r.updates.empty() && !goOn {
		r.working = false
		return updates{}, true
	}
	now, r.updates = r.updates, updates{}
	return now, false
}

// finish stops the work on a run. Its slot is freed once all calls have returned;
// their results are ignored.
func (r *execution) finish() {
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

// release gives back the run's slot and its reservation. It wakes the timers only
// if the run may have a timer or a message: most runs end without either.
func (r *execution) release() {
	r.metrics.present.move(r.counted, presence{})
	r.free(r.record.ID, r.record.Lease == "" && !r.record.Status.Ended())
}

// abandon logs that this process cannot continue the run. The recovery of any
// process will find it.
func (r *execution) abandon(err error) {
	if r.calls.Err() == nil {
		r.log.Error("a run is left for the check to take up", "run", r.record.ID, "error", err)
	}
}

// setAlarm sets the alarm for the time at which the run continues by itself.
func (r *execution) setAlarm() {
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
	wait := max(until.Sub(r.now()), 0)
	if r.alarm == nil {
		r.alarm = time.AfterFunc(wait, func() { r.deliver(func(u *updates) { u.due = true }) })
		return
	}
	r.alarm.Reset(wait)
}
