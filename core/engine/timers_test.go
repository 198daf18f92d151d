package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestTheStoresClockSaysWhenAWaitIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		const wait = `{"id":"wait","steps":[{"id":"w","type":"wait","duration":"1m"}]}`
		g1 := open(t, store, "g1", &fakeIntegration{}, Options{}, wait)
		id := g1.start("wait", `{}`).ID
		synctest.Wait()
		g1.stop()
		late := func() time.Time { return time.Now().Add(-time.Hour) }
		g2 := open(t, store, "g2", &fakeIntegration{}, Options{Now: late}, wait)
		defer g2.stop()
		time.Sleep(2 * time.Minute)
		if g2.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s long after its wait was over", g2.status(id))
		}
	})
}

func TestAnOutdatedReadChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The run waits for its second time as it waited for its first: what was
		// read of it then must not set its timer now.
		store := memory.New(memory.Options{})
		const one = `{"id":"one","steps":[{"id":"a","type":"wait","duration":"1m"},{"id":"b","type":"wait","duration":"1h"}]}`
		g1 := open(t, store, "g1", &fakeIntegration{}, Options{}, one)
		defer g1.stop()
		id := g1.start("one", `{}`).ID
		synctest.Wait()
		old, data, err := g1.timers.load(t.Context(), id, &activity{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if err := old.keepWaiting(t.Context(), extra{conditions: []state.Op{state.RequireValue(layout.BucketRun, id, data)}, ops: []state.Op{state.ClearTimer(layout.QueueRun, id)}}); err != nil {
			t.Fatal(err)
		}
		if _, next, err := store.Due(t.Context(), layout.QueueRun, 1); err != nil || next < time.Minute {
			t.Errorf("the run goes on in %v (%v), not when its second wait is over", next, err)
		}
	})
}

func TestAFailedAttemptIsRepeatedWithTheSameKeyByAStoredTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n <= 3 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: "slow", Retryable: true}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{}, twoSteps)
		defer g.stop()
		began := time.Now()
		id := g.start("two", `{"x":1}`).ID

		synctest.Wait()
		waiting, err := g.Get(t.Context(), id)
		if err != nil || waiting.Status != workflow.RunWaiting || waiting.Steps[0].Status != workflow.StepWaiting {
			t.Errorf("after a failed attempt: %s, %v", waiting.Status, err)
		}
		if g.executor.active.contains(id) {
			t.Error("a waiting run is kept in memory")
		}
		run := g.wait(id)
		calls := v.seen()
		if run.Status != workflow.RunSucceeded || run.Steps[0].Attempts != 4 || len(calls) != 5 {
			t.Errorf("run %s after %d attempts and %d calls", run.Status, run.Steps[0].Attempts, len(calls))
		}
		for _, call := range calls[:4] {
			if call.IdempotencyKey != calls[0].IdempotencyKey {
				t.Error("an attempt was sent with another key")
			}
		}
		// Intervals of 0.5, 1 and 2 s, of which the upper half is jitter.
		if took := time.Since(began); took < 1750*time.Millisecond || took > 4*time.Second {
			t.Errorf("the attempts took %s", took)
		}
	})
}

func TestTheTimeOfARunDoesNotCountWhileItIsQueued(t *testing.T) {
	const one = `{"id":"one","timeout":"1h","concurrency":1,"steps":[{"id":"wait","type":"wait","duration":"50m"},{"id":"pay","type":"vendor","action":"safe"}]}`
	for range 4 { // which of a call and a timer comes first is otherwise a matter of luck
		synctest.Test(t, func(t *testing.T) {
			g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, one)
			defer g.stop()
			var ids []string
			for range 5 {
				ids = append(ids, g.start("one", `{}`).ID)
			}
			for i, id := range ids {
				run, err := g.Wait(t.Context(), id)
				if err != nil || run.Status != workflow.RunSucceeded || run.FinishedAt.Sub(run.StartedAt) != 50*time.Minute {
					t.Fatalf("run %d is %s after %s, %v", i, run.Status, run.FinishedAt.Sub(run.StartedAt), err)
				}
			}
		})
	}
}

func TestARunWhoseTimeIsOverInTheQueueMakesNoFurtherCall(t *testing.T) {
	const lane = `{"id":"lane","timeout":"1h","steps":[{"id":"wait","type":"waitForEvent","event":"go"},{"id":"pay","type":"vendor","action":"safe","params":{"for":"{{input.for}}"}}]}`
	for range 4 {
		synctest.Test(t, func(t *testing.T) {
			v := &fakeIntegration{}
			v.do = func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
				if string(call.Params) == `{"for":"long"}` {
					time.Sleep(2 * time.Hour)
				}
				return sdk.Result{Body: []byte(`{}`)}, nil
			}
			g := openPlaced(t, open(t, memory.New(memory.Options{}), "g1", v, Options{}), "", `{"key":"a","concurrency":1}`, lane)
			defer g.stop()
			late := g.start("lane", `{"for":"late"}`).ID
			time.Sleep(time.Minute)
			long := g.start("lane", `{"for":"long"}`).ID
			time.Sleep(time.Minute)
			for _, id := range []string{long, late} {
				if _, err := g.Signal(t.Context(), id, "go", document(`{}`), Once{}); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
			}
			run, err := g.Wait(t.Context(), late)
			if err != nil || run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeTimeout {
				t.Errorf("the late run is %s, %v", run.Status, err)
			}
			if calls := v.seen(); len(calls) != 1 {
				t.Errorf("%d calls", len(calls))
			}
		})
	}
}
