package sim

import (
	"strings"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// outages takes the plugins of gateways down, in some simulations. One that is down
// refuses calls, and calls in flight get no response, as with a process that
// died.
func (sim *simulation) outages() {
	r := sim.random(actorOutages)
	if !chance(r, 35) {
		return
	}
	for range 1 + r.IntN(2) {
		time.Sleep(between(r, 100*time.Millisecond, 8*time.Second))
		s := sim.nodes[r.IntN(len(sim.nodes))]
		sim.count(&sim.tally.outages)
		sim.note("the plugin of node %d is down", s.number+1)
		s.setPlugin(false)
		time.Sleep(between(r, 100*time.Millisecond, 20*time.Second))
		s.setPlugin(true)
		sim.note("the plugin of node %d is up again", s.number+1)
	}
}

// plugin reports whether the plugin is up, and returns a channel that is closed
// when it goes down.
func (n *node) plugin() (up bool, lost <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.down, n.pluginLost
}

// setPlugin takes the plugin down or brings it back.
func (n *node) setPlugin(up bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.down = !up; n.down {
		close(n.pluginLost)
		n.pluginLost = make(chan struct{})
	}
}

// down is the error of a call while the plugin is down.
func down() *sdk.Error {
	return action.Unavailable("vendor", action.Status{State: action.StateFailed, Reason: "the simulation has taken it down"})
}

// refused records a call that the plugin refused, being down.
func (m *model) refused(at callSite, call sdk.Call) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	m.sim.tally.refused++
	if run := m.runs[at.Run]; run != nil {
		s := run.keys[call.IdempotencyKey]
		s.refused++
		run.keys[call.IdempotencyKey] = s
		m.sim.noteLocked("the call of %s %s is refused", run.name, s.path)
	}
}

// checkAttempts checks a failure of a step against its retry policy.
func (m *model) checkAttempts(run *modelRun, e workflow.Event) {
	key := m.latest(run, e.Path)
	s, step := run.keys[key], run.stepOf(e.Path)
	if key == "" || step == nil || e.Error == nil {
		return
	}
	most := step.Retry.MaxAttempts
	if s.allowed > most*(1+run.retries) {
		m.sim.violatedLocked("a step has no more attempts than its policy says", "%s %s: %d of %d", run.name, e.Path, s.allowed, most)
	}
	if e.Type != workflow.EventFailed {
		return
	}
	if e.Error.Code == sdk.CodeOutcomeUnknown && s.calls == 0 && s.refused == s.allowed && run.retries == 0 && !s.interrupted && !strings.Contains(e.Error.Message, "the gateway ended") {
		m.sim.violatedLocked("what was refused has a known outcome", "%s %s: %s", run.name, e.Path, e.Error.Message)
	}
	if e.Error.Code == sdk.CodeUnavailable && e.Error.Retryable && !e.Unknown && s.allowed < most && !run.mayGiveUp() {
		m.sim.violatedLocked("what is unavailable is tried again as its policy says", "%s %s fails after %d of %d attempts", run.name, e.Path, s.allowed, most)
	}
}

func (r *modelRun) stepOf(path string) *workflow.Step {
	step, ok := r.machine.Step(path)
	if !ok {
		return nil
	}
	return step
}

// mayGiveUp reports whether a run may have had a reason to give a step up: a time
// limit, a cancellation, or another failure.
func (r *modelRun) mayGiveUp() bool {
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
