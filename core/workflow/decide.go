package workflow

import (
	"encoding/json"
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
	output, err := m.render(m.definition.Output, m.scope.at(nil))
	if err != nil {
		return Event{Type: EventStopping, At: now, Status: RunFailed, Error: renderError("", "output", err)}, true
	}
	return Event{Type: EventEnded, At: now, Status: RunSucceeded, Result: output}, true
}

// walk decides about the steps of a block that was begun.
func (m *Machine) walk(b *block, now time.Time) (Event, bool) {
	b.done() // passes over the steps that are behind
	if b.failed() != nil {
		return m.haltRest(b, now)
	}
	for _, n := range b.nodes[b.open:] {
		var event Event
		ok := false
		switch {
		case n.Status == StepPending && b.ready(n):
			return m.begin(n, now), true
		case n.Status == StepRunning && n.Step.Type != TypeIntegration:
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
		if event, ok := m.haltInside(n, now); ok || m.busy(n) {
			return event, ok
		}
		return m.timedOut(n, now), true
	}
	if n.Step.Type == TypeForeach {
		return m.walkIterations(n, now)
	}
	if len(n.blocks) == 0 { // a switch of which no case was taken
		return Event{Type: EventSucceeded, At: now, Path: n.Path}, true
	}
	return m.walkInner(n, n.blocks[0], now)
}

// walkInner decides about the only block in a step, and about the step when
// that has ended.
func (m *Machine) walkInner(n *node, b *block, now time.Time) (Event, bool) {
	if event, ok := m.walk(b, now); ok {
		return event, true
	}
	if failed := b.failed(); failed != nil {
		if m.busy(n) {
			return Event{}, false
		}
		return Event{Type: EventFailed, At: now, Path: n.Path, Error: failed.Error, Unknown: failed.Unknown}, true
	}
	if b.done() {
		return Event{Type: EventSucceeded, At: now, Path: n.Path}, true
	}
	return Event{}, false
}

// walkIterations decides about a foreach: at most its concurrency of iterations
// are under way, and one that fails ends the others.
func (m *Machine) walkIterations(n *node, now time.Time) (Event, bool) {
	for n.ended < len(n.blocks) && n.blocks[n.ended].done() {
		n.ended++
	}
	open := 0
	for _, b := range n.blocks[n.ended:] {
		if failed := b.failed(); failed != nil {
			if event, ok := m.haltInside(n, now); ok || m.busy(n) {
				return event, ok
			}
			return Event{Type: EventFailed, At: now, Path: n.Path, Error: failed.Error, Unknown: failed.Unknown}, true
		}
		if !b.done() {
			open++
		}
	}
	for _, b := range n.blocks[n.ended:] {
		if event, ok := m.walk(b, now); ok {
			return event, true
		}
	}
	if n.ended == len(n.items) {
		return Event{Type: EventSucceeded, At: now, Path: n.Path}, true
	}
	if open < n.Step.Concurrency && len(n.blocks) < len(n.items) {
		m.openIterations(n, len(n.blocks)+1)
		return m.walk(n.blocks[len(n.blocks)-1], now)
	}
	return Event{}, false
}

// begin decides what becomes of a step whose turn has come.
func (m *Machine) begin(n *node, now time.Time) Event {
	see := m.scope.at(n)
	if c := n.Step.Condition; c != nil {
		run, err := c.Eval(see)
		if err != nil {
			return m.failedToBegin(n, "condition", err, now)
		}
		if !run {
			return Event{Type: EventSkipped, At: now, Path: n.Path}
		}
	}
	event, what, err := m.beginAs(n, see, now)
	if err != nil {
		return m.failedToBegin(n, what, err, now)
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

// MaxItems is the most iterations that a foreach may have.
const MaxItems = 10_000

// beginAs begins a step as what its type is. With an error it names the field
// at fault.
func (m *Machine) beginAs(n *node, see *view, now time.Time) (event Event, what string, err error) {
	switch n.Step.Type {
	case TypeIntegration:
		params, err := m.render(n.Step.Params, see)
		return Event{
			Type: EventScheduled, Params: params,
			Key: StepKey(m.runID, n.Path, n.generation), Generation: n.generation,
		}, "params", err
	case TypeForeach:
		items, err := m.render(n.Step.Items, see)
		if err != nil {
			return Event{}, "items", err
		}
		var list []json.RawMessage
		if json.Unmarshal(items, &list) != nil {
			return Event{}, "items", fmt.Errorf("must be a list")
		}
		if len(list) > MaxItems {
			return Event{}, "items", fmt.Errorf("%d items are more than the %d that there may be", len(list), MaxItems)
		}
		return Event{Type: EventEntered, Params: items}, "", nil
	case TypeSwitch:
		for i, c := range n.Step.Cases {
			holds, err := c.When.Eval(see)
			if err != nil {
				return Event{}, fmt.Sprintf("case %d", i+1), err
			}
			if holds {
				return Event{Type: EventEntered, Case: i + 1}, "", nil
			}
		}
		return Event{Type: EventEntered}, "", nil
	case TypeWait:
		until, what, err := m.waitUntil(n.Step, see, now)
		return Event{Type: EventWaiting, RetryAt: until}, what, err
	case TypeWaitForEvent:
		name, err := m.renderText(n.Step.Event, see)
		return Event{Type: EventWaiting, Name: name}, "event", err
	case TypeWorkflow:
		input, err := m.render(n.Step.Input, see)
		return Event{
			Type: EventChild, Params: input,
			Child: childID(now, StepKey(m.runID, n.Path, n.generation)),
		}, "input", err
	case TypeSet:
		values, err := m.render(n.Step.Values, see)
		return Event{Type: EventSucceeded, Result: values}, "values", err
	case TypeFail:
		message, err := m.renderText(n.Step.Message, see)
		return Event{Type: EventFailed, Error: &sdk.Error{
			Code: sdk.Code(n.Step.Code), Message: message, Outcome: sdk.OutcomeNotExecuted,
		}}, "message", err
	case TypeReturn:
		output, err := m.render(n.Step.Output, see)
		return Event{Type: EventStopping, Status: RunSucceeded, Result: output}, "output", err
	default: // sequence and parallel
		return Event{Type: EventEntered}, "", nil
	}
}

// waitUntil works out when a wait is over.
func (m *Machine) waitUntil(s *Step, see *view, now time.Time) (until time.Time, what string, err error) {
	if s.Until != nil {
		text, err := m.renderText(s.Until, see)
		if err != nil {
			return time.Time{}, "until", err
		}
		until, err = time.Parse(time.RFC3339, text)
		if err != nil {
			return time.Time{}, "until", fmt.Errorf("%q is no time as RFC 3339 writes it", text)
		}
		return until.UTC(), "", nil
	}
	text, err := m.renderText(s.Duration, see)
	if err != nil {
		return time.Time{}, "duration", err
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return time.Time{}, "duration", fmt.Errorf("%q is no duration such as 90s or 24h", text)
	}
	return now.Add(d), "", nil
}

// busy reports whether any call is under way in a step, or of it.
func (m *Machine) busy(n *node) bool {
	for path := range m.calling {
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

// haltRest ends what is under way in a block beside the step that failed: what
// waits is cancelled, calls are waited for.
func (m *Machine) haltRest(b *block, now time.Time) (Event, bool) {
	for _, n := range b.nodes[b.open:] {
		if event, ok := m.haltStep(n, now); ok {
			return event, true
		}
	}
	return Event{}, false
}

// haltStep is halt for a step that may be under way, or for what was begun when
// it failed.
func (m *Machine) haltStep(n *node, now time.Time) (Event, bool) {
	switch {
	case n.Status == StepRunning || n.Status == StepWaiting:
		return m.halt(n, now)
	case n.Status == StepFailed && n.handler != nil:
		return m.haltRest(n.handler, now)
	default:
		return Event{}, false
	}
}

// halt cancels a step that is under way, unless a call in it is.
func (m *Machine) halt(n *node, now time.Time) (Event, bool) {
	if event, ok := m.haltInside(n, now); ok || m.busy(n) {
		return event, ok
	}
	return Event{Type: EventCancelled, At: now, Path: n.Path, Child: n.Child}, true
}

// haltInside cancels, one by one, the steps in a step that wait.
func (m *Machine) haltInside(n *node, now time.Time) (Event, bool) {
	for _, path := range slices.Sorted(maps.Keys(m.sleeping)) {
		if path != n.Path && within(path, n.Path) {
			return Event{Type: EventCancelled, At: now, Path: path, Child: m.sleeping[path].Child}, true
		}
	}
	return Event{}, false
}

// halted reports whether nothing new is to be begun where a step is.
func (m *Machine) halted(n *node) bool {
	for b := n.block; ; b = b.owner.block {
		if b.failed() != nil {
			return true
		}
		if b.owner == nil {
			return m.stop != nil
		}
		if b.owner.undo == b {
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
