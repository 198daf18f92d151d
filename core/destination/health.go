package destination

import (
	"slices"
	"time"
)

// When everything that fails disables a destination.
const (
	// failingFor is how long everything must have failed.
	failingFor = 5 * 24 * time.Hour
	// failingSpan is how far the first and the last failure of that time are apart at
	// least: a few failures of one hour say nothing of five days.
	failingSpan = 12 * time.Hour
	// markEvery is how far apart failures are that are noted, so that few writes know
	// of many failures.
	markEvery = time.Hour
)

// health is about the attempts since a destination last took a message, if any has
// failed.
type health struct {
	// First is when the first of them failed.
	First time.Time `json:"first,omitzero"`
	// Marks are the failures of the last five days, at least an hour apart, the oldest
	// first.
	Marks []time.Time `json:"marks,omitempty"`
}

// IsZero reports whether nothing has failed since.
func (h health) IsZero() bool { return h.First.IsZero() }

// failed returns the health after a failure, and whether it differs.
func (h health) failed(now time.Time) (next health, changed bool) {
	if h.First.IsZero() {
		return health{First: now, Marks: []time.Time{now}}, true
	}
	if n := len(h.Marks); n > 0 && now.Sub(h.Marks[n-1]) < markEvery {
		return h, false
	}
	next = health{First: h.First}
	for _, mark := range h.Marks {
		if now.Sub(mark) < failingFor {
			next.Marks = append(next.Marks, mark)
		}
	}
	next.Marks = append(next.Marks, now)
	return next, true
}

// isOver reports whether a failure now is one too many: everything has failed for five
// days, and of these days' failures the first and the last are half a day apart. How
// many they are does not matter.
func (h health) isOver(now time.Time) bool {
	if h.First.IsZero() || now.Sub(h.First) < failingFor {
		return false
	}
	first := slices.IndexFunc(h.Marks, func(mark time.Time) bool { return now.Sub(mark) < failingFor })
	return first >= 0 && now.Sub(h.Marks[first]) >= failingSpan
}
