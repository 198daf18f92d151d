package lease

import (
	"context"
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/state"
)

// pageSize is how many leases are read at once.
const pageSize = 100

// Expired lists leases other than this one that were not renewed in time, the
// longest expired first, at most a hundred.
func (l *Lease) Expired(ctx context.Context) ([]string, error) {
	timers, _, err := l.store.Due(ctx, queue, pageSize)
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

// Take takes an expired lease away: its process can write no more, and its work
// is inherited (see Predecessors). It reports false when the lease is not
// expired any more, or somebody else took it.
func (l *Lease) Take(ctx context.Context, id string) (bool, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken, err := l.take(ctx, id)
	if err != nil {
		return false, fmt.Errorf("lease: take %s: %w", id, err)
	}
	return taken, nil
}

func (l *Lease) take(ctx context.Context, id string) (bool, error) {
	values, err := l.store.Get(ctx, state.Ref{Bucket: bucket, ID: id})
	if err != nil {
		return false, err
	}
	if values[0] == nil || id == l.id {
		return false, nil
	}
	old, err := decode(values[0])
	if err != nil {
		return false, err
	}
	v := l.value
	v.Inherited = append(append(append([]string(nil), v.Inherited...), id), old.Inherited...)
	err = l.change(ctx, v, append(takeOps(id, values[0]), state.RequireDue(queue, id))...)
	var conflict *state.ConflictError
	if errors.As(err, &conflict) {
		return false, nil
	}
	return err == nil, err
}

// takeOps take a lease away, given the record that it was found with: what it
// has inherited cannot change between the look and the commit.
func takeOps(id string, raw []byte) []state.Op {
	return []state.Op{
		state.RequireValue(bucket, id, raw),
		state.Delete(bucket, id),
		state.Remove(set, id),
		state.ClearTimer(queue, id),
	}
}

// each calls f for every lease there is.
func each(ctx context.Context, store state.Store, f func(id string, raw []byte, v value) error) error {
	for after := ""; ; {
		ids, err := store.Range(ctx, state.Range{Set: set, After: after, Limit: pageSize})
		if err != nil || len(ids) == 0 {
			return err
		}
		after = ids[len(ids)-1]
		refs := make([]state.Ref, len(ids))
		for i, id := range ids {
			refs[i] = state.Ref{Bucket: bucket, ID: id}
		}
		values, err := store.Get(ctx, refs...)
		if err != nil {
			return err
		}
		for i, raw := range values {
			if raw == nil {
				continue // released between the two reads
			}
			v, err := decode(raw)
			if err != nil {
				return fmt.Errorf("lease %s: %w", ids[i], err)
			}
			if err := f(ids[i], raw, v); err != nil {
				return err
			}
		}
	}
}
