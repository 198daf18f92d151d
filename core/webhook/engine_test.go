package webhook

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state/sqlite"
	"github.com/backflow/backflow/core/workflow"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gateway runs a receiver on a durable store with the engine itself, until the
// test is over with it.
func (h *harness) gateway(t *testing.T, path string, test func(*Receiver, *engine.Engine)) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	store, err := sqlite.Open(ctx, sqlite.Options{Path: path, Now: h.clock.Now})
	must(err)
	defer func() { must(store.Close()) }()
	held, err := lease.Acquire(ctx, store, lease.Options{Node: "test"})
	must(err)
	defer func() { must(held.Release(ctx)) }()
	actions, err := action.NewRegistry()
	must(err)
	e := engine.New(engine.Options{Store: store, Lease: held, Actions: actions, Now: h.clock.Now})
	defer func() { must(e.Stop(ctx)) }()
	definition, err := workflow.ParseActions(event.WorkflowID("stripe-events"), workflow.Actions{Steps: []byte(`[{
		"condition": "{{payload.type}} === 'another.type'",
		"type": "database", "action": "insert", "params": {"event": "{{event.id}}", "of": "{{headers.content-type}}"}
	}]`)}, workflow.EventRoots)
	must(err)
	if h.definition != nil {
		definition = h.definition
	}
	must(e.SetDefinitions(ctx, []*workflow.Definition{definition}))
	e.Run()
	opt := h.options()
	opt.Intake = h.intake(func(o *IntakeOptions) {
		o.Events, o.Starter, o.NewRunID, o.Filter = event.NewLog(store), e, nil, h.filter
	})
	r, err := NewReceiver(opt)
	must(err)
	test(r, e)
}

func TestAnEventIsADuplicateAfterARestart(t *testing.T) {
	h := newHarness(t)
	path := filepath.Join(t.TempDir(), "state.db")
	var first Receipt
	h.gateway(t, path, func(r *Receiver, e *engine.Engine) {
		var err error
		if first, err = receive(t, r, h.send(secret, succeeded)); err != nil || first.Duplicate {
			t.Fatalf("first: %+v, %v", first, err)
		}
		run, err := e.Wait(t.Context(), first.RunID)
		if err != nil {
			t.Fatal(err)
		}
		if run.Status != workflow.RunSucceeded || string(run.Input) != succeeded {
			t.Errorf("an event whose conditions are all false: run %s over %s, want it succeeded over the payload", run.Status, run.Input)
		}
	})
	h.gateway(t, path, func(r *Receiver, e *engine.Engine) {
		again, err := receive(t, r, h.send(secret, succeeded))
		if want := (Receipt{ID: first.ID, Duplicate: true, RunID: first.RunID}); err != nil || again != want {
			t.Errorf("after a restart: %+v, %v; want %+v", again, err, want)
		}
		list, err := e.List(t.Context(), engine.ListRequest{})
		if err != nil || len(list.Runs) != 1 {
			t.Fatalf("%d runs, %v; want 1", len(list.Runs), err)
		}
		if want := (engine.Initiator{Webhook: r.Name(), Event: first.ID}); list.Runs[0].StartedBy != want {
			t.Errorf("started by %+v, want %+v", list.Runs[0].StartedBy, want)
		}
	})
}
