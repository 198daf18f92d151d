package workflow

import (
	"encoding/json"
	"time"

	"github.com/backflow/backflow/sdk/value"
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
	case len(m.activeCalls) == 0 && (len(m.waiting) > 0 || m.awaitsGivenUp()):
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

// Bounds of what Steps holds.
const (
	// MaxShownResult is the most bytes of a result that is listed with its step. Of a
	// larger one only the size is: see Machine.Result.
	MaxShownResult = 64 << 10
	// MaxShownResults is how many bytes all results and errors that are listed may
	// have together. Beyond it only sizes are listed, and errors in short.
	MaxShownResults = 4 << 20
)

// Steps lists the steps as far as they are known, each before those in it: in
// the order of the definition, iterations by index.
func (m *Machine) Steps() []StepState {
	l := listing{machine: m}
	root := m.root
	if root == nil { // the run has not started
		root = newBlock(m.definition.Steps, nil, "")
	}
	l.block(root)
	return l.steps
}

// listing is a list of steps that is being made.
type listing struct {
	machine *Machine
	steps   []StepState
	shown   int // bytes of the results and errors in it
}

func (l *listing) block(b *block) {
	for _, n := range b.nodes {
		l.steps = append(l.steps, l.state(n))
		for _, inner := range n.inner() {
			l.block(inner)
		}
	}
}

// state is what is known of a step, with what follows from the steps in it.
func (l *listing) state(n *node) StepState {
	state := n.StepState
	state.params = value.Doc{} // which the list would keep in memory
	state.Failure, state.Result = n.failure(), value.Doc{}
	state.secrets = sensitiveTexts(n.Result, n.sensitive)
	if f := state.Failure; f != nil && !l.has(errorBytes(f.Err)) {
		state.Error = shortError(f.Err, longestListed)
		state.Failure = &Failure{Origin: f.Origin, Err: state.Error}
	}
	switch n.Status {
	case StepSucceeded, StepCompensated:
		if !n.hasResult() {
			break
		}
		state.ResultBytes = n.resultBytes()
		if state.ResultBytes <= MaxShownResult && l.has(state.ResultBytes) {
			state.Result = n.resultOrNull()
		}
	case StepWaiting:
		state.WaitingFor, state.WaitingUntil = n.waitingFor(), l.machine.waitingUntil(n)
	}
	if n == l.machine.undecided {
		state.WaitingFor = WaitingForDecision
	}
	if n.tries > 0 && (n.Status == StepRunning || n.Status == StepWaiting) {
		state.Attempt, state.MaxAttempts = n.tries, n.Step.Retry.MaxAttempts
	}
	return state
}

// has counts a value of so many bytes, if the list has room for it.
func (l *listing) has(bytes int) bool {
	if l.shown+bytes > MaxShownResults {
		return false
	}
	l.shown += bytes
	return true
}

// longestListed is how many bytes of an error's message are listed where the list
// has no room for the whole error.
const longestListed = 200

// Result returns the whole result of the step at a path; false where there is no
// such step, or it has no result.
func (m *Machine) Result(path string) (value.Doc, bool) {
	if m.root == nil {
		return value.Doc{}, false
	}
	n := m.find(path)
	if n == nil || !n.hasResult() {
		return value.Doc{}, false
	}
	return n.resultOrNull(), true
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
