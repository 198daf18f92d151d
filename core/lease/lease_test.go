package lease_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
)

// faulty is a store that can be told to fail.
type faulty struct {
	state.Store
	down atomic.Bool
}

func (f *faulty) Commit(ctx context.Context, ops ...state.Op) error {
	if f.down.Load() {
		return state.ErrUnavailable
	}
	return f.Store.Commit(ctx, ops...)
}

func newStore() *faulty { return &faulty{Store: memory.New(memory.Options{})} }

func acquire(t *testing.T, s state.Store, node string) *lease.Lease {
	t.Helper()
	l, err := lease.Acquire(t.Context(), s, lease.Options{Node: node, TTL: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func release(t *testing.T, leases ...*lease.Lease) {
	t.Helper()
	for _, l := range leases {
		if err := l.Release(context.Background()); err != nil {
			t.Error(err)
		}
	}
}

func isLost(l *lease.Lease) bool {
	select {
	case <-l.Lost():
		return true
	default:
		return false
	}
}

// holds reports whether a commit under the lease goes through.
func holds(t *testing.T, s state.Store, l *lease.Lease) bool {
	t.Helper()
	err := s.Commit(context.Background(), l.Fence(), state.Put("work", "w", nil, 0))
	var conflict *state.ConflictError
	if err != nil && !errors.As(err, &conflict) {
		t.Fatal(err)
	}
	return err == nil
}

func TestHeartbeatKeepsALease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a, b := acquire(t, s, "a"), acquire(t, s, "b")
		defer release(t, a, b)
		time.Sleep(time.Hour)
		if expired, err := b.Expired(t.Context()); err != nil || len(expired) != 0 {
			t.Errorf("expired %q, %v", expired, err)
		}
		if isLost(a) || !holds(t, s, a) || a.ID() == b.ID() || len(a.Predecessors()) != 0 {
			t.Error("lease does not hold")
		}
	})
}

func TestReleaseLeavesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a := acquire(t, s, "a")
		release(t, a, a)
		if holds(t, s, a) {
			t.Error("a released lease holds")
		}
		b := acquire(t, s, "a")
		defer release(t, b)
		time.Sleep(time.Hour)
		expired, err := b.Expired(t.Context())
		if err != nil || len(expired) != 0 || len(b.Predecessors()) != 0 {
			t.Errorf("expired %q, %v, predecessors %q", expired, err, b.Predecessors())
		}
	})
}

func TestARestartedNodeTakesItsOldLeaseAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		old, other := acquire(t, s, "a"), acquire(t, s, "b")
		restarted := acquire(t, s, "a")
		defer release(t, old, other, restarted)
		if got := restarted.Predecessors(); !slices.Equal(got, []string{old.ID()}) {
			t.Errorf("predecessors %q, want %q", got, old.ID())
		}
		if holds(t, s, old) || !holds(t, s, other) || !holds(t, s, restarted) {
			t.Error("want the old lease fenced off, and no other")
		}
		time.Sleep(2 * time.Second)
		if !isLost(old) || isLost(other) || isLost(restarted) {
			t.Error("want the old lease to know that it is lost, and no other")
		}
	})
}

func TestPredecessorsAreInheritedUntilSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		first := acquire(t, s, "a")
		second := acquire(t, s, "a")
		third := acquire(t, s, "a")
		want := []string{first.ID(), second.ID()}
		if got := third.Predecessors(); !slices.Equal(got, want) {
			t.Fatalf("predecessors %q, want %q", got, want)
		}
		for _, id := range append(want, "unknown") {
			if err := third.Settle(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		if got := third.Predecessors(); len(got) != 0 {
			t.Errorf("after settling: predecessors %q", got)
		}
		fourth := acquire(t, s, "a")
		if got := fourth.Predecessors(); !slices.Equal(got, []string{third.ID()}) {
			t.Errorf("predecessors %q, want %q", got, third.ID())
		}
		if err := third.Settle(t.Context(), first.ID()); err != nil {
			t.Errorf("settling again: %v", err)
		}
		// Released with work that nobody took back: the next one inherits it.
		release(t, first, second, third, fourth)
		fifth := acquire(t, s, "a")
		defer release(t, fifth)
		if got := fifth.Predecessors(); !slices.Contains(got, third.ID()) {
			t.Errorf("predecessors %q, want %q among them", got, third.ID())
		}
	})
}

func TestALostLeaseCannotSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		first := acquire(t, s, "a")
		second := acquire(t, s, "a")
		third := acquire(t, s, "a")
		defer release(t, first, second, third)
		if err := second.Settle(t.Context(), first.ID()); !errors.Is(err, lease.ErrLost) {
			t.Errorf("got %v, want ErrLost", err)
		}
	})
}

func TestAPausedProcessRenewsWhatNobodyTook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a, b := acquire(t, s, "a"), acquire(t, s, "b")
		defer release(t, a, b)
		s.down.Store(true)
		time.Sleep(time.Minute)
		if expired, err := b.Expired(t.Context()); err != nil || !slices.Equal(expired, []string{a.ID()}) {
			t.Errorf("expired %q, %v, want %q", expired, err, a.ID())
		}
		s.down.Store(false)
		time.Sleep(2 * time.Second)
		if isLost(a) || !holds(t, s, a) {
			t.Error("an expired lease that nobody took was not renewed")
		}
		if expired, err := b.Expired(t.Context()); err != nil || len(expired) != 0 {
			t.Errorf("expired %q, %v", expired, err)
		}
		if taken, err := b.Take(t.Context(), a.ID()); taken || err != nil {
			t.Errorf("a live lease was taken: %t, %v", taken, err)
		}
	})
}

func TestAnExpiredLeaseIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		grandparent := acquire(t, s, "a")
		dead := acquire(t, s, "a")
		s.down.Store(true)
		time.Sleep(time.Minute)
		s.down.Store(false)
		// The dead one's heart beats again only after the others have come.
		b, c := acquire(t, s, "b"), acquire(t, s, "c")
		defer release(t, grandparent, dead, b, c)
		first, err := b.Take(t.Context(), dead.ID())
		if err != nil || !first {
			t.Fatalf("taking: %t, %v", first, err)
		}
		if again, err := c.Take(t.Context(), dead.ID()); err != nil || again {
			t.Errorf("taken twice: %t, %v", again, err)
		}
		if got := b.Predecessors(); !slices.Contains(got, dead.ID()) || !slices.Contains(got, grandparent.ID()) {
			t.Errorf("predecessors %q, want %q and what it had inherited", got, dead.ID())
		}
		time.Sleep(2 * time.Second)
		if !isLost(dead) || holds(t, s, dead) || !holds(t, s, b) {
			t.Error("want the taken lease fenced off, and no other")
		}
	})
}

func TestAcquireNeedsANode(t *testing.T) {
	if _, err := lease.Acquire(t.Context(), newStore(), lease.Options{}); err == nil {
		t.Error("want an error")
	}
}

func TestAcquireFailsWhenTheStoreIsDown(t *testing.T) {
	s := newStore()
	s.down.Store(true)
	if _, err := lease.Acquire(t.Context(), s, lease.Options{Node: "a"}); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
}
