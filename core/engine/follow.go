package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// Progress is what happened in a run since an earlier look.
type Progress struct {
	// Events are in order. Entry is the number of the last journal entry that
	// they come from: where the next look begins.
	Events []workflow.Event
	Entry  int
	Run    Run // as it was when they were read, or a moment before
}

// Follow answers what happened in a run after the journal entry given (-1 is
// from the beginning), and waits for something to happen if nothing has. It
// returns early when ctx is done, then without events. Once the run has ended
// and all was told, it returns at once.
func (e *Engine) Follow(ctx context.Context, id string, after int) (Progress, error) {
	changes := make(chan struct{}, 1)
	e.mu.Lock()
	e.watchers[id] = append(e.watchers[id], changes)
	e.mu.Unlock()
	defer e.unwatch(id, changes)

	for {
		p, err := e.progress(ctx, id, after)
		if err != nil || len(p.Events) > 0 || p.Run.Status.Ended() {
			return p, err
		}
		if err := e.awaitNews(ctx, id, after, changes); err != nil {
			return p, err
		}
		if ctx.Err() != nil {
			return p, nil
		}
	}
}

// awaitNews waits until there is more in a run's journal than up to an entry, or
// ctx is done. While this process works on the run it is told; else it looks for
// what another one may have written, and no further.
func (e *Engine) awaitNews(ctx context.Context, id string, after int, changes <-chan struct{}) error {
	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		select {
		case <-changes:
			return nil
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if e.works(id) {
			continue
		}
		found, err := e.store.Get(ctx, state.Ref{Bucket: bucketRun, ID: id})
		if err == nil && found[0] == nil {
			return fmt.Errorf("%w: %s", ErrNotFound, id)
		}
		var entries [][]byte
		if err == nil {
			entries, err = e.store.Journal(ctx, id, after+1)
		}
		if err != nil {
			return fmt.Errorf("engine: follow run %s: %w", id, err)
		}
		if len(entries) > 0 {
			return nil
		}
	}
}

func (e *Engine) progress(ctx context.Context, id string, after int) (Progress, error) {
	// The head is read before the journal: of a run that has ended by then, the
	// journal is whole.
	r, _, events, err := e.loadEvents(ctx, id, after+1)
	if err != nil {
		return Progress{}, err
	}
	if r == nil {
		return Progress{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return Progress{Events: events, Entry: max(after, r.entries-1), Run: r.snapshot()}, nil
}

// changed tells those who follow a run that something happened in it.
func (e *Engine) changed(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.watchers[id] {
		wake(c)
	}
}

func (e *Engine) unwatch(id string, changes chan struct{}) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := e.watchers[id][:0]
	for _, c := range e.watchers[id] {
		if c != changes {
			left = append(left, c)
		}
	}
	if len(left) == 0 {
		delete(e.watchers, id)
		return
	}
	e.watchers[id] = left
}
