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

// define replaces the definitions of a gateway.
func (g *gateway) define(raw ...string) {
	g.t.Helper()
	var list []*workflow.Definition
	for _, r := range raw {
		d, err := workflow.Parse([]byte(r), workflow.InputRoots)
		if err != nil {
			g.t.Fatal(err)
		}
		list = append(list, d)
	}
	if err := g.SetDefinitions(g.t.Context(), list); err != nil {
		g.t.Fatal(err)
	}
}

// wrongAmount is a workflow whose second step is refused until its params are right.
const wrongAmount = `{"id":"w","steps":[{"id":"reserve","type":"vendor","action":"safe","params":{"x":"{{input.x}}"}},
	{"id":"charge","type":"vendor","action":"safe","params":{"amount":-5}}]}`

// refusingNegative refuses every call with an amount below zero.
func refusingNegative() *fakeIntegration {
	return &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
		if strings.Contains(string(call.Params), "-5") {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeRejected, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
		}
		return sdk.Result{Body: []byte(`{"n":1}`)}, nil
	}}
}

func TestARetryByThePresentDefinitionGoesOnFromTheFailedStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, v := memory.New(memory.Options{}), refusingNegative()
		g := open(t, store, "g1", v, Options{}, wrongAmount)
		id := g.start("w", `{"x":1}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("run = %s", run.Status)
		}
		g.define(strings.Replace(wrongAmount, "-5", "5", 1))
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("without latest a run keeps its definition, and is %s", run.Status)
		}
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id, Latest: true}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Fatalf("run = %s, %+v", run.Status, run.Error)
		}
		g.stop()
		// Another process reads it by the definition that it went on with.
		g = open(t, store, "g2", v, Options{}, wrongAmount)
		defer g.stop()
		run := g.wait(id)
		if calls := v.seen(); run.Status != workflow.RunSucceeded || len(calls) != 4 || calls[1].IdempotencyKey == calls[3].IdempotencyKey {
			t.Errorf("run = %s after %d calls", run.Status, len(calls))
		}
	})
}

func TestARetryByADefinitionInWhichWhatIsDoneDiffersIsRefusedWithThePlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", refusingNegative(), Options{}, wrongAmount)
		defer g.stop()
		id := g.start("w", `{"x":1}`).ID
		g.wait(id)
		g.define(strings.Replace(wrongAmount, `{"x":"{{input.x}}"}`, `{"x":2}`, 1))
		_, err := g.Retry(t.Context(), RetryRequest{ID: id, Latest: true})
		refused(t, err, sdk.CodeConflict, "cannot go on by the present definition of w")
		if faults := err.(*sdk.Error).Faults; len(faults) != 1 || faults[0].Pointer != "/steps/0/params/x" || !strings.Contains(faults[0].Message, "step reserve") { //nolint:errorlint // it was found to be one above
			t.Errorf("differences: %v", faults)
		}
		g.define(`{"id":"w","input":{"type":"object","required":["y"]},` + strings.TrimPrefix(wrongAmount, `{"id":"w",`))
		_, err = g.Retry(t.Context(), RetryRequest{ID: id, Latest: true})
		refused(t, err, sdk.CodeInvalidParams, "the input of w")
		g.define(`{"id":"other","steps":[]}`)
		_, err = g.Retry(t.Context(), RetryRequest{ID: id, Latest: true})
		refused(t, err, sdk.CodeConflict, "the config has no workflow w any more")
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestARetryByThePresentDefinitionIsRefusedWhileAnOutcomeIsUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: "lost", Retryable: true}
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"w","steps":[{"id":"pay","type":"vendor","action":"unsafe"}]}`)
		defer g.stop()
		id := g.start("w", `{}`).ID
		g.wait(id)
		g.define(`{"id":"w","steps":[{"id":"pay","type":"vendor","action":"unsafe","params":{"x":1}}]}`)
		_, err := g.Retry(t.Context(), RetryRequest{ID: id, Latest: true})
		refused(t, err, sdk.CodeOutcomeUnknown, "step pay of run "+id)
	})
}

func TestAChildGoesOnByItsPresentDefinitionToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const parent = `{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"w","input":{"x":1}}]}`
		v := refusingNegative()
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, wrongAmount, parent)
		defer g.stop()
		id := g.start("parent", `{}`).ID
		g.wait(id)
		g.define(parent, strings.Replace(wrongAmount, "-5", "5", 1))
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id, Latest: true}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded || len(v.seen()) != 3 {
			t.Errorf("parent = %s, %+v, %d calls", run.Status, run.Error, len(v.seen()))
		}
	})
}

func TestALimitIsThatOfTheDefinitionThatARunGoesOnWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", refusingNegative(), Options{}, `{"concurrency":1,`+wrongAmount[1:])
		defer g.stop()
		id := g.start("w", `{"x":1}`).ID
		g.wait(id)
		g.define(`{"concurrency":{"limit":2,"key":"{{input.x}}"},` + strings.Replace(wrongAmount[1:], "-5", "5", 1))
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id, Latest: true}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
		time.Sleep(10 * time.Second)
		g.wait(g.start("w", `{"x":1}`).ID)
	})
}

func TestARunThatWaitsForAnotherAttemptMakesItNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			if down {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: "down", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const retry = `"retry":{"initialInterval":"24h","maxInterval":"24h"}`
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{},
			`{"id":"w","steps":[{"id":"p","type":"parallel","steps":[
				{"id":"a","type":"vendor","action":"safe",`+retry+`},{"id":"b","type":"vendor","action":"safe",`+retry+`},{"id":"s","type":"waitForEvent","event":"go"}]}]}`,
			`{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"w"}]}`,
			`{"id":"timer","steps":[{"id":"t","type":"wait","duration":"24h"}]}`)
		defer g.stop()
		began := time.Now()
		own, parent, timer := g.start("w", `{}`).ID, g.start("parent", `{}`).ID, g.start("timer", `{}`).ID
		synctest.Wait()
		_, err := g.Retry(t.Context(), RetryRequest{ID: own})
		refused(t, err, sdk.CodeConflict, "has not ended")
		_, err = g.Retry(t.Context(), RetryRequest{ID: timer, Now: true})
		refused(t, err, sdk.CodeConflict, "no step of the run waits for another attempt")
		if _, err = g.Retry(t.Context(), RetryRequest{ID: own, Now: true}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(v.seen()); n != 6 {
			t.Fatalf("%d calls, want the second attempts of two steps beside the first of four", n)
		}
		down = false
		for _, id := range []string{own, parent} {
			if _, err := g.Retry(t.Context(), RetryRequest{ID: id, Now: true}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		run, err := g.Get(t.Context(), own)
		if err != nil || run.Steps[1].Status != workflow.StepSucceeded || run.Steps[2].Status != workflow.StepSucceeded || run.Steps[1].Attempts != 3 || run.Steps[3].Status != workflow.StepWaiting {
			t.Errorf("run = %+v, %v", run.Steps, err)
		}
		child := g.mustGet(parent).Steps[0].Child
		for _, id := range []string{own, child} {
			if _, err := g.Signal(t.Context(), id, "go", document(`{}`), Once{}); err != nil {
				t.Fatal(err)
			}
		}
		for _, id := range []string{own, parent} {
			if run := g.wait(id); run.Status != workflow.RunSucceeded || time.Since(began) > time.Hour {
				t.Errorf("run = %s after %s", run.Status, time.Since(began))
			}
		}
		_, err = g.Retry(t.Context(), RetryRequest{ID: own, Now: true})
		refused(t, err, sdk.CodeConflict, "the run is succeeded")
	})
}

func (g *gateway) mustGet(id string) Run {
	g.t.Helper()
	run, err := g.Get(context.Background(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return run
}
