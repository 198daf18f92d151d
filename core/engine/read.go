package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/workflow"
)

// waitPoll is how often the store is asked for a run that another process may
// end. A run that this process ends is told at once.
const waitPoll = time.Second

// Get answers a run with its steps, or ErrNotFound.
func (e *Engine) Get(ctx context.Context, id string) (Run, error) {
	r, _, err := e.load(ctx, id)
	if err != nil {
		return Run{}, err
	}
	if r == nil {
		return Run{}, fmt.Errorf("%w: %s", ErrNotFound, id)
	}
	return r.snapshot(), nil
}

// Wait answers a run when it has ended, or as it is when ctx is done. While
// this process works on the run, the store is not asked: its end is announced.
func (e *Engine) Wait(ctx context.Context, id string) (Run, error) {
	ended := make(chan Run, 1)
	e.mu.Lock()
	e.waiters[id] = append(e.waiters[id], ended)
	e.mu.Unlock()
	defer e.forget(id, ended)

	ticker := time.NewTicker(waitPoll)
	defer ticker.Stop()
	for {
		if !e.willAnnounce(id) || ctx.Err() != nil {
			// The context that ends the wait must not end the last look.
			present, err := e.Get(context.WithoutCancel(ctx), id)
			if err != nil || present.Status.Ended() || ctx.Err() != nil {
				return present, err
			}
		}
		select {
		case run := <-ended:
			if run.Status == workflow.RunFailed {
				// It may have been retried before this was told.
				return e.Get(context.WithoutCancel(ctx), id)
			}
			return run, nil
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
}

// willAnnounce reports whether this process works on the run and has not
// announced its end. Who waits and asks afterwards misses no end.
func (e *Engine) willAnnounce(id string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	a, ok := e.active[id]
	return ok && !a.ended
}

// announce tells those who wait that a run has ended.
func (e *Engine) announce(r *run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.active[r.record.ID].ended = true
	waiters := e.waiters[r.record.ID]
	if len(waiters) == 0 {
		return
	}
	run := r.snapshot()
	for _, waiter := range waiters {
		select {
		case waiter <- run:
		default: // it has the answer of an earlier announcement
		}
	}
}

func (e *Engine) forget(id string, waiter chan Run) {
	e.mu.Lock()
	defer e.mu.Unlock()
	left := slices.DeleteFunc(e.waiters[id], func(w chan Run) bool { return w == waiter })
	if len(left) == 0 {
		delete(e.waiters, id)
		return
	}
	e.waiters[id] = left
}

// snapshot is the run as it is shown. It shares no memory that changes.
func (r *run) snapshot() Run {
	run := r.record.run()
	run.Output = r.machine.Output()
	run.Input = r.machine.Root("input")
	if run.Input == nil {
		run.Input = r.machine.Root("payload")
	}
	steps := r.machine.Steps()
	run.Steps = make([]Step, 0, len(steps))
	for i := range steps {
		s := &steps[i]
		run.Steps = append(run.Steps, Step{
			ID: s.Step.ID, Path: s.Path, Status: s.Status, Attempts: s.Attempts, Integration: s.Step.Integration,
			StartedAt: s.StartedAt, FinishedAt: s.FinishedAt,
			Result: s.Result, Error: r.machine.StepFailure(s),
		})
	}
	return run
}

// run is the head as it is shown.
func (h *runRecord) run() Run {
	return Run{
		ID: h.ID, Workflow: h.Workflow, Status: h.Status, Error: h.Error,
		CreatedAt: h.CreatedAt, StartedAt: h.StartedAt, FinishedAt: h.FinishedAt,
	}
}
