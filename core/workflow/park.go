package workflow

import (
	"fmt"
	"time"

	"github.com/backflow/backflow/sdk"
)

// CanPark reports whether Park decides anything.
func (m *Machine) CanPark() bool {
	return m.root != nil && (m.ended == RunFailed || m.ended == "" && m.stop == nil)
}

// Park decides that a run which has held up the next of its order for so long is
// parked: one that has failed says so from now on, another one fails with it. Calls
// under way are waited for, as when a run fails. It returns false for a run that has
// ended otherwise, or is stopping already.
func (m *Machine) Park(after time.Duration, now time.Time) (Event, bool) {
	if !m.CanPark() {
		return Event{}, false
	}
	event := Event{Type: EventStopping, At: now, Status: RunFailed}
	failure := m.failure
	if m.ended != "" {
		event = Event{Type: EventParked, At: now}
	} else if n := firstOf(m.retried); n != nil {
		failure = n.failure()
		event.Path = n.Path
	}
	parked := &sdk.Error{Code: CodeParked, Outcome: sdk.OutcomeNotExecuted, Message: fmt.Sprintf("the run had not succeeded %s after it began, which is as long as it may hold up others of its order", after)}
	if failure != nil {
		original := *shortError(failure.Err, longestExcerpt)
		parked.Message += fmt.Sprintf(": %s: %s", original.Code, original.Message)
		parked.Outcome, parked.Details = failure.Err.Outcome, failure.Err.Details
	}
	event.Error = parked
	return m.Fit(event), true
}

// applyParked folds that a failed run is parked.
func (m *Machine) applyParked(event Event) error {
	if m.ended != RunFailed || event.Error == nil {
		return m.impossible(event, "the run is "+string(m.Status()))
	}
	failure := Failure{Err: event.Error}
	if m.failure != nil {
		failure.Origin = m.failure.Origin
	}
	m.failure = &failure
	return nil
}
