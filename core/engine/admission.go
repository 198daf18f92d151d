package engine

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// admission lets throttled runs go on when their groups have free places.
type admission struct {
	*service
	base
	interval time.Duration
	wakeups  *wakeups
}

// Start admits runs in the background until Stop.
func (a *admission) Start() { a.run(a.loop) }

func (a *admission) loop() {
	for a.sleep(a.wakeups.admission, a.interval) {
		a.outage.Note("admit runs that wait for others", a.admitAll(context.Background()))
	}
}

func (a *admission) admitAll(ctx context.Context) error {
	var failed error // of groups whose failure says nothing of the others
	for after := ""; ; {
		groups, err := a.store.Range(ctx, state.Range{Set: layout.SetGroups, After: after, Limit: page})
		if err != nil || len(groups) == 0 {
			return errors.Join(failed, err)
		}
		for _, group := range groups {
			err := a.admitGroup(ctx, group)
			if errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrClosed) {
				return err
			}
			failed = errors.Join(failed, err)
		}
		after = groups[len(groups)-1]
	}
}

// admitGroup admits the oldest throttled runs of a group into its free places.
func (a *admission) admitGroup(ctx context.Context, group string) error {
	limit := limitOf(group)
	passed := "" // a run that cannot be read
	for {
		version, err := a.store.Get(ctx, state.Ref{Bucket: layout.BucketGroupVersion, ID: group})
		if err != nil {
			return err
		}
		active, err := a.store.Range(ctx, state.Range{Set: layout.SetActive + "/" + group, Limit: limit})
		if err != nil || len(active) >= limit {
			return err
		}
		throttled, err := a.store.Range(ctx, state.Range{Set: layout.SetThrottled + "/" + group, After: passed, Limit: 1})
		if err != nil {
			return err
		}
		if len(throttled) == 0 {
			if passed != "" {
				return nil
			}
			return a.forgetGroup(ctx, group, version[0])
		}
		err = a.admitRun(ctx, group, throttled[0], version[0])
		if errors.As(err, new(*CorruptError)) {
			passed = throttled[0]
			a.noteCorrupt(passed, err)
			continue
		}
		switch conflict, ok := errors.AsType[*state.ConflictError](err); {
		case ok && !conflict.Failed(a.lease.Fence()) && !a.isStopping():
			continue // another process was faster; look again
		case err != nil:
			return err
		}
		a.wakeups.queue.wake()
	}
}

// admitRun moves one throttled run into the queue.
func (a *admission) admitRun(ctx context.Context, group, id string, version []byte) error {
	found, err := a.store.Get(ctx, state.Ref{Bucket: layout.BucketRun, ID: id})
	if err != nil {
		return err
	}
	if found[0] == nil {
		return a.store.Commit(ctx, a.lease.Fence(), state.Remove(layout.SetThrottled+"/"+group, id))
	}
	rec, err := decodeRecord(id, found[0])
	if err != nil {
		return err
	}
	if !rec.Throttled || rec.Status != workflow.RunQueued {
		return a.store.Commit(ctx, a.lease.Fence(), state.Remove(layout.SetThrottled+"/"+group, id))
	}
	next := *rec
	next.Throttled = false
	ops := []state.Op{a.lease.Fence(), state.RequireValue(layout.BucketRun, id, found[0])}
	ops = append(ops, advanceVersion(group, version)...)
	ops = append(ops, state.Add(layout.SetActive+"/"+group, id))
	ops = append(ops, rec.updateOps(&next)...)
	return a.store.Commit(ctx, ops...)
}

// forgetGroup removes a group that has no throttled run from the list of groups.
// A run that is throttled at the same moment bumps the version, and the group
// stays.
func (a *admission) forgetGroup(ctx context.Context, group string, version []byte) error {
	ops := append([]state.Op{a.lease.Fence(), state.Remove(layout.SetGroups, group)}, advanceVersion(group, version)...)
	return ignoreConflict(a.store.Commit(ctx, ops...))
}
