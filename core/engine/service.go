package engine

import (
	"sync"
	"time"

	"github.com/backflow/backflow/core/wakeup"
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
func (s *service) sleep(w wakeup.Wakeup, d time.Duration) bool {
	return w.Sleep(s.stopping, d)
}

// wakeups tell the services that there is something for them in the store.
type wakeups struct {
	timers    wakeup.Wakeup // a timer was set that may be due
	queue     wakeup.Wakeup // a run was queued
	recovery  wakeup.Wakeup // a run may have been left without a process
	admission wakeup.Wakeup // a run is throttled, or a place has become free
}

func newWakeups() *wakeups {
	return &wakeups{timers: wakeup.New(), queue: wakeup.New(), recovery: wakeup.New(), admission: wakeup.New()}
}
