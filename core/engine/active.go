package engine

import "sync"

// activeRuns are the runs that this process works on, and the slots that bound
// their number. It is safe for concurrent use.
type activeRuns struct {
	slots chan struct{}  // one token for each run that is worked on
	left  sync.WaitGroup // the runs that are reserved

	mu      sync.Mutex // guards the fields below
	stopped bool       // no further run is reserved
	byID    map[string]*activity
}

// activity is the state of a run that this process works on, as other goroutines
// need it.
type activity struct {
	ended    bool   // its end was announced
	notified bool   // it has a message that was not read
	wanted   bool   // a claim met the reservation
	deliver  func() // tells the run of messages; nil while it is made or claimed
}

func newActiveRuns(slots int) *activeRuns {
	return &activeRuns{slots: make(chan struct{}, slots), byID: make(map[string]*activity)}
}

// reserve marks a run as worked on by this process. It returns nil if the run is
// marked already, of which release reports then, or after stop. Otherwise the caller must
// call release.
func (a *activeRuns) reserve(id string) *activity {
	a.mu.Lock()
	defer a.mu.Unlock()
	if taken := a.byID[id]; taken != nil {
		taken.wanted = true
		return nil
	}
	if a.stopped {
		return nil
	}
	activity := &activity{}
	a.byID[id] = activity
	a.left.Add(1)
	return activity
}

// release ends a reservation. It reports whether the run has a message that was not
// read, and whether a claim of it failed for the reservation.
func (a *activeRuns) release(id string) (notified, wanted bool) {
	a.mu.Lock()
	notified, wanted = a.byID[id].notified, a.byID[id].wanted
	delete(a.byID, id)
	a.mu.Unlock()
	a.left.Done()
	return notified, wanted
}

// contains reports whether this process works on the run.
func (a *activeRuns) contains(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, ok := a.byID[id]
	return ok
}

// attach sets the function that delivers messages to a run from now on, and
// reports whether a message waits already. The function must not block.
func (a *activeRuns) attach(activity *activity, deliver func()) (notified bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	activity.deliver = deliver
	return activity.notified
}

// notify delivers the notice of a message to a run, if this process works on it.
func (a *activeRuns) notify(id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	activity, ok := a.byID[id]
	if !ok {
		return
	}
	activity.notified = true
	if activity.deliver != nil {
		activity.deliver()
	}
}

// ack notes that a run is about to read its messages.
func (a *activeRuns) ack(activity *activity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	activity.notified = false
}

// markEnded notes that the end of a run is announced.
func (a *activeRuns) markEnded(activity *activity) {
	a.mu.Lock()
	defer a.mu.Unlock()
	activity.ended = true
}

// willAnnounce reports whether this process works on the run and has not announced
// its end.
func (a *activeRuns) willAnnounce(id string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	activity, ok := a.byID[id]
	return ok && !activity.ended
}

// stop makes reserve fail from now on.
func (a *activeRuns) stop() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.stopped = true
}

// trySlot takes a slot, if one is free.
func (a *activeRuns) trySlot() bool {
	select {
	case a.slots <- struct{}{}:
		return true
	default:
		return false
	}
}

// waitSlot takes a slot, waiting for one. It returns false if stopping is closed
// first.
func (a *activeRuns) waitSlot(stopping <-chan struct{}) bool {
	select {
	case a.slots <- struct{}{}:
		return true
	case <-stopping:
		return false
	}
}

// freeSlot gives a slot back. The loop of the queue comes first if it waits for
// one.
func (a *activeRuns) freeSlot() { <-a.slots }
