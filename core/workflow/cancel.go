package workflow

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
)

// inFlight reports whether a call of a step, or of one in it, is under way.
func (m *Machine) inFlight(n *node) bool {
	for path := range m.activeCalls {
		if within(path, n.Path) {
			return true
		}
	}
	return false
}

// within reports whether a path is that of a step, or of one in it.
func within(path, of string) bool {
	rest, ok := strings.CutPrefix(path, of)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}

// cancelPending cancels what waits in a block beside the step that failed. Calls
// in progress are waited for.
func (m *Machine) cancelPending(b *block, now time.Time) (Event, bool) {
	for _, n := range b.nodes[b.open:] {
		if event, ok := m.cancelPendingStep(n, now); ok {
			return event, true
		}
	}
	return Event{}, false
}

// cancelPendingStep is cancelStep for a step that may be under way, or for the
// onError that began when it failed.
func (m *Machine) cancelPendingStep(n *node, now time.Time) (Event, bool) {
	switch {
	case n.Status == StepRunning || n.Status == StepWaiting:
		return m.cancelStep(n, now)
	case n.Status == StepFailed && n.handler != nil:
		return m.cancelPending(n.handler, now)
	default:
		return Event{}, false
	}
}

// cancelStep cancels a step that is under way, once no call in it is.
func (m *Machine) cancelStep(n *node, now time.Time) (Event, bool) {
	if event, ok := m.cancelPendingInside(n, now); ok || m.inFlight(n) {
		return event, ok
	}
	return m.giveUp(n, Event{Type: EventCancelled, At: now, Path: n.Path}), true
}

// cancelPendingInside cancels, one by one, the steps in a step that wait.
func (m *Machine) cancelPendingInside(n *node, now time.Time) (Event, bool) {
	for _, path := range slices.Sorted(maps.Keys(m.waiting)) {
		if path != n.Path && within(path, n.Path) {
			return m.giveUp(m.waiting[path], Event{Type: EventCancelled, At: now, Path: path}), true
		}
	}
	return Event{}, false
}

// isStopping reports whether no step may begin any more in the block of a step.
func (m *Machine) isStopping(n *node) bool {
	for b := n.block; ; b = b.owner.block {
		if b.failed() != nil {
			return true
		}
		if b.owner == nil {
			return m.stop != nil
		}
		if b.owner.compensate == b {
			return false
		}
		if b.owner.expired {
			return true
		}
		for _, iteration := range b.owner.blocks {
			if iteration.failed() != nil {
				return true
			}
		}
	}
}

// Cancel decides that the run ends; false if it is ending so already, or undoes what
// it did. A person who cancels a run that fails, or waits for a decision, decides that
// it is undone, whatever the outcome of its steps; its parent does not.
func (m *Machine) Cancel(parent bool, now time.Time) (Event, bool) {
	if m.root == nil || m.ended != "" || m.stop != nil && (parent || !m.canStillCancel()) {
		return Event{}, false
	}
	message := "the run was cancelled"
	switch {
	case m.undecided != nil:
		message += "; it is not known whether step " + m.undecided.Path + " took effect"
	case m.stop != nil && m.stop.err != nil:
		message += " while it failed: " + m.stop.err.Message
	}
	return Event{Type: EventStopping, At: now, Status: RunCancelled, Parent: parent, Error: &sdk.Error{
		Code: CodeCancelled, Message: message, Outcome: sdk.OutcomeNotExecuted,
	}}, true
}

// canStillCancel reports whether a run that is stopping can be cancelled by a person:
// nobody has yet, and nothing was undone.
func (m *Machine) canStillCancel() bool {
	return m.stop.status != RunSucceeded && !m.IsCancelled() && m.compensating == nil && m.compensated == 0
}

// IsCancelled reports whether a person has cancelled the run.
func (m *Machine) IsCancelled() bool {
	return m.stop != nil && m.stop.status == RunCancelled && !m.stop.parent
}
