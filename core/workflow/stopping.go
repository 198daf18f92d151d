package workflow

import (
	"time"

	"github.com/backflow/backflow/sdk"
)

// decideStopping brings a run to its end: what waits is cancelled, calls under
// way and the runs that it has given up are waited for, what took effect is undone backwards, and then it ends. Where
// it is not known what took effect, a person decides before anything is undone.
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
	if m.undecided != nil || m.awaitsGivenUp() {
		return Event{}, false
	}
	if unknown := m.toDecide(); unknown != nil {
		return Event{Type: EventUndecided, At: now, Path: unknown.Path}, true
	}
	if next := m.nextToUndo(); next != nil {
		return Event{Type: EventCompensating, At: now, Path: next.Path}, true
	}
	ended := Event{Type: EventEnded, At: now, Status: m.stop.status, Path: m.stop.path, Error: m.stop.err, Origin: m.stop.origin, Result: m.stop.output}
	if m.compensationFault != "" && ended.Error != nil {
		faulty := *ended.Error
		faulty.Message += "; " + m.compensationFault
		ended.Error = &faulty
	}
	return ended, true
}

// decideCompensating goes on with the steps of a compensate. The run's error says
// which failed first; the other steps are undone all the same.
func (m *Machine) decideCompensating(n *node, now time.Time) (Event, bool) {
	if event, ok := m.walk(n.compensate, now); ok {
		return event, true
	}
	if failed := n.compensate.failed(); failed != nil {
		return Event{Type: EventCompensationFailed, At: now, Path: n.Path, Error: failed.Error, Origin: failed.origin()}, len(m.activeCalls) == 0
	}
	if n.compensate.done() {
		return Event{Type: EventCompensated, At: now, Path: n.Path}, true
	}
	return Event{}, false
}

// GiveUp decides that a run that is doing nothing ends as failed.
func (m *Machine) GiveUp(err *sdk.Error, now time.Time) Event {
	return Event{Type: EventStopping, At: now, Status: RunFailed, Error: err}
}

// Codes of errors that come from no integration.
const (
	// CodeCancelled is the error of a run that was cancelled.
	CodeCancelled sdk.Code = "cancelled"
	// CodeFailed is that of a step "fail" that names no code.
	CodeFailed sdk.Code = "failed"
	// CodeParked is that of a run, or of the call that was under way, whose process
	// ended again and again without any progress; and that of a run that held up the
	// next of its order for too long.
	CodeParked sdk.Code = "parked"
)
