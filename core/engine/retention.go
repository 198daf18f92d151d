package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// Retention says how long runs are kept after their end.
type Retention struct {
	// Succeeded and Failed are ages; failed are the cancelled ones too. 0 is the
	// default, 168 h and 720 h.
	Succeeded, Failed time.Duration
	// MaxRuns is the most ended runs that are kept, whatever their age; 0 is no
	// bound. The oldest go first.
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
	removeBatch   = 50
	removePause   = 20 * time.Millisecond
	removeEvery   = time.Minute
	endedSucceded = string(workflow.RunSucceeded)
	endedFailed   = string(workflow.RunFailed)
)

// retentionLoop removes runs that have been kept long enough.
func (e *Engine) retentionLoop() {
	for e.sleep(nil, removeEvery) {
		if err := e.removeOld(context.Background()); err != nil {
			e.log.Error("old runs could not be removed; trying again", "error", err)
		}
	}
}

func (e *Engine) removeOld(ctx context.Context) error {
	now := e.now()
	for kind, keep := range map[string]time.Duration{endedSucceded: e.retention.Succeeded, endedFailed: e.retention.Failed} {
		if err := e.removeBefore(ctx, kind, now.Add(-keep)); err != nil {
			return err
		}
	}
	return nil
}

// removeBefore removes the runs of a kind that ended before a time.
func (e *Engine) removeBefore(ctx context.Context, kind string, before time.Time) error {
	set := setEnded + "/" + kind
	limit := fmt.Sprintf("%016x", before.UnixMilli())
	for {
		members, err := e.store.Range(ctx, state.Range{Set: set, Limit: removeBatch})
		if err != nil {
			return err
		}
		var old []string
		for _, member := range members {
			if member < limit {
				old = append(old, member)
			}
		}
		if len(old) == 0 {
			return nil
		}
		if err := e.remove(ctx, set, old); err != nil {
			return err
		}
		if !e.sleep(nil, removePause) {
			return nil
		}
	}
}

// remove removes ended runs with everything that is kept of them.
func (e *Engine) remove(ctx context.Context, set string, members []string) error {
	refs := make([]state.Ref, len(members))
	for i, member := range members {
		_, id, _ := strings.Cut(member, "/")
		refs[i] = state.Ref{Bucket: bucketRun, ID: id}
	}
	heads, err := e.store.Get(ctx, refs...)
	if err != nil {
		return err
	}
	ops := []state.Op{e.lease.Fence()}
	for i, data := range heads {
		id := refs[i].ID
		ops = append(ops, state.Remove(set, members[i]))
		if data == nil {
			continue
		}
		h, err := decodeHead(data)
		if err != nil {
			return err
		}
		if !h.Status.Ended() || endedAt(members[i]) != h.FinishedAt.UnixMilli() {
			continue // it was retried since
		}
		ops = append(ops,
			state.RequireValue(bucketRun, id, data),
			state.Delete(bucketRun, id), state.DropJournal(id),
			state.Remove(setRuns, id), state.Remove(setOf(h.Workflow), id))
		if place, member := h.place(); place != "" {
			ops = append(ops, state.Remove(place, member))
		}
	}
	return e.store.Commit(ctx, ops...)
}

// endedAt is the time that a member of the set of ended runs stands at.
func endedAt(member string) int64 {
	text, _, _ := strings.Cut(member, "/")
	ms, err := strconv.ParseInt(text, 16, 64)
	if err != nil {
		return 0
	}
	return ms
}
