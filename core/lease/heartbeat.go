package lease

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/outage"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

const (
	// beats is how often a lease is renewed in its life, so that one lost
	// heartbeat does not lose it.
	beats = 3
	// steady is how many renewals in a row, the acquiring included, come before
	// other leases are looked at. After an outage of the store every lease has
	// expired: within that time each process that lives has renewed its own.
	steady = 3
)

// keep renews the lease until ctx ends or the lease is taken away, and takes
// away those that others do not renew any more.
func (l *Lease) keep(ctx context.Context) {
	every := l.ttl / beats
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	inARow, last := 1, wallClock()
	trouble := outage.New(l.logger.With("lease", l.id), outage.Trouble("the heartbeat of this process"))
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := l.store.Commit(ctx, l.Fence(), state.SetTimerAfter(layout.QueueLease, l.id, l.ttl))
		var conflict *state.ConflictError
		switch {
		case err == nil:
		case errors.As(err, &conflict):
			l.logger.Error("this process's lease was taken away: it can write no more", "lease", l.id)
			close(l.lost)
			return
		case ctx.Err() != nil:
			return
		default:
			trouble.Note("renew", err)
			inARow = 0
			continue
		}
		trouble.Note("renew", nil)
		l.renewed.Store(time.Now())
		// A process that was paused, maybe with its whole machine, has just come
		// back, and so may the others have.
		now := wallClock()
		if gap := now.Sub(last); gap < 0 || gap > 2*every {
			inARow = 0
		}
		last = now
		if inARow++; inARow >= steady {
			l.takeExpired(ctx, trouble)
		}
	}
}

// wallClock is the time as the world has it: a monotonic clock stands still
// while a machine sleeps.
func wallClock() time.Time { return time.Now().Round(0) }

// takeExpired takes away the leases that their processes do not renew. What it
// fails at is done at the next heartbeat, here or elsewhere.
func (l *Lease) takeExpired(ctx context.Context, trouble *outage.Log) {
	expired, err := l.Expired(ctx)
	if err != nil && ctx.Err() != nil {
		return
	}
	trouble.Note("list expired leases", err)
	for _, id := range expired {
		taken, err := l.Take(ctx, id)
		switch {
		case taken:
			l.logger.Warn("a process gave no sign of life: its lease was taken away, its runs go on elsewhere", "lease", id)
		case err != nil && ctx.Err() == nil:
			l.logger.Warn("an expired lease cannot be taken away, will be tried again", "lease", id, "error", err)
		}
	}
}
