package engine

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/state"
)

// page is how many members of a set, or timers, are read at once.
const page = 200

// retryPause is how long a loop waits after the store failed to answer.
const retryPause = time.Second

// timerLoop takes up waiting runs when their timers are due.
func (e *Engine) timerLoop() {
	for {
		timers, next, err := e.store.Due(context.Background(), queueRun, page)
		if err != nil {
			e.log.Error("timers cannot be read; trying again", "error", err)
			next = retryPause
		}
		taken := 0
		for _, timer := range timers {
			if !e.waitSlot() {
				return
			}
			if e.took(timer.ID, due) {
				taken++
			}
		}
		if taken > 0 {
			continue
		}
		if len(timers) > 0 {
			next = retryPause // none can be taken up now
		}
		if next < 0 || next > e.interval {
			next = e.interval // another process may set a timer at any time
		}
		if !e.sleep(e.wake, next) {
			return
		}
	}
}

// queueLoop takes up queued runs, the oldest first, as slots become free.
func (e *Engine) queueLoop() {
	for {
		ids, err := e.store.Range(context.Background(), state.Range{Set: setQueued, Limit: page})
		if err != nil {
			e.log.Error("the queue cannot be read; trying again", "error", err)
		}
		taken := 0
		for _, id := range ids {
			if !e.waitSlot() {
				return
			}
			if e.took(id, queued) {
				taken++
			}
		}
		if taken > 0 {
			continue
		}
		if !e.sleep(e.pull, e.interval) {
			return
		}
	}
}

// checkLoop searches for runs that are marked as running and that nobody works
// on: those of a process that ended, and those of this process that an outage
// of the store left behind.
func (e *Engine) checkLoop() {
	for e.sleep(e.check, e.interval) {
		if err := e.checkRunning(context.Background()); err != nil {
			e.log.Error("the search for runs that nobody works on failed; trying again", "error", err)
		}
	}
}

func (e *Engine) checkRunning(ctx context.Context) error {
	alive := map[string]bool{} // leases
	for after := ""; ; {
		members, err := e.store.Range(ctx, state.Range{Set: setRunning, After: after, Limit: page})
		if err != nil || len(members) == 0 {
			return err
		}
		for _, member := range members {
			id, lease := splitRunning(member)
			mine := lease == e.lease.ID()
			if _, asked := alive[lease]; !mine && !asked {
				found, err := e.store.Get(ctx, e.leaseRef(lease))
				if err != nil {
					return err
				}
				alive[lease] = found[0] != nil
			}
			if (mine && e.works(id)) || (!mine && alive[lease]) {
				continue
			}
			if !e.waitSlot() {
				return nil
			}
			e.took(id, orphaned)
		}
		after = members[len(members)-1]
	}
}

// took takes up a run and reports whether this process works on it now. What
// keeps it from it is logged.
func (e *Engine) took(id string, why reason) bool {
	taken, err := e.take(id, why)
	switch {
	case errors.Is(err, errNotNow):
		e.log.Warn("a run cannot be taken up yet", "run", id, "reason", err)
	case err != nil:
		e.log.Error("a run cannot be taken up", "run", id, "error", err)
	}
	return taken
}

// works reports whether this process works on the run.
func (e *Engine) works(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	_, ok := e.active[id]
	return ok
}

// leaseRef names the record of a lease: that which its fence requires.
func (e *Engine) leaseRef(lease string) state.Ref {
	return state.Ref{Bucket: e.lease.Fence().Space, ID: lease}
}
