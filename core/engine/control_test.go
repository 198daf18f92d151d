package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// status reads where a run is.
func (g *gateway) status(id string) workflow.RunStatus {
	g.t.Helper()
	run, err := g.Get(context.Background(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return run.Status
}

const approval = `{"id":"approval","steps":[
  {"id":"ask","type":"waitForEvent","event":"approved","timeout":"24h"},
  {"id":"pay","type":"vendor","action":"safe","params":{"by":"{{steps.ask.result.by}}"}}]}`

func TestASignalWakesTheRunThatWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, approval)
		defer g.stop()
		id := g.start("approval", `{}`).ID
		synctest.Wait()
		if g.status(id) != workflow.RunWaiting || g.executor.active.contains(id) {
			t.Fatalf("run = %s", g.status(id))
		}
		if _, err := g.Signal(t.Context(), id, "approved", document(`{"by":"Ann"}`), Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(v.seen()[0].Params) != `{"by":"Ann"}` {
			t.Errorf("run = %s, call %s", run.Status, v.seen()[0].Params)
		}
		if _, err := g.Signal(t.Context(), id, "approved", value.Doc{}, Once{}); !errors.Is(err, ErrEnded) {
			t.Errorf("a signal to a run that has ended: %v", err)
		}
	})
}

func TestSignalsThatComeBeforeTheWaitAreKeptAndEachIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const two = `{"id":"two","steps":[
		  {"id":"work","type":"vendor","action":"safe"},
		  {"id":"a","type":"waitForEvent","event":"go"},
		  {"id":"b","type":"waitForEvent","event":"go"},
		  {"id":"r","type":"return","output":["{{steps.a.result}}","{{steps.b.result}}"]}]}`
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{}, two)
		defer g.stop()
		id := g.start("two", `{}`).ID
		synctest.Wait()
		for i := range 3 {
			time.Sleep(2 * time.Millisecond) // virtual: mail of one millisecond has no order
			if _, err := g.Signal(t.Context(), id, "go", document(strconv.Itoa(i)), Once{}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		close(release)
		if run := g.wait(id); string(run.Output) != `[0,1]` {
			t.Errorf("output = %s", run.Output)
		}
		time.Sleep(time.Minute)
		if left, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 10}); err != nil || len(left) != 0 {
			t.Errorf("mail of a run that has ended is left: %v, %v", left, err)
		}
	})
}

func TestASignalReachesARunOnAnotherGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n == 1 {
				<-release
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const both = `{"id":"both","steps":[{"id":"p","type":"parallel","steps":[
		  {"id":"long","type":"vendor","action":"safe"},
		  {"id":"s","type":"sequence","steps":[{"id":"ask","type":"waitForEvent","event":"go"},{"id":"then","type":"vendor","action":"safe"}]}]}]}`
		g1 := open(t, store, "g1", v, Options{}, both)
		defer g1.stop()
		g2 := open(t, store, "g2", v, Options{}, both)
		defer g2.stop()
		id := g1.start("both", `{}`).ID
		synctest.Wait()
		if _, err := g2.Signal(t.Context(), id, "go", document(`1`), Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if n := len(v.seen()); n != 2 {
			t.Errorf("%d calls were made while the first one is under way, want 2", n)
		}
		close(release)
		if run := g1.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestCancelEndsARunInEveryState(t *testing.T) {
	cancel := func(t *testing.T, g *gateway, id string) Run {
		t.Helper()
		if _, err := g.Cancel(t.Context(), id, Once{}); err != nil {
			t.Fatal(err)
		}
		run := g.wait(id)
		if run.Status != workflow.RunCancelled {
			t.Errorf("run = %s", run.Status)
		}
		if _, err := g.Cancel(t.Context(), id, Once{}); !errors.Is(err, ErrEnded) {
			t.Errorf("cancelled twice: %v", err)
		}
		return run
	}
	t.Run("while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := open(t, memory.New(memory.Options{}), "g1", &vendor{}, Options{}, approval)
			defer g.stop()
			id := g.start("approval", `{}`).ID
			synctest.Wait()
			if run := cancel(t, g, id); run.Steps[0].Status != workflow.StepCancelled {
				t.Errorf("step = %s", run.Steps[0].Status)
			}
		})
	})
	t.Run("while an action is under way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
				time.Sleep(5 * time.Second)
				return sdk.Result{Body: []byte(`{"n":1}`)}, nil
			}}
			g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
			defer g.stop()
			id := g.start("two", `{"x":1}`).ID
			synctest.Wait()
			run := cancel(t, g, id)
			if run.Steps[0].Status != workflow.StepSucceeded || run.Steps[1].Status != workflow.StepPending || len(v.seen()) != 1 {
				t.Errorf("steps = %+v after %d calls", run.Steps, len(v.seen()))
			}
		})
	})
	t.Run("while it is queued", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
				<-release
				return sdk.Result{Body: []byte(`{"n":1}`)}, nil
			}}
			// Nothing takes it out of the queue but the cancellation.
			g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"one","concurrency":1,"steps":[{"id":"a","type":"vendor","action":"safe"}]}`)
			defer g.stop()
			first := g.start("one", `{}`).ID
			time.Sleep(time.Second)
			second := g.start("one", `{}`).ID
			time.Sleep(time.Second)
			if run := cancel(t, g, second); len(v.seen()) != 1 || run.Steps[0].Status != workflow.StepPending {
				t.Errorf("%d calls", len(v.seen()))
			}
			close(release)
			g.wait(first)
		})
	})
	t.Run("between two attempts, and it undoes what it did", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
				if n == 2 {
					return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, RetryAfter: time.Hour, Outcome: sdk.OutcomeNotExecuted}
				}
				return sdk.Result{Body: []byte(`{"n":1}`)}, nil
			}}
			g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"w","steps":[
			  {"id":"a","type":"vendor","action":"safe","compensate":[{"id":"undo","type":"vendor","action":"safe"}]},
			  {"id":"b","type":"vendor","action":"safe"}]}`)
			defer g.stop()
			id := g.start("w", `{}`).ID
			synctest.Wait()
			run := cancel(t, g, id)
			if run.Steps[0].Status != workflow.StepCompensated || len(v.seen()) != 3 {
				t.Errorf("steps = %+v", run.Steps)
			}
		})
	})
}

func TestRetryGoesOnFromTheFailedStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		declines := true
		v := &vendor{}
		v.do = func(_ context.Context, n int, call sdk.Call) (sdk.Result, error) {
			if declines && n == 2 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true, Outcome: sdk.OutcomeNotExecuted}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		id := g.start("two", `{"x":1}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("run = %s", run.Status)
		}
		declines = false
		if _, err := g.Retry(t.Context(), id, Once{}); err != nil {
			t.Fatal(err)
		}
		run := g.wait(id)
		calls := v.seen()
		if run.Status != workflow.RunSucceeded || run.Error != nil || len(calls) != 3 || calls[1].IdempotencyKey == calls[2].IdempotencyKey {
			t.Errorf("run = %s after %d calls", run.Status, len(calls))
		}
		var refused *sdk.Error
		if _, err := g.Retry(t.Context(), id, Once{}); !errors.As(err, &refused) || refused.Code != sdk.CodeConflict {
			t.Errorf("a run that succeeded was retried: %v", err)
		}
		if list, err := g.List(t.Context(), ListRequest{Status: workflow.RunFailed}); err != nil || len(list.Runs) != 0 {
			t.Errorf("it is still listed as failed: %v, %v", list.Runs, err)
		}
	})
}

const parentFlow = `{"id":"parent","steps":[
  {"id":"c","type":"workflow","workflow":"child","input":{"x":"{{input.x}}"}},
  {"id":"r","type":"return","output":"{{steps.c.result}}"}]}`

const childFlow = `{"id":"child","input":{"type":"object","properties":{"x":{"type":"integer"}}},"steps":[
  {"id":"a","type":"vendor","action":"safe","params":{"x":"{{input.x}}"}}],"output":"{{steps.a.result.n}}"}`

func TestAParentWaitsForItsChildAndHoldsNothingMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Second)
			return sdk.Result{Body: []byte(`{"n":42}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{}, parentFlow, childFlow)
		defer g.stop()
		id := g.start("parent", `{"x":1}`).ID
		synctest.Wait()
		if g.executor.active.contains(id) || g.status(id) != workflow.RunWaiting {
			t.Errorf("the parent is %s", g.status(id))
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(run.Output) != "42" {
			t.Errorf("run = %s, output %s, %+v", run.Status, run.Output, run.Error)
		}
		bad := g.wait(g.start("parent", `{"x":"one"}`).ID)
		if bad.Status != workflow.RunFailed || bad.Error.Err.Code != sdk.CodeInvalidParams {
			t.Errorf("a child with a bad input: %s, %+v", bad.Status, bad.Error)
		}
	})
}

func TestRetryingAParentRetriesItsChildUnderTheSameKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := true
		v := &vendor{}
		v.do = func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if fail && n == 2 {
				// It may have taken effect: a repeat must have the same key.
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeUpstream, Message: "gone", Outcome: sdk.OutcomeUnknown}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, parentFlow, `{"id":"child","steps":[
		  {"id":"a","type":"vendor","action":"safe"},{"id":"b","type":"vendor","action":"safe"}],"output":{"n":"{{steps.b.result.n}}"}}`)
		defer g.stop()
		id := g.start("parent", `{"x":1}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("parent = %s", run.Status)
		}
		fail = false
		if _, err := g.Retry(t.Context(), id, Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(run.Output) != `{"n":1}` {
			t.Errorf("parent = %s, %+v", run.Status, run.Error)
		}
		calls := v.seen()
		if len(calls) != 3 || calls[1].IdempotencyKey != calls[2].IdempotencyKey {
			t.Errorf("%d calls; the repeat has another key", len(calls))
		}
		if list, err := g.List(t.Context(), ListRequest{Workflow: "child"}); err != nil || len(list.Runs) != 1 {
			t.Errorf("%d children, %v", len(list.Runs), err)
		}
	})
}

func TestCancellingAParentCancelsItsChild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &vendor{}, Options{}, parentFlow,
			`{"id":"child","steps":[{"id":"w","type":"wait","duration":"24h"}]}`)
		defer g.stop()
		id := g.start("parent", `{"x":1}`).ID
		synctest.Wait()
		if _, err := g.Cancel(t.Context(), id, Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunCancelled {
			t.Errorf("parent = %s", run.Status)
		}
		time.Sleep(10 * time.Second)
		list, err := g.List(t.Context(), ListRequest{Workflow: "child"})
		if err != nil || len(list.Runs) != 1 || list.Runs[0].Status != workflow.RunCancelled {
			t.Errorf("child = %+v, %v", list.Runs, err)
		}
	})
}

func TestAWorkflowThatRunsItselfComesToAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &vendor{}, Options{}, `{"id":"self","steps":[{"id":"c","type":"workflow","workflow":"self"}]}`)
		defer g.stop()
		run := g.wait(g.start("self", `{}`).ID)
		if run.Status != workflow.RunFailed || !strings.Contains(run.Error.Err.Message, "in a row") {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
	})
}

func TestARunThatEndsItsProcessAgainAndAgainIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		hang := &vendor{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
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
			g := open(t, store, fmt.Sprint("g", i), &vendor{}, Options{}, approval)
			if i == 0 {
				id = g.start("approval", `{}`).ID
			}
			synctest.Wait()
			g.stop()
		}
		g := open(t, store, "last", &vendor{}, Options{}, approval)
		defer g.stop()
		if _, err := g.Signal(t.Context(), id, "approved", document(`{"by":"Ann"}`), Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestFollowTellsEachEventOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Second)
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		id := g.start("two", `{"x":1}`).ID
		var types []workflow.EventType
		for after := -1; ; {
			p, err := g.Follow(t.Context(), id, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range p.Events {
				types = append(types, event.Type)
			}
			if after = p.Entry; p.Run.Status.Ended() {
				break
			}
		}
		want := []workflow.EventType{"started", "scheduled", "succeeded", "scheduled", "succeeded", "ended"}
		if !slices.Equal(types, want) {
			t.Errorf("events = %v, want %v", types, want)
		}
	})
}

func TestOldRunsAreRemovedWithAllThatIsKeptOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := false
		v := &vendor{}
		v.do = func(context.Context, int, sdk.Call) (sdk.Result, error) {
			if fail {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", v, Options{Retention: Retention{Succeeded: time.Hour, Failed: 3 * time.Hour}}, twoSteps)
		defer g.stop()
		ok := g.start("two", `{"x":1}`).ID
		g.wait(ok)
		fail = true
		failed := g.start("two", `{"x":1}`).ID
		g.wait(failed)

		time.Sleep(2 * time.Hour)
		if _, err := g.Get(t.Context(), ok); !errors.Is(err, ErrNotFound) {
			t.Errorf("a run is kept too long: %v", err)
		}
		if _, err := g.Get(t.Context(), failed); err != nil {
			t.Errorf("a failed run is gone too early: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if list, err := g.List(t.Context(), ListRequest{}); err != nil || len(list.Runs) != 0 {
			t.Errorf("left: %v, %v", list.Runs, err)
		}
		for _, set := range []string{workflowSet("two"), layout.SetFailed, layout.SetEnded + "/succeeded", layout.SetEnded + "/failed"} {
			if left, err := store.Range(t.Context(), state.Range{Set: set, Limit: 10}); err != nil || len(left) != 0 {
				t.Errorf("%s holds %v, %v", set, left, err)
			}
		}
		if left, err := store.Journal(t.Context(), failed, 0); err != nil || len(left) != 0 {
			t.Errorf("the journal is left: %v", err)
		}
	})
}

func TestOfMoreRunsThanAreKeptTheOldestGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n%3 == 0 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		store := memory.New(memory.Options{})
		const one = `{"id":"one","steps":[{"id":"a","type":"vendor","action":"safe"}]}`
		g := open(t, store, "g1", v, Options{Retention: Retention{MaxRuns: 70}}, one, approval)
		defer g.stop()
		waiting := g.start("approval", `{}`).ID // has not ended and does not count
		var ids []string
		for range 200 {
			ids = append(ids, g.start("one", `{}`).ID)
			g.wait(ids[len(ids)-1])
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Minute)
		for i, id := range ids {
			_, err := g.Get(t.Context(), id)
			if kept := i >= 200-70; kept && err != nil || !kept && !errors.Is(err, ErrNotFound) {
				t.Errorf("run %d of 200: %v", i, err)
			}
		}
		if g.status(waiting) != workflow.RunWaiting {
			t.Error("a run that has not ended is gone")
		}
		got, err := store.Count(t.Context(), workflowSet("one"), workflowSet("approval"), layout.SetEnded+"/succeeded", layout.SetEnded+"/failed", layout.SetFailed)
		if want := []int{70, 1, 0, 23, 23}; err != nil || !slices.Equal(got, want) {
			t.Errorf("the sets have %v members, %v, want %v", got, err, want)
		}
	})
}

func TestParallelCallsAreUnderWayAtOnceAndACrashRepeatsOnlyThoseUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const par = `{"id":"par","steps":[{"id":"p","type":"parallel","steps":[
		  {"id":"a","type":"vendor","action":"safe","params":{"of":"a"}},{"id":"b","type":"vendor","action":"safe","params":{"of":"b"}}]}]}`
		store := memory.New(memory.Options{})
		v := &vendor{do: func(ctx context.Context, _ int, call sdk.Call) (sdk.Result, error) {
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
		again := &vendor{}
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
