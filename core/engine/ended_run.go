package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
)

// endedRun is a run to be removed.
type endedRun struct {
	id string
	// at is its place in the order of removal, in Unix milliseconds: when it ended,
	// or when it was started, if it succeeded fast.
	at int64
	// finished is when it ended, of one that succeeded fast.
	finished int64
	// set and member are its entry in the order of ends, of any other: see
	// runRecord.retentionEntry.
	set, member string
}

// removeOps returns the ops that remove the run, whose record is stored as data:
// nil if it is gone. One that cannot be read is kept, and not looked at again: then
// the ops are those for that, beside a *CorruptError. With the run goes what removing
// returns.
func (e *endedRun) removeOps(data []byte, removing func(Run) []state.Op) ([]state.Op, error) {
	var ops []state.Op
	if e.set != "" {
		ops = append(ops, state.Remove(e.set, e.member))
	}
	if data == nil {
		return ops, nil
	}
	rec, err := decodeRecord(e.id, data)
	if err != nil {
		return ops, err
	}
	if !rec.Status.Ended() || e.set != "" && e.at != rec.FinishedAt.UnixMilli() {
		return ops, nil // it was retried since
	}
	if removing != nil {
		ops = append(ops, removing(rec.view())...)
	}
	return append(ops, rec.deleteOps(data)...), nil
}

// firstEnded returns a batch of those runs of some sets that ended first.
func (r *reader) firstEnded(ctx context.Context, sets ...string) ([]endedRun, error) {
	var old []endedRun
	for _, set := range sets {
		members, err := r.store.Range(ctx, state.Range{Set: set, Limit: batchSize})
		if err != nil {
			return nil, err
		}
		for _, member := range members {
			at, id, _ := strings.Cut(member, "/")
			// A member without a time is no run's: it comes first, and is removed.
			ms, err := strconv.ParseInt(at, 16, 64)
			if err != nil || id == "" {
				ms, id = 0, member
			}
			old = append(old, endedRun{id: id, at: ms, set: set, member: member})
		}
	}
	slices.SortStableFunc(old, func(a, b endedRun) int { return cmp.Compare(a.at, b.at) })
	return old[:min(len(old), batchSize)], nil
}

// scan is the progress of the search for fast successes, which have no entry in
// the order of ends but are found in that of ids.
type scan struct {
	passed string // up to this id there is none left, nor will there be
	began  time.Time
}

// scanAgain is the interval after which the scan starts again at the first id. It
// only finds something after a clock was wrong by more than an hour.
const scanAgain = 24 * time.Hour

func (s *scan) begin(now time.Time) {
	if s.began.IsZero() || now.Sub(s.began) >= scanAgain {
		*s = scan{began: now}
	}
}

// nextFastSuccesses returns the fast successes among the next batch of runs after
// an id, in the order of ids, and the last id that it read: empty if no more
// follow. It records in s up to where none is left.
func (r *reader) nextFastSuccesses(ctx context.Context, s *scan, after string, now time.Time) (found []endedRun, last string, err error) {
	sets, err := r.workflows(ctx)
	if err != nil {
		return nil, "", err
	}
	members, err := r.merged(ctx, sets, state.Range{After: after, Limit: batchSize})
	if err != nil {
		return nil, "", fmt.Errorf("engine: list runs: %w", err)
	}
	ids := make([]string, len(members))
	for i, m := range members {
		ids[i] = m.id
	}
	records, err := r.records(ctx, ids)
	if err != nil {
		return nil, "", err
	}
	// What was started so long ago does not succeed fast any more.
	settled := idsFrom(now.Add(-2 * fastSuccessWithin))
	front := after == s.passed
	for i, rec := range records {
		if rec.runRecord != nil && rec.Version >= 2 && rec.isFastSuccess() {
			found = append(found, endedRun{id: ids[i], at: rec.CreatedAt.UnixMilli(), finished: rec.FinishedAt.UnixMilli()})
			front = false
			continue
		}
		if front = front && ids[i] < settled; front {
			s.passed = ids[i]
		}
	}
	if len(ids) == batchSize {
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
