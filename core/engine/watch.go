package engine

import (
	"context"
	"fmt"
	"time"

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

	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		p, err := e.progress(ctx, id, after)
		if err != nil || len(p.Events) > 0 || p.Run.Status.Ended() {
			return p, err
		}
		select {
		case <-changes:
		case <-ticker.C: // another process may work on it
		case <-ctx.Done():
			return p, nil
		}
	}
}

func (e *Engine) progress(ctx context.Context, id string, after int) (Progress, error) {
	// The run is read first: of one that has ended by then, the journal is whole.
	run, err := e.Get(ctx, id)
	if err != nil {
		return Progress{}, err
	}
	entries, err := e.store.Journal(ctx, id, after+1)
	if err != nil {
		return Progress{}, fmt.Errorf("engine: follow run %s: %w", id, err)
	}
	p := Progress{Entry: after, Run: run}
	for _, data := range entries {
		events, err := workflow.DecodeEntry(data)
		if err != nil {
			return Progress{}, err
		}
		p.Events = append(p.Events, events...)
		p.Entry++
	}
	return p, nil
}

// changed tells those who follow a run that something happened in it.
func (e *Engine) changed(id string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, c := range e.watchers[id] {
		poke(c)
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
