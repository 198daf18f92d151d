package workflow

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// Status is the run's status as far as the machine can tell; a run that no one
// has picked up yet is told apart by the engine.
func (m *Machine) Status() RunStatus {
	switch {
	case m.ended != "":
		return m.ended
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

// Root is one of the values that the run started with, nil where it has none
// of that name.
func (m *Machine) Root(name string) json.RawMessage { return m.roots[name].Raw() }

// Steps lists the steps as far as they are known, each before those in it: in
// the order of the definition, iterations by index.
func (m *Machine) Steps() []StepState {
	var list []StepState
	if m.root == nil {
		return newListing(m.definition.Steps)
	}
	m.root.list(&list)
	return list
}

// newListing lists the steps of a run that has not started.
func newListing(b *Block) []StepState {
	var list []StepState
	newBlock(b, nil, "").list(&list)
	return list
}

func (b *block) list(list *[]StepState) {
	for _, n := range b.nodes {
		state := n.StepState
		if n.Status == StepSucceeded || n.Status == StepCompensated {
			state.Result = n.result()
		}
		*list = append(*list, state)
		for _, inner := range n.inner() {
			inner.list(list)
		}
	}
}

// Failure is the step's error in the form that is shown, nil without error.
func (s *StepState) Failure() *Failure {
	if s.Error == nil {
		return nil
	}
	failure := &Failure{Step: s.Path, Err: s.Error}
	if s.Attempts > 0 {
		failure.Integration = s.Step.Integration
	}
	return failure
}

// Step answers the step of the definition that stands at a path.
func (m *Machine) Step(path string) (*Step, bool) {
	n := m.find(path)
	if n == nil {
		return nil, false
	}
	return n.Step, true
}

// Call is one attempt at a step's action, to be made by the engine.
type Call struct {
	Path        string
	Integration string
	Action      string
	Params      json.RawMessage
	Key         string
	Attempt     int // counting from 1
	// Deadline is when the call is of no more use; zero is no bound.
	Deadline time.Time
}

// Calls are the attempts that are to be under way now, in the order of their
// paths.
func (m *Machine) Calls() []Call {
	calls := make([]Call, 0, len(m.activeCalls))
	for path, n := range m.activeCalls {
		calls = append(calls, Call{
			Path: path, Integration: n.Step.Integration, Action: n.Step.Action,
			Params: n.params, Key: n.key, Attempt: n.Attempts, Deadline: m.deadlineOf(n),
		})
	}
	slices.SortFunc(calls, func(a, b Call) int { return strings.Compare(a.Path, b.Path) })
	return calls
}

// deadlineOf is the first of the deadlines that a step is under.
func (m *Machine) deadlineOf(n *node) time.Time {
	deadline := m.deadline
	if m.stop != nil {
		deadline = time.Time{} // what is undone is not bound by the run's time
	}
	for ; n != nil; n = n.block.owner {
		if !n.deadline.IsZero() && (deadline.IsZero() || n.deadline.Before(deadline)) {
			deadline = n.deadline
		}
	}
	return deadline
}

// Child is a run that a step waits for, or waited for.
type Child struct {
	Path     string
	ID       string
	Workflow string
	Input    json.RawMessage
	// Error is what the step failed with, nil while it has not.
	Error *sdk.Error
}

func (n *node) child() Child {
	return Child{Path: n.Path, ID: n.Child, Workflow: n.Step.Workflow, Input: n.params, Error: n.Error}
}

// Children are the runs that steps wait for, in the order of their paths.
func (m *Machine) Children() []Child {
	var children []Child
	for _, path := range slices.Sorted(maps.Keys(m.waiting)) {
		if n := m.waiting[path]; n.Child != "" {
			children = append(children, n.child())
		}
	}
	return children
}

// Awaits reports whether a step waits for a signal of that name.
func (m *Machine) Awaits(name string) bool { return m.waiter(name) != nil }

// waiter is the step that the next signal of a name is for: the first by path.
func (m *Machine) waiter(name string) *node {
	var first *node
	for _, n := range m.waiting {
		if name != "" && n.Event == name && (first == nil || n.Path < first.Path) {
			first = n
		}
	}
	return first
}

// AwaitsSignals reports whether any step waits for a signal.
func (m *Machine) AwaitsSignals() bool {
	for _, n := range m.waiting {
		if n.Event != "" {
			return true
		}
	}
	return false
}

// WaitUntil answers the next time at which the run goes on by itself; false if
// there is none.
func (m *Machine) WaitUntil() (time.Time, bool) {
	if m.ended != "" {
		return time.Time{}, false
	}
	var next time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, n := range m.waiting {
		consider(n.RetryAt)
	}
	for _, n := range m.withDeadline {
		consider(n.deadline)
	}
	if m.stop == nil {
		consider(m.deadline)
	}
	return next, !next.IsZero()
}

// CanRetry says why a run cannot be retried, nil if it can.
func (m *Machine) CanRetry() *sdk.Error {
	refuse := func(message string) *sdk.Error {
		return &sdk.Error{Code: sdk.CodeConflict, Message: message, Outcome: sdk.OutcomeNotExecuted}
	}
	switch {
	case m.ended == "":
		return refuse("the run has not ended")
	case m.ended != RunFailed:
		return refuse("the run is " + string(m.ended) + ": only a failed run can be retried")
	case m.compensated > 0:
		return refuse("the run has undone what it did: start a new one")
	default:
		return nil
	}
}
