package schedule_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/value"
)

type lease string

func (l lease) Fence() state.Op { return state.Require("lease", string(l)) }

// world is a store with the runs that were started in it, and a clock for the
// gateways and one for the store.
type world struct {
	t     *testing.T
	store state.Store

	mu    sync.Mutex // guards the fields below
	jump  time.Duration
	runs  []string // "WORKFLOW at TIME with INPUT"
	fails []error  // of the next starts
}

func newWorld(t *testing.T) *world {
	w := &world{t: t}
	w.store = memory.New(memory.Options{Now: w.now})
	return w
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return time.Now().Add(w.jump)
}

// Start makes a run as the engine does: with what goes along, or not at all.
func (w *world) Start(ctx context.Context, req engine.StartRequest) (engine.Run, error) {
	w.mu.Lock()
	if len(w.fails) > 0 {
		err := w.fails[0]
		w.fails = w.fails[1:]
		w.mu.Unlock()
		return engine.Run{}, err
	}
	w.mu.Unlock()
	id := engine.NewRunID()
	once := req.Once.Ops()
	ops := append(append(req.Advance.Ops(), once...), state.Insert("run", id, nil, 0))
	if err := w.store.Commit(ctx, ops...); err != nil {
		if conflict, ok := errors.AsType[*state.ConflictError](err); ok && conflict.Failed(once[0]) {
			return engine.Run{}, &engine.DuplicateError{}
		} else if ok {
			return engine.Run{}, engine.ErrStale
		}
		return engine.Run{}, fmt.Errorf("start: %w", err)
	}
	at := w.now().UTC().Format("2006-01-02 15:04:05")
	w.mu.Lock()
	defer w.mu.Unlock()
	w.runs = append(w.runs, fmt.Sprintf("%s at %s with %s", req.Workflow, at, req.Roots["input"].Raw()))
	return engine.Run{ID: id}, nil
}

// failNext has the next starts fail with these errors.
func (w *world) failNext(errs ...error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fails = errs
}

// gateway starts a scheduler; end ends it.
func (w *world) gateway(name string, schedules ...schedule.Schedule) *schedule.Scheduler {
	w.t.Helper()
	if err := w.store.Commit(w.t.Context(), state.Put("lease", name, nil, 0)); err != nil {
		w.t.Fatal(err)
	}
	s := schedule.New(schedule.Options{Store: w.store, Lease: lease(name), Starter: w, Now: w.now})
	w.set(s, schedules...)
	s.Run()
	return s
}

func (w *world) set(s *schedule.Scheduler, schedules ...schedule.Schedule) {
	w.t.Helper()
	if err := s.Set(w.t.Context(), schedules); err != nil {
		w.t.Fatal(err)
	}
}

// want fails unless just these runs were started since the last call.
func (w *world) want(runs ...string) {
	w.t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(w.runs, runs) {
		w.t.Errorf("runs are %q, want %q", w.runs, runs)
	}
	w.runs = nil
}

func (w *world) one(cron, zone string) schedule.Schedule {
	return schedule.Schedule{Name: "one", Plan: plan(w.t, cron, zone), Workflow: "w", Input: value.TrustedDoc([]byte(`{"n":1}`))}
}

// In synctest it is midnight of 1 January 2000, UTC, a Saturday.

func TestEachTickStartsOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.gateway("a", w.one("0 3 * * *", "Europe/Berlin"))
		defer s.Stop()
		w.want()
		time.Sleep(50 * time.Hour)
		w.want(`w at 2000-01-01 02:00:00 with {"n":1}`, `w at 2000-01-02 02:00:00 with {"n":1}`, `w at 2000-01-03 02:00:00 with {"n":1}`)
	})
}

func TestReplicasStartOneRunForEachTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 3 {
			s := w.gateway(fmt.Sprint("g", i), w.one("*/10 * * * *", ""))
			defer s.Stop()
		}
		time.Sleep(24*time.Hour + time.Second)
		synctest.Wait()
		if len(w.runs) != 24*6 {
			t.Errorf("%d runs, want %d", len(w.runs), 24*6)
		}
		slices.Sort(w.runs)
		if len(slices.Compact(w.runs)) != 24*6 {
			t.Error("two runs were started by one tick")
		}
	})
}

func TestOfMissedTicksTheLatestIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.gateway("a", w.one("0 * * * *", ""))
		time.Sleep(90 * time.Minute)
		s.Stop()
		w.want(`w at 2000-01-01 01:00:00 with {"n":1}`)

		time.Sleep(4 * time.Hour)
		s = w.gateway("b", w.one("0 * * * *", ""))
		w.want(`w at 2000-01-01 05:30:00 with {"n":1}`) // the tick of 05:00
		time.Sleep(40 * time.Minute)
		w.want(`w at 2000-01-01 06:00:00 with {"n":1}`)
		s.Stop()

		s = w.gateway("c", w.one("0 * * * *", "")) // nothing was missed
		defer s.Stop()
		w.want()
	})
}

func TestAClockThatJumpsNeitherLosesNorRepeatsTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.gateway("a", w.one("0 * * * *", ""))
		defer s.Stop()
		jump := func(by time.Duration) {
			w.mu.Lock()
			w.jump += by
			w.mu.Unlock()
		}
		time.Sleep(30*time.Minute + 5*time.Second)
		jump(3 * time.Hour) // 03:30:05, in the middle between two reads of the timers
		time.Sleep(time.Minute)
		w.want(`w at 2000-01-01 03:30:10 with {"n":1}`)
		jump(-time.Hour) // 02:31: the next in the store is 04:00
		time.Sleep(2 * time.Hour)
		w.want(`w at 2000-01-01 04:00:00 with {"n":1}`) // that of 03:00 was made up for
	})
}

func TestARemovedScheduleStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		other := schedule.Schedule{Name: "other", Plan: plan(t, "30 * * * *", ""), Workflow: "o"}
		s := w.gateway("a", w.one("0 * * * *", ""), other)
		defer s.Stop()
		time.Sleep(time.Hour)
		w.want("o at 2000-01-01 00:30:00 with ", `w at 2000-01-01 01:00:00 with {"n":1}`)
		w.set(s, other)
		time.Sleep(time.Hour)
		w.want("o at 2000-01-01 01:30:00 with ")
		w.set(s)
		time.Sleep(time.Hour)
		w.want()
		if due, next, err := w.store.Due(t.Context(), "schedule", 10); err != nil || len(due) != 0 || next >= 0 {
			t.Errorf("timers are left: %v, %v, %v", due, next, err)
		}
		// Put in again, it begins anew: what came meanwhile was not missed.
		time.Sleep(30 * time.Minute)
		w.set(s, w.one("0 * * * *", ""))
		w.want()
		time.Sleep(30 * time.Minute)
		w.want(`w at 2000-01-01 04:00:00 with {"n":1}`)
	})
}

func TestAChangedPlanHoldsFromTheReloadOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.gateway("a", w.one("0 12 * * *", ""))
		defer s.Stop()
		time.Sleep(time.Hour)
		w.set(s, w.one("0 * * * *", ""))
		time.Sleep(time.Hour)
		w.want(`w at 2000-01-01 02:00:00 with {"n":1}`)
		changed := w.one("0 * * * *", "")
		changed.Workflow = "v"
		w.set(s, changed)
		time.Sleep(time.Hour)
		w.want(`v at 2000-01-01 03:00:00 with {"n":1}`)
	})
}

func TestAGatewayWithAnotherConfigDoesNotStopSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.gateway("new", w.one("0 * * * *", ""))
		defer s.Stop()
		time.Sleep(58 * time.Minute)
		old := w.gateway("old") // removes what it does not know
		defer old.Stop()
		time.Sleep(2*time.Minute + time.Second)
		w.want(`w at 2000-01-01 01:00:00 with {"n":1}`)
		time.Sleep(time.Minute)
		w.set(old)
		time.Sleep(57 * time.Minute)
		w.want()
		time.Sleep(2 * time.Minute)
		w.want(`w at 2000-01-01 02:00:00 with {"n":1}`)
	})
}

func TestATickThatCannotBeStartedIsLateAndOneThatIsRefusedIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.gateway("a", w.one("0 * * * *", ""))
		defer s.Stop()
		w.failNext(engine.ErrOverloaded, state.ErrUnavailable, errors.New("odd"))
		time.Sleep(65 * time.Minute)
		w.want(`w at 2000-01-01 01:00:03 with {"n":1}`)
		w.failNext(fmt.Errorf("no: %w", engine.ErrFull))
		time.Sleep(65 * time.Minute)
		w.want()
		time.Sleep(time.Hour)
		w.want(`w at 2000-01-01 03:00:00 with {"n":1}`)
	})
}

func TestAProcessThatLostItsLeaseStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.gateway("a", w.one("0 * * * *", ""))
		defer s.Stop()
		if err := w.store.Commit(t.Context(), state.Delete("lease", "a")); err != nil {
			t.Fatal(err)
		}
		if err := s.Set(t.Context(), []schedule.Schedule{w.one("1 * * * *", "")}); err == nil {
			t.Error("a schedule was changed")
		}
	})
}
