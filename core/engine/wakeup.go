package engine

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
