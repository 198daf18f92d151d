package workflow

import (
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// decideStopping brings a run to its end: what waits is cancelled, calls under
// way are waited for, what succeeded is undone backwards, and then it ends.
func (m *Machine) decideStopping(now time.Time) (Event, bool) {
	if m.compensating != nil {
		return m.decideCompensating(m.compensating, now)
	}
	if event, ok := m.cancelPending(m.root, now); ok {
		return event, true
	}
	if len(m.activeCalls) > 0 {
		return Event{}, false
	}
	if m.stop.status != RunSucceeded && m.compensated < len(m.compensable) {
		next := m.compensable[len(m.compensable)-1-m.compensated]
		return Event{Type: EventCompensating, At: now, Path: next.Path}, true
	}
	ended := Event{Type: EventEnded, At: now, Status: m.stop.status, Path: m.stop.path, Error: m.stop.err, Result: m.stop.output}
	if m.compensationFault != "" && ended.Error != nil {
		faulty := *ended.Error
		faulty.Message += "; " + m.compensationFault
		ended.Error = &faulty
	}
	return ended, true
}

// decideCompensating goes on with the steps that undo a step. One that fails is told
// at the end; the others are undone all the same.
func (m *Machine) decideCompensating(n *node, now time.Time) (Event, bool) {
	if event, ok := m.walk(n.compensate, now); ok {
		return event, true
	}
	if failed := n.compensate.failed(); failed != nil {
		return Event{Type: EventCompensationFailed, At: now, Path: n.Path, Error: failed.Error}, len(m.activeCalls) == 0
	}
	if n.compensate.done() {
		return Event{Type: EventCompensated, At: now, Path: n.Path}, true
	}
	return Event{}, false
}

// Cancel decides that the run is to end; false if it ends already.
func (m *Machine) Cancel(now time.Time) (Event, bool) {
	if m.root == nil || m.stop != nil || m.ended != "" {
		return Event{}, false
	}
	return Event{Type: EventStopping, At: now, Status: RunCancelled, Error: &sdk.Error{
		Code: CodeCancelled, Message: "the run was cancelled", Outcome: sdk.OutcomeNotExecuted,
	}}, true
}

// GiveUp decides that a run that is doing nothing ends as failed.
func (m *Machine) GiveUp(err *sdk.Error, now time.Time) Event {
	return Event{Type: EventStopping, At: now, Status: RunFailed, Error: err}
}

// Codes of errors that no integration answers.
const (
	// CodeCancelled is the error of a run that was cancelled.
	CodeCancelled sdk.Code = "cancelled"
	// CodeFailed is that of a step "fail" that names no code.
	CodeFailed sdk.Code = "failed"
)

// timedOut is the end of a step whose time is over.
func (m *Machine) timedOut(n *node, now time.Time) Event {
	unknown := n.Unknown
	err := &sdk.Error{
		Code: sdk.CodeTimeout, Message: "step " + n.Path + " took longer than its timeout of " + n.Step.Timeout.String(),
		Outcome: sdk.OutcomeNotExecuted,
	}
	if unknown {
		err = outcomeUnknown(n.Error, "its timeout of "+n.Step.Timeout.String()+" is over")
	}
	return Event{Type: EventFailed, At: now, Path: n.Path, Error: err, Unknown: unknown, Child: n.Child}
}

// FireTimers decides what becomes of what is due: waits that are over, attempts to
// be made, timeouts. Lookup says what is known of repeating an action, and false
// where that cannot be told at present: what needs to know it is left as it is,
// and FireTimers answers that something was left.
func (m *Machine) FireTimers(now time.Time, lookup func(integration, action string) (Repeat, bool)) (events []Event, left bool) {
	if m.stop == nil && !m.deadline.IsZero() && !m.deadline.After(now) {
		return []Event{{Type: EventStopping, At: now, Status: RunFailed, Error: &sdk.Error{
			Code: sdk.CodeTimeout, Message: "the run took longer than its timeout of " + m.definition.Timeout.String(),
			Outcome: sdk.OutcomeNotExecuted,
		}}}, false
	}
	for _, path := range slices.Sorted(maps.Keys(m.withDeadline)) {
		n := m.withDeadline[path]
		if n.deadline.After(now) {
			continue
		}
		switch {
		case n.Status == StepWaiting:
			events = append(events, m.timedOut(n, now))
		case !n.Step.calls():
			events = append(events, Event{Type: EventExpired, At: now, Path: path})
		}
	}
	for _, path := range slices.Sorted(maps.Keys(m.waiting)) {
		n := m.waiting[path]
		if n.RetryAt.IsZero() || n.RetryAt.After(now) || (!n.deadline.IsZero() && !n.deadline.After(now)) {
			continue
		}
		if !n.Step.calls() { // a wait
			events = append(events, Event{Type: EventSucceeded, At: now, Path: path})
			continue
		}
		repeat, known := lookup(n.Step.Integration, n.Step.Action)
		if !known && n.Unknown {
			left = true
			continue
		}
		events = append(events, m.retryDue(n, repeat, now))
	}
	return events, left
}

// Signal decides who takes a signal; false if nobody waits for it now.
func (m *Machine) Signal(name string, body value.Doc, now time.Time) (Event, bool) {
	n := m.waiter(name)
	if n == nil || m.ended != "" {
		return Event{}, false
	}
	return Event{Type: EventSucceeded, At: now, Path: n.Path, Result: body}, true
}

// ChildEnded decides what the end of a run means to the step that waits for it;
// false if none does.
func (m *Machine) ChildEnded(child string, status RunStatus, output value.Doc, failure *Failure, now time.Time) (Event, bool) {
	for _, n := range m.waiting {
		if n.Child != child {
			continue
		}
		if status == RunSucceeded {
			return Event{Type: EventSucceeded, At: now, Path: n.Path, Result: output}, true
		}
		err := &sdk.Error{Code: CodeFailed, Message: "run " + child + " is " + string(status), Outcome: sdk.OutcomeUnknown}
		if failure != nil {
			inner := *failure.Err
			inner.Message = "run " + child + " " + string(status) + ": " + inner.Message
			err = &inner
		}
		return Event{Type: EventFailed, At: now, Path: n.Path, Error: err}, true
	}
	return Event{}, false
}
