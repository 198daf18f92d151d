package lease

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/state"
)

// keep renews the lease three times in its life, so that one lost heartbeat
// does not lose it, until ctx ends or the lease is taken away.
func (l *Lease) keep(ctx context.Context) {
	ticker := time.NewTicker(l.ttl / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := l.store.Commit(ctx, l.Fence(), state.SetTimerAfter(queue, l.id, l.ttl))
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
			l.logger.Warn("heartbeat failed, will be tried again", "lease", l.id, "error", err)
		}
	}
}
