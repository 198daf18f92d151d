package engine

import (
	"context"
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// upgradeRecords turns the runs that were stored in format 1 into the present one,
// in small batches. They are those in the set "runs". Until it is their turn they
// are read as they are; those that a process works on change with its next write.
func (b *batches) upgradeRecords(ctx context.Context) error {
	for after := ""; ; {
		ids, err := b.store.Range(ctx, state.Range{Set: layout.SetRuns, After: after, Limit: batchSize})
		if err != nil {
			return fmt.Errorf("engine: list runs of format 1: %w", err)
		}
		if len(ids) == 0 {
			return nil
		}
		after = ids[len(ids)-1]
		found, err := b.reader.stored(ctx, ids)
		if err != nil {
			return err
		}
		ops := []state.Op{b.lease.Fence()}
		for i, data := range found {
			ops = append(ops, upgradeRecord(ids[i], data)...)
		}
		if goOn, err := b.write(ctx, ops); err != nil || !goOn {
			return err
		}
	}
}

// upgradeRecord returns the ops that upgrade one run, whose record is stored as
// data: nil if it is gone.
func upgradeRecord(id string, data []byte) []state.Op {
	if data == nil {
		return []state.Op{state.Remove(layout.SetRuns, id)}
	}
	rec, err := decodeRecord(id, data)
	if err != nil || rec.Lease != "" {
		return nil // one that cannot be read stays as it is
	}
	next := *rec
	return append([]state.Op{state.RequireValue(layout.BucketRun, id, data)}, rec.updateOps(&next)...)
}
