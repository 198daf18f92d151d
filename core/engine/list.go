package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// Bounds of a list's page.
const (
	defaultLimit = 50
	maxLimit     = 200
	// maxReads bounds how many runs are read for one page: a rare one is found over
	// several pages, none of which takes long.
	maxReads = 4 * page
)

// list returns a page of runs, the newest first.
func (r *reader) list(ctx context.Context, req ListRequest) (List, error) {
	if req.Limit == 0 {
		req.Limit = defaultLimit
	}
	req.Limit = min(max(req.Limit, 1), maxLimit)
	if req.Cursor != "" {
		if _, err := uuid.Parse(req.Cursor); err != nil {
			return List{}, ErrBadCursor
		}
	}
	sets, err := r.setsOf(ctx, &req)
	if err != nil {
		return List{}, err
	}
	list := List{Runs: []Run{}}
	after := req.Cursor
	// Most pages are full at once; what is rare is searched for in longer strides.
	for read, stride := 0, req.Limit; read < maxReads; read, stride = read+stride, page {
		members, err := r.merged(ctx, sets, state.Range{After: after, Limit: stride, Reverse: true})
		if err != nil {
			return List{}, fmt.Errorf("engine: list runs: %w", err)
		}
		ids := make([]string, 0, len(members))
		entries := make([]member, 0, len(members))
		for _, m := range members {
			if mayMatch(&req, m) {
				ids, entries = append(ids, m.id), append(entries, m)
			}
		}
		records, err := r.records(ctx, ids)
		if err != nil {
			return List{}, err
		}
		for i, rec := range records {
			var run Run
			switch {
			case rec.err != nil:
				run = corruptView(entries[i], rec.err)
			case rec.runRecord != nil:
				run = rec.view()
			default:
				continue
			}
			if !matches(&req, &run) {
				continue
			}
			if !req.Since.IsZero() && !run.CreatedAt.IsZero() && run.CreatedAt.Before(req.Since) {
				return list, nil // ids are in the order of time
			}
			list.Runs = append(list.Runs, run)
			if rec.err != nil {
				list.Unreadable = append(list.Unreadable, run.ID)
			}
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
func (r *reader) setsOf(ctx context.Context, req *ListRequest) ([]string, error) {
	var sets []string
	for _, status := range req.Statuses {
		switch status {
		case workflow.RunQueued:
			queues, err := r.queues(ctx)
			if err != nil {
				return nil, err
			}
			sets = append(sets, queues...)
		case workflow.RunRunning:
			sets = append(sets, layout.SetRunning)
		case workflow.RunWaiting, workflow.RunCompensating:
			sets = append(sets, layout.SetRunning, layout.SetWaiting)
		case workflow.RunFailed:
			sets = append(sets, layout.SetFailed)
		case workflow.RunCancelled:
			sets = append(sets, layout.SetCancelled)
		default: // those that succeeded are in the sets of all runs alone
			return r.setsOfAll(ctx, req.Workflow)
		}
	}
	if len(req.Statuses) == 0 {
		return r.setsOfAll(ctx, req.Workflow)
	}
	slices.Sort(sets)
	return slices.Compact(sets), nil
}

// setsOfAll are the sets of all runs of a workflow, or of all workflows.
func (r *reader) setsOfAll(ctx context.Context, workflowID string) ([]string, error) {
	if workflowID != "" {
		return []string{workflowSet(workflowID)}, nil
	}
	sets, err := r.workflows(ctx)
	if err != nil {
		return nil, err
	}
	return append(sets, layout.SetRuns), nil // where those of version 1 are
}

// mayMatch reports whether a run may be one of those asked for, as far as its entry
// shows. One of version 1 shows nothing of its workflow.
func mayMatch(req *ListRequest, m member) bool {
	if m.set != layout.SetFailed && m.set != layout.SetCancelled {
		return true
	}
	return req.Workflow == "" || m.rest == "" || m.rest == req.Workflow
}

func matches(req *ListRequest, run *Run) bool {
	return (req.Workflow == "" || run.Workflow == req.Workflow) && (len(req.Statuses) == 0 || slices.Contains(req.Statuses, run.Status))
}
