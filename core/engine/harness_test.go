package engine

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// fakeIntegration is an integration whose actions are scripted: "safe" honours a key,
// "unsafe" does not, "read" has no effect, "any" is one of these by what its param says. It keeps every call.
type fakeIntegration struct {
	mu    sync.Mutex
	calls []sdk.Call
	// do executes a call; nil returns {"n": number of the call}.
	do func(ctx context.Context, n int, call sdk.Call) (sdk.Result, error)
}

var fakeManifest = &sdk.Manifest{Name: "vendor", Version: "1.0.0", Actions: []sdk.ActionSpec{
	{Name: "safe", Params: json.RawMessage(`{"type":"object"}`), Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 24 * time.Hour},
	{Name: "unsafe", Params: json.RawMessage(`{"type":"object"}`), Writes: true, Repeat: sdk.RepeatNone},
	{Name: "read", Params: json.RawMessage(`{"type":"object"}`)},
	{Name: "any", Params: json.RawMessage(`{"type":"object","properties":{"do":{"type":"string"}}}`), Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: time.Hour, Variants: []sdk.Variant{
		{Param: "do", Pattern: "get.*"},
		{Param: "do", Pattern: "long.*", Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: 30 * time.Hour},
		{Param: "do", Pattern: "delete.*", Writes: true, Repeat: sdk.RepeatIdempotent},
		{Param: "do", Pattern: "mail.*", Writes: true, Repeat: sdk.RepeatNone},
	}},
	{Name: "all", Params: json.RawMessage(`{"type":"object","properties":{"calls":{"type":"array"}}}`), Writes: true, Repeat: sdk.RepeatTransactional, Inner: "calls"},
	{Name: "strict", Params: json.RawMessage(`{"type":"object","required":["amount"]}`), Writes: true, Repeat: sdk.RepeatNative},
}}

func (f *fakeIntegration) Name() string { return "vendor" }

func (f *fakeIntegration) Manifest() *sdk.Manifest { return fakeManifest }

func (f *fakeIntegration) Status() action.Status { return action.Status{State: action.StateReady} }

func (f *fakeIntegration) Execute(ctx context.Context, c action.Call) (sdk.Result, error) {
	call := c.SDK()
	f.mu.Lock()
	f.calls = append(f.calls, call)
	n, do := len(f.calls), f.do
	f.mu.Unlock()
	if do == nil {
		return sdk.Result{Body: fmt.Appendf(nil, `{"n":%d}`, n)}, nil
	}
	return do(ctx, n, call)
}

func (f *fakeIntegration) seen() []sdk.Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// testLease is a lease that lasts until its record is removed.
type testLease struct {
	id    string
	store state.Store
}

func (l testLease) ID() string { return l.id }

func (l testLease) Fence() state.Op { return state.Require("lease", l.id) }

func (l testLease) Alive(ctx context.Context, id string) (bool, error) {
	found, err := l.store.Get(ctx, state.Ref{Bucket: "lease", ID: id})
	if err != nil {
		return false, err
	}
	return found[0] != nil, nil
}

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
func open(t *testing.T, store state.Store, lease string, v *fakeIntegration, o Options, raw ...string) *gateway {
	t.Helper()
	if err := store.Commit(t.Context(), state.Insert("lease", lease, nil, 0)); err != nil {
		t.Fatal(err)
	}
	registry, err := action.NewRegistry(v)
	if err != nil {
		t.Fatal(err)
	}
	o.Store, o.Lease, o.Actions = store, testLease{id: lease, store: store}, registry
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

// stop ends the gateway and lets calls in flight finish.
func (g *gateway) stop() {
	g.t.Helper()
	if err := g.Stop(context.Background()); err != nil {
		g.t.Error(err)
	}
}

// crash ends the gateway as kill -9 does: what is in flight is not
// recorded, and its lease is found dead.
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
		Workflow: workflowID, Roots: map[string]value.Doc{"input": document(input)},
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

// status reads where a run is.
func (g *gateway) status(id string) workflow.RunStatus {
	g.t.Helper()
	run, err := g.Get(context.Background(), id)
	if err != nil {
		g.t.Fatal(err)
	}
	return run.Status
}

func input(text string) map[string]value.Doc {
	return map[string]value.Doc{"input": document(text)}
}

// runs is how many runs an engine lists.
func runs(t *testing.T, g *gateway) int {
	t.Helper()
	list, err := g.List(t.Context(), ListRequest{})
	if err != nil {
		t.Fatal(err)
	}
	return len(list.Runs)
}

func document(text string) value.Doc { return value.TrustedDoc([]byte(text)) }
