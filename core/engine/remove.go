package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
)

// ended is a run to be removed.
type ended struct {
	id string
	// at is its place in the order of removal, in Unix milliseconds: when it ended,
	// or when it was started, if it succeeded promptly.
	at int64
	// finished is when it ended, of one that succeeded promptly.
	finished int64
	// set and member are its place in the order of ends, of any other: see
	// head.retentionEntry.
	set, member string
}

// oldest answers a batch of those runs of some sets that ended first.
func (r *remover) oldest(ctx context.Context, sets ...string) ([]ended, error) {
	var old []ended
	for _, set := range sets {
		members, err := r.store.Range(ctx, state.Range{Set: set, Limit: removeBatch})
		if err != nil {
			return nil, err
		}
		for _, member := range members {
			at, id, _ := strings.Cut(member, "/")
			ms, err := strconv.ParseInt(at, 16, 64)
			if err != nil {
				return nil, fmt.Errorf("engine: member %q of %s: %w", member, set, err)
			}
			old = append(old, ended{id: id, at: ms, set: set, member: member})
		}
	}
	slices.SortStableFunc(old, func(a, b ended) int { return cmp.Compare(a.at, b.at) })
	return old[:min(len(old), removeBatch)], nil
}

// scan is how far the runs were looked through for those that succeeded
// promptly, which have no place in the order of ends but are found in that of
// ids.
type scan struct {
	passed string // up to this id there is none left, nor will there be
	began  time.Time
}

// scanAgain is after what time the scan begins at the first id again. Only a run
// whose id is much older than itself, or a clock that was wrong by more than an
// hour, leaves anything for it.
const scanAgain = 24 * time.Hour

func (s *scan) begin(now time.Time) {
	if s.began.IsZero() || now.Sub(s.began) >= scanAgain {
		*s = scan{began: now}
	}
}

// nextFastSuccesses answers those of the next batch of runs after an id that succeeded
// promptly, in the order of ids, and the last id that it looked at: empty, if no
// more follow.
func (r *remover) nextFastSuccesses(ctx context.Context, after string, now time.Time) (found []ended, last string, err error) {
	sets, err := r.named(ctx, setWorkflows, setRuns)
	if err != nil {
		return nil, "", err
	}
	members, err := r.merged(ctx, sets, state.Range{After: after, Limit: removeBatch})
	if err != nil {
		return nil, "", fmt.Errorf("engine: list runs: %w", err)
	}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.id
	}
	heads, err := r.records(ctx, ids)
	if err != nil {
		return nil, "", err
	}
	// What was started so long ago does not succeed promptly any more.
	settled := idsFrom(now.Add(-2 * fastSuccessWithin))
	front := after == r.scan.passed
	for i, h := range heads {
		if h != nil && h.Version >= 2 && h.isFastSuccess() {
			found = append(found, ended{id: ids[i], at: h.CreatedAt.UnixMilli(), finished: h.FinishedAt.UnixMilli()})
			front = false
			continue
		}
		if front = front && ids[i] < settled; front {
			r.scan.passed = ids[i]
		}
	}
	if len(ids) == removeBatch {
		last = ids[len(ids)-1]
	}
	return found, last, nil
}

// idsFrom is less than the ids of runs that were started at a time or later, and
// greater than those of the milliseconds before.
func idsFrom(t time.Time) string {
	ms := max(t.UnixMilli(), 0)
	return fmt.Sprintf("%08x-%04x", ms>>16, ms&0xffff)
}

// remove removes a batch of ended runs with everything that is kept of them, and
// pauses. It reports whether to go on.
func (r *remover) remove(ctx context.Context, batch []ended) (goOn bool, err error) {
	ids := make([]string, len(batch))
	for i, run := range batch {
		ids[i] = run.id
	}
	found, err := r.stored(ctx, ids)
	if err != nil {
		return false, err
	}
	ops := []state.Op{r.lease.Fence()}
	for i, data := range found {
		removing, err := removal(batch[i], data)
		if err != nil {
			return false, err
		}
		ops = append(ops, removing...)
	}
	return r.write(ctx, ops)
}

// write commits a batch, and pauses. It reports whether to go on: the engine is
// not stopping. A conflict means that somebody else was faster with one of them,
// or that it was retried: what is left is read again.
func (r *remover) write(ctx context.Context, ops []state.Op) (goOn bool, err error) {
	err = r.store.Commit(ctx, ops...)
	if conflict, ok := errors.AsType[*state.ConflictError](err); ok && !conflict.Failed(r.lease.Fence()) {
		err = nil
	}
	if err != nil {
		return false, err
	}
	return r.sleep(nil, removePause), nil
}

// removal answers the ops that remove an ended run, whose head is given: nil if
// there is none any more.
func removal(run ended, data []byte) ([]state.Op, error) {
	var ops []state.Op
	if run.set != "" {
		ops = append(ops, state.Remove(run.set, run.member))
	}
	if data == nil {
		return ops, nil
	}
	h, err := decodeRecord(data)
	if err != nil {
		return nil, err
	}
	if !h.Status.Ended() || run.set != "" && run.at != h.FinishedAt.UnixMilli() {
		return ops, nil // it was retried since
	}
	ops = append(ops,
		state.RequireValue(bucketRun, run.id, data),
		state.Delete(bucketRun, run.id), state.DropJournal(run.id),
		state.Remove(setOf(h.Workflow), run.id))
	if h.Version < 2 {
		ops = append(ops, state.Remove(setRuns, run.id))
	}
	if place, member := h.indexEntry(); place != "" {
		ops = append(ops, state.Remove(place, member))
	}
	return ops, nil
}
