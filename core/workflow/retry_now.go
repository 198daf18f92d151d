package workflow

import (
	"maps"
	"slices"
	"time"
)

// RetryNow decides that a step which waits for another attempt is called at once:
// the first by its path of several. It returns false where none is left. A step of
// which Lookup knows nothing, and that needs it, goes on waiting.
func (m *Machine) RetryNow(now time.Time, lookup Lookup) (Event, bool) {
	for _, path := range slices.Sorted(maps.Keys(m.waiting)) {
		n := m.waiting[path]
		if n.waitingFor() != WaitingForRetry {
			continue
		}
		repeat, known := lookup(n.Step.Integration, n.Step.Action, n.params)
		if known || !n.mayStand() {
			return m.retryDue(n, repeat, now), true
		}
	}
	return Event{}, false
}

// AwaitsRetry reports whether a step waits for another attempt.
func (m *Machine) AwaitsRetry() bool {
	for _, n := range m.waiting {
		if n.waitingFor() == WaitingForRetry {
			return true
		}
	}
	return false
}
