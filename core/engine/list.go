package engine

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

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
	// Most pages are full at once; what is rare is looked for in longer strides.
	for looked, stride := 0, req.Limit; looked < maxLooks; looked, stride = looked+stride, page {
		members, err := e.merged(ctx, sets, state.Range{After: after, Limit: stride, Reverse: true})
		if err != nil {
			return List{}, fmt.Errorf("engine: list runs: %w", err)
		}
		ids := make([]string, 0, len(members))
		for _, m := range members {
			if req.mayMatch(m) {
				ids = append(ids, m.id)
			}
		}
		heads, err := e.records(ctx, ids)
		if err != nil {
			return List{}, err
		}
		for i, h := range heads {
			if h == nil || !req.matches(h) {
				continue
			}
			if !req.Since.IsZero() && h.CreatedAt.Before(req.Since) {
				return list, nil // ids are in the order of time
			}
			list.Runs = append(list.Runs, h.run())
			if len(list.Runs) == req.Limit {
				list.NextCursor = ids[i]
				return list, nil
			}
		}
		if len(members) < stride {
			return list, nil
		}
		after = members[len(members)-1].id
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
	sets, err := e.named(ctx, setWorkflows, setRuns)
	if err != nil {
		return nil, err
	}
	return append(sets, setRuns), nil // where those of version 1 are
}

// queues are the sets of the runs that wait for their turn.
func (e *Engine) queues(ctx context.Context) ([]string, error) {
	queued, err := e.named(ctx, setQueues, setQueued)
	if err != nil {
		return nil, err
	}
	throttled, err := e.named(ctx, setGroups, setThrottled)
	if err != nil {
		return nil, err
	}
	return append(queued, throttled...), nil
}

// named are the sets KIND/NAME of all names that are members of a set.
func (e *Engine) named(ctx context.Context, names, kind string) (sets []string, err error) {
	for after := ""; ; {
		members, err := e.store.Range(ctx, state.Range{Set: names, After: after, Limit: page})
		if err != nil {
			return nil, fmt.Errorf("engine: list %s: %w", names, err)
		}
		for _, name := range members {
			sets = append(sets, kind+"/"+name)
		}
		if len(members) < page {
			return sets, nil
		}
		after = members[len(members)-1]
	}
}

// member is a run's place in a set.
type member struct {
	set, id string
	rest    string // what follows the id: a lease, a workflow, or nothing
}

// merged answers the members of several sets, whatever follows their ids, as if
// they were one: r says which, but for its set. A run that is in two of them comes
// once.
func (e *Engine) merged(ctx context.Context, sets []string, r state.Range) ([]member, error) {
	var all []member
	for _, r.Set = range sets {
		found, err := e.store.Range(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, text := range found {
			id, rest, _ := strings.Cut(text, "/")
			all = append(all, member{set: r.Set, id: id, rest: rest})
		}
	}
	slices.SortStableFunc(all, func(a, b member) int {
		if r.Reverse {
			a, b = b, a
		}
		return strings.Compare(a.id, b.id)
	})
	all = slices.CompactFunc(all, func(a, b member) bool { return a.id == b.id })
	return all[:min(len(all), r.Limit)], nil
}

// mayMatch reports whether a run may be one of those asked for, as far as its
// place tells. One of version 1 tells nothing of its workflow.
func (req *ListRequest) mayMatch(m member) bool {
	if m.set != setFailed && m.set != setCancelled {
		return true
	}
	return req.Workflow == "" || m.rest == "" || m.rest == req.Workflow
}

func (req *ListRequest) matches(h *runRecord) bool {
	return (req.Workflow == "" || h.Workflow == req.Workflow) && (req.Status == "" || h.Status == req.Status)
}

// heads reads the heads of runs, nil where one is gone meanwhile.
func (e *Engine) records(ctx context.Context, ids []string) ([]*runRecord, error) {
	found, err := e.stored(ctx, ids)
	if err != nil {
		return nil, err
	}
	heads := make([]*runRecord, len(found))
	for i, data := range found {
		if data == nil {
			continue
		}
		if heads[i], err = decodeRecord(data); err != nil {
			return nil, err
		}
	}
	return heads, nil
}

// stored reads the heads of runs as they are stored.
func (e *Engine) stored(ctx context.Context, ids []string) ([][]byte, error) {
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
	return found, nil
}
