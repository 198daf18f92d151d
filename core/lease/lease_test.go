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

// faulty is a store that can be made to fail.
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
		if isLost(a) || !holds(t, s, a) || a.ID() == b.ID() {
			t.Error("lease does not hold")
		}
	})
}

func TestALeaseIsAliveUntilItIsReleased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a, b := acquire(t, s, "a"), acquire(t, s, "b")
		defer release(t, b)
		alive := func(id string) bool {
			t.Helper()
			ok, err := b.Alive(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		if !alive(a.ID()) || !alive(b.ID()) || alive("never") {
			t.Errorf("alive: %t, %t, %t; want a and b", alive(a.ID()), alive(b.ID()), alive("never"))
		}
		release(t, a)
		if alive(a.ID()) {
			t.Error("a released lease is alive")
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
		if err != nil || len(expired) != 0 {
			t.Errorf("expired %q, %v", expired, err)
		}
	})
}

func TestARestartedNodeTakesItsOldLeaseAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		old, other := acquire(t, s, "a"), acquire(t, s, "b")
		restarted := acquire(t, s, "a")
		defer release(t, old, other, restarted)
		if holds(t, s, old) || !holds(t, s, other) || !holds(t, s, restarted) {
			t.Error("want the old lease fenced off, and no other")
		}
		time.Sleep(2 * time.Second)
		if !isLost(old) || isLost(other) || isLost(restarted) {
			t.Error("want the old lease to know that it is lost, and no other")
		}
	})
}

func TestAPausedProcessRenewsALeaseThatWasNotTaken(t *testing.T) {
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
			t.Error("an expired lease that was not taken was not renewed")
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
		dead := acquire(t, s, "a")
		s.down.Store(true)
		time.Sleep(time.Minute + 100*time.Millisecond) // between two heartbeats
		s.down.Store(false)
		// The dead one's heart beats again only after the others have come.
		b, c := acquire(t, s, "b"), acquire(t, s, "c")
		defer release(t, dead, b, c)
		first, err := b.Take(t.Context(), dead.ID())
		if err != nil || !first {
			t.Fatalf("taking: %t, %v", first, err)
		}
		if again, err := c.Take(t.Context(), dead.ID()); err != nil || again {
			t.Errorf("taken twice: %t, %v", again, err)
		}
		time.Sleep(2 * time.Second)
		if !isLost(dead) || holds(t, s, dead) || !holds(t, s, b) {
			t.Error("want the taken lease fenced off, and no other")
		}
	})
}

func TestAProcessThatGivesNoSignOfLifeLosesItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		mute := &faulty{Store: s} // what the dead one reaches the store by
		dead := acquire(t, mute, "a")
		b, c := acquire(t, s, "b"), acquire(t, s, "c")
		defer release(t, b, c)
		mute.down.Store(true)
		time.Sleep(2 * time.Second)
		if !holds(t, s, dead) || !dead.Fresh() {
			t.Fatal("the lease was taken away before it expired")
		}
		time.Sleep(2 * time.Second) // its life of 3 s, and a heartbeat of the others
		if holds(t, s, dead) || dead.Fresh() || !holds(t, s, b) || !holds(t, s, c) {
			t.Error("want the mute one fenced off, and no other")
		}
		mute.down.Store(false)
		time.Sleep(time.Second)
		synctest.Wait() // for the heartbeat of this instant
		if !isLost(dead) {
			t.Error("it does not know")
		}
		release(t, dead)
	})
}

func TestAfterAnOutageOfTheStoreNoProcessLosesItsLease(t *testing.T) {
	for _, outage := range []time.Duration{time.Second, 4 * time.Second, 10 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			s := newStore()
			var all []*lease.Lease
			for _, node := range []string{"a", "b", "c"} {
				all = append(all, acquire(t, s, node))
				time.Sleep(300 * time.Millisecond)
			}
			time.Sleep(time.Minute)
			s.down.Store(true)
			time.Sleep(outage)
			s.down.Store(false)
			all = append(all, acquire(t, s, "d"))
			time.Sleep(time.Minute)
			for i, l := range all {
				if isLost(l) || !holds(t, s, l) || !l.Fresh() {
					t.Errorf("after %v lease %d is lost", outage, i)
				}
			}
			release(t, all...)
		})
	}
}

func TestALostLeaseTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		dead, old := acquire(t, s, "a"), acquire(t, s, "b")
		s.down.Store(true)
		time.Sleep(time.Minute)
		s.down.Store(false)
		restarted := acquire(t, s, "b")
		defer release(t, dead, old, restarted)
		if taken, err := old.Take(t.Context(), dead.ID()); taken || err == nil {
			t.Errorf("taken %t, %v", taken, err)
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

func TestALeaseWhoseRecordCannotBeReadKeepsNoProcessFromStarting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		old := acquire(t, s, "a")
		for i, record := range []string{"", "{", "[]", `{"version":99}`} {
			id := "broken-" + string(rune('a'+i))
			if err := s.Commit(t.Context(), state.Put("lease", id, []byte(record), 0), state.Add("leases", id)); err != nil {
				t.Fatal(err)
			}
		}
		restarted := acquire(t, s, "a")
		defer release(t, old, restarted)
		if holds(t, s, old) || !holds(t, s, restarted) {
			t.Error("want the old lease of the node fenced off, and the new one held")
		}
	})
}

func TestAnOutageOfTheStoreIsKnownAtOnceAndSoIsItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore()
		a := acquire(t, s, "a") // a heartbeat each second
		defer release(t, a)
		check := func(when string, want bool) {
			t.Helper()
			synctest.Wait()
			if a.StoreDown() != want {
				t.Errorf("%s: down %t", when, !want)
			}
		}
		check("at first", false)
		s.down.Store(true)
		check("before anything has noticed", false)
		a.Check()
		check("after a request has failed", true)
		s.down.Store(false)
		time.Sleep(time.Second / 8)
		check("with the next try", false)

		s.down.Store(true)
		time.Sleep(time.Second)
		check("after a heartbeat without any request", true)
		time.Sleep(time.Hour)
		check("as long as it lasts", true)
		s.down.Store(false)
		time.Sleep(time.Second / 8)
		check("at its end", false)
	})
}

// stuck is a store whose commits take as long as a test wants.
type stuck struct {
	state.Store
	wait atomic.Pointer[chan struct{}] // nil: they take no time
}

func (s *stuck) Commit(ctx context.Context, ops ...state.Op) error {
	if wait := s.wait.Load(); wait != nil {
		<-*wait
	}
	return s.Store.Commit(ctx, ops...)
}

func TestAStoreThatDoesNotRespondIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &stuck{Store: memory.New(memory.Options{})}
		a := acquire(t, s, "a")
		defer release(t, a)
		synctest.Wait()
		wait := make(chan struct{})
		s.wait.Store(&wait)
		time.Sleep(time.Second + time.Second/2)
		if a.StoreDown() {
			t.Error("down while a heartbeat may still come")
		}
		time.Sleep(time.Second)
		if !a.StoreDown() {
			t.Error("not down, though a heartbeat takes longer than the time between two")
		}
		close(wait)
		synctest.Wait()
		if a.StoreDown() {
			t.Error("still down")
		}
	})
}
