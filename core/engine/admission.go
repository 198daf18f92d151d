package engine

import (
	"context"
	"errors"
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
	*executor
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
	for !a.service.isStopping() {
		due, next, err := a.store.Due(ctx, layout.QueueGroup, page)
		if err != nil {
			return 0, err
		}
		if len(due) == 0 {
			return atMost(next, blocked, a.interval), nil
		}
		if err := a.lookAtAll(ctx, due); err != nil {
			return 0, err
		}
	}
	return a.interval, nil
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

// lookAtAll looks at groups, several at once, and clears or sets their timers.
func (a *admission) lookAtAll(ctx context.Context, due []state.Timer) error {
	var mu sync.Mutex // guards done
	var done [][]state.Op
	looks, ctx := errgroup.WithContext(ctx)
	looks.SetLimit(maxAdmitting)
	for _, timer := range due {
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
				done = append(done, settle)
			}
			return nil
		})
	}
	if err := looks.Wait(); err != nil {
		return err
	}
	return a.settle(ctx, done)
}

// settle makes the commits after which groups need not be looked at: all in one, or
// where one of them has changed meanwhile, one by one.
func (a *admission) settle(ctx context.Context, groups [][]state.Op) error {
	ctx = context.WithoutCancel(ctx)
	ops := []state.Op{a.lease.Fence()}
	for _, settle := range groups {
		ops = append(ops, settle...)
	}
	if len(groups) == 0 {
		return nil
	}
	err := a.store.Commit(ctx, ops...)
	if !errors.As(err, new(*state.ConflictError)) || a.isFenced(err) || len(groups) == 1 {
		return a.unlessFaster(err)
	}
	for _, settle := range groups {
		if err := a.unlessFaster(a.store.Commit(ctx, append([]state.Op{a.lease.Fence()}, settle...)...)); err != nil {
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

// look admits the oldest throttled runs of a group into its free places. It returns the
// ops after which the group need not be looked at until something happens; none if it
// is to be looked at again.
func (a *admission) look(ctx context.Context, name string) (settle []state.Op, err error) {
	g := parseGroup(name)
	passed := "" // a run that cannot be read
	for {
		seen, err := a.view(ctx, name, &g, passed)
		if err != nil {
			return nil, err
		}
		if len(seen.waiting) == 0 || seen.free == 0 {
			return seen.settled(name, &g, passed), nil
		}
		last := seen.isLast()
		wait, err := a.admitFirst(ctx, name, &g, seen, last)
		if conflict, ok := errors.AsType[*state.ConflictError](err); ok && conflict.Failed(requireWakeup(name, seen.wakeup)) {
			last = false // others have begun to wait: they must not keep it from going on
			wait, err = a.admitFirst(ctx, name, &g, seen, last)
		}
		switch {
		case errors.As(err, new(*CorruptError)):
			passed = seen.waiting[0]
			a.noteCorrupt(passed, err)
			continue
		case errors.As(err, new(*state.ConflictError)) && !a.isFenced(err):
			return nil, nil // another process was faster
		case err != nil:
			return nil, err
		case wait > 0:
			return []state.Op{requireWakeup(name, seen.wakeup), state.SetTimerAfter(layout.QueueGroup, name, wait)}, nil
		}
		a.wakeups.queue.wake()
		if last {
			return nil, nil // its timer is cleared
		}
	}
}

// groupView is a group as it is looked at.
type groupView struct {
	version []byte
	wakeup  []byte
	free    int      // places, up to two
	waiting []string // the oldest runs, up to two
}

// isLast reports whether no further run can be admitted after the first one.
func (v *groupView) isLast() bool { return v.free < 2 || len(v.waiting) < 2 }

// settled are the ops after which a group need not be looked at.
func (v *groupView) settled(name string, g *group, passed string) []state.Op {
	ops := []state.Op{requireWakeup(name, v.wakeup), state.ClearTimer(layout.QueueGroup, name)}
	if g.kind == limitGroup && len(v.waiting) == 0 && passed == "" {
		ops = append(ops, state.Remove(layout.SetGroups, name))
	}
	return ops
}

// view reads a group. The runs that wait in it are those after one.
func (a *admission) view(ctx context.Context, name string, g *group, after string) (*groupView, error) {
	found, err := a.store.Get(ctx, state.Ref{Bucket: layout.BucketGroupVersion, ID: name}, state.Ref{Bucket: layout.BucketGroupWakeup, ID: name})
	if err != nil {
		return nil, err
	}
	v := &groupView{version: found[0], wakeup: found[1]}
	if v.waiting, err = a.store.Range(ctx, state.Range{Set: layout.SetThrottled + "/" + name, After: after, Limit: 2}); err != nil || len(v.waiting) == 0 {
		return v, err
	}
	v.free, err = a.freePlaces(ctx, name, g)
	return v, err
}

// freePlaces counts the free places of a group, up to two.
func (a *admission) freePlaces(ctx context.Context, name string, g *group) (int, error) {
	if g.isUnbounded() {
		return 2, nil
	}
	active, err := a.store.Range(ctx, state.Range{Set: layout.SetActive + "/" + name, Limit: g.limit})
	return min(g.limit-len(active), 2), err
}

// admitFirst lets the first throttled run of a group go on, or wait in the next of its
// groups. Where the rate of the group allows none at present, it returns after how long
// to look again. After the last run that can go on, the group's timer is cleared.
func (a *admission) admitFirst(ctx context.Context, name string, g *group, seen *groupView, last bool) (wait time.Duration, err error) {
	id := seen.waiting[0]
	found, err := a.store.Get(ctx, state.Ref{Bucket: layout.BucketRun, ID: id})
	if err != nil {
		return 0, err
	}
	stray := state.Remove(layout.SetThrottled+"/"+name, id)
	if found[0] == nil {
		return 0, a.store.Commit(ctx, a.lease.Fence(), stray)
	}
	rec, err := decodeRecord(id, found[0])
	if err != nil {
		return 0, err
	}
	if rec.waitsIn() != name {
		return 0, a.store.Commit(ctx, a.lease.Fence(), state.RequireValue(layout.BucketRun, id, found[0]), stray)
	}
	next := *rec
	ops := append([]state.Op{a.lease.Fence(), state.RequireValue(layout.BucketRun, id, found[0])}, advanceVersion(name, seen.version)...)
	with, wait, err := a.take(ctx, name, g, &next)
	if err != nil || wait > 0 {
		return wait, err
	}
	ops = append(append(ops, with...), rec.updateOps(&next)...)
	if last {
		ops = append(ops, requireWakeup(name, seen.wakeup), state.ClearTimer(layout.QueueGroup, name))
	}
	return 0, a.store.Commit(ctx, ops...)
}

// take gives a run the place in a group that it waits for, and with its turn in an order
// also one in its lane, if nothing waits there and one is free. It returns the ops and
// conditions of what it takes beside the place in the group.
func (a *admission) take(ctx context.Context, name string, g *group, next *runRecord) (ops []state.Op, wait time.Duration, err error) {
	if g.kind != orderGroup {
		next.Throttled = false
		if !g.counts(next) {
			return nil, 0, nil
		}
		return a.takeRate(ctx, name, g.rate)
	}
	next.Turn = turnHas
	if next.Lane == "" {
		next.Throttled = false
		return nil, 0, nil
	}
	lane := parseGroup(next.Lane)
	seen, err := a.view(ctx, next.Lane, &lane, "")
	if err != nil || len(seen.waiting) > 0 {
		return nil, 0, err
	}
	if free, err := a.freePlaces(ctx, next.Lane, &lane); err != nil || free == 0 {
		return nil, 0, err
	}
	if lane.counts(next) {
		if ops, wait, err = a.takeRate(ctx, next.Lane, lane.rate); err != nil || wait > 0 {
			return nil, 0, err // it waits in its lane
		}
	}
	next.Throttled = false
	return append(ops, advanceVersion(next.Lane, seen.version)...), 0, nil
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
		if err := a.lookAtAll(ctx, due); err != nil {
			return err
		}
		after = groups[len(groups)-1]
	}
}
