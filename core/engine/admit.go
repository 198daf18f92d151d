package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// maxAdmitted is how many runs of a group are admitted in one commit.
const maxAdmitted = 64

// look admits the oldest throttled runs of a group into its free places. It returns the
// ops after which the group need not be looked at until something happens; none if it
// is to be looked at again.
func (a *admission) look(ctx context.Context, name string) (settle []state.Op, err error) {
	g := parseGroup(name)
	passed := "" // a run that cannot be read
	most, claims := maxAdmitted, true
	for {
		seen, err := a.view(ctx, name, &g, passed)
		if err != nil {
			return nil, err
		}
		if len(seen.waiting) == 0 || seen.free == 0 {
			return seen.settled(name, &g, len(seen.waiting) == 0), nil
		}
		b, err := a.choose(ctx, name, &g, seen, most)
		if errors.As(err, new(*CorruptError)) {
			passed = seen.waiting[0]
			a.noteCorrupt(passed, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		if b.wait > 0 {
			return []state.Op{requireWakeup(name, seen.wakeup), state.SetTimerAfter(layout.QueueGroup, name, b.wait)}, nil
		}
		settled, err := a.admit(ctx, name, &g, seen, b, claims)
		switch {
		case errors.As(err, new(*state.RefusedError)) && claims:
			claims = false // what the runs begin with is too large together
		case errors.As(err, new(*state.ConflictError)) && !a.isFenced(err):
			if len(b.runs) < 2 {
				return nil, nil // another process was faster
			}
			most = 1 // whatever happens to the others of the batch
		case err != nil:
			return nil, err
		case settled:
			return nil, nil // its timer is cleared
		default:
			most, claims = maxAdmitted, true
		}
	}
}

// groupView is a group as it is looked at.
type groupView struct {
	version []byte
	wakeup  []byte
	free    int      // places, up to one more than are admitted at once
	waiting []string // the oldest runs, as many
	passed  string   // the run that these come after
}

// settled are the ops after which a group need not be looked at; all says that none of
// those that come after the one passed over waits any more. The first is the condition.
func (v *groupView) settled(name string, g *group, all bool) []state.Op {
	ops := []state.Op{requireWakeup(name, v.wakeup), state.ClearTimer(layout.QueueGroup, name)}
	if g.kind == limitGroup && all && v.passed == "" {
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
	v := &groupView{version: found[0], wakeup: found[1], passed: after}
	atOnce := min(g.limit, maxAdmitted) + 1
	if v.waiting, err = a.store.Range(ctx, state.Range{Set: layout.SetThrottled + "/" + name, After: after, Limit: atOnce}); err != nil || len(v.waiting) == 0 {
		return v, err
	}
	v.free, err = a.freePlaces(ctx, name, g)
	return v, err
}

// freePlaces counts the free places of a group, up to one more than are admitted at
// once.
func (a *admission) freePlaces(ctx context.Context, name string, g *group) (int, error) {
	if g.isUnbounded() {
		return maxAdmitted + 1, nil
	}
	active, err := a.store.Range(ctx, state.Range{Set: layout.SetActive + "/" + name, Limit: g.limit})
	return min(g.limit-len(active), maxAdmitted+1), err
}

// batch is what one commit changes in a group: the runs that it admits, and those that
// it strikes off since they do not wait there.
type batch struct {
	ops  []state.Op // with their conditions, without those of the runs
	runs []*admitted
	// all: no other run waits in the group; full: no place is free for another one while
	// these have theirs.
	all, full bool
	// wait is after how long to look again; 0 if there is something to commit now.
	wait time.Duration
}

// choose returns what is done for the oldest throttled runs of a group, up to most: as
// many as have free places, and as the rate allows. A *CorruptError is that of the
// first one.
func (a *admission) choose(ctx context.Context, name string, g *group, seen *groupView, most int) (*batch, error) {
	ids := seen.waiting[:min(most, maxAdmitted, seen.free, len(seen.waiting))]
	refs := make([]state.Ref, len(ids))
	for i, id := range ids {
		refs[i] = state.Ref{Bucket: layout.BucketRun, ID: id}
	}
	found, err := a.store.Get(ctx, refs...)
	if err != nil {
		return nil, err
	}
	b := &batch{all: len(ids) == len(seen.waiting)}
	for i, id := range ids {
		stray := state.Remove(layout.SetThrottled+"/"+name, id)
		if found[i] == nil {
			b.ops = append(b.ops, stray)
			continue
		}
		rec, err := decodeRecord(id, found[i])
		if err != nil && i == 0 {
			return nil, err
		}
		if err != nil {
			b.all = false // those before it come first
			break
		}
		if rec.waitsIn() != name {
			b.ops = append(b.ops, state.RequireValue(layout.BucketRun, id, found[i]), stray)
			continue
		}
		b.runs = append(b.runs, &admitted{stored: *rec, data: found[i], next: *rec})
	}
	if err := a.take(ctx, name, g, b); err != nil {
		return nil, err
	}
	b.full = len(b.runs) >= seen.free
	if len(b.runs) > 0 {
		b.ops = append(b.ops, advanceVersion(name, seen.version)...)
	}
	return b, nil
}

// take gives the runs of a batch the places in a group that they wait for. Those that
// the rate does not allow at present are taken out of the batch.
func (a *admission) take(ctx context.Context, name string, g *group, b *batch) error {
	if g.kind == orderGroup {
		for _, run := range b.runs { // one at most
			if err := a.takeTurn(ctx, b, &run.next); err != nil {
				return err
			}
		}
		return nil
	}
	counted := 0
	for _, run := range b.runs {
		run.next.Throttled = false
		if g.counts(&run.next) {
			counted++
		}
	}
	if counted == 0 {
		return nil
	}
	ops, taken, wait, err := a.takeRate(ctx, name, g.rate, counted)
	if err != nil {
		return err
	}
	b.ops = append(b.ops, ops...)
	if taken == counted {
		return nil
	}
	b.all = false
	b.runs = b.runs[:slices.IndexFunc(b.runs, func(run *admitted) bool {
		if g.counts(&run.next) {
			taken--
		}
		return taken < 0
	})]
	if len(b.runs) == 0 && len(b.ops) == 0 {
		b.wait = wait
	}
	return nil
}

// takeTurn makes it a run's turn in its order. It also takes a place in its lane, if
// nothing waits there and one is free.
func (a *admission) takeTurn(ctx context.Context, b *batch, next *runRecord) error {
	next.Turn = turnHas
	if next.Lane == "" {
		next.Throttled = false
		return nil
	}
	lane := parseGroup(next.Lane)
	seen, err := a.view(ctx, next.Lane, &lane, "")
	if err != nil || len(seen.waiting) > 0 {
		return err
	}
	if free, err := a.freePlaces(ctx, next.Lane, &lane); err != nil || free == 0 {
		return err
	}
	if lane.counts(next) {
		ops, taken, _, err := a.takeRate(ctx, next.Lane, lane.rate, 1)
		if err != nil || taken == 0 {
			return err // it waits in its lane
		}
		b.ops = append(b.ops, ops...)
	}
	next.Throttled = false
	b.ops = append(b.ops, advanceVersion(next.Lane, seen.version)...)
	return nil
}
