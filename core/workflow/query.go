package workflow

import (
	"encoding/json"
	"time"

	"github.com/backflow/backflow/core/value"
)

// Status is the run's status as far as its events say. Whether a run has been
// picked up is known to the engine alone.
func (m *Machine) Status() RunStatus {
	switch {
	case m.ended != "":
		return m.ended
	case m.undecided != nil:
		return RunWaiting
	case m.compensating != nil || m.compensated > 0:
		return RunCompensating
	case len(m.activeCalls) == 0 && len(m.waiting) > 0:
		return RunWaiting
	default:
		return RunRunning
	}
}

// Idle reports whether no call is to be under way: the run has ended, or waits.
func (m *Machine) Idle() bool { return len(m.activeCalls) == 0 }

// Failure is why the run failed or was cancelled, nil otherwise.
func (m *Machine) Failure() *Failure { return m.failure }

// Output is what the run resulted in, zero where it has no output.
func (m *Machine) Output() value.Doc { return m.output }

// EndedAt is when the run ended, zero before.
func (m *Machine) EndedAt() time.Time { return m.endedAt }

// Root returns one of the values that the run started with, nil where it has
// none of that name.
func (m *Machine) Root(name string) json.RawMessage { return m.roots[name].Raw() }

// Roots returns all values that the run started with, by name. They are not to be
// changed.
func (m *Machine) Roots() map[string]value.Doc { return m.roots }

// Steps lists the steps as far as they are known, each before those in it: in
// the order of the definition, iterations by index.
func (m *Machine) Steps() []StepState {
	if m.root == nil {
		return m.newListing()
	}
	list := make([]StepState, 0, len(m.root.nodes)) // more if they have steps in them
	m.root.list(m, &list)
	return list
}

// newListing lists the steps of a run that has not started.
func (m *Machine) newListing() []StepState {
	var list []StepState
	newBlock(m.definition.Steps, nil, "").list(m, &list)
	return list
}

func (b *block) list(m *Machine, list *[]StepState) {
	for _, n := range b.nodes {
		*list = append(*list, m.state(n))
		for _, inner := range n.inner() {
			inner.list(m, list)
		}
	}
}

// state is what is known of a step, with what follows from the steps in it.
func (m *Machine) state(n *node) StepState {
	state := n.StepState
	state.Failure = n.failure()
	switch n.Status {
	case StepSucceeded, StepCompensated:
		state.Result = n.result()
	case StepWaiting:
		state.WaitingFor, state.WaitingUntil = n.waitingFor(), m.waitingUntil(n)
	}
	if n == m.undecided {
		state.WaitingFor = WaitingForDecision
	}
	if n.tries > 0 && (n.Status == StepRunning || n.Status == StepWaiting) {
		state.Attempt, state.MaxAttempts = n.tries, n.Step.Retry.MaxAttempts
	}
	return state
}

// Tries returns how many calls of a step may have been sent since it was last
// begun.
func (m *Machine) Tries(path string) int {
	n := m.find(path)
	if n == nil {
		return 0
	}
	return n.tries
}

// NotUndone returns the path of the first step whose compensate failed, empty if
// none did.
func (m *Machine) NotUndone() string { return m.notUndone }

// Step returns the step of the definition that stands at a path.
func (m *Machine) Step(path string) (*Step, bool) {
	n := m.find(path)
	if n == nil {
		return nil, false
	}
	return n.Step, true
}
