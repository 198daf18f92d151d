package workflow

import (
	"maps"
	"slices"
	"time"

	"github.com/backflow/backflow/sdk"
)

// retryDue decides what becomes of a step whose retry is due: normally another
// attempt; not so where it comes so late, after an outage, that its key may be
// forgotten.
func (m *Machine) retryDue(n *node, repeat Repeat, now time.Time) Event {
	if n.mayStand() && repeat.expired(n.keyedAt, now) {
		return n.failed(n.notRepeated(n.Error, "its idempotency key may be forgotten by now"), now)
	}
	return Event{Type: EventRetried, At: now, Path: n.Path}
}

// timedOut is the end of a step whose time is over.
func (m *Machine) timedOut(n *node, now time.Time) Event {
	err := &sdk.Error{
		Code: sdk.CodeTimeout, Message: "step " + n.Path + " took longer than its timeout of " + n.Step.Timeout.String(),
		Outcome: sdk.OutcomeNotExecuted,
	}
	if n.mayStand() {
		err = n.notRepeated(n.Error, "its timeout of "+n.Step.Timeout.String()+" is over")
	}
	return m.giveUp(n, n.failed(err, now))
}

// FireTimers decides what becomes of what is due: waits that are over, attempts to
// be made, timeouts. A step of which Lookup
// knows nothing at present, and that needs it, is left as it is, and FireTimers returns true for left.
func (m *Machine) FireTimers(now time.Time, lookup Lookup) (events []Event, left bool) {
	if m.IsOver(now) {
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
		repeat, known := lookup(n.Step.Integration, n.Step.Action, n.params)
		if !known && n.mayStand() {
			left = true
			continue
		}
		events = append(events, m.retryDue(n, repeat, now))
	}
	return events, left
}

// WaitUntil returns the next time at which the run goes on by itself; false if it
// does not.
func (m *Machine) WaitUntil() (time.Time, bool) {
	if m.ended != "" {
		return time.Time{}, false
	}
	var next time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, n := range m.waiting {
		consider(n.RetryAt)
	}
	for _, n := range m.withDeadline {
		consider(n.deadline)
	}
	if m.stop == nil {
		consider(m.deadline)
	}
	return next, !next.IsZero()
}
