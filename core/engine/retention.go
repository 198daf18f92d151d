package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/workflow"
)

// Retention says how long runs are kept after their end.
type Retention struct {
	// Succeeded and Failed are ages; failed are the cancelled ones too. 0 is the
	// default, 168 h and 720 h.
	Succeeded, Failed time.Duration
	// MaxRuns is the most ended runs that are kept, whatever their age; 0 is no
	// bound. The oldest go first: by their end, or by their start where they
	// succeeded within an hour of it.
	MaxRuns int
}

// Defaults of Retention.
const (
	DefaultKeepSucceeded = 168 * time.Hour
	DefaultKeepFailed    = 720 * time.Hour
)

func (r Retention) withDefaults() Retention {
	if r.Succeeded == 0 {
		r.Succeeded = DefaultKeepSucceeded
	}
	if r.Failed == 0 {
		r.Failed = DefaultKeepFailed
	}
	return r
}

// Removal goes in small batches with pauses between them, so that who starts a
// run meanwhile does not wait for it.
const (
	removeBatch    = 50
	removePause    = 20 * time.Millisecond
	removeEvery    = time.Minute
	endedSucceeded = string(workflow.RunSucceeded)
	endedFailed    = string(workflow.RunFailed)
)

// remover removes runs that have been kept long enough. It belongs to the
// retention loop.
type remover struct {
	*Engine
	scan scan
}

// retentionLoop removes runs that have been kept long enough.
func (e *Engine) retentionLoop() {
	r := &remover{Engine: e}
	for e.sleep(nil, removeEvery) {
		e.outage.Note("remove old runs", r.round(context.Background()))
	}
}

func (r *remover) round(ctx context.Context) error {
	if err := r.upgradeRecords(ctx); err != nil {
		return err
	}
	now := r.now()
	for kind, keep := range map[string]time.Duration{endedSucceeded: r.retention.Succeeded, endedFailed: r.retention.Failed} {
		if err := r.removeBefore(ctx, setEnded+"/"+kind, now.Add(-keep)); err != nil {
			return err
		}
	}
	if err := r.removeFastSuccesses(ctx, now); err != nil {
		return err
	}
	if r.retention.MaxRuns > 0 {
		return r.removeOver(ctx, now, r.retention.MaxRuns)
	}
	return nil
}

// removeBefore removes the runs of a set that ended before a time.
func (r *remover) removeBefore(ctx context.Context, set string, before time.Time) error {
	for {
		old, err := r.oldest(ctx, set)
		if err != nil {
			return err
		}
		if i := slices.IndexFunc(old, func(run ended) bool { return run.at >= before.UnixMilli() }); i >= 0 {
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

// removeFastSuccesses removes those of the runs that succeeded promptly which ended long
// enough ago. They are among those that were started before.
func (r *remover) removeFastSuccesses(ctx context.Context, now time.Time) error {
	before := now.Add(-r.retention.Succeeded)
	r.scan.begin(now)
	for after := r.scan.passed; ; {
		old, last, err := r.nextFastSuccesses(ctx, after, now)
		if err != nil {
			return err
		}
		old = slices.DeleteFunc(old, func(run ended) bool { return run.finished >= before.UnixMilli() })
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

// removeOver removes the oldest runs, as long as there are more than so many
// that have ended.
func (r *remover) removeOver(ctx context.Context, now time.Time, most int) error {
	excess, err := r.countEnded(ctx)
	if err != nil {
		return err
	}
	excess -= most
	var prompt []ended // of which it is not yet the turn
	after, more := r.scan.passed, true
	for excess > 0 {
		for len(prompt) == 0 && more && !r.isStopping() {
			if prompt, after, err = r.nextFastSuccesses(ctx, after, now); err != nil {
				return err
			}
			more = after != ""
		}
		old, err := r.oldest(ctx, setEnded+"/"+endedSucceeded, setEnded+"/"+endedFailed)
		if err != nil {
			return err
		}
		old = append(old, prompt...)
		slices.SortStableFunc(old, func(a, b ended) int { return cmp.Compare(a.at, b.at) })
		n := min(len(old), removeBatch, excess)
		if n == 0 {
			return nil
		}
		prompt = slices.DeleteFunc(slices.Clone(old[n:]), func(run ended) bool { return run.set != "" })
		excess -= n
		if goOn, err := r.remove(ctx, old[:n]); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// countEnded counts the runs that have ended: all but those that are under way.
// A run of a group that is new at this moment may count as well.
func (r *remover) countEnded(ctx context.Context) (int, error) {
	sets, err := r.named(ctx, setWorkflows, setRuns)
	if err != nil {
		return 0, err
	}
	all := len(sets)
	queues, err := r.queues(ctx)
	if err != nil {
		return 0, err
	}
	counts, err := r.store.Count(ctx, slices.Concat(sets, []string{setRunning, setWaiting}, queues)...)
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
