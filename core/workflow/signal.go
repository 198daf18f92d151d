package workflow

import (
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// waiter is the step that the next signal of a name is for: the first by path;
// nil if none waits for it.
func (m *Machine) waiter(name string) *node {
	var first *node
	for _, n := range m.waiting {
		if name != "" && n.Event == name && (first == nil || n.Path < first.Path) {
			first = n
		}
	}
	return first
}

// Awaits counts the steps that wait for a signal of a name.
func (m *Machine) Awaits(name string) int {
	count := 0
	for _, n := range m.waiting {
		if name != "" && n.Event == name {
			count++
		}
	}
	return count
}

// AwaitsSignals reports whether any step waits for a signal.
func (m *Machine) AwaitsSignals() bool {
	for _, n := range m.waiting {
		if n.Event != "" {
			return true
		}
	}
	return false
}

// Signal decides which step takes a signal; false if none waits for it now.
func (m *Machine) Signal(name string, body value.Doc, now time.Time) (Event, bool) {
	n := m.waiter(name)
	if n == nil || m.ended != "" {
		return Event{}, false
	}
	return Event{Type: EventSucceeded, At: now, Path: n.Path, Result: body}, true
}
