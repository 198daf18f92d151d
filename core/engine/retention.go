package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

const (
	removeEvery    = time.Minute
	endedSucceeded = string(workflow.RunSucceeded)
	endedFailed    = string(workflow.RunFailed)
)

// retention removes runs that have been kept long enough.
type retention struct {
	batches
	policy Retention
	// removing returns what else is written when a run is removed; nil is nothing.
	removing func(Run) []state.Op
	scan     scan // of the loop
}

// Start removes runs in the background until Stop.
func (r *retention) Start() { r.run(r.loop) }

func (r *retention) loop() {
	for r.sleep(nil, removeEvery) {
		r.outage.Note("remove old runs", r.round(context.Background()))
	}
}

func (r *retention) round(ctx context.Context) error {
	if err := r.upgradeRecords(ctx); err != nil {
		return err
	}
	now := r.now()
	for kind, keep := range map[string]time.Duration{endedSucceeded: r.policy.Succeeded, endedFailed: r.policy.Failed} {
		if err := r.removeBefore(ctx, layout.SetEnded+"/"+kind, now.Add(-keep)); err != nil {
			return err
		}
	}
	if err := r.removeFastSuccesses(ctx, now); err != nil {
		return err
	}
	if r.policy.MaxRuns > 0 {
		return r.removeOver(ctx, now, r.policy.MaxRuns)
	}
	return nil
}

// removeBefore removes the runs of a set that ended before a time.
func (r *retention) removeBefore(ctx context.Context, set string, before time.Time) error {
	for {
		old, err := r.reader.firstEnded(ctx, set)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(old, func(run endedRun) bool { return run.at >= before.UnixMilli() }); i >= 0 {
			old = old[:i]
		}
		if len(old) == 0 {
			return nil
		}
		if goOn, err := r.remove(ctx, old); err != nil || !goOn {
			return err
		}
	}
}

// removeFastSuccesses removes the fast successes that ended long enough ago.
func (r *retention) removeFastSuccesses(ctx context.Context, now time.Time) error {
	before := now.Add(-r.policy.Succeeded)
	r.scan.begin(now)
	for after := r.scan.passed; ; {
		old, last, err := r.reader.nextFastSuccesses(ctx, &r.scan, after, now)
		if err != nil {
			return err
		}
		old = slices.DeleteFunc(old, func(run endedRun) bool { return run.finished >= before.UnixMilli() })
		if len(old) > 0 {
			if goOn, err := r.remove(ctx, old); err != nil || !goOn {
				return err
			}
		}
		if last == "" || last >= idsFrom(before) || r.isStopping() {
			return nil
		}
		after = last
	}
}

// removeOver removes the oldest ended runs while there are more than most.
func (r *retention) removeOver(ctx context.Context, now time.Time, most int) error {
	excess, err := r.countEnded(ctx)
	if err != nil {
		return err
	}
	excess -= most
	var fast []endedRun // whose turn has not come
	after, more := r.scan.passed, true
	for excess > 0 {
		for len(fast) == 0 && more && !r.isStopping() {
			if fast, after, err = r.reader.nextFastSuccesses(ctx, &r.scan, after, now); err != nil {
				return err
			}
			more = after != ""
		}
		old, err := r.reader.firstEnded(ctx, layout.SetEnded+"/"+endedSucceeded, layout.SetEnded+"/"+endedFailed)
		if err != nil {
			return err
		}
		old = append(old, fast...)
		slices.SortStableFunc(old, func(a, b endedRun) int { return cmp.Compare(a.at, b.at) })
		n := min(len(old), batchSize, excess)
		if n == 0 {
			return nil
		}
		fast = slices.DeleteFunc(slices.Clone(old[n:]), func(run endedRun) bool { return run.set != "" })
		excess -= n
		if goOn, err := r.remove(ctx, old[:n]); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// countEnded counts the runs that have ended: all but those that have not. A run
// with a limit that is new at this moment may count as well.
func (r *retention) countEnded(ctx context.Context) (int, error) {
	sets, err := r.reader.workflows(ctx)
	if err != nil {
		return 0, err
	}
	all := len(sets)
	queues, err := r.reader.queues(ctx)
	if err != nil {
		return 0, err
	}
	counts, err := r.store.Count(ctx, slices.Concat(sets, []string{layout.SetRunning, layout.SetWaiting}, queues)...)
	if err != nil {
		return 0, fmt.Errorf("engine: count runs: %w", err)
	}
	ended := 0
	for i, n := range counts {
		if i < all {
			ended += n
		} else {
			ended -= n
		}
	}
	return ended, nil
}

// remove removes a batch of ended runs with everything that is kept of them, and
// pauses. It reports whether to go on.
func (r *retention) remove(ctx context.Context, batch []endedRun) (goOn bool, err error) {
	ids := make([]string, len(batch))
	for i, run := range batch {
		ids[i] = run.id
	}
	found, err := r.reader.stored(ctx, ids)
	if err != nil {
		return false, err
	}
	ops := []state.Op{r.lease.Fence()}
	for i, data := range found {
		removing, err := batch[i].removeOps(data, r.removing)
		if err != nil {
			r.log.Warn("a run that ended long ago cannot be read, and is kept", "run", batch[i].id, "error", err)
		}
		ops = append(ops, removing...)
	}
	return r.write(ctx, ops)
}
