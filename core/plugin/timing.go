package plugin

import (
	"time"

	"github.com/backflow/backflow/core/backoff"
)

// Timing is time and chance for the supervision of plugins. Tests hand in their
// own.
type Timing struct {
	// Now returns the present.
	Now func() time.Time
	// After returns a channel that gets a value once d has passed.
	After func(d time.Duration) <-chan time.Time
	// Random returns a number in [0,1).
	Random func() float64
}

// Checks say how often plugins are checked.
type Checks struct {
	// Interval is how often memory and file are checked; zero means a second.
	Interval time.Duration
	// ProbeInterval is how often a plugin is asked for a sign of life; zero means 5 s.
	ProbeInterval time.Duration
	// ProbeTimeout is how long that sign may take; zero means 10 s. It is much longer
	// than a healthy plugin takes on a busy machine, because a plugin that exceeds it
	// is killed.
	ProbeTimeout time.Duration
}

func (c Checks) withDefaults() Checks {
	if c.Interval <= 0 {
		c.Interval = time.Second
	}
	if c.ProbeInterval <= 0 {
		c.ProbeInterval = 5 * time.Second
	}
	if c.ProbeTimeout <= 0 {
		c.ProbeTimeout = 10 * time.Second
	}
	return c
}

const (
	// The wait before start n after a failure doubles from minBackoff to maxBackoff.
	minBackoff = 100 * time.Millisecond
	maxBackoff = 30 * time.Second
	// The same after a Permanent error.
	minPermanentBackoff = 5 * time.Second
	maxPermanentBackoff = 5 * time.Minute
)

// retryDelay is how long to wait after so many failures in a row. A quarter of it is
// random, so that plugins that died together do not start together.
func retryDelay(failures int, permanent bool, random float64) time.Duration {
	first, last := minBackoff, maxBackoff
	if permanent {
		first, last = minPermanentBackoff, maxPermanentBackoff
	}
	full := backoff.Exponential{First: first, Longest: last}.After(failures)
	return full*3/4 + time.Duration(random*float64(full)/4)
}
