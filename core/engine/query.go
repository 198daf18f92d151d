package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/wakeup"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
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
func (q *queries) get(ctx context.Context, id string) (run Run, err error) {
	return run, q.look(ctx, id, func(stored *storedRun) { run = stored.view() })
}

// result is Engine.Result.
func (q *queries) result(ctx context.Context, id, path string) (result StepResult, err error) {
	found := false
	err = q.look(ctx, id, func(stored *storedRun) {
		var doc value.Doc
		if doc, found = stored.machine.Result(path); found {
			result = StepResult{JSON: doc.Raw(), Sensitive: workflow.SensitiveTexts(stored.machine.Steps())}
		}
	})
	if err == nil && !found {
		err = fmt.Errorf("%w: step %s of run %s", ErrNoResult, path, id)
	}
	return result, err
}

// look has a run looked at, or returns ErrNotFound.
func (q *queries) look(ctx context.Context, id string, at func(*storedRun)) error {
	data, err := q.reader.use(ctx, id, at)
	if err == nil && data == nil {
		return fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return err
}

// ended reports whether a run has ended, or returns ErrNotFound.
func (q *queries) ended(ctx context.Context, id string) (bool, error) {
	record, err := q.reader.record(ctx, id)
	return err == nil && record.Status.Ended(), err
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
			last := context.WithoutCancel(ctx)
			ended, err := q.ended(last, id)
			if err != nil {
				return Run{}, err
			}
			if ended || ctx.Err() != nil {
				present, err := q.get(last, id)
				if err != nil || present.Status.Ended() || ctx.Err() != nil {
					return present, err
				}
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
func (q *queries) awaitEntry(ctx context.Context, id string, after int, changed wakeup.Wakeup) error {
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
			entries, err = q.reader.store.Journal(ctx, id, after+1, 1)
		}
		if err != nil {
			return fmt.Errorf("engine: follow run %s: %w", id, err)
		}
		if len(entries) > 0 {
			return nil
		}
	}
}

// followedAtOnce is how many entries Follow returns at once.
const followedAtOnce = 4

func (q *queries) progress(ctx context.Context, id string, after int) (Progress, error) {
	// The record is read before the journal: of a run that has ended by then, the
	// journal is whole.
	record, err := q.reader.record(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	definition, err := q.reader.definitions.pinned(ctx, record.Definition)
	if err != nil {
		return Progress{}, corrupt(id, "its definition", err)
	}
	events, read, err := q.reader.events(ctx, id, after+1, followedAtOnce)
	if err != nil {
		return Progress{}, err
	}
	for i := range events {
		// What nobody is shown must not be kept for a client that is slow.
		events[i].Params, events[i].Roots = value.Doc{}, nil
	}
	return Progress{
		Events: events, Entry: after + read, More: read == followedAtOnce,
		Run: record.view(), Step: definition.StepAt,
	}, nil
}
