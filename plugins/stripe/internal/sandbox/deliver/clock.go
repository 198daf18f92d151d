package deliver

import (
	"context"
	"time"
)

// Clock is time, and waiting for it. Both are safe for concurrent use.
type Clock interface {
	// Now is the time of the machine.
	Now() time.Time
	// Wait waits for a time, for a call, or until the context ends. The zero time
	// never comes.
	Wait(ctx context.Context, until time.Time, woken <-chan struct{})
}

// RealClock is the clock of the machine.
type RealClock struct{}

var _ Clock = RealClock{}

// Now is the time of the machine.
func (RealClock) Now() time.Time { return time.Now() }

// Wait waits for a time, for a call, or until the context ends.
func (RealClock) Wait(ctx context.Context, until time.Time, woken <-chan struct{}) {
	var due <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-woken:
	case <-ctx.Done():
	}
}
