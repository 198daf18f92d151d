package process

import (
	"sync"
	"time"
)

// watchdog calls bite when a deadline passes that has not been released. It
// guards one call after another, and touches its timer as good as never: a timer
// that is armed for an earlier call is left alone, looks at what is guarded when
// it fires, and arms itself anew. Arming one for each call would wake the
// runtime's poller each time, which costs a good part of a call.
type watchdog struct {
	bite func()

	mu       sync.Mutex // guards what follows
	timer    *time.Timer
	armed    time.Time // when the timer fires; zero while it does not
	deadline time.Time // of the present call; zero while there is none
	bitten   bool
}

// guard begins to watch a deadline.
func (w *watchdog) guard(deadline time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = deadline
	if w.armed.IsZero() || deadline.Before(w.armed) {
		w.arm(time.Until(deadline))
	}
}

// release ends the watch. It reports whether the watchdog has kept still.
func (w *watchdog) release() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.deadline = time.Time{}
	return !w.bitten
}

// stop gives the timer back. The watchdog must not be used afterwards.
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
	w.bitten = true
	w.bite()
}
