package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// waitPoll is how often the store is asked about a run that another process may
// change. What this process does is announced at once.
const waitPoll = time.Second

// queries are the reads that show runs.
type queries struct {
	reader      *reader
	active      *activeRuns
	subscribers *subscribers
}

// get is Engine.Get.
func (q *queries) get(ctx context.Context, id string) (Run, error) {
	run, _, err := q.reader.load(ctx, id)
	if err != nil {
		return Run{}, err
	}
	if run == nil {
		return Run{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return run.view(), nil
}

// wait is Engine.Wait.
func (q *queries) wait(ctx context.Context, id string) (Run, error) {
	ended, cancel := q.subscribers.awaitEnd(id)
	defer cancel()

	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		// It subscribed before it asks, so it misses no end.
		if !q.active.willAnnounce(id) || ctx.Err() != nil {
			// The context that ends the wait must not end the last look.
			present, err := q.get(context.WithoutCancel(ctx), id)
			if err != nil || present.Status.Ended() || ctx.Err() != nil {
				return present, err
			}
		}
		select {
		case run := <-ended:
			if run.Status != workflow.RunFailed {
				return run, nil
			}
			// It may have been retried since it was announced: then the wait goes on.
			if present, err := q.get(context.WithoutCancel(ctx), id); err != nil || present.Status.Ended() {
				return present, err
			}
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// follow is Engine.Follow.
func (q *queries) follow(ctx context.Context, id string, after int) (Progress, error) {
	changed, cancel := q.subscribers.watch(id)
	defer cancel()

	for {
		p, err := q.progress(ctx, id, after)
		if err != nil || len(p.Events) > 0 || p.Run.Status.Ended() {
			return p, err
		}
		if err := q.awaitEntry(ctx, id, after, changed); err != nil {
			return p, err
		}
		if ctx.Err() != nil {
			return p, nil
		}
	}
}

// awaitEntry waits until a run's journal has more than up to an entry, or ctx is
// done. A run that this process works on announces it; of any other the store is
// asked for entries, and for nothing more.
func (q *queries) awaitEntry(ctx context.Context, id string, after int, changed wakeup) error {
	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		select {
		case <-changed:
			return nil
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if q.active.contains(id) {
			continue
		}
		found, err := q.reader.store.Get(ctx, state.Ref{Bucket: layout.BucketRun, ID: id})
		if err == nil && found[0] == nil {
			return fmt.Errorf("%w: %s", ErrNotFound, id)
		}
		var entries [][]byte
		if err == nil {
			entries, err = q.reader.store.Journal(ctx, id, after+1)
		}
		if err != nil {
			return fmt.Errorf("engine: follow run %s: %w", id, err)
		}
		if len(entries) > 0 {
			return nil
		}
	}
}

func (q *queries) progress(ctx context.Context, id string, after int) (Progress, error) {
	// The record is read before the journal: of a run that has ended by then, the
	// journal is whole.
	run, _, events, err := q.reader.loadEvents(ctx, id, after+1)
	if err != nil {
		return Progress{}, err
	}
	if run == nil {
		return Progress{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return Progress{Events: events, Entry: max(after, run.entries-1), Run: run.view()}, nil
}
