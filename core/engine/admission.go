package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

const (
	// maxAdmitting is how many groups are looked at at once.
	maxAdmitting = 16
	// sweepGroups is how often all groups of limits with throttled runs are looked at:
	// for those of a program that sets no timers for them.
	sweepGroups = time.Minute
)

// admission lets throttled runs go on when their groups have free places. It looks at
// the groups whose timers are due and at no other: what it costs depends on what
// happens, and not on how many groups have runs that wait.
type admission struct {
	*service
	*claims
	interval time.Duration
	swept    time.Time // when all groups of limits were last looked at
}

// Start admits runs in the background until Stop.
func (a *admission) Start() { a.service.run(a.loop) }

func (a *admission) loop() {
	for wait := time.Duration(0); a.service.sleep(a.wakeups.admission, wait); {
		var err error
		wait, err = a.round(context.Background())
		a.outage.Note("admit runs that wait for others", err)
		if err != nil {
			wait = retryPause
		}
	}
}

// round looks at what is due, and returns after how long something may be due again.
func (a *admission) round(ctx context.Context) (time.Duration, error) {
	if now := a.now(); a.swept.IsZero() || now.Sub(a.swept) >= sweepGroups || now.Before(a.swept) {
		if err := a.sweep(ctx); err != nil {
			return 0, err
		}
		a.swept = now
	}
	blocked, err := a.unblockDue(ctx)
	if err != nil {
		return 0, err
	}
	var seen looked // in the round before
	for !a.service.isStopping() {
		due, next, err := a.store.Due(ctx, layout.QueueGroup, page)
		if err != nil {
			return 0, err
		}
		if len(due) == 0 {
			return atMost(next, blocked, a.interval), nil
		}
		// What was seen is settled while others are looked at: these do not wait for it.
		if seen, err = a.lookAtAll(ctx, due, seen); err != nil {
			return 0, err
		}
	}
	return a.interval, a.settle(ctx, seen)
}

// atMost returns the shortest of some times, of which negative ones do not count.
func atMost(times ...time.Duration) time.Duration {
	shortest := times[len(times)-1]
	for _, t := range times {
		if t >= 0 && t < shortest {
			shortest = t
		}
	}
	return shortest
}

// looked are the groups that were looked at and need not be looked at again, with the
// ops after which they are not.
type looked map[string][]state.Op

// lookAtAll looks at groups, several at once, and returns those that are done with.
// Meanwhile it settles those of the round before.
func (a *admission) lookAtAll(ctx context.Context, due []state.Timer, before looked) (looked, error) {
	var mu sync.Mutex // guards done
	done := looked{}
	looks, ctx := errgroup.WithContext(ctx)
	looks.SetLimit(maxAdmitting + 1)
	looks.Go(func() error { return a.settle(ctx, before) })
	for _, timer := range due {
		if before[timer.ID] != nil {
			continue
		}
		looks.Go(func() error {
			settle, err := a.look(ctx, timer.ID)
			if isPassing(err) || a.isFenced(err) {
				return err
			}
			if err != nil {
				a.log.Error("runs that wait for others cannot be admitted; trying again later", "group", timer.ID, "error", err)
				settle = []state.Op{state.SetTimerAfter(layout.QueueGroup, timer.ID, corruptPause)}
			}
			if len(settle) > 0 {
				mu.Lock()
				defer mu.Unlock()
				done[timer.ID] = settle
			}
			return nil
		})
	}
	return done, looks.Wait()
}

// settle makes the commits after which groups need not be looked at: all in one, or
// where one of them has changed meanwhile, one by one.
func (a *admission) settle(ctx context.Context, groups looked) error {
	ctx = context.WithoutCancel(ctx)
	ops := []state.Op{a.lease.Fence()}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		ops = append(ops, groups[name]...)
	}
	if len(groups) == 0 {
		return nil
	}
	err := a.store.Commit(ctx, ops...)
	if !errors.As(err, new(*state.ConflictError)) || a.isFenced(err) || len(groups) == 1 {
		return a.unlessFaster(err)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		if err := a.unlessFaster(a.store.Commit(ctx, append([]state.Op{a.lease.Fence()}, groups[name]...)...)); err != nil {
			return err
		}
	}
	return nil
}

// isPassing reports whether an error is that of a store that cannot be reached, which
// says nothing of what was to be done.
func isPassing(err error) bool {
	return errors.Is(err, state.ErrUnavailable) || errors.Is(err, state.ErrClosed) || errors.Is(err, context.Canceled)
}

// isFenced reports whether a commit failed since this process has lost its lease.
func (a *admission) isFenced(err error) bool {
	conflict, ok := errors.AsType[*state.ConflictError](err)
	return ok && conflict.Failed(a.lease.Fence())
}

// unlessFaster returns nil for a commit that failed since another one was faster: what
// is due is looked at again.
func (a *admission) unlessFaster(err error) error {
	if errors.As(err, new(*state.ConflictError)) && !a.isFenced(err) {
		return nil
	}
	return err
}

// sweep looks at all groups of limits with throttled runs.
func (a *admission) sweep(ctx context.Context) error {
	for after := ""; ; {
		groups, err := a.store.Range(ctx, state.Range{Set: layout.SetGroups, After: after, Limit: page})
		if err != nil || len(groups) == 0 {
			return err
		}
		due := make([]state.Timer, len(groups))
		for i, group := range groups {
			due[i].ID = group
		}
		done, err := a.lookAtAll(ctx, due, nil)
		if err == nil {
			err = a.settle(ctx, done)
		}
		if err != nil {
			return err
		}
		after = groups[len(groups)-1]
	}
}
