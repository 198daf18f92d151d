package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestAfterACrashEveryAcceptedRunGoesOnWithTheSameKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		hang := &fakeIntegration{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
		}}
		g1 := open(t, store, "g1", hang, Options{}, twoSteps)
		id := g1.start("two", `{"x":1}`).ID
		synctest.Wait()
		g1.crash()

		v := &fakeIntegration{}
		g2 := open(t, store, "g2", v, Options{}) // its config does not even have the workflow any more
		defer g2.stop()
		run := g2.wait(id)
		if run.Status != workflow.RunSucceeded || run.Steps[0].Attempts != 1 {
			t.Errorf("run %s, first step after %d attempts; a crash spends none", run.Status, run.Steps[0].Attempts)
		}
		if before, after := hang.seen()[0], v.seen()[0]; before.IdempotencyKey != after.IdempotencyKey {
			t.Errorf("the call was repeated with key %s, was %s", after.IdempotencyKey, before.IdempotencyKey)
		}
	})
}

func TestACallWithoutKeyIsNotRepeatedAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const unsafe = `{"id":"unsafe","steps":[{"id":"a","type":"vendor","action":"unsafe"}]}`
		store := memory.New(memory.Options{})
		hang := &fakeIntegration{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
		}}
		g1 := open(t, store, "g1", hang, Options{}, unsafe)
		id := g1.start("unsafe", `{}`).ID
		synctest.Wait()
		g1.crash()

		v := &fakeIntegration{}
		g2 := open(t, store, "g2", v, Options{}, unsafe)
		defer g2.stop()
		run := g2.wait(id)
		if run.Status != workflow.RunFailed || run.Error == nil || run.Error.Err.Code != sdk.CodeOutcomeUnknown {
			t.Errorf("run = %s, error %+v", run.Status, run.Error)
		}
		if n := len(v.seen()); n != 0 {
			t.Errorf("the call was sent again, %d times", n)
		}
	})
}

func TestAGatewayWithoutItsLeaseRecordsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		late := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{"n":"late"}`)}, nil
		}}
		g1 := open(t, store, "g1", late, Options{}, twoSteps)
		id := g1.start("two", `{"x":1}`).ID
		synctest.Wait()
		if err := store.Commit(t.Context(), state.Delete("lease", "g1")); err != nil {
			t.Fatal(err)
		}
		g2 := open(t, store, "g2", &fakeIntegration{}, Options{}, twoSteps)
		defer g2.stop()
		run := g2.wait(id)
		close(release)
		g1.stop()
		again, err := g2.Get(t.Context(), id)
		if err != nil || string(again.Steps[0].Result.Raw()) != `{"n":1}` || run.Status != workflow.RunSucceeded {
			t.Errorf("first step = %s, %v; the late holder wrote over it", again.Steps[0].Result.Raw(), err)
		}
		if _, err := g1.Start(t.Context(), StartRequest{Workflow: "two"}); err == nil {
			t.Error("a gateway without lease started a run")
		}
	})
}

func TestStopRecordsWhatIsInFlightAndHandsTheRunBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		const mixed = `{"id":"mixed","steps":[{"id":"a","type":"vendor","action":"safe"},{"id":"b","type":"vendor","action":"unsafe"}]}`
		g1 := open(t, store, "g1", v, Options{}, mixed)
		id := g1.start("mixed", `{}`).ID
		synctest.Wait()
		go close(release)
		g1.stop()
		if n := len(v.seen()); n != 1 {
			t.Fatalf("%d calls were made, want the one that was under way", n)
		}
		if _, err := g1.Start(t.Context(), StartRequest{Workflow: "mixed"}); !errors.Is(err, ErrStopped) {
			t.Errorf("start after stop: %v", err)
		}
		g2 := open(t, store, "g2", v, Options{}, mixed)
		defer g2.stop()
		// Step b honours no key; it is called all the same, for the hand-over
		// says that it was not sent.
		if run := g2.wait(id); run.Status != workflow.RunSucceeded || len(v.seen()) != 2 {
			t.Errorf("run %s after %d calls", run.Status, len(v.seen()))
		}
	})
}

func TestARunThatEndsItsProcessAgainAndAgainIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		hang := &fakeIntegration{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
		}}
		var id string
		for i := range MaxRecoveries + 1 {
			g := open(t, store, fmt.Sprint("g", i), hang, Options{}, twoSteps)
			if i == 0 {
				id = g.start("two", `{"x":1}`).ID
			}
			synctest.Wait()
			if g.status(id) != workflow.RunRunning {
				t.Fatalf("after %d crashes the run is %s", i, g.status(id))
			}
			g.crash()
		}
		last := open(t, store, "last", hang, Options{}, twoSteps)
		defer last.stop()
		run := last.wait(id)
		if run.Status != workflow.RunFailed || !strings.Contains(run.Error.Err.Message, "without any progress") {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
		if n := len(hang.seen()); n != MaxRecoveries+1 {
			t.Errorf("it was called %d times", n)
		}
	})
}

func TestCleanHandOversAreNotCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		var id string
		for i := range 3 * MaxRecoveries {
			g := open(t, store, fmt.Sprint("g", i), &fakeIntegration{}, Options{}, approval)
			if i == 0 {
				id = g.start("approval", `{}`).ID
			}
			synctest.Wait()
			g.stop()
		}
		g := open(t, store, "last", &fakeIntegration{}, Options{}, approval)
		defer g.stop()
		if _, err := g.Signal(t.Context(), id, "approved", document(`{"by":"Ann"}`), Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestParallelCallsAreInFlightAtOnceAndACrashRepeatsOnlyThoseWithoutResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const par = `{"id":"par","steps":[{"id":"p","type":"parallel","steps":[
		  {"id":"a","type":"vendor","action":"safe","params":{"of":"a"}},{"id":"b","type":"vendor","action":"safe","params":{"of":"b"}}]}]}`
		store := memory.New(memory.Options{})
		v := &fakeIntegration{do: func(ctx context.Context, _ int, call sdk.Call) (sdk.Result, error) {
			if string(call.Params) == `{"of":"b"}` {
				<-ctx.Done()
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g1 := open(t, store, "g1", v, Options{}, par)
		id := g1.start("par", `{}`).ID
		synctest.Wait()
		if n := len(v.seen()); n != 2 {
			t.Fatalf("%d calls are under way, want 2", n)
		}
		g1.crash()
		again := &fakeIntegration{}
		g2 := open(t, store, "g2", again, Options{}, par)
		defer g2.stop()
		if run := g2.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
		if calls := again.seen(); len(calls) != 1 || string(calls[0].Params) != `{"of":"b"}` {
			t.Errorf("repeated: %v", calls)
		}
	})
}
