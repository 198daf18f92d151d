package workflow

import (
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// Call is one attempt at a step's action, to be made by the engine.
type Call struct {
	Path        string
	Integration string
	Action      string
	Params      value.Doc
	// Source are the params as the definition writes them.
	Source  any
	Key     string
	Attempt int // counting from 1
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
			Params: n.params, Source: n.Step.Source, Key: n.key, Attempt: n.Attempts, Deadline: m.deadlineOf(n),
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
	for n != nil {
		if !n.deadline.IsZero() && (deadline.IsZero() || n.deadline.Before(deadline)) {
			deadline = n.deadline
		}
		b := n.block
		if n = b.owner; n == nil || n.compensate == b {
			break
		}
		if n.handler == b { // what deals with a failure does not share the time of what failed
			n = n.block.owner
		}
	}
	return deadline
}
