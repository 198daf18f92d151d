package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// vendor is an integration whose actions are scripted: "safe" honours a key,
// "unsafe" does not. It keeps every call.
type vendor struct {
	mu    sync.Mutex
	calls []sdk.Call
	// do answers a call; nil answers {"n": number of the call}.
	do func(ctx context.Context, n int, call sdk.Call) (sdk.Result, error)
}

var vendorManifest = &sdk.Manifest{Name: "vendor", Version: "1.0.0", Actions: []sdk.ActionSpec{
	{Name: "safe", Params: json.RawMessage(`{"type":"object"}`), Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 24 * time.Hour},
	{Name: "unsafe", Params: json.RawMessage(`{"type":"object"}`), Writes: true, Repeat: sdk.RepeatNone},
	{Name: "strict", Params: json.RawMessage(`{"type":"object","required":["amount"]}`), Writes: true, Repeat: sdk.RepeatNative},
}}

func (v *vendor) Name() string            { return "vendor" }
func (v *vendor) Manifest() *sdk.Manifest { return vendorManifest }
func (v *vendor) Status() action.Status   { return action.Status{State: action.StateReady} }

func (v *vendor) Execute(ctx context.Context, call sdk.Call) (sdk.Result, error) {
	v.mu.Lock()
	v.calls = append(v.calls, call)
	n, do := len(v.calls), v.do
	v.mu.Unlock()
	if do == nil {
		return sdk.Result{Body: fmt.Appendf(nil, `{"n":%d}`, n)}, nil
	}
	return do(ctx, n, call)
}

func (v *vendor) seen() []sdk.Call {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.calls)
}

type testLease string

func (l testLease) ID() string      { return string(l) }
func (l testLease) Fence() state.Op { return state.Require("lease", string(l)) }

// gateway is an engine with its lease, over a store that outlives it.
type gateway struct {
	*Engine
	t     *testing.T
	store state.Store
	lease string
}

const twoSteps = `{"id":"two","steps":[
  {"id":"first","type":"vendor","action":"safe","params":{"x":"{{input.x}}"}},
  {"id":"second","type":"vendor","action":"safe","params":{"n":"{{steps.first.result.n}}"}}]}`

// open starts a gateway on a store with the definitions given.
func open(t *testing.T, store state.Store, lease string, v *vendor, o Options, raw ...string) *gateway {
	t.Helper()
	if err := store.Commit(t.Context(), state.Insert("lease", lease, nil, 0)); err != nil {
		t.Fatal(err)
	}
	registry, err := action.NewRegistry(v)
	if err != nil {
		t.Fatal(err)
	}
	o.Store, o.Lease, o.Actions = store, testLease(lease), registry
	g := &gateway{Engine: New(o), t: t, store: store, lease: lease}
	var list []*workflow.Definition
	for _, r := range raw {
		d, err := workflow.Parse([]byte(r), workflow.InputRoots)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d)
	}
	if err := g.SetDefinitions(t.Context(), list); err != nil {
		t.Fatal(err)
	}
	g.Run()
	return g
}

// stop ends the gateway and lets calls under way finish.
func (g *gateway) stop() {
	g.t.Helper()
	if err := g.Stop(context.Background()); err != nil {
		g.t.Error(err)
	}
}

// crash ends the gateway as kill -9 does: what is under way is not recorded,
// and its lease is found dead.
func (g *gateway) crash() {
	g.t.Helper()
	if err := g.store.Commit(context.Background(), state.Delete("lease", g.lease)); err != nil {
		g.t.Fatal(err)
	}
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := g.Stop(now); err == nil {
		g.t.Log("nothing was under way")
	}
}

func (g *gateway) start(workflowID, input string) Run {
	g.t.Helper()
	run, err := g.Start(context.Background(), StartRequest{
		Workflow: workflowID, Roots: map[string]json.RawMessage{"input": json.RawMessage(input)},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	return run
}

func (g *gateway) wait(id string) Run {
	g.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	run, err := g.Wait(ctx, id)
	if err != nil {
		g.t.Fatal(err)
	}
	return run
}

func TestARunCallsItsStepsInOrderAndSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{}
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
		if len(run.Steps) != 2 || run.Steps[1].Attempts != 1 || string(run.Steps[1].Result) != `{"n":2}` {
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
		v := &vendor{}
		var stored []string
		var g *gateway
		v.do = func(ctx context.Context, n int, call sdk.Call) (sdk.Result, error) {
			runs, err := store.Range(ctx, state.Range{Set: setOf("two"), Limit: 1})
			if err != nil || len(runs) != 1 {
				t.Errorf("runs = %v, %v", runs, err)
				return sdk.Result{}, err
			}
			entries, err := store.Journal(ctx, runs[0], 0)
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

func TestAFailedAttemptIsRepeatedWithTheSameKeyByAStoredTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
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
		if g.works(id) {
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

func TestAfterACrashEveryAcceptedRunGoesOnWithTheSameKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		hang := &vendor{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
		}}
		g1 := open(t, store, "g1", hang, Options{}, twoSteps)
		id := g1.start("two", `{"x":1}`).ID
		synctest.Wait()
		g1.crash()

		v := &vendor{}
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
		hang := &vendor{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
			<-ctx.Done()
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
		}}
		g1 := open(t, store, "g1", hang, Options{}, unsafe)
		id := g1.start("unsafe", `{}`).ID
		synctest.Wait()
		g1.crash()

		v := &vendor{}
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
		late := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{"n":"late"}`)}, nil
		}}
		g1 := open(t, store, "g1", late, Options{}, twoSteps)
		id := g1.start("two", `{"x":1}`).ID
		synctest.Wait()
		if err := store.Commit(t.Context(), state.Delete("lease", "g1")); err != nil {
			t.Fatal(err)
		}
		g2 := open(t, store, "g2", &vendor{}, Options{}, twoSteps)
		defer g2.stop()
		run := g2.wait(id)
		close(release)
		g1.stop()
		again, err := g2.Get(t.Context(), id)
		if err != nil || string(again.Steps[0].Result) != `{"n":1}` || run.Status != workflow.RunSucceeded {
			t.Errorf("first step = %s, %v; the late holder wrote over it", again.Steps[0].Result, err)
		}
		if _, err := g1.Start(t.Context(), StartRequest{Workflow: "two"}); err == nil {
			t.Error("a gateway without lease started a run")
		}
	})
}

func TestRunsBeyondTheSlotsWaitInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{MaxRunning: 2}, twoSteps)
		defer g.stop()
		var ids []string
		for range 5 {
			ids = append(ids, g.start("two", `{"x":1}`).ID)
		}
		synctest.Wait()
		list, err := g.List(t.Context(), ListRequest{Status: workflow.RunQueued})
		if err != nil || len(list.Runs) != 3 {
			t.Errorf("%d runs are queued, want 3 (%v)", len(list.Runs), err)
		}
		close(release)
		synctest.Wait() // no time passes: a free slot is taken at once
		if n := len(v.seen()); n != 10 {
			t.Errorf("%d calls were made as soon as slots were free, want 10", n)
		}
		for _, id := range ids {
			if run := g.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("run %s is %s", id, run.Status)
			}
		}
	})
}

func TestStopRecordsWhatIsUnderWayAndHandsTheRunBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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

// flaky is a store that does not answer a number of commits, some of which it
// applies all the same.
type flaky struct {
	state.Store
	mu     sync.Mutex
	outage int
	apply  bool
}

func (f *flaky) Commit(ctx context.Context, ops ...state.Op) error {
	f.mu.Lock()
	down := f.outage > 0
	if down {
		f.outage--
	}
	f.mu.Unlock()
	if !down {
		return f.Store.Commit(ctx, ops...)
	}
	if f.apply {
		if err := f.Store.Commit(ctx, ops...); err != nil {
			return fmt.Errorf("%w: lost the answer", state.ErrUnavailable)
		}
	}
	return fmt.Errorf("%w: down", state.ErrUnavailable)
}

func (f *flaky) fail(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outage = n
}

func TestAnOutageOfTheStoreLosesNoResultAndCallsNothingTwice(t *testing.T) {
	for name, apply := range map[string]bool{"commits are lost": false, "answers are lost": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &flaky{Store: memory.New(memory.Options{}), apply: apply}
				v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
					store.fail(3)
					return sdk.Result{Body: []byte(`{"n":1}`)}, nil
				}}
				g := open(t, store, "g1", v, Options{}, twoSteps)
				defer g.stop()
				run := g.wait(g.start("two", `{"x":1}`).ID)
				if run.Status != workflow.RunSucceeded || len(v.seen()) != 2 {
					t.Errorf("run %s after %d calls, want 2", run.Status, len(v.seen()))
				}
			})
		})
	}
}

func TestARunWhoseStartWasInDoubtGoesOnIfItWasMade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{Store: memory.New(memory.Options{}), apply: true}
		g := open(t, store, "g1", &vendor{}, Options{}, twoSteps)
		defer g.stop()
		store.fail(1)
		id := NewRunID()
		_, err := g.Start(t.Context(), StartRequest{ID: id, Workflow: "two", Roots: map[string]json.RawMessage{"input": json.RawMessage(`{"x":1}`)}})
		if !errors.Is(err, state.ErrUnavailable) {
			t.Fatalf("error = %v", err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestAConditionOfTheCallerFailsTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		v := &vendor{}
		g := open(t, store, "g1", v, Options{}, twoSteps)
		defer g.stop()
		also := []state.Op{state.Add("events", "1"), state.Insert("event", "evt_1", nil, 0)}
		req := StartRequest{Workflow: "two", Roots: map[string]json.RawMessage{"input": json.RawMessage(`{"x":1}`)}, Also: also}
		if _, err := g.Start(t.Context(), req); err != nil {
			t.Fatal(err)
		}
		_, err := g.Start(t.Context(), req)
		var conflict *state.ConflictError
		if !errors.As(err, &conflict) || conflict.Index != 1 {
			t.Errorf("error = %v, want a conflict of op 1", err)
		}
		list, err := g.List(t.Context(), ListRequest{})
		if err != nil || len(list.Runs) != 1 {
			t.Errorf("%d runs were made, want 1 (%v)", len(list.Runs), err)
		}
	})
}

func TestParamsThatFailTheSchemaEndTheStepUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{}
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
				v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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

func TestListsPageThroughAllRunsTheNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n%3 == 0 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		one := func(id string) string {
			return `{"id":"` + id + `","steps":[{"id":"a","type":"vendor","action":"safe"}]}`
		}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, one("a"), one("b"))
		defer g.stop()
		var all, failed []string
		for i := range 30 {
			time.Sleep(2 * time.Millisecond) // virtual: ids of one millisecond are not in order of their making
			id := g.start([]string{"a", "b"}[i%2], `{}`).ID
			all = append(all, id)
			if g.wait(id).Status == workflow.RunFailed {
				failed = append(failed, id)
			}
		}
		slices.Reverse(all)
		slices.Reverse(failed)
		pages := func(req ListRequest) (ids []string) {
			for {
				list, err := g.List(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				for _, run := range list.Runs {
					ids = append(ids, run.ID)
				}
				if req.Cursor = list.NextCursor; req.Cursor == "" {
					return ids
				}
			}
		}
		if got := pages(ListRequest{Limit: 7}); !slices.Equal(got, all) {
			t.Errorf("all runs: %v, want %v", got, all)
		}
		if got := pages(ListRequest{Limit: 3, Status: workflow.RunFailed}); !slices.Equal(got, failed) {
			t.Errorf("failed runs: %v, want %v", got, failed)
		}
		if got := pages(ListRequest{Limit: 2, Workflow: "b", Status: workflow.RunSucceeded}); len(got) != 10 {
			t.Errorf("%d succeeded runs of b, want 10", len(got))
		}
		if _, err := g.List(t.Context(), ListRequest{Cursor: "nonsense"}); !errors.Is(err, ErrBadCursor) {
			t.Errorf("a bad cursor: %v", err)
		}
	})
}

func TestUnknownRunsAndWorkflowsAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &vendor{}, Options{}, twoSteps)
		defer g.stop()
		if _, err := g.Get(t.Context(), NewRunID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("get: %v", err)
		}
		if _, err := g.Start(t.Context(), StartRequest{Workflow: "nope"}); !errors.Is(err, ErrUnknownWorkflow) {
			t.Errorf("start: %v", err)
		}
		if _, err := g.Wait(t.Context(), NewRunID()); !errors.Is(err, ErrNotFound) {
			t.Errorf("wait: %v", err)
		}
		if w := g.Workflows(); len(w) != 1 || w[0].Steps[1].Action != "safe" {
			t.Errorf("workflows = %+v", w)
		}
	})
}

func TestAnActionThatPanicsFailsItsStepAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
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
