package workflow

import (
	"fmt"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Advance decides what follows from the present state, applies it, and returns
// the events, which the engine makes durable before it acts on them. It returns
// none where the run waits for something to happen.
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

// decide returns the next event that follows from the present state; false if
// there is none.
func (m *Machine) decide(now time.Time) (Event, bool) {
	if m.stop != nil {
		return m.decideStopping(now)
	}
	if event, ok := m.walk(m.root, now); ok {
		return event, true
	}
	if n := m.root.failed(); n != nil {
		return Event{Type: EventStopping, At: now, Status: RunFailed, Path: n.Path, Error: n.Error, Origin: n.cause}, true
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

// walk returns the next event of the steps of an open block.
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

// walkInto returns the next event of a step that contains steps.
func (m *Machine) walkInto(n *node, now time.Time) (Event, bool) {
	if n.expired {
		if event, ok := m.cancelPendingInside(n, now); ok || m.inFlight(n) {
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

// begin returns the event with which a step begins.
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
	event.Type, event.At, event.Path = n.Step.behavior.begins(), now, n.Path
	return event
}

func (m *Machine) failedToBegin(n *node, field string, err error, now time.Time) Event {
	return Event{Type: EventFailed, At: now, Path: n.Path, Error: renderError(n.Path, field, err)}
}

// renderError is the error of a step whose template or condition could not be
// rendered.
func renderError(path, field string, err error) *sdk.Error {
	message := fmt.Sprintf("%s: %v", field, err)
	if path != "" {
		message = "step " + path + ": " + message
	}
	return &sdk.Error{Code: sdk.CodeInvalidParams, Message: message, Outcome: sdk.OutcomeNotExecuted}
}
