package engine

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/state"
)

// Old runs are changed in small batches with pauses between them, so that a start
// meanwhile is not delayed.
const (
	batchSize  = 50
	batchPause = 20 * time.Millisecond
)

// batches writes many runs, a batch at a time, for a service.
type batches struct {
	*service
	base
	reader *reader
}

// write commits a batch, and pauses. It reports whether to go on: the service is
// not stopping. A conflict means that another process was faster with one of the
// runs, or that it was retried: what is left is read again.
func (b *batches) write(ctx context.Context, ops []state.Op) (goOn bool, err error) {
	err = b.store.Commit(ctx, ops...)
	if conflict, ok := errors.AsType[*state.ConflictError](err); ok && !conflict.Failed(b.lease.Fence()) {
		err = nil
	}
	if err != nil {
		return false, err
	}
	return b.sleep(nil, batchPause), nil
}
