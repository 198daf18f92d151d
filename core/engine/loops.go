package engine

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/state"
)

// page is how many members of a set, or timers, are read at once.
const page = 200

// retryPause is how long a loop waits after the store failed to answer, and
// before it looks again at what could not be taken up.
const retryPause = time.Second

// timerLoop takes up runs when their timers are due, and tells those that this
// process works on that they have mail.
func (e *Engine) timerLoop() {
	for {
		timers, next, err := e.store.Due(context.Background(), queueRun, page)
		e.outage.Note("read the timers", err)
		if err != nil {
			next = retryPause
		}
		taken := 0
		for _, timer := range timers {
			id := runOf(timer.ID)
			if e.works(id) {
				e.notify(id)
				continue
			}
			if !e.waitSlot() {
				return
			}
			if e.claimOrLog(id, due, timer.ID) {
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
		if !e.sleep(e.wakeTimers, next) {
			return
		}
	}
}

// queueLoop takes up queued runs as slots become free: of each workflow in
// turn, so that one with a long queue does not hold up the others.
func (e *Engine) queueLoop() {
	for {
		taken, err := e.pullRound(context.Background())
		e.outage.Note("read the queue", err)
		if taken > 0 {
			continue
		}
		if !e.sleep(e.wakeQueue, e.interval) {
			return
		}
	}
}

// pullShare is how many runs of one workflow are taken up before the next
// workflow has its turn.
const pullShare = 8

// pullRound gives each workflow with a queue its share, and answers how many
// runs were taken up.
func (e *Engine) pullRound(ctx context.Context) (taken int, err error) {
	queues, err := e.named(ctx, setQueues, setQueued)
	if err != nil {
		return 0, err
	}
	for _, set := range queues {
		ids, err := e.store.Range(ctx, state.Range{Set: set, Limit: pullShare})
		if err != nil {
			return taken, err
		}
		for _, id := range ids {
			if !e.waitSlot() {
				return 0, nil
			}
			if e.claimOrLog(id, queued, "") {
				taken++
			}
		}
	}
	return taken, nil
}

// checkLoop searches for runs that are marked as worked on while nobody works
// on them: those of a process that ended, and those of this process that an
// outage of the store left behind. It also measures the queue.
func (e *Engine) checkLoop() {
	for e.sleep(e.wakeCheck, e.interval) {
		e.outage.Note("search for runs that nobody works on", e.checkRunning(context.Background()))
		e.outage.Note("measure the queue", e.measureQueue(context.Background()))
	}
}

func (e *Engine) checkRunning(ctx context.Context) error {
	alive := map[string]bool{} // leases of others
	for after := ""; ; {
		members, err := e.store.Range(ctx, state.Range{Set: setRunning, After: after, Limit: page})
		if err != nil || len(members) == 0 {
			return err
		}
		for _, member := range members {
			id, lease := splitRunning(member)
			if _, asked := alive[lease]; !asked {
				if alive[lease], err = e.heldElsewhere(ctx, lease); err != nil {
					return err
				}
			}
			if alive[lease] || e.works(id) {
				continue
			}
			if !e.waitSlot() {
				return nil
			}
			e.claimOrLog(id, orphaned, lease)
		}
		after = members[len(members)-1]
	}
}

// measureQueue counts the runs that wait for their turn, as far as the bound.
func (e *Engine) measureQueue(ctx context.Context) error {
	count := 0
	queues, err := e.named(ctx, setQueues, setQueued)
	if err != nil {
		return err
	}
	for _, set := range queues {
		for after := ""; count <= e.maxQueued; {
			ids, err := e.store.Range(ctx, state.Range{Set: set, After: after, Limit: 10 * page})
			if err != nil {
				return err
			}
			count += len(ids)
			if len(ids) < 10*page {
				break
			}
			after = ids[len(ids)-1]
		}
	}
	e.backlog.Store(int64(count))
	return nil
}

// backlogged reports whether as many runs wait as may.
func (e *Engine) backlogged() bool { return e.backlog.Load() >= int64(e.maxQueued) }

// took takes up a run and reports whether this process works on it now. What
// keeps it from it is logged.
func (e *Engine) claimOrLog(id string, why reason, cause string) bool {
	taken, err := e.tryClaim(id, why, cause)
	if err == nil {
		e.outage.Note("take up a run", nil)
	}
	switch {
	case errors.Is(err, errNotNow):
		e.log.Warn("a run cannot be taken up yet", "run", id, "reason", err)
	case errors.Is(err, state.ErrUnavailable):
		e.outage.Note("take up a run", err)
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
