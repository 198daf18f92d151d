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
	// heartbeatsPerTTL is how often a lease is renewed within its TTL, so that
	// one lost heartbeat does not lose the lease.
	heartbeatsPerTTL = 3
	// renewalsBeforeTakeover is how many renewals in a row must succeed,
	// acquiring included, before a process takes expired leases away. After an
	// outage of the store every lease has expired; in that time each living
	// process has renewed its own.
	renewalsBeforeTakeover = 3
	// triesPerHeartbeat is how often a heartbeat that failed is tried again in the
	// time of one, so that the end of an outage is noticed at once.
	triesPerHeartbeat = 8
)

// heartbeat renews the lease until ctx ends or the lease is taken away. It also
// takes away the expired leases of other processes.
func (l *Lease) heartbeat(ctx context.Context) {
	every := l.interval()
	timer := time.NewTimer(every)
	defer timer.Stop()
	renewals, last := 1, wallClock()
	outages := outage.New(l.logger.With("lease", l.id), outage.Trouble("the heartbeat of this process"))
	for {
		onTime := true
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-l.wakeup:
			onTime = false
		}
		err := l.renew(ctx)
		timer.Reset(every)
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
			outages.Note("renew", err)
			renewals = 0
			timer.Reset(every / triesPerHeartbeat)
			continue
		}
		outages.Note("renew", nil)
		l.renewed.Store(time.Now())
		if !onTime {
			continue // one more says nothing of the others
		}
		// The process was paused, perhaps with its whole machine. Other processes
		// may have been too.
		now := wallClock()
		if gap := now.Sub(last); gap < 0 || gap > 2*every {
			renewals = 0
		}
		last = now
		if renewals++; renewals >= renewalsBeforeTakeover {
			l.takeExpired(ctx, outages)
		}
	}
}

// renew is one heartbeat.
func (l *Lease) renew(ctx context.Context) error {
	l.began.Store(time.Now())
	err := l.store.Commit(ctx, l.Fence(), state.SetTimerAfter(layout.QueueLease, l.id, l.ttl))
	l.failing.Store(err != nil && ctx.Err() == nil)
	l.began.Store(time.Time{})
	return err
}

// wallClock returns the time without the monotonic clock, which stands still
// while a machine sleeps.
func wallClock() time.Time { return time.Now().Round(0) }

// takeExpired takes expired leases away. One that it cannot take is tried at the
// next heartbeat, here or in another process.
func (l *Lease) takeExpired(ctx context.Context, outages *outage.Log) {
	expired, err := l.Expired(ctx)
	if err != nil && ctx.Err() != nil {
		return
	}
	outages.Note("list expired leases", err)
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
