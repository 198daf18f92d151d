package webhook

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Members of the index have no time to live as records have, so each receiver
// removes those whose records are over: at every sweepEvery-th event that it
// accepts, sweepBatch at most. More goes than comes, so the index stays within
// what is kept, and no event waits for more than one small write.
const (
	sweepEvery = 64
	sweepBatch = 256
)

// sweep removes members of the index that are over. It is housekeeping: what
// fails is logged and tried again by a later event.
func (r *Receiver) sweep(ctx context.Context) {
	if err := sweep(ctx, r.opt.Store, r.opt.Now()); err != nil {
		r.log(ctx, slog.LevelWarn, "old webhook events could not be removed", "error", err.Error())
	}
}

func sweep(ctx context.Context, store state.Store, now time.Time) error {
	members, err := store.Range(ctx, state.Range{Set: index, Limit: sweepBatch})
	if err != nil {
		return fmt.Errorf("webhook: list old events: %w", err)
	}
	limit := now.UTC().Add(-Kept).Format(timeFormat)
	var ops []state.Op
	for _, m := range members {
		if m >= limit {
			break
		}
		ops = append(ops, state.Remove(index, m), state.Remove(index+"/"+memberWebhook(m), m))
	}
	if len(ops) == 0 {
		return nil
	}
	if err := store.Commit(ctx, ops...); err != nil {
		return fmt.Errorf("webhook: remove old events: %w", err)
	}
	return nil
}
