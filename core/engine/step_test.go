package engine

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestARunCallsItsStepsInOrderAndSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		run := g.wait(g.start("two", `{"x":1.50}`).ID)

		if run.Status != workflow.RunSucceeded || string(run.Input) != `{"x":1.50}` {
			t.Errorf("run = %s with input %s", run.Status, run.Input)
		}
		calls := v.seen()
		if len(calls) != 2 || string(calls[0].Params) != `{"x":1.50}` || string(calls[1].Params) != `{"n":1}` {
			t.Errorf("calls = %v", calls)
		}
		if len(run.Steps) != 2 || run.Steps[1].Attempts != 1 || string(run.Steps[1].Result.Raw()) != `{"n":2}` {
			t.Errorf("steps = %+v", run.Steps)
		}
		again, err := g.Get(t.Context(), run.ID)
		if err != nil || again.Status != run.Status || len(again.Steps) != 2 {
			t.Errorf("read back: %+v, %v", again, err)
		}
	})
}

func TestParamsAndKeyAreStoredBeforeTheCallIsSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &fakeIntegration{}
		var stored []string
		var g *gateway
		v.do = func(ctx context.Context, n int, call sdk.Call) (sdk.Result, error) {
			runs, err := store.Range(ctx, state.Range{Set: workflowSet("two"), Limit: 1})
			if err != nil || len(runs) != 1 {
				t.Errorf("runs = %v, %v", runs, err)
				return sdk.Result{}, err
			}
			entries, err := store.Journal(ctx, runs[0], 0, 10_000)
			if err != nil {
				return sdk.Result{}, err
			}
			last := string(entries[len(entries)-1])
			if !strings.Contains(last, string(call.Params)) || !strings.Contains(last, call.IdempotencyKey) {
				t.Errorf("call %d was sent, but the journal ends with %s", n, last)
			}
			stored = append(stored, last)
			return sdk.Result{Body: []byte(`{"n":7}`)}, nil
		}
		g = open(t, store, "g1", v, Options{}, twoSteps)
		defer g.stop()
		g.wait(g.start("two", `{"x":1}`).ID)
		if len(stored) != 2 || !strings.Contains(stored[1], `{"n":7}`) {
			t.Errorf("the result that the second call was computed from is not on record: %v", stored)
		}
	})
}

func TestParamsThatFailTheSchemaEndTheStepUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"w","steps":[{"id":"a","type":"vendor","action":"strict"}]}`)
		defer g.stop()
		run := g.wait(g.start("w", `{}`).ID)
		if run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeInvalidParams || run.Error.Err.Faults[0].Pointer != "/amount" {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
		if len(v.seen()) != 0 {
			t.Error("the call was sent")
		}
	})
}

func TestResultsThatCannotBeKeptFailTheStepAndAreNotRepeated(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		code sdk.Code
	}{
		"too large": {`"` + strings.Repeat("x", MaxResult) + `"`, sdk.CodeResultTooLarge},
		"no JSON":   {`{"a":`, sdk.CodeInternal},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
					return sdk.Result{Body: []byte(test.body)}, nil
				}}
				g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
				defer g.stop()
				run := g.wait(g.start("two", `{"x":1}`).ID)
				if run.Status != workflow.RunFailed || run.Error.Err.Code != test.code || len(v.seen()) != 1 {
					t.Errorf("run %s with %+v after %d calls", run.Status, run.Error, len(v.seen()))
				}
			})
		})
	}
}

func TestAnActionThatPanicsFailsItsStepAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n == 1 {
				panic("a bug")
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		if run := g.wait(g.start("two", `{"x":1}`).ID); run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeInternal {
			t.Errorf("run = %s, %+v", run.Status, run.Error)
		}
		if run := g.wait(g.start("two", `{"x":1}`).ID); run.Status != workflow.RunSucceeded {
			t.Errorf("the next run = %s", run.Status)
		}
	})
}
