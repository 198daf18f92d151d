package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
		if err := e.removeBefore(ctx, setEnded+"/"+kind, now.Add(-keep)); err != nil {
			return err
		}
	}
	if e.retention.MaxRuns > 0 {
		return e.removeOver(ctx, e.retention.MaxRuns)
	}
	return nil
}

// ended is an ended run's place in the order of time: see head.endedMember.
type ended struct{ set, member string }

// removeBefore removes the runs of a set that ended before a time.
func (e *Engine) removeBefore(ctx context.Context, set string, before time.Time) error {
	limit := fmt.Sprintf("%016x", before.UnixMilli())
	for {
		old, err := e.oldest(ctx, set)
		if err != nil {
			return err
		}
		for i, run := range old {
			if run.member >= limit {
				old = old[:i]
				break
			}
		}
		if goOn, err := e.remove(ctx, old); err != nil || !goOn {
			return err
		}
	}
}

// removeOver removes the runs that ended first, as long as there are more than
// so many.
func (e *Engine) removeOver(ctx context.Context, most int) error {
	sets := []string{setEnded + "/" + endedSucceded, setEnded + "/" + endedFailed}
	excess := -most
	for _, set := range sets {
		n, err := e.store.Count(ctx, set)
		if err != nil {
			return err
		}
		excess += n
	}
	for excess > 0 {
		old, err := e.oldest(ctx, sets...)
		if err != nil {
			return err
		}
		old = old[:min(len(old), excess)]
		excess -= len(old)
		if goOn, err := e.remove(ctx, old); err != nil || !goOn {
			return err
		}
	}
	return nil
}

// oldest answers a batch of those runs of some sets that ended first.
func (e *Engine) oldest(ctx context.Context, sets ...string) ([]ended, error) {
	var old []ended
	for _, set := range sets {
		members, err := e.store.Range(ctx, state.Range{Set: set, Limit: removeBatch})
		if err != nil {
			return nil, err
		}
		for _, member := range members {
			old = append(old, ended{set, member})
		}
	}
	slices.SortFunc(old, func(a, b ended) int { return strings.Compare(a.member, b.member) })
	return old[:min(len(old), removeBatch)], nil
}

// remove removes a batch of ended runs with everything that is kept of them,
// and pauses. It reports whether there was something to remove and the engine
// is not stopping.
func (e *Engine) remove(ctx context.Context, batch []ended) (goOn bool, err error) {
	if len(batch) == 0 {
		return false, nil
	}
	refs := make([]state.Ref, len(batch))
	for i, run := range batch {
		_, id, _ := strings.Cut(run.member, "/")
		refs[i] = state.Ref{Bucket: bucketRun, ID: id}
	}
	heads, err := e.store.Get(ctx, refs...)
	if err != nil {
		return false, err
	}
	ops := []state.Op{e.lease.Fence()}
	for i, data := range heads {
		removing, err := removal(batch[i], refs[i].ID, data)
		if err != nil {
			return false, err
		}
		ops = append(ops, removing...)
	}
	err = e.store.Commit(ctx, ops...)
	if conflict := (*state.ConflictError)(nil); errors.As(err, &conflict) && conflict.Index > 0 {
		err = nil // one was retried, or another process was faster: what is left is read again
	}
	if err != nil {
		return false, err
	}
	return e.sleep(nil, removePause), nil
}

// removal answers the ops that remove an ended run, whose head is given; nil if
// there is none any more.
func removal(run ended, id string, data []byte) ([]state.Op, error) {
	ops := []state.Op{state.Remove(run.set, run.member)}
	if data == nil {
		return ops, nil
	}
	h, err := decodeHead(data)
	if err != nil {
		return nil, err
	}
	if !h.Status.Ended() || endedAt(run.member) != h.FinishedAt.UnixMilli() {
		return ops, nil // it was retried since
	}
	ops = append(ops,
		state.RequireValue(bucketRun, id, data),
		state.Delete(bucketRun, id), state.DropJournal(id),
		state.Remove(setRuns, id), state.Remove(setOf(h.Workflow), id))
	if place, member := h.place(); place != "" {
		ops = append(ops, state.Remove(place, member))
	}
	return ops, nil
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
