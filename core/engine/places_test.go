package engine

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/state/redis"
	"github.com/backflow/backflow/core/state/redis/redistest"
	"github.com/backflow/backflow/core/state/sqlite"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// stores opens a store of each kind, twice where that is another connection.
var stores = map[string]func(t *testing.T) (first, second state.Store){
	"memory": func(*testing.T) (state.Store, state.Store) {
		store := memory.New(memory.Options{})
		return store, store
	},
	"sqlite": func(t *testing.T) (state.Store, state.Store) {
		store, err := sqlite.Open(t.Context(), sqlite.Options{Path: filepath.Join(t.TempDir(), "state.db")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = store.Close() })
		return store, store
	},
	"redis": func(t *testing.T) (state.Store, state.Store) {
		server := redistest.Start(t, redistest.Options{AppendFsync: "always"})
		var opened [2]state.Store
		for i := range opened {
			store, err := redis.Open(t.Context(), redis.Options{URL: server.URL()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = store.Close() })
			opened[i] = store
		}
		return opened[0], opened[1]
	},
}

func TestStartsAtOnceNeverExceedALimitThatDrops(t *testing.T) {
	const limit, atOnce, rounds = 3, 12, 5
	for name, openStores := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := openStores(t)
			leave := make(chan struct{})
			v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
				<-leave
				return sdk.Result{Body: []byte(`{}`)}, nil
			}}
			const dropping = `{"id":"d","concurrency":{"key":"{{input.round}}","limit":3,"onFull":"drop"},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`
			g1 := open(t, first, "g1", v, Options{}, dropping)
			defer g1.stop()
			g2 := open(t, second, "g2", v, Options{}, dropping)
			defer g2.stop()
			defer close(leave)
			for round := range rounds {
				var accepted atomic.Int64
				var starts sync.WaitGroup
				begin := make(chan struct{})
				for i := range atOnce {
					starts.Go(func() {
						<-begin
						_, err := []*gateway{g1, g2}[i%2].Start(context.Background(), StartRequest{Workflow: "d", Roots: input(fmt.Sprintf(`{"round":"%d"}`, round))})
						switch {
						case err == nil:
							accepted.Add(1)
						case !errors.Is(err, ErrFull):
							t.Errorf("start: %v", err)
						}
					})
				}
				close(begin)
				starts.Wait()
				if n := accepted.Load(); n != limit {
					t.Errorf("of %d starts at once %d were accepted, want %d", atOnce, n, limit)
				}
			}
		})
	}
}

// dropParent starts four runs of a workflow that takes two at once, all in one
// commit.
const dropParent = `{"id":"parent","steps":[{"id":"all","type":"foreach","items":[1,2,3,4],"concurrency":4,"steps":[
	{"id":"c","type":"workflow","workflow":"child","onError":"continue"}]}]}`

const dropChild = `{"id":"child","concurrency":{"limit":2,"onFull":"drop"},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`

func TestAChildOverALimitThatDropsFailsItsStepAndWasNotStarted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Minute)
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, dropParent, dropChild)
		defer g.stop()
		run := g.wait(g.start("parent", `{}`).ID)
		if run.Status != workflow.RunSucceeded {
			t.Fatalf("parent = %s, %+v", run.Status, run.Error)
		}
		dropped := 0
		for _, s := range run.Steps {
			if s.Step.ID == "c" && s.Status == workflow.StepFailed {
				dropped++
				if s.Error.Code != CodeLimitReached || s.Error.Outcome != sdk.OutcomeNotExecuted || s.Outcome != sdk.OutcomeNotExecuted {
					t.Errorf("step %s: %+v", s.Path, s.Error)
				}
			}
		}
		if list, err := g.List(t.Context(), ListRequest{Workflow: "child"}); err != nil || len(list.Runs) != 2 || dropped != 2 {
			t.Errorf("%d children were made and %d dropped, %v", len(list.Runs), dropped, err)
		}
	})
}

func TestAStepWhoseChildWasDroppedStartsOneWhenItsRunIsRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Minute)
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, dropChild,
			`{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"child"}]}`)
		defer g.stop()
		busy := []string{g.start("child", `{}`).ID, g.start("child", `{}`).ID}
		id := g.start("parent", `{}`).ID
		run := g.wait(id)
		if run.Status != workflow.RunFailed || run.Error.Err.Code != CodeLimitReached || run.Error.Step != "c" {
			t.Fatalf("parent = %s, %+v", run.Status, run.Error)
		}
		for _, other := range busy {
			g.wait(other)
		}
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("parent = %s, %+v", run.Status, run.Error)
		}
	})
}

func TestParentsAtOnceNeverExceedALimitThatDropsTheirChildren(t *testing.T) {
	const limit, parents = 2, 6
	for name, openStores := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := openStores(t)
			leave := make(chan struct{})
			v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
				<-leave
				return sdk.Result{Body: []byte(`{}`)}, nil
			}}
			const parent = `{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"child"}]}`
			g1 := open(t, first, "g1", v, Options{}, parent, dropChild)
			defer g1.stop()
			g2 := open(t, second, "g2", v, Options{}, parent, dropChild)
			defer g2.stop()
			defer close(leave)
			var starts sync.WaitGroup
			var ids [parents]string
			for i := range parents {
				starts.Go(func() { ids[i] = []*gateway{g1, g2}[i%2].start("parent", `{}`).ID })
			}
			starts.Wait()
			failed := 0
			testkit.Eventually(t, time.Minute, "each child is called or dropped", func() bool {
				failed = 0
				for _, id := range ids {
					if g1.status(id) == workflow.RunFailed {
						failed++
					}
				}
				return failed+len(v.seen()) == parents
			})
			if failed != parents-limit {
				t.Errorf("%d children were dropped, want %d", failed, parents-limit)
			}
		})
	}
}

func TestAChildWhoseConcurrencyKeyCannotBeMadeFailsItsStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{},
			`{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"child"}]}`,
			`{"id":"child","concurrency":{"key":"{{input.customer}}","limit":2},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`)
		defer g.stop()
		run := g.wait(g.start("parent", `{}`).ID)
		if run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeInvalidParams || run.Error.Step != "c" {
			t.Errorf("parent = %s, %+v", run.Status, run.Error)
		}
	})
}
