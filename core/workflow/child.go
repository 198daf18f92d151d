package workflow

import (
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// Child is a run that a step waits for, or waited for.
type Child struct {
	Path     string
	ID       string
	Workflow string
	Input    value.Doc
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

// AwaitsChild reports whether a step waits for the end of a run.
func (m *Machine) AwaitsChild(child string) bool {
	for _, n := range m.waiting {
		if n.Child == child {
			return true
		}
	}
	return false
}

// ChildEnded decides what the end of a run means to the step that waits for it;
// false if none does. Outcome is what is known of the effects of a run that did not
// succeed.
func (m *Machine) ChildEnded(child string, status RunStatus, output value.Doc, failure *Failure, outcome sdk.Outcome, now time.Time) (Event, bool) {
	for _, n := range m.waiting {
		if n.Child != child {
			continue
		}
		if status == RunSucceeded {
			return Event{Type: EventSucceeded, At: now, Path: n.Path, Result: output}, true
		}
		err := &sdk.Error{Code: CodeFailed, Message: "run " + child + " is " + string(status), Outcome: sdk.OutcomeUnknown}
		origin := &Origin{Step: n.Path, Child: &FailedChild{ID: child}}
		if failure != nil {
			inner := *failure.Err
			inner.Message = "run " + child + " " + string(status) + ": " + inner.Message
			err = &inner
			origin.Integration, origin.Child.Step = failure.Integration, failure.Step
		}
		if outcome != "" {
			err.Outcome = outcome
		}
		event := n.failed(err, now)
		event.Origin = origin
		return event, true
	}
	return Event{}, false
}
