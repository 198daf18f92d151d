package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

const keyedLane = `{"key":"{{input.key}}","concurrency":2}`

// busy counts calls under way, by the param key.
type busy struct {
	mu   sync.Mutex
	now  map[string]int
	most map[string]int
}

func (b *busy) enter(call sdk.Call) (leave func()) {
	var p struct{ Key string }
	_ = json.Unmarshal(call.Params, &p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.now == nil {
		b.now, b.most = map[string]int{}, map[string]int{}
	}
	b.now[p.Key]++
	b.most[p.Key] = max(b.most[p.Key], b.now[p.Key])
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.now[p.Key]--
	}
}

func TestALaneHoldsNoMoreRunsOfAKeyThanItsConcurrency(t *testing.T) {
	const runs = 24
	for name, openStores := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := openStores(t)
			var b busy
			var attempts sync.Map
			v := &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
				defer b.enter(call)()
				time.Sleep(2 * time.Millisecond)
				if _, again := attempts.LoadOrStore(call.IdempotencyKey, true); !again {
					return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "busy", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
				}
				return sdk.Result{Body: []byte(`{}`)}, nil
			}}
			retried := strings.Replace(oneCall, `"maxAttempts":1`, `"maxAttempts":5,"initialInterval":"10ms"`, 1)
			g1 := openPlaced(t, open(t, first, "g1", v, Options{}), "", keyedLane, retried)
			defer g1.stop()
			g2 := openPlaced(t, open(t, second, "g2", v, Options{}), "", keyedLane, retried)
			defer g2.stop()
			var ids []string
			for i := range runs {
				ids = append(ids, []*gateway{g1, g2}[i%2].startKeyed(i, fmt.Sprint(i%3)))
			}
			for _, id := range ids {
				if run := g1.wait(id); run.Status != workflow.RunSucceeded {
					t.Errorf("run = %s (%v)", run.Status, run.Error)
				}
			}
			for key, most := range b.most {
				if most > 2 {
					t.Errorf("%d runs of %s were worked on at once", most, key)
				}
			}
			if n := len(v.seen()); n != 2*runs {
				t.Errorf("%d calls, want %d", n, 2*runs)
			}
		})
	}
}

// slowStore returns from a commit that clears the timer of a run only a second after it
// was made.
type slowStore struct {
	state.Store
	run atomic.Value // its id
}

func (s *slowStore) Commit(ctx context.Context, ops ...state.Op) error {
	err := s.Store.Commit(ctx, ops...)
	id, _ := s.run.Load().(string)
	if slices.ContainsFunc(ops, func(op state.Op) bool { return reflect.DeepEqual(op, state.ClearTimer(layout.QueueRun, id)) }) {
		time.Sleep(time.Second)
	}
	return err
}

// TestARunWhoseWaitIsOverGoesOnAtOnce: its place is there before the process that queued
// it has the response of the store.
func TestARunWhoseWaitIsOverGoesOnAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &slowStore{Store: memory.New(memory.Options{})}
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) { return sdk.Result{Body: []byte(`{}`)}, nil }}
		g := openPlaced(t, open(t, store, "g1", v, Options{CheckInterval: time.Hour}), "", keyedLane,
			`{"id":"w","steps":[{"id":"w","type":"wait","duration":"1m"},{"id":"c","type":"vendor","action":"safe","params":{}}]}`)
		defer g.stop()
		began := time.Now()
		first := g.startKeyed(1, "a")
		store.run.Store(first)
		time.Sleep(time.Minute + time.Second/2)
		g.startKeyed(2, "a") // has the places of the lane be looked at
		run := g.wait(first)
		if took := time.Since(began); run.Status != workflow.RunSucceeded || took > time.Minute+2*time.Second {
			t.Errorf("the run is %s after %s", run.Status, took)
		}
	})
}

func TestARunThatWaitsFreesItsPlaceAndTakesItAgain(t *testing.T) {
	call := func(id string) string {
		return `{"id":"` + id + `","type":"vendor","action":"safe","params":{"key":"{{input.key}}"}}`
	}
	for name, test := range map[string]struct{ wait, wake string }{
		"a time":     {`{"id":"w","type":"wait","duration":"1m"}`, ""},
		"a signal":   {`{"id":"w","type":"waitForEvent","event":"go"}`, "go"},
		"a timeout":  {`{"id":"w","type":"waitForEvent","event":"no","timeout":"1m","onError":"continue"}`, ""},
		"both waits": {`{"id":"w","type":"parallel","steps":[{"id":"w1","type":"wait","duration":"1m"},{"id":"w2","type":"wait","duration":"61s"}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var b busy
				v := &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
					defer b.enter(call)()
					time.Sleep(10 * time.Second)
					return sdk.Result{Body: []byte(`{}`)}, nil
				}}
				store := memory.New(memory.Options{})
				g := openPlaced(t, open(t, store, "g1", v, Options{}), "", `{"key":"{{input.key}}","concurrency":1}`,
					`{"id":"w","steps":[`+call("before")+`,`+test.wait+`,`+call("after")+`]}`)
				defer g.stop()
				ids := []string{g.startKeyed(0, "a"), g.startKeyed(1, "a"), g.startKeyed(2, "a")}
				time.Sleep(5 * time.Second)
				if run, err := g.Get(t.Context(), ids[1]); err != nil || run.Status != workflow.RunQueued || run.Waiting.For != workflow.WaitingForLane {
					t.Errorf("one that waits is %s for %q (%v)", run.Status, run.Waiting.For, err)
				}
				time.Sleep(30 * time.Second)
				for i, id := range ids {
					if status := g.status(id); status != workflow.RunWaiting {
						t.Errorf("run %d is %s: one that waits keeps its place", i, status)
					}
				}
				if list, err := g.List(t.Context(), ListRequest{Statuses: []workflow.RunStatus{workflow.RunWaiting}}); err != nil || len(list.Runs) != 3 {
					t.Errorf("listed are %d (%v)", len(list.Runs), err)
				}
				for _, id := range ids {
					if test.wake != "" {
						if _, err := g.Signal(t.Context(), id, test.wake, document(`{}`), Once{}); err != nil {
							t.Fatal(err)
						}
					}
				}
				for _, id := range ids {
					if run := g.wait(id); run.Status != workflow.RunSucceeded {
						t.Errorf("run = %s (%v)", run.Status, run.Error)
					}
				}
				if b.most["a"] != 1 || len(v.seen()) != 6 {
					t.Errorf("%d calls, %d at once", len(v.seen()), b.most["a"])
				}
				checkNoPlacesLeft(t, store, ids...)
			})
		})
	}
}

func TestARateIsNeverExceededOverAllReplicas(t *testing.T) {
	for text, runs := range map[string]int{"3/s": 20, "10/m": 35, "100/h": 230, "120/s": 400, "1/m": 4} {
		t.Run(text, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rate, err := workflow.ParseRate(text)
				if err != nil {
					t.Fatal(err)
				}
				var mu sync.Mutex
				var starts []time.Time
				v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
					mu.Lock()
					defer mu.Unlock()
					starts = append(starts, time.Now())
					return sdk.Result{Body: []byte(`{}`)}, nil
				}}
				store := memory.New(memory.Options{})
				lane := `{"rate":"` + text + `"}`
				wrong := func() time.Time { return time.Now().Add(-time.Minute) } // its clock is behind
				g1 := openPlaced(t, open(t, store, "g1", v, Options{}), "", lane, oneCall)
				defer g1.stop()
				g2 := openPlaced(t, open(t, store, "g2", v, Options{Now: wrong}), "", lane, oneCall)
				defer g2.stop()
				began := time.Now()
				var ids []string
				for i := range runs {
					ids = append(ids, []*gateway{g1, g2}[i%2].startKeyed(i, "a"))
				}
				for _, id := range ids {
					for g1.wait(id).Status != workflow.RunSucceeded {
						time.Sleep(time.Minute)
					}
				}
				for i := rate.Count; i < len(starts); i++ {
					if gap := starts[i].Sub(starts[i-rate.Count]); gap < rate.Per {
						t.Fatalf("%d starts within %s", rate.Count+1, gap)
					}
				}
				least := time.Duration((runs-1)/rate.Count) * rate.Per
				if took := starts[len(starts)-1].Sub(began); took < least || took > least+least/4+2*time.Minute {
					t.Errorf("%d runs at %s took %s", runs, text, took)
				}
			})
		})
	}
}

// countedStore counts the operations on a store.
type countedStore struct {
	state.Store
	reads, commits atomic.Int64
}

func (s *countedStore) Commit(ctx context.Context, ops ...state.Op) error {
	s.commits.Add(1)
	return s.Store.Commit(ctx, ops...)
}

func (s *countedStore) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	s.reads.Add(1)
	return s.Store.Get(ctx, refs...)
}

func (s *countedStore) Range(ctx context.Context, r state.Range) ([]string, error) {
	s.reads.Add(1)
	return s.Store.Range(ctx, r)
}

func (s *countedStore) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	s.reads.Add(1)
	return s.Store.Journal(ctx, id, from, limit)
}

func (s *countedStore) Due(ctx context.Context, queue string, limit int) ([]state.Timer, time.Duration, error) {
	s.reads.Add(1)
	return s.Store.Due(ctx, queue, limit)
}

// TestWhatARunCostsDoesNotDependOnHowManyLanesAreStuck counts operations on the store,
// for one stuck lane and for many, each with runs that wait in it and in its order.
func TestWhatARunCostsDoesNotDependOnHowManyLanesAreStuck(t *testing.T) {
	cost := func(t *testing.T, stuck int) (ops int64) {
		synctest.Test(t, func(t *testing.T) {
			leave := make(chan struct{})
			v := &fakeIntegration{do: func(ctx context.Context, _ int, call sdk.Call) (sdk.Result, error) {
				if strings.Contains(string(call.Params), "stuck") {
					<-leave
				}
				return sdk.Result{Body: []byte(`{}`)}, nil
			}}
			store := &countedStore{Store: memory.New(memory.Options{})}
			g := openPlaced(t, open(t, store, "g1", v, Options{MaxRunning: 2000, CallTimeout: 24 * time.Hour, CheckInterval: 12 * time.Hour}),
				byKey, `{"key":"{{input.key}}","concurrency":1}`, oneCall)
			defer g.stop()
			defer close(leave)
			for lane := range stuck {
				for range 3 {
					g.startKeyed(0, "stuck"+strconv.Itoa(lane))
				}
			}
			time.Sleep(30 * time.Second)
			if n := len(v.seen()); n != stuck {
				t.Fatalf("%d lanes are stuck, want %d", n, stuck)
			}
			before := store.reads.Load() + store.commits.Load()
			if run := g.wait(g.startKeyed(1, "free")); run.Status != workflow.RunSucceeded {
				t.Errorf("run = %s", run.Status)
			}
			time.Sleep(10 * time.Second) // with what follows
			ops = store.reads.Load() + store.commits.Load() - before
		})
		return ops
	}
	// Wake-ups that come at once count as one: the numbers differ by a few.
	if few, many := cost(t, 1), cost(t, 500); many > few+10 {
		t.Errorf("a run costs %d operations beside one stuck lane, and %d beside 500", few, many)
	}
}

func TestAStuckLaneDoesNotHoldUpAnother(t *testing.T) {
	for name, openStores := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, _ := openStores(t)
			leave := make(chan struct{})
			v := &fakeIntegration{do: func(ctx context.Context, _ int, call sdk.Call) (sdk.Result, error) {
				if strings.Contains(string(call.Params), "stuck") {
					<-leave
				}
				return sdk.Result{Body: []byte(`{}`)}, nil
			}}
			g := openPlaced(t, open(t, store, "g1", v, Options{}), byKey, keyedLane, oneCall)
			defer g.stop()
			defer close(leave)
			for range 20 {
				g.startKeyed(0, "stuck")
			}
			var ids []string
			for i := range 50 {
				ids = append(ids, g.startKeyed(i, fmt.Sprint("free", i%25)))
			}
			for _, id := range ids {
				if run := g.wait(id); run.Status != workflow.RunSucceeded {
					t.Errorf("run = %s", run.Status)
				}
			}
			list, err := g.List(t.Context(), ListRequest{Statuses: []workflow.RunStatus{workflow.RunQueued}})
			if err != nil || len(list.Runs) != 19 {
				t.Errorf("%d wait, want 19 (%v)", len(list.Runs), err)
			}
			testkit.Eventually(t, time.Minute, "they are counted", func() bool {
				counted := g.census.take()
				return counted != nil && counted.blocked["w"] == 19
			})
		})
	}
}

func TestStartingARunInALaneIsOneCommitAndReadsNothing(t *testing.T) {
	store := &countedStore{Store: memory.New(memory.Options{})}
	if err := store.Commit(t.Context(), state.Insert("lease", "g1", nil, 0)); err != nil {
		t.Fatal(err)
	}
	g := &gateway{Engine: New(Options{Store: store, Lease: testLease{id: "g1", store: store}}), t: t, store: store, lease: "g1"}
	openPlaced(t, g, byKey, `{"key":"{{input.key}}","concurrency":1,"rate":"5/s"}`, oneCall)
	reads, commits := store.reads.Load(), store.commits.Load()
	g.startKeyed(0, "a")
	if r, c := store.reads.Load()-reads, store.commits.Load()-commits; r != 0 || c != 1 {
		t.Errorf("a start made %d reads and %d commits", r, c)
	}
}

func TestCancellingARunNeedsNoPlaceInItsLane(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(_ context.Context, n int, call sdk.Call) (sdk.Result, error) {
			if strings.Contains(string(call.Params), "stuck") {
				time.Sleep(100 * time.Second)
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const raw = `{"id":"w","steps":[
			{"id":"a","type":"vendor","action":"safe","params":{"key":"{{input.key}}"},"compensate":[{"id":"u","type":"vendor","action":"safe","params":{"undo":true}}]},
			{"id":"s","type":"waitForEvent","event":"never"}]}`
		g := openPlaced(t, open(t, memory.New(memory.Options{}), "g1", v, Options{}), "", `{"concurrency":1}`, raw)
		defer g.stop()
		waits, plain := g.startKeyed(0, "done"), ""
		time.Sleep(time.Second)
		stuck := g.startKeyed(1, "stuck")
		plain = g.startKeyed(2, "plain")
		time.Sleep(time.Second)
		for _, id := range []string{waits, plain} {
			if _, err := g.Cancel(t.Context(), id, Once{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(2 * time.Second)
		if status := g.status(plain); status != workflow.RunCancelled {
			t.Errorf("one that had not begun is %s", status)
		}
		if status := g.status(waits); status != workflow.RunQueued { // to undo what it did it needs a place
			t.Errorf("one that has something to undo is %s", status)
		}
		if run := g.wait(waits); run.Status != workflow.RunCancelled {
			t.Errorf("it ends as %s", run.Status)
		}
		if _, err := g.Cancel(t.Context(), stuck, Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(stuck); run.Status != workflow.RunCancelled {
			t.Errorf("the stuck one ends as %s", run.Status)
		}
	})
}
