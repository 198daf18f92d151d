package workflow

import (
	"slices"
	"strings"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Turn is what is recorded at once: the events that are in it, and how many it may
// have.
type Turn struct {
	// MaxEvents and MaxBytes bound it. One event alone may have more bytes.
	MaxEvents, MaxBytes int

	events, bytes int
}

// Fits reports whether the turn has room for an event of so many bytes.
func (t *Turn) Fits(bytes int) bool {
	return t.events < t.MaxEvents && (t.events == 0 || t.bytes+bytes <= t.MaxBytes)
}

// Add counts an event.
func (t *Turn) Add(event *Event) {
	t.events++
	t.bytes += event.Size()
}

// Advance decides what follows from the present state, applies it, and returns
// the events, which the engine makes durable before it acts on them. Settled is
// whether the run waits for something to happen; else the turn is full, and more
// is to be decided in the next one.
func (m *Machine) Advance(now time.Time, turn *Turn) (events []Event, settled bool, err error) {
	for m.root != nil && m.ended == "" {
		event, ok := m.decide(now)
		if !ok {
			break
		}
		event = m.within(event, now)
		if !turn.Fits(event.Size()) {
			return events, false, nil
		}
		if err := m.Apply(event); err != nil {
			return nil, false, err
		}
		turn.Add(&event)
		events = append(events, event)
	}
	return events, true, nil
}

// AdvanceRefused is Advance where the state store has not taken the next decision,
// for a reason: the failure of the run takes its place, with the step at which it
// arose.
func (m *Machine) AdvanceRefused(now time.Time, turn *Turn, reason string) (events []Event, settled bool, err error) {
	event, ok := m.decide(now)
	if !ok {
		return nil, true, nil
	}
	event = m.refused(m.within(event, now), reason, now)
	if !turn.Fits(event.Size()) {
		return nil, false, nil
	}
	turn.Add(&event)
	err = m.Apply(event)
	return []Event{event}, m.ended != "", err
}

// decide returns the next event that follows from the present state; false if
// there is none.
func (m *Machine) decide(now time.Time) (Event, bool) {
	if m.stop != nil {
		return m.decideStopping(now)
	}
	if event, ok := m.decideFull(now); ok {
		return event, true
	}
	if err := m.filter(); err != nil {
		return Event{Type: EventStopping, At: now, Status: RunFailed, Error: renderError("", "filter", err)}, true
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

// filter says why it cannot be told whether the run was to be made at all. It is asked
// before the first step begins; later, and where it can be told, it is nil.
func (m *Machine) filter() error {
	if m.definition.Filter == nil || slices.ContainsFunc(m.root.nodes, func(n *node) bool { return n.touched }) {
		return nil
	}
	_, err := m.definition.Filter.Eval(m.scopeAt(nil))
	return err
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
		case n.Status == StepRunning && !n.Step.calls() && b.ready(n): // one that another run had begun may not be
			event, ok = m.walkInto(n, now)
		case n.Status == StepFailed && n.handler != nil && b.ready(n):
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
	message := err.Error()
	if !strings.HasPrefix(message, field+": ") { // that of a condition says so itself
		message = field + ": " + message
	}
	if path != "" {
		message = "step " + path + ": " + message
	}
	return &sdk.Error{Code: sdk.CodeInvalidParams, Message: message, Outcome: sdk.OutcomeNotExecuted}
}
