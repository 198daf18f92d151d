package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

const parentFlow = `{"id":"parent","steps":[
  {"id":"c","type":"workflow","workflow":"child","input":{"x":"{{input.x}}"}},
  {"id":"r","type":"return","output":"{{steps.c.result}}"}]}`

const childFlow = `{"id":"child","input":{"type":"object","properties":{"x":{"type":"integer"}}},"steps":[
  {"id":"a","type":"vendor","action":"safe","params":{"x":"{{input.x}}"}}],"output":"{{steps.a.result.n}}"}`

func TestAParentWaitsForItsChildAndHoldsNothingMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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
		v := &fakeIntegration{}
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
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
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
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, parentFlow,
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
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, `{"id":"self","steps":[{"id":"c","type":"workflow","workflow":"self"}]}`)
		defer g.stop()
		run := g.wait(g.start("self", `{}`).ID)
		if run.Status != workflow.RunFailed || !strings.Contains(run.Error.Err.Message, "in a row") {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
	})
}
