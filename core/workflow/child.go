package workflow

import (
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
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
	return append(children, m.GivenUp()...)
}

// GivenUp are the runs that steps have given up and that have not ended, as far as is
// known, in the order of the paths of the steps.
func (m *Machine) GivenUp() []Child {
	var children []Child
	for _, path := range slices.Sorted(maps.Keys(m.givenUp)) {
		children = append(children, m.givenUp[path].child())
	}
	return children
}

// giveUp completes the event with which a step gives up the run that it waits for.
// What that run does, or may have done, is to be known before anything is undone. Not
// so where the workflow undoes at once, or in a compensate.
func (m *Machine) giveUp(n *node, event Event) Event {
	event.Child = n.Child
	event.Awaited = n.Child != "" && m.compensating == nil && !m.definition.UndoUnknown && (m.stop == nil || m.stop.status != RunSucceeded)
	return event
}

// settle folds how a run ended that a step had given up.
func (m *Machine) settle(n *node, event Event) {
	n.awaited, n.Outcome = false, event.outcome()
	if n.Error != nil {
		known := *n.Error
		known.Outcome = n.Outcome
		n.Error = &known
	}
	for around := n; around != nil; around = around.block.owner {
		if around.Status.Ended() && !slices.Contains(m.compensable, around) {
			m.keepCompensable(around)
		}
	}
}

// awaitsGivenUp reports whether a run that stops waits for the end of runs that it has
// given up: there is something to undo, or there may be in the run that waits for it.
// A person who cancels has decided.
func (m *Machine) awaitsGivenUp() bool {
	if m.stop == nil || m.stop.status == RunSucceeded || m.IsCancelled() || len(m.givenUp) == 0 {
		return false
	}
	if m.isChild || len(m.compensable) > 0 {
		return true
	}
	for _, n := range m.givenUp {
		for around := n; around != nil; around = around.block.owner {
			if around.Step.Compensate != nil {
				return true
			}
		}
	}
	return false
}

// SetChild says that another run waits for this one.
func (m *Machine) SetChild() { m.isChild = true }

// AwaitsChild reports whether a step waits for the end of a run, or has given it up
// and is to know how it ended. A run that a person has cancelled undoes what it did
// without that.
func (m *Machine) AwaitsChild(child string) bool {
	is := func(n *node) bool { return n.Child == child }
	return slices.ContainsFunc(slices.Collect(maps.Values(m.waiting)), is) ||
		!m.IsCancelled() && slices.ContainsFunc(slices.Collect(maps.Values(m.givenUp)), is)
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
	for _, n := range m.givenUp {
		if n.Child == child {
			return Event{Type: EventSettled, At: now, Path: n.Path, Error: settled(child, status, outcome)}, true
		}
	}
	return Event{}, false
}

// settled is the error of a step that had given up a run, which has ended since: one
// that succeeded all the same has its effects.
func settled(child string, status RunStatus, outcome sdk.Outcome) *sdk.Error {
	err := &sdk.Error{Code: CodeCancelled, Message: "run " + child + " is " + string(status), Outcome: outcome}
	switch {
	case status == RunSucceeded:
		err.Outcome = sdk.OutcomeExecuted
	case outcome == "":
		err.Outcome = sdk.OutcomeUnknown
	}
	return err
}
