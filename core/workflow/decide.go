package workflow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Advance decides what follows from the present state, applies it, and answers
// the events, which the engine makes durable before it acts on them. It
// answers none where the run waits for something to happen.
func (m *Machine) Advance(now time.Time) ([]Event, error) {
	var events []Event
	for m.root != nil && m.ended == "" {
		event, ok := m.decide(now)
		if !ok {
			break
		}
		if err := m.Apply(event); err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

// decide answers the next event that follows without anything happening.
func (m *Machine) decide(now time.Time) (Event, bool) {
	if m.stop != nil {
		return m.decideStopping(now)
	}
	if event, ok := m.walk(m.root, now); ok {
		return event, true
	}
	if n := m.root.failed(); n != nil {
		return Event{Type: EventStopping, At: now, Status: RunFailed, Path: n.Path, Error: n.Error}, true
	}
	if !m.root.done() {
		return Event{}, false
	}
	output, err := m.scopeAt(nil).document(m.definition.Output)
	if err != nil {
		return Event{Type: EventStopping, At: now, Status: RunFailed, Error: renderError("", "output", err)}, true
	}
	return Event{Type: EventEnded, At: now, Status: RunSucceeded, Result: output}, true
}

// walk decides about the steps of a block that was begun.
func (m *Machine) walk(b *block, now time.Time) (Event, bool) {
	b.done() // passes over the steps that are behind
	if b.failed() != nil {
		return m.cancelPending(b, now)
	}
	for _, n := range b.nodes[b.open:] {
		var event Event
		ok := false
		switch {
		case n.Status == StepPending && b.ready(n):
			return m.begin(n, now), true
		case n.Status == StepRunning && !n.Step.calls():
			event, ok = m.walkInto(n, now)
		case n.Status == StepFailed && n.handler != nil:
			event, ok = m.walk(n.handler, now)
		}
		if ok {
			return event, true
		}
	}
	return Event{}, false
}

// walkInto decides about a step that has steps in it.
func (m *Machine) walkInto(n *node, now time.Time) (Event, bool) {
	if n.expired {
		if event, ok := m.cancelPendingInside(n, now); ok || m.busy(n) {
			return event, ok
		}
		return m.timedOut(n, now), true
	}
	inside, ok := n.Step.behavior.(container)
	if !ok {
		return Event{}, false
	}
	return inside.advance(m, n, now)
}

// begin decides what becomes of a step whose turn has come.
func (m *Machine) begin(n *node, now time.Time) Event {
	at := m.scopeAt(n)
	if c := n.Step.Condition; c != nil {
		run, err := c.Eval(at)
		if err != nil {
			return m.failedToBegin(n, "condition", err, now)
		}
		if !run {
			return Event{Type: EventSkipped, At: now, Path: n.Path}
		}
	}
	event, field, err := n.Step.behavior.begin(at, now)
	if err != nil {
		return m.failedToBegin(n, field, err, now)
	}
	event.At, event.Path = now, n.Path
	return event
}

func (m *Machine) failedToBegin(n *node, what string, err error, now time.Time) Event {
	return Event{Type: EventFailed, At: now, Path: n.Path, Error: renderError(n.Path, what, err)}
}

// renderError is the error of a step of which a template or condition could not
// be worked out.
func renderError(path, what string, err error) *sdk.Error {
	message := fmt.Sprintf("%s: %v", what, err)
	if path != "" {
		message = "step " + path + ": " + message
	}
	return &sdk.Error{Code: sdk.CodeInvalidParams, Message: message, Outcome: sdk.OutcomeNotExecuted}
}

// busy reports whether any call is under way in a step, or of it.
func (m *Machine) busy(n *node) bool {
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

// cancelPending ends what is under way in a block beside the step that failed: what
// waits is cancelled, calls are waited for.
func (m *Machine) cancelPending(b *block, now time.Time) (Event, bool) {
	for _, n := range b.nodes[b.open:] {
		if event, ok := m.cancelPendingStep(n, now); ok {
			return event, true
		}
	}
	return Event{}, false
}

// cancelPendingStep is halt for a step that may be under way, or for what was begun when
// it failed.
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

// halt cancels a step that is under way, unless a call in it is.
func (m *Machine) cancelStep(n *node, now time.Time) (Event, bool) {
	if event, ok := m.cancelPendingInside(n, now); ok || m.busy(n) {
		return event, ok
	}
	return Event{Type: EventCancelled, At: now, Path: n.Path, Child: n.Child}, true
}

// cancelPendingInside cancels, one by one, the steps in a step that wait.
func (m *Machine) cancelPendingInside(n *node, now time.Time) (Event, bool) {
	for _, path := range slices.Sorted(maps.Keys(m.waiting)) {
		if path != n.Path && within(path, n.Path) {
			return Event{Type: EventCancelled, At: now, Path: path, Child: m.waiting[path].Child}, true
		}
	}
	return Event{}, false
}

// halted reports whether nothing new is to be begun where a step is.
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
