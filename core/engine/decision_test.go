package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// order reserves and pays. What it reserved it would release, if the payment failed.
const order = `{"id":"order","timeout":"1h","concurrency":1,"steps":[
  {"id":"reserve","type":"vendor","action":"safe","params":{"do":"reserve"},"compensate":[{"id":"release","type":"vendor","action":"safe","params":{"do":"release"}}]},
  {"id":"pay","type":"vendor","action":"safe","params":{"do":"pay"},"retry":{"maxAttempts":2}}]}`

// vendorOf is an integration whose payments fail so as long as fails is set.
func vendorOf(failure *sdk.Error, fails *atomic.Bool) *fakeIntegration {
	return &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
		if fails.Load() && string(call.Params) == `{"do":"pay"}` {
			return sdk.Result{}, failure
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	}}
}

// called are what the calls were for, in order.
func called(v *fakeIntegration) string {
	var did []string
	for _, call := range v.seen() {
		did = append(did, strings.Trim(strings.TrimPrefix(string(call.Params), `{"do":`), `"}`))
	}
	return strings.Join(did, " ")
}

// undecided starts an order, whose payment is lost, and returns once it waits.
func undecided(t *testing.T, g *gateway, workflowID string) string {
	t.Helper()
	id := g.start(workflowID, `{}`).ID
	time.Sleep(time.Minute)
	run, err := g.Get(t.Context(), id)
	if err != nil || run.Status != workflow.RunWaiting {
		t.Fatalf("the run is %s, %v", run.Status, err)
	}
	return id
}

func TestARunWithAnUnknownOutcomeWaitsForADecision(t *testing.T) {
	late := &sdk.Error{Code: sdk.CodeTimeout, Message: "late", Retryable: true, Outcome: sdk.OutcomeUnknown}
	setup := func(t *testing.T) (*gateway, *fakeIntegration, *atomic.Bool, string) {
		fails := &atomic.Bool{}
		fails.Store(true)
		v := vendorOf(late, fails)
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, order)
		return g, v, fails, undecided(t, g, "order")
	}
	t.Run("and takes nothing meanwhile but its place under a limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, v, fails, id := setup(t)
			fails.Store(false)
			second := g.start("order", `{}`).ID
			time.Sleep(48 * time.Hour) // past every timeout
			if g.executor.active.contains(id) || g.status(id) != workflow.RunWaiting || g.status(second) != workflow.RunQueued {
				t.Errorf("it is %s, and the run behind it %s", g.status(id), g.status(second))
			}
			if got := called(v); got != "reserve pay pay" {
				t.Errorf("calls: %s", got)
			}
			g.crash()
			g = open(t, g.store, "g2", v, Options{}, order)
			defer g.stop()
			time.Sleep(time.Hour)
			if g.status(id) != workflow.RunWaiting || called(v) != "reserve pay pay" {
				t.Errorf("after a restart it is %s: %s", g.status(id), called(v))
			}
			if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("the run is %s", run.Status)
			}
			if run := g.wait(second); run.Status != workflow.RunSucceeded {
				t.Errorf("the run behind it is %s", run.Status)
			}
		})
	})
	t.Run("which a retry settles, with the same key", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, v, fails, id := setup(t)
			defer g.stop()
			if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
				t.Fatal(err)
			}
			if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); !errors.Is(err, &sdk.Error{Code: sdk.CodeConflict}) {
				t.Errorf("a second retry: %v", err)
			}
			time.Sleep(time.Minute)
			if g.status(id) != workflow.RunWaiting {
				t.Fatalf("the payment is lost again, and the run is %s", g.status(id))
			}
			fails.Store(false)
			if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(id); run.Status != workflow.RunSucceeded || called(v) != "reserve pay pay pay pay pay" {
				t.Errorf("the run is %s: %s", run.Status, called(v))
			}
			calls := v.seen()
			for _, call := range calls[1:] {
				if call.IdempotencyKey != calls[1].IdempotencyKey {
					t.Error("the payment has another key")
				}
			}
		})
	})
	t.Run("which a cancellation is, too", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, v, _, id := setup(t)
			defer g.stop()
			if _, err := g.Cancel(t.Context(), id, Once{}); err != nil {
				t.Fatal(err)
			}
			run := g.wait(id)
			if run.Status != workflow.RunCancelled || run.Error.Err.Code != workflow.CodeCancelled || called(v) != "reserve pay pay release" {
				t.Errorf("the run is %s, %+v: %s", run.Status, run.Error, called(v))
			}
		})
	})
	t.Run("unless the workflow says otherwise", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			fails := &atomic.Bool{}
			fails.Store(true)
			v := vendorOf(late, fails)
			g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, strings.Replace(order, `{`, `{"onUnknown":"compensate",`, 1))
			defer g.stop()
			run := g.wait(g.start("order", `{}`).ID)
			if run.Status != workflow.RunFailed || called(v) != "reserve pay pay release" {
				t.Errorf("the run is %s: %s", run.Status, called(v))
			}
		})
	})
}

// parentOfOrder reserves something itself, and has the order of a child.
const parentOfOrder = `{"id":"parent","steps":[
  {"id":"hold","type":"vendor","action":"safe","params":{"do":"hold"},"compensate":[{"id":"unhold","type":"vendor","action":"safe","params":{"do":"unhold"}}]},
  {"id":"order","type":"workflow","workflow":"order"TIMEOUT}]}`

func TestAParentWaitsWhileItsChildWaitsForADecision(t *testing.T) {
	late := &sdk.Error{Code: sdk.CodeTimeout, Message: "late", Retryable: true, Outcome: sdk.OutcomeUnknown}
	setup := func(t *testing.T, timeout string) (g *gateway, v *fakeIntegration, fails *atomic.Bool, parent, child string) {
		fails = &atomic.Bool{}
		fails.Store(true)
		v = vendorOf(late, fails)
		g = open(t, memory.New(memory.Options{}), "g1", v, Options{}, order, strings.Replace(parentOfOrder, "TIMEOUT", timeout, 1))
		parent = undecided(t, g, "parent")
		list, err := g.List(t.Context(), ListRequest{Workflow: "order"})
		if err != nil || len(list.Runs) != 1 || list.Runs[0].Status != workflow.RunWaiting {
			t.Fatalf("children: %+v, %v", list.Runs, err)
		}
		return g, v, fails, parent, list.Runs[0].ID
	}
	t.Run("and goes on with it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, v, fails, parent, child := setup(t, "")
			defer g.stop()
			if _, err := g.Retry(t.Context(), RetryRequest{ID: parent}); !errors.Is(err, &sdk.Error{Code: sdk.CodeConflict}) {
				t.Errorf("a retry of the parent: %v", err)
			}
			fails.Store(false)
			if _, err := g.Retry(t.Context(), RetryRequest{ID: child}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(parent); run.Status != workflow.RunSucceeded || called(v) != "hold reserve pay pay pay" {
				t.Errorf("the parent is %s: %s", run.Status, called(v))
			}
		})
	})
	t.Run("and both undo where the parent is cancelled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, v, _, parent, child := setup(t, "")
			defer g.stop()
			if _, err := g.Cancel(t.Context(), parent, Once{}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(parent); run.Status != workflow.RunCancelled {
				t.Errorf("the parent is %s", run.Status)
			}
			if run := g.wait(child); run.Status != workflow.RunCancelled {
				t.Errorf("the child is %s", run.Status)
			}
			if got := called(v); !strings.Contains(got, "release") || !strings.Contains(got, "unhold") {
				t.Errorf("calls: %s", got)
			}
		})
	})
	t.Run("and has to be decided about where the child was undone", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, v, _, parent, child := setup(t, "")
			defer g.stop()
			if _, err := g.Cancel(t.Context(), child, Once{}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(child); run.Status != workflow.RunCancelled {
				t.Errorf("the child is %s", run.Status)
			}
			time.Sleep(time.Minute)
			// The payment may stand, and so what it was for stays held.
			if g.status(parent) != workflow.RunWaiting || called(v) != "hold reserve pay pay release" {
				t.Errorf("the parent is %s: %s", g.status(parent), called(v))
			}
			if _, err := g.Retry(t.Context(), RetryRequest{ID: parent}); !errors.Is(err, &sdk.Error{Code: sdk.CodeOutcomeUnknown}) {
				t.Errorf("another child: %v", err)
			}
		})
	})
	t.Run("and the child waits on where the parent's time is over", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g, v, fails, parent, child := setup(t, `,"timeout":"2m"`)
			defer g.stop()
			time.Sleep(10 * time.Minute)
			run, err := g.Get(t.Context(), parent)
			if err != nil || run.Status != workflow.RunWaiting || run.Waiting.For != workflow.WaitingForChild {
				t.Errorf("the parent is %s and waits for %q, %v", run.Status, run.Waiting.For, err)
			}
			if g.status(child) != workflow.RunWaiting || strings.Contains(called(v), "release") || strings.Contains(called(v), "unhold") {
				t.Errorf("the child is %s: %s", g.status(child), called(v))
			}
			fails.Store(false)
			if _, err := g.Retry(t.Context(), RetryRequest{ID: child}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(child); run.Status != workflow.RunSucceeded {
				t.Errorf("the child is %s", run.Status)
			}
			if run := g.wait(parent); run.Status != workflow.RunFailed || run.Error.Err.Code != sdk.CodeTimeout {
				t.Errorf("the parent is %s, %+v", run.Status, run.Error)
			}
		})
	})
}

// TestAChildThatSucceededAfterAllIsNotDoneAgain: its parent, which had given it up,
// takes its result.
func TestAChildThatSucceededAfterAllIsNotDoneAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		declines, late := true, true
		v := &fakeIntegration{do: func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
			switch {
			case string(call.Params) == `{"do":"pay"}` && late:
				return sdk.Result{}, sdk.Fail(sdk.CodeTimeout, "late")
			case string(call.Params) == `{"do":"check"}`:
				time.Sleep(time.Minute)
				if declines {
					return sdk.Result{}, sdk.Refuse(sdk.CodeDeclined, "no")
				}
			}
			return sdk.Result{Body: []byte(`{"paid":true}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"parent","output":"{{steps.p.result.c}}","steps":[{"id":"p","type":"parallel","steps":[
			{"id":"check","type":"vendor","action":"safe","params":{"do":"check"}},
			{"id":"c","type":"workflow","workflow":"order"}]}]}`,
			strings.Replace(order, `{`, `{"output":"{{steps.pay.result}}",`, 1))
		defer g.stop()
		id := g.start("parent", `{}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("the parent is %s", run.Status)
		}
		time.Sleep(time.Second) // until the child has heard of it
		list, err := g.List(t.Context(), ListRequest{Workflow: "order"})
		if err != nil || len(list.Runs) != 1 || list.Runs[0].Status != workflow.RunWaiting {
			t.Fatalf("children: %+v, %v", list.Runs, err)
		}
		child := list.Runs[0].ID
		late = false
		if _, err := g.Retry(t.Context(), RetryRequest{ID: child}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(child); run.Status != workflow.RunSucceeded {
			t.Fatalf("the child is %s", run.Status)
		}
		declines = false
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(run.Output) != `{"paid":true}` {
			t.Errorf("the parent is %s with %s", run.Status, run.Output)
		}
		if got := called(v); got != "check reserve pay pay check" && got != "reserve check pay pay check" && got != "reserve pay check pay check" {
			t.Errorf("calls: %s", got)
		}
	})
}

// TestAnEffectThatStandsKeepsItsKeyAndIsNotRepeatedWithoutOne: whatever keeps its
// result from being kept.
func TestAnEffectThatStandsKeepsItsKeyAndIsNotRepeatedWithoutOne(t *testing.T) {
	for name, body := range map[string]string{
		"a key twice":      `{"id":"pi_1","id":"pi_1"}`,
		"no number":        `{"n":1e2000}`,
		"no UTF-8":         "{\"name\":\"caf\xe9\"}",
		"a lone surrogate": `{"name":"\ud800"}`,
		"too large":        `"` + strings.Repeat("x", MaxResult) + `"`,
		"cut off":          `{"id":"pi_1`,
	} {
		for _, test := range []struct {
			action string
			calls  int
			code   sdk.Code // of the retry
		}{{"safe", 2, ""}, {"unsafe", 1, sdk.CodeConflict}} {
			t.Run(name+", "+test.action, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
						return sdk.Result{Body: []byte(body)}, nil
					}}
					step := `{"id":"each","type":"foreach","items":[1],"steps":[{"id":"pay","type":"vendor","action":"` + test.action + `"}]}`
					g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"child"}]}`,
						`{"id":"child","steps":[`+step+`]}`)
					defer g.stop()
					id := g.start("parent", `{}`).ID
					run := g.wait(id)
					if run.Status != workflow.RunFailed || run.Error.Err.Outcome != sdk.OutcomeExecuted {
						t.Fatalf("the run is %s, %+v", run.Status, run.Error)
					}
					_, err := g.Retry(t.Context(), RetryRequest{ID: id})
					if (test.code == "") != (err == nil) || err != nil && !errors.Is(err, &sdk.Error{Code: test.code}) {
						t.Errorf("retry: %v", err)
					}
					g.wait(id)
					calls := v.seen()
					if len(calls) != test.calls || calls[0].IdempotencyKey != calls[len(calls)-1].IdempotencyKey {
						t.Errorf("%d calls, want %d with one key", len(calls), test.calls)
					}
				})
			})
		}
	}
}
