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
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/sdk/value"
)

type lease string

func (l lease) Fence() state.Op { return state.Require("lease", string(l)) }

// harness is a store with the runs that were started in it, and a clock for the
// gateways and one for the store.
type harness struct {
	t     *testing.T
	store state.Store

	mu    sync.Mutex // guards the fields below
	jump  time.Duration
	runs  []string // "WORKFLOW at TIME with INPUT"
	fails []error  // of the next starts
}

func newHarness(t *testing.T) *harness {
	h := &harness{t: t}
	h.store = memory.New(memory.Options{Now: h.now})
	return h
}

func (h *harness) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.jump)
}

// Start makes a run as the engine does: with what goes along, or not at all.
func (h *harness) Start(ctx context.Context, req engine.StartRequest) (engine.Run, error) {
	h.mu.Lock()
	if len(h.fails) > 0 {
		err := h.fails[0]
		h.fails = h.fails[1:]
		h.mu.Unlock()
		return engine.Run{}, err
	}
	h.mu.Unlock()
	id := engine.NewRunID()
	once := req.Once.Ops()
	ops := append(append(req.Advance.Ops(), once...), state.Insert("run", id, nil, 0))
	if err := h.store.Commit(ctx, ops...); err != nil {
		if conflict, ok := errors.AsType[*state.ConflictError](err); ok && conflict.Failed(once[0]) {
			return engine.Run{}, &engine.DuplicateError{}
		} else if ok {
			return engine.Run{}, engine.ErrStale
		}
		return engine.Run{}, fmt.Errorf("start: %w", err)
	}
	at := h.now().UTC().Format("2006-01-02 15:04:05")
	h.mu.Lock()
	defer h.mu.Unlock()
	h.runs = append(h.runs, fmt.Sprintf("%s at %s with %s", req.Workflow, at, req.Roots["input"].Raw()))
	return engine.Run{ID: id}, nil
}

// failNext has the next starts fail with these errors.
func (h *harness) failNext(errs ...error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails = errs
}

// gateway starts a scheduler; end ends it.
func (h *harness) gateway(name string, schedules ...schedule.Schedule) *schedule.Scheduler {
	h.t.Helper()
	if err := h.store.Commit(h.t.Context(), state.Put("lease", name, nil, 0)); err != nil {
		h.t.Fatal(err)
	}
	s := schedule.New(schedule.Options{Store: h.store, Lease: lease(name), Starter: h, Now: h.now})
	h.set(s, schedules...)
	s.Run()
	return s
}

func (h *harness) set(s *schedule.Scheduler, schedules ...schedule.Schedule) {
	h.t.Helper()
	if err := s.Set(h.t.Context(), schedules); err != nil {
		h.t.Fatal(err)
	}
}

// want fails unless just these runs were started since the last call.
func (h *harness) want(runs ...string) {
	h.t.Helper()
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !slices.Equal(h.runs, runs) {
		h.t.Errorf("runs are %q, want %q", h.runs, runs)
	}
	h.runs = nil
}

func (h *harness) one(cron, zone string) schedule.Schedule {
	return schedule.Schedule{Name: "one", Cron: parse(h.t, cron, zone), Workflow: "w", Input: value.TrustedDoc([]byte(`{"n":1}`))}
}

// In synctest it is midnight of 1 January 2000, UTC, a Saturday.

func TestEachTickStartsOneRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("a", h.one("0 3 * * *", "Europe/Berlin"))
		defer s.Stop()
		h.want()
		time.Sleep(50 * time.Hour)
		h.want(`w at 2000-01-01 02:00:00 with {"n":1}`, `w at 2000-01-02 02:00:00 with {"n":1}`, `w at 2000-01-03 02:00:00 with {"n":1}`)
	})
}

func TestReplicasStartOneRunForEachTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		for i := range 3 {
			s := h.gateway(fmt.Sprint("g", i), h.one("*/10 * * * *", ""))
			defer s.Stop()
		}
		time.Sleep(24*time.Hour + time.Second)
		synctest.Wait()
		if len(h.runs) != 24*6 {
			t.Errorf("%d runs, want %d", len(h.runs), 24*6)
		}
		slices.Sort(h.runs)
		if len(slices.Compact(h.runs)) != 24*6 {
			t.Error("two runs were started by one tick")
		}
	})
}

func TestOfMissedTicksTheLatestIsMadeUpFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("a", h.one("0 * * * *", ""))
		time.Sleep(90 * time.Minute)
		s.Stop()
		h.want(`w at 2000-01-01 01:00:00 with {"n":1}`)

		time.Sleep(4 * time.Hour)
		s = h.gateway("b", h.one("0 * * * *", ""))
		h.want(`w at 2000-01-01 05:30:00 with {"n":1}`) // the tick of 05:00
		time.Sleep(40 * time.Minute)
		h.want(`w at 2000-01-01 06:00:00 with {"n":1}`)
		s.Stop()

		s = h.gateway("c", h.one("0 * * * *", "")) // nothing was missed
		defer s.Stop()
		h.want()
	})
}

func TestAClockThatJumpsNeitherLosesNorRepeatsTicks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("a", h.one("0 * * * *", ""))
		defer s.Stop()
		jump := func(by time.Duration) {
			h.mu.Lock()
			h.jump += by
			h.mu.Unlock()
		}
		time.Sleep(30*time.Minute + 5*time.Second)
		jump(3 * time.Hour) // 03:30:05, in the middle between two reads of the timers
		time.Sleep(time.Minute)
		h.want(`w at 2000-01-01 03:30:10 with {"n":1}`)
		jump(-time.Hour) // 02:31: the next in the store is 04:00
		time.Sleep(2 * time.Hour)
		h.want(`w at 2000-01-01 04:00:00 with {"n":1}`) // that of 03:00 was made up for
	})
}

func TestARemovedScheduleStops(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		other := schedule.Schedule{Name: "other", Cron: parse(t, "30 * * * *", ""), Workflow: "o"}
		s := h.gateway("a", h.one("0 * * * *", ""), other)
		defer s.Stop()
		time.Sleep(time.Hour)
		h.want("o at 2000-01-01 00:30:00 with ", `w at 2000-01-01 01:00:00 with {"n":1}`)
		h.set(s, other)
		time.Sleep(time.Hour)
		h.want("o at 2000-01-01 01:30:00 with ")
		h.set(s)
		time.Sleep(time.Hour)
		h.want()
		if due, next, err := h.store.Due(t.Context(), "schedule", 10); err != nil || len(due) != 0 || next >= 0 {
			t.Errorf("timers are left: %v, %v, %v", due, next, err)
		}
		// Put in again, it begins anew: what came meanwhile was not missed.
		time.Sleep(30 * time.Minute)
		h.set(s, h.one("0 * * * *", ""))
		h.want()
		time.Sleep(30 * time.Minute)
		h.want(`w at 2000-01-01 04:00:00 with {"n":1}`)
	})
}

func TestAChangedPlanHoldsFromTheReloadOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("a", h.one("0 12 * * *", ""))
		defer s.Stop()
		time.Sleep(time.Hour)
		h.set(s, h.one("0 * * * *", ""))
		time.Sleep(time.Hour)
		h.want(`w at 2000-01-01 02:00:00 with {"n":1}`)
		changed := h.one("0 * * * *", "")
		changed.Workflow = "v"
		h.set(s, changed)
		time.Sleep(time.Hour)
		h.want(`v at 2000-01-01 03:00:00 with {"n":1}`)
	})
}

func TestAGatewayWithAnotherConfigDoesNotStopSchedules(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("new", h.one("0 * * * *", ""))
		defer s.Stop()
		time.Sleep(58 * time.Minute)
		old := h.gateway("old") // removes what it does not know
		defer old.Stop()
		time.Sleep(2*time.Minute + time.Second)
		h.want(`w at 2000-01-01 01:00:00 with {"n":1}`)
		time.Sleep(time.Minute)
		h.set(old)
		time.Sleep(57 * time.Minute)
		h.want()
		time.Sleep(2 * time.Minute)
		h.want(`w at 2000-01-01 02:00:00 with {"n":1}`)
	})
}

func TestATickThatCannotBeStartedIsLateAndOneThatIsRefusedIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("a", h.one("0 * * * *", ""))
		defer s.Stop()
		h.failNext(engine.ErrOverloaded, state.ErrUnavailable, errors.New("odd"))
		time.Sleep(65 * time.Minute)
		h.want(`w at 2000-01-01 01:00:03 with {"n":1}`)
		h.failNext(fmt.Errorf("no: %w", engine.ErrFull))
		time.Sleep(65 * time.Minute)
		h.want()
		time.Sleep(time.Hour)
		h.want(`w at 2000-01-01 03:00:00 with {"n":1}`)
	})
}

func TestAProcessThatLostItsLeaseStartsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		s := h.gateway("a", h.one("0 * * * *", ""))
		defer s.Stop()
		if err := h.store.Commit(t.Context(), state.Delete("lease", "a")); err != nil {
			t.Fatal(err)
		}
		if err := s.Set(t.Context(), []schedule.Schedule{h.one("1 * * * *", "")}); err == nil {
			t.Error("a schedule was changed")
		}
	})
}

func TestARecordThatCannotBeReadIsMadeAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		other := h.one("0 5 * * *", "")
		other.Name = "other"
		for _, record := range []string{"", "{", "[]", `{"v":1,"cron":7}`} {
			if err := h.store.Commit(t.Context(), state.Put(layout.BucketSchedule, "one", []byte(record), 0), state.Add(layout.SetSchedules, "one")); err != nil {
				t.Fatal(err)
			}
			s := h.gateway("a", h.one("0 3 * * *", ""), other)
			time.Sleep(24 * time.Hour)
			s.Stop()
			synctest.Wait()
			h.mu.Lock()
			if len(h.runs) != 2 {
				t.Errorf("record %q: %q", record, h.runs)
			}
			h.runs = nil
			h.mu.Unlock()
		}
	})
}
