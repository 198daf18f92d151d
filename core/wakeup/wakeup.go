// Package wakeup is the sleep of a loop that looks for work: it ends when its time is
// over, or when others say that there is something to do. The package imports nothing
// of the project.
package wakeup

import "time"

// Wakeup ends the sleep of a loop. One that comes while the loop is at work is kept for
// its next sleep; further ones are the same one. It is safe for concurrent use.
type Wakeup chan struct{}

// New returns a wakeup of one loop.
func New() Wakeup { return make(Wakeup, 1) }

// Wake ends the sleep of the loop, or its next one.
func (w Wakeup) Wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// Sleep waits for a wakeup or a time. It returns false at once when stop is closed.
func (w Wakeup) Sleep(stop <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w:
		return true
	case <-timer.C:
		return true
	case <-stop:
		return false
	}
}
