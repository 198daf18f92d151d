package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
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
	e.active[r.head.ID].ended = true
	waiters := e.waiters[r.head.ID]
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
	run := r.head.run()
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
func (h *head) run() Run {
	return Run{
		ID: h.ID, Workflow: h.Workflow, Status: h.Status, Error: h.Error,
		CreatedAt: h.CreatedAt, StartedAt: h.StartedAt, FinishedAt: h.FinishedAt,
	}
}

// Bounds of a list's page.
const (
	defaultLimit = 50
	maxLimit     = 200
	// maxLooks bounds how many runs are looked at for one page: a rare one is
	// found over several pages, none of which takes long.
	maxLooks = 4 * page
)

// List answers a page of runs, the newest first.
func (e *Engine) List(ctx context.Context, req ListRequest) (List, error) {
	if req.Limit == 0 {
		req.Limit = defaultLimit
	}
	req.Limit = min(max(req.Limit, 1), maxLimit)
	if req.Cursor != "" {
		if _, err := uuid.Parse(req.Cursor); err != nil {
			return List{}, ErrBadCursor
		}
	}
	sets, err := e.setsOf(ctx, &req)
	if err != nil {
		return List{}, err
	}
	list := List{Runs: []Run{}}
	after := req.Cursor
	for looked := 0; looked < maxLooks; looked += page {
		ids, err := e.newest(ctx, sets, after)
		if err != nil {
			return List{}, err
		}
		heads, err := e.heads(ctx, ids)
		if err != nil {
			return List{}, err
		}
		for i, h := range heads {
			after = ids[i]
			if h == nil || !req.matches(h) {
				continue
			}
			if !req.Since.IsZero() && h.CreatedAt.Before(req.Since) {
				return list, nil // ids are in the order of time
			}
			list.Runs = append(list.Runs, h.run())
			if len(list.Runs) == req.Limit {
				list.NextCursor = after
				return list, nil
			}
		}
		if len(ids) < page {
			return list, nil
		}
	}
	list.NextCursor = after
	return list, nil
}

// setsOf are the smallest sets that hold all runs asked for.
func (e *Engine) setsOf(ctx context.Context, req *ListRequest) ([]string, error) {
	switch req.Status {
	case workflow.RunQueued:
		return e.queues(ctx)
	case workflow.RunRunning:
		return []string{setRunning}, nil
	case workflow.RunWaiting, workflow.RunCompensating:
		return []string{setRunning, setWaiting}, nil
	case workflow.RunFailed:
		return []string{setFailed}, nil
	case workflow.RunCancelled:
		return []string{setCancelled}, nil
	}
	if req.Workflow != "" {
		return []string{setOf(req.Workflow)}, nil
	}
	return []string{setRuns}, nil
}

// queues are the sets of the runs that wait for their turn.
func (e *Engine) queues(ctx context.Context) ([]string, error) {
	var sets []string
	for of, prefix := range map[string]string{setQueues: setQueued, setGroups: setHeld} {
		names, err := e.store.Range(ctx, state.Range{Set: of, Limit: page})
		if err != nil {
			return nil, fmt.Errorf("engine: list queues: %w", err)
		}
		for _, name := range names {
			sets = append(sets, prefix+"/"+name)
		}
	}
	return sets, nil
}

// newest answers a page of the ids in sets that are older than the one given,
// the newest first.
func (e *Engine) newest(ctx context.Context, sets []string, after string) ([]string, error) {
	var ids []string
	for _, set := range sets {
		members, err := e.store.Range(ctx, state.Range{Set: set, After: after, Limit: page, Reverse: true})
		if err != nil {
			return nil, fmt.Errorf("engine: list runs: %w", err)
		}
		for _, member := range members {
			id, _, _ := strings.Cut(member, "/") // in "running", the lease follows
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	ids = slices.Compact(ids)
	return ids[:min(len(ids), page)], nil
}

func (req *ListRequest) matches(h *head) bool {
	return (req.Workflow == "" || h.Workflow == req.Workflow) && (req.Status == "" || h.Status == req.Status)
}

// heads reads the heads of runs, nil where one is gone meanwhile.
func (e *Engine) heads(ctx context.Context, ids []string) ([]*head, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	refs := make([]state.Ref, len(ids))
	for i, id := range ids {
		refs[i] = state.Ref{Bucket: bucketRun, ID: id}
	}
	found, err := e.store.Get(ctx, refs...)
	if err != nil {
		return nil, fmt.Errorf("engine: read runs: %w", err)
	}
	heads := make([]*head, len(found))
	for i, data := range found {
		if data == nil {
			continue
		}
		if heads[i], err = decodeHead(data); err != nil {
			return nil, err
		}
	}
	return heads, nil
}
