package engine

import (
	"context"
	"fmt"

	"github.com/backflow/backflow/sdk"
)

// retryNow has the steps of a run that wait for another attempt, and those of the
// runs that it waits for, be called at once.
func (c *controls) retryNow(ctx context.Context, r *storedRun, once Once) (Run, error) {
	id := r.record.ID
	if r.record.Status.Ended() {
		return r.view(), sdk.Refuse(sdk.CodeConflict, "the run is %s: only one that waits for another attempt can make it now", r.record.Status)
	}
	waiting, err := c.awaitingRetry(ctx, r)
	if err != nil {
		return Run{}, err
	}
	if len(waiting) == 0 {
		return r.view(), sdk.Refuse(sdk.CodeConflict, "no step of the run waits for another attempt")
	}
	var after followUps
	for _, id := range waiting {
		after.send(id, message{Kind: messageRetry})
	}
	ops := append(append(once.Ops(), c.lease.Fence()), after.ops...)
	if err := c.store.Commit(ctx, ops...); err != nil {
		return Run{}, c.conflictOf(ctx, fmt.Errorf("engine: retry run %s now: %w", id, err), once, Advance{})
	}
	c.notifyAfterCommit(after)
	return r.view(), nil
}

// awaitingRetry returns which of a run and of those that it waits for have steps
// that wait for another attempt.
func (c *controls) awaitingRetry(ctx context.Context, r *storedRun) ([]string, error) {
	var ids []string
	if r.machine.AwaitsRetry() {
		ids = append(ids, r.record.ID)
	}
	for _, waited := range r.machine.Children() {
		child, _, err := c.reader.load(ctx, waited.ID)
		if err != nil {
			return nil, err
		}
		if child == nil || child.record.Status.Ended() {
			continue
		}
		inner, err := c.awaitingRetry(ctx, child)
		if err != nil {
			return nil, err
		}
		ids = append(ids, inner...)
	}
	return ids, nil
}
