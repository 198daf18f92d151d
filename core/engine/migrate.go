package engine

import (
	"context"
	"fmt"

	"github.com/backflow/backflow/core/state"
)

// upgradeRecords turns the runs that were stored in format 1 into the present one,
// in small batches. They are those in the set "runs". Until it is their turn they
// are read as they are; those that a process works on change with its next write.
func (r *remover) upgradeRecords(ctx context.Context) error {
	for after := ""; ; {
		ids, err := r.store.Range(ctx, state.Range{Set: setRuns, After: after, Limit: removeBatch})
		if err != nil {
			return fmt.Errorf("engine: list runs of format 1: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		after = ids[len(ids)-1]
		found, err := r.stored(ctx, ids)
		if err != nil {
			return err
		}
		ops := []state.Op{r.lease.Fence()}
		for i, data := range found {
			with, err := upgradeRecord(ids[i], data)
			if err != nil {
				return err
			}
			ops = append(ops, with...)
		}
		if goOn, err := r.write(ctx, ops); err != nil || !goOn {
			return err
		}
	}
}

// forward answers the ops that bring one run forward, whose head is given: nil if
// there is none any more.
func upgradeRecord(id string, data []byte) ([]state.Op, error) {
	if data == nil {
		return []state.Op{state.Remove(setRuns, id)}, nil
	}
	h, err := decodeRecord(data)
	if err != nil || h.Lease != "" {
		return nil, err
	}
	next := *h
	return append([]state.Op{state.RequireValue(bucketRun, id, data)}, h.updateOps(&next)...), nil
}
