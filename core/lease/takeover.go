package lease

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// Expired lists leases other than this one that were not renewed in time, the
// longest expired first, at most a hundred.
func (l *Lease) Expired(ctx context.Context) ([]string, error) {
	timers, _, err := l.store.Due(ctx, layout.QueueLease, pageSize)
	if err != nil {
		return nil, fmt.Errorf("lease: list expired: %w", err)
	}
	var ids []string
	for _, timer := range timers {
		if timer.ID != l.id {
			ids = append(ids, timer.ID)
		}
	}
	return ids, nil
}

// Take takes an expired lease away: its process can write no more, and its work is
// free. It reports false when the lease is not expired any more, or another process
// took it.
func (l *Lease) Take(ctx context.Context, id string) (bool, error) {
	expired := state.RequireDue(layout.QueueLease, id)
	err := l.store.Commit(ctx, append([]state.Op{l.Fence(), expired}, endOps(id)...)...)
	if conflict, ok := errors.AsType[*state.ConflictError](err); ok && conflict.Failed(expired) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lease: take %s: %w", id, err)
	}
	return true, nil
}
