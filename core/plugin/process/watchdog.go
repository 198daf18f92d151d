package process

import (
	"sync"
	"time"
)

// watchdog calls onExpire when a deadline passes that has not been released. It
// watches one call after another, and rarely touches its timer: a timer that is armed
// for an earlier call stays armed, and when it fires it reads the present deadline
// and arms itself again. Arming one for each call would wake the runtime's poller
// each time, which costs a good part of a call.
type watchdog struct {
	onExpire func()

	mu       sync.Mutex // guards what follows
	timer    *time.Timer
	armed    time.Time // when the timer fires; zero while it does not
	deadline time.Time // of the present call; zero while there is none
	expired  bool
}

// watch begins to watch a deadline.
func (w *watchdog) watch(deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = deadline
	if w.armed.IsZero() || deadline.Before(w.armed) {
		w.arm(time.Until(deadline))
	}
}

// release ends the watch. It reports false if onExpire was called.
func (w *watchdog) release() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = time.Time{}
	return !w.expired
}

// stop releases the timer. The watchdog must not be used afterwards.
func (w *watchdog) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = time.Time{}
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watchdog) arm(left time.Duration) {
	w.armed = w.deadline
	if w.timer == nil {
		w.timer = time.AfterFunc(left, w.fire)
	} else {
		w.timer.Reset(left)
	}
}

func (w *watchdog) fire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = time.Time{}
	if w.deadline.IsZero() {
		return
	}
	if left := time.Until(w.deadline); left > 0 {
		w.arm(left)
		return
	}
	w.expired = true
	w.onExpire()
}
