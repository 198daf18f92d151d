package workflow

import (
	"slices"

	"github.com/backflow/backflow/sdk"
)

// keepCompensable remembers a step that has ended, if it is to be undone where the
// run goes no further: it succeeded, or its effect stands or may stand, also while it
// is retried. Steps of a compensate are not undone.
func (m *Machine) keepCompensable(n *node) {
	if n.Step.Compensate == nil || m.compensating != nil {
		return
	}
	m.forgetCompensable(n) // it may have failed before, and been retried
	if n.Status == StepSucceeded || n.effect() != sdk.OutcomeNotExecuted {
		m.compensable = append(m.compensable, n)
	}
}

// undone folds that a step was undone, or could not be.
func (m *Machine) undone(n *node) {
	m.compensating = nil
	m.forgetCompensable(n)
	m.compensated++
}

func (m *Machine) forgetCompensable(n *node) {
	m.compensable = slices.DeleteFunc(m.compensable, func(other *node) bool { return other == n })
}

// toDecide returns the step whose unknown outcome keeps the run from undoing anything
// by itself, since its effect may stand; nil if none does, or nothing is to be undone.
// A person who cancels has decided, and so has a workflow that says so.
func (m *Machine) toDecide() *node {
	if m.stop.status == RunSucceeded || m.IsCancelled() || m.definition.UndoUnknown || m.compensated > 0 || len(m.compensable) == 0 {
		return nil
	}
	return m.root.with(sdk.OutcomeUnknown)
}

// nextToUndo returns the step that is undone next, nil if none is left. A step of
// which nobody has decided that it is undone is left as it is: it cannot be, but in a
// run that began to undo its steps before such decisions were asked for.
func (m *Machine) nextToUndo() *node {
	if m.stop.status == RunSucceeded {
		return nil
	}
	for _, n := range slices.Backward(m.compensable) {
		if n.Status == StepSucceeded || n.effect() == sdk.OutcomeExecuted || m.IsCancelled() || m.definition.UndoUnknown {
			return n
		}
	}
	return nil
}
