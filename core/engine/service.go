package engine

import (
	"sync"
	"time"
)

// retryPause is how long a loop waits after the store could not be read, and before
// it looks again at what could not be done.
const retryPause = time.Second

// service runs loops in the background until it is stopped. Between rounds a loop
// calls sleep, which returns early when the service stops.
type service struct {
	*stopSignal
	loops sync.WaitGroup
}

func newService() *service { return &service{stopSignal: newStopSignal()} }

// run runs a loop. It does not wait for it.
func (s *service) run(loop func()) { s.loops.Go(loop) }

// Stop ends the loops and waits for them. It may be called again.
func (s *service) Stop() {
	s.signalStop()
	s.loops.Wait()
}

// sleep waits for a wakeup, a time or the end of the service. It returns false at
// the end.
func (s *service) sleep(w wakeup, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-w:
		return true
	case <-timer.C:
		return true
	case <-s.stopping:
		return false
	}
}

// wakeup ends the sleep of a loop. One that comes while the loop is at work is
// kept for its next sleep.
type wakeup chan struct{}

func newWakeup() wakeup { return make(wakeup, 1) }

func (w wakeup) wake() {
	select {
	case w <- struct{}{}:
	default:
	}
}

// wakeups tell the services that there is something for them in the store.
type wakeups struct {
	timers    wakeup // a timer was set that may be due
	queue     wakeup // a run was queued
	recovery  wakeup // a run may have been left without a process
	admission wakeup // a run is throttled, or a place has become free
}

func newWakeups() *wakeups {
	return &wakeups{timers: newWakeup(), queue: newWakeup(), recovery: newWakeup(), admission: newWakeup()}
}
