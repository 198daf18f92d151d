package sim

import (
	"strings"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// outages takes the plugins of gateways down, in some worlds. One that is down
// refuses calls, and those that it was at have no answer, as with a process that
// died.
func (w *world) outages() {
	r := w.random(actorOutages)
	if !chance(r, 35) {
		return
	}
	for range 1 + r.IntN(2) {
		time.Sleep(between(r, 100*time.Millisecond, 8*time.Second))
		s := w.slots[r.IntN(len(w.slots))]
		w.count(&w.tally.outages)
		w.note("the plugin of slot %d is down", s.number+1)
		s.setPlugin(false)
		time.Sleep(between(r, 100*time.Millisecond, 20*time.Second))
		s.setPlugin(true)
		w.note("the plugin of slot %d is up again", s.number+1)
	}
}

// plugin answers whether the plugin is up, and what is closed when it goes down.
func (s *slot) plugin() (up bool, lost <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.down, s.lost
}

// setPlugin takes the plugin down or brings it back.
func (s *slot) setPlugin(up bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down = !up; s.down {
		close(s.lost)
		s.lost = make(chan struct{})
	}
}

// down is what a call is told while the plugin is.
func down() *sdk.Error {
	return action.Unavailable("vendor", action.Status{State: action.StateFailed, Reason: "the simulation has taken it down"})
}

// refused is told of a call that the plugin refused, being down.
func (b *books) refused(at place, call sdk.Call) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.tally.refused++
	if run := b.runs[at.Run]; run != nil {
		s := run.keys[call.IdempotencyKey]
		s.refused++
		run.keys[call.IdempotencyKey] = s
		b.w.noteLocked("the call of %s %s is refused", run.name, s.path)
	}
}

// tried looks at how a step failed, in the light of its retry policy.
func (b *books) tried(run *ledgerRun, e workflow.Event) {
	key := b.latest(run, e.Path)
	s, step := run.keys[key], run.stepOf(e.Path)
	if key == "" || step == nil || e.Error == nil {
		return
	}
	most := step.Retry.MaxAttempts
	if s.allowed > most*(1+run.retries) {
		b.w.violatedLocked("a step has no more attempts than its policy says", "%s %s: %d of %d", run.name, e.Path, s.allowed, most)
	}
	if e.Type != workflow.EventFailed {
		return
	}
	if e.Error.Code == sdk.CodeOutcomeUnknown && s.made == 0 && s.refused == s.allowed && run.retries == 0 && !strings.Contains(e.Error.Message, "the gateway ended") {
		b.w.violatedLocked("what was refused has a known outcome", "%s %s: %s", run.name, e.Path, e.Error.Message)
	}
	if e.Error.Code == sdk.CodeUnavailable && e.Error.Retryable && !e.Unknown && s.allowed < most && !run.hurried() {
		b.w.violatedLocked("what is unavailable is tried again as its policy says", "%s %s fails after %d of %d attempts", run.name, e.Path, s.allowed, most)
	}
}

func (r *ledgerRun) stepOf(path string) *workflow.Step {
	step, ok := r.machine.Step(path)
	if !ok {
		return nil
	}
	return step
}

// hurried reports whether a run may have had a reason to give a step up: a time
// limit, a cancellation, or a failure beside it.
func (r *ledgerRun) hurried() bool {
	if r.timed || !r.waits.IsZero() || r.retries > 0 {
		return true
	}
	for _, e := range r.events {
		switch e.Type {
		case workflow.EventFailed, workflow.EventStopping, workflow.EventExpired, workflow.EventCancelled:
			return true
		}
	}
	return false
}
