package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// declining is an integration that refuses every call for good.
func declining() *fakeIntegration {
	return &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
	}}
}

// refused expects an *sdk.Error with a code and a part of its message.
func refused(t *testing.T, err error, code sdk.Code, message string) {
	t.Helper()
	if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != code || !strings.Contains(e.Message, message) {
		t.Errorf("error %v, want %s: %s", err, code, message)
	}
}

func TestARerunHasTheSameInputAndThePresentDefinition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", declining(), Options{}, `{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe"}]}`)
		id := g.start("w", `{"x":12345678901234567890}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("run = %s", run.Status)
		}
		g.stop()
		g = open(t, store, "g2", declining(), Options{}, `{"id":"w","steps":[{"id":"b","type":"set","values":{}}],"output":"{{input.x}}"}`)
		defer g.stop()
		again, err := g.Rerun(t.Context(), RerunRequest{ID: id, RequestID: "r-1", By: Initiator{Token: "ops"}})
		if err != nil {
			t.Fatal(err)
		}
		run := g.wait(again.ID)
		if run.Status != workflow.RunSucceeded || string(run.Output) != "12345678901234567890" || run.RerunOf != id || run.StartedBy.Token != "ops" {
			t.Errorf("run = %+v", run)
		}
		replaced, err := g.Get(t.Context(), id)
		if err != nil || replaced.RerunAs != again.ID || replaced.Status != workflow.RunFailed || replaced.Steps[0].Step.ID != "a" {
			t.Errorf("the replaced run is %+v, %v", replaced, err)
		}
		_, err = g.Retry(t.Context(), RetryRequest{ID: id})
		refused(t, err, sdk.CodeConflict, "the run was replaced by run "+again.ID)
		_, err = g.Rerun(t.Context(), RerunRequest{ID: id})
		refused(t, err, sdk.CodeConflict, "the run was replaced by run "+again.ID)
	})
}

func TestOnlyOneOfManyRerunsReplacesARun(t *testing.T) {
	for name, openStores := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := openStores(t)
			const flow = `{"id":"w","steps":[{"id":"a","type":"vendor","action":"safe"}]}`
			g1 := open(t, first, "g1", declining(), Options{}, flow)
			defer g1.stop()
			g2 := open(t, second, "g2", declining(), Options{}, flow)
			defer g2.stop()
			id := g1.start("w", `{}`).ID
			g1.wait(id)
			var starts sync.WaitGroup
			errs := make([]error, 8)
			for i := range errs {
				starts.Go(func() {
					if i%4 == 3 {
						_, errs[i] = g1.Retry(context.Background(), RetryRequest{ID: id})
					} else {
						_, errs[i] = []*gateway{g1, g2}[i%2].Rerun(context.Background(), RerunRequest{ID: id})
					}
				})
			}
			starts.Wait()
			for _, err := range errs {
				if _, refused := errors.AsType[*sdk.Error](err); err != nil && !refused && !errors.Is(err, ErrBusy) {
					t.Errorf("rerun: %v", err)
				}
			}
			list, err := g1.List(t.Context(), ListRequest{})
			run := g1.wait(id)
			if err != nil || len(list.Runs) > 2 || (len(list.Runs) == 2) != (run.RerunAs != "") {
				t.Errorf("%d runs, replaced by %q, %v", len(list.Runs), run.RerunAs, err)
			}
		})
	}
}

func TestWhatCannotBeRunAgainSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
			if call.Action == "unsafe" {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: "lost", Outcome: sdk.OutcomeUnknown, Retryable: true}
			}
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
		}}
		store := memory.New(memory.Options{})
		const child = `{"id":"child","input":{"type":"object","required":["x"]},"steps":[{"id":"a","type":"vendor","action":"{{ACTION}}"}]}`
		const parent = `{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"child","input":{"x":1}}]}`
		g := open(t, store, "g1", v, Options{}, strings.Replace(child, "{{ACTION}}", "safe", 1), parent,
			`{"id":"doubtful","steps":[{"id":"pay","type":"vendor","action":"unsafe"}]}`,
			`{"id":"handled","steps":[{"id":"pay","type":"vendor","action":"unsafe","onError":"continue"},{"id":"end","type":"fail","message":"no"}]}`,
			`{"id":"above","steps":[{"id":"c","type":"workflow","workflow":"doubtful"}]}`,
			`{"id":"waits","steps":[{"id":"w","type":"waitForEvent","event":"go"}]}`,
			`{"id":"strict","steps":[{"id":"a","type":"vendor","action":"safe"}]}`)
		defer g.stop()
		rerun := func(id string) error {
			_, err := g.Rerun(t.Context(), RerunRequest{ID: id})
			return err
		}
		if err := rerun(NewRunID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("no such run: %v", err)
		}
		waits := g.start("waits", `{}`).ID
		synctest.Wait()
		refused(t, rerun(waits), sdk.CodeConflict, "the run is waiting: only one that has ended")
		for _, id := range []string{"doubtful", "handled", "above"} {
			run := g.wait(g.start(id, `{}`).ID)
			refused(t, rerun(run.ID), sdk.CodeOutcomeUnknown, "it is not known whether step pay of run")
		}
		above := g.wait(g.start("parent", `{}`).ID)
		refused(t, rerun(above.Steps[0].Child), sdk.CodeConflict, "belongs to a step of run "+above.ID)
		if err := rerun(above.ID); err != nil {
			t.Errorf("a run whose child failed for certain: %v", err)
		}

		strict := g.wait(g.start("strict", `{"y":1}`).ID)
		d, err := workflow.Parse([]byte(`{"id":"strict","input":{"type":"object","required":["x"]},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`), workflow.InputRoots)
		if err != nil {
			t.Fatal(err)
		}
		hook, err := workflow.ParseActions("webhook:w", workflow.Actions{Steps: []byte(`[{"type":"vendor","action":"safe"}]`)}, workflow.EventRoots)
		if err != nil {
			t.Fatal(err)
		}
		if err := g.SetDefinitions(t.Context(), []*workflow.Definition{d, hook}); err != nil {
			t.Fatal(err)
		}
		refused(t, rerun(strict.ID), sdk.CodeInvalidParams, "the input of strict")
		event, err := g.Start(t.Context(), StartRequest{Workflow: "webhook:w", Roots: map[string]value.Doc{"payload": document(`{}`), "event": document(`{}`), "headers": document(`{}`)}})
		if err != nil {
			t.Fatal(err)
		}
		g.wait(event.ID)
		refused(t, rerun(event.ID), sdk.CodeConflict, "the run was started by an event")
		if err := rerun(above.ID); err == nil {
			t.Error("a run was replaced twice")
		}
		gone := g.wait(strict.ID)
		if gone.RerunAs != "" {
			t.Error("a rerun that was refused has replaced the run")
		}
	})
}
