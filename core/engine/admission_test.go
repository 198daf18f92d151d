package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestALimitThrottlesRunsUntilAPlaceIsFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		store := memory.New(memory.Options{})
		const limited = `{"id":"limited","concurrency":{"key":"{{input.customer}}","limit":2},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`
		g1 := open(t, store, "g1", v, Options{}, limited)
		defer g1.stop()
		g2 := open(t, store, "g2", v, Options{}, limited)
		defer g2.stop()
		var ids []string
		for i := range 10 {
			ids = append(ids, []*gateway{g1, g2}[i%2].start("limited", `{"customer":"a"}`).ID)
		}
		for _, id := range ids {
			if run := g1.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("run = %s", run.Status)
			}
		}
		if most.Load() != 2 {
			t.Errorf("%d runs were under way at once, want 2", most.Load())
		}
		other := g1.start("limited", `{"customer":"b"}`).ID
		g1.wait(other)
	})
}

func TestALimitThatDropsRefusesFurtherRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Second)
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"d","concurrency":{"limit":1,"onFull":"drop"},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`)
		defer g.stop()
		id := g.start("d", `{}`).ID
		if _, err := g.Start(t.Context(), StartRequest{Workflow: "d", Roots: input(`{}`)}); !errors.Is(err, ErrFull) {
			t.Errorf("error = %v", err)
		}
		g.wait(id)
		g.wait(g.start("d", `{}`).ID)
	})
}

func TestALimitHoldsForRunsThatAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		var under, most atomic.Int64
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			time.Sleep(time.Minute)
			if n == 1 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const one = `{"id":"one","concurrency":1,"steps":[{"id":"only","type":"vendor","action":"safe"}]}`
		g := open(t, store, "g1", v, Options{}, one)
		defer g.stop()
		failed := g.start("one", `{}`).ID
		if run := g.wait(failed); run.Status != workflow.RunFailed {
			t.Fatalf("run = %s", run.Status)
		}
		second := g.start("one", `{}`).ID
		time.Sleep(time.Second)
		if _, err := g.Retry(t.Context(), RetryRequest{ID: failed}); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{second, failed} {
			if run := g.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("run = %s (%v)", run.Status, run.Error)
			}
		}
		if most.Load() != 1 {
			t.Errorf("%d runs of a workflow with a limit of one were under way at once", most.Load())
		}
	})
}

func TestAProcessWithoutItsLeaseDoesNotTryToAdmitForEver(t *testing.T) {
	store := memory.New(memory.Options{})
	e := New(Options{Store: store, Lease: testLease{id: "taken-away", store: store}})
	h := runRecord{Version: recordVersion, ID: NewRunID(), Workflow: "one", Status: workflow.RunQueued, ConcurrencyKey: "one/1/all", Throttled: true}
	if err := store.Commit(t.Context(), append(h.insertIndex(), state.Insert(layout.BucketRun, h.ID, h.encode(), 0))...); err != nil {
		t.Fatal(err)
	}
	if err := func() error { _, err := e.admission.round(t.Context()); return err }(); !errors.As(err, new(*state.ConflictError)) {
		t.Errorf("admission without a lease: %v", err)
	}
}
