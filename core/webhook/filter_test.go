package webhook

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
)

// conditionFilter returns a filter that is a condition.
func conditionFilter(t *testing.T, source string) *Filter {
	t.Helper()
	f, err := FilterCondition(source)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestAFilteredEventIsKeptWithoutARun(t *testing.T) {
	for name, filter := range map[string]*Filter{
		"types":     FilterTypes([]string{"charge.*", "payment_intent.created"}),
		"condition": conditionFilter(t, "{{payload.data.object.amount}} < 5 && {{query.shop}} === 'a' && {{event.type}} !== 'x' && {{headers.content-type}} === 'application/json'"),
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			opt := h.options()
			opt.Intake = h.intake(func(o *IntakeOptions) { o.Filter = filter })
			opt.Metrics = NewMetrics()
			opt.Metrics.Keep([]string{"stripe-events"})
			r, err := NewReceiver(opt)
			if err != nil {
				t.Fatal(err)
			}
			d := h.send(secret, succeeded)
			for _, want := range []Receipt{{ID: "evt_1", Filtered: true}, {ID: "evt_1", Duplicate: true}} {
				got, err := r.Receive(t.Context(), Request{Header: d.headers, Body: d.body, URL: "/webhooks/stripe?shop=a"})
				if err != nil || got != want {
					t.Errorf("%+v, %v; want %+v", got, err, want)
				}
			}
			if n := len(h.started()); n != 0 {
				t.Errorf("%d runs, want none", n)
			}
			if got := h.members(layout.SetEvents + "/stripe-events"); len(got) != 1 {
				t.Errorf("the list has %q", got)
			}
			values, err := h.store.Get(t.Context(), state.Ref{Bucket: layout.BucketEvent, ID: "stripe-events/evt_1"})
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := event.Decode(values[0]); err != nil || !kept.Filtered || kept.RunID != "" || kept.Size != len(succeeded) {
				t.Errorf("kept is %s, %v", values[0], err)
			}
			roots, err := event.NewLog(h.store).Roots(t.Context(), "stripe-events", "evt_1")
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]string{}
			for name, root := range roots {
				got[name] = string(root.Raw())
			}
			if got["payload"] != succeeded || got["query"] != `{"shop":"a"}` || !strings.Contains(got["headers"], `"content-type"`) || strings.Contains(got["headers"], "signature") || !strings.Contains(got["event"], `"evt_1"`) {
				t.Errorf("kept are the roots %v", got)
			}
			h.clock.Advance(event.TTL)
			if roots, err := event.NewLog(h.store).Roots(t.Context(), "stripe-events", "evt_1"); roots != nil || err != nil {
				t.Errorf("with the event gone, the roots are %v, %v", roots, err)
			}
		})
	}
}

func TestWhatTheFilterLetsThroughRuns(t *testing.T) {
	h := newHarness(t)
	opt := h.options()
	opt.Intake = h.intake(func(o *IntakeOptions) { o.Filter = FilterTypes([]string{"charge.*", "payment_intent.*"}) })
	r, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := receive(t, r, h.send(secret, succeeded)); err != nil || got != (Receipt{ID: "evt_1", RunID: "run-1"}) {
		t.Errorf("%+v, %v", got, err)
	}
}

// downStore takes no writes while it is down.
type downStore struct {
	state.Store
	down bool
}

func (s *downStore) Commit(ctx context.Context, ops ...state.Op) error {
	if s.down {
		return state.ErrUnavailable
	}
	return s.Store.Commit(ctx, ops...)
}

func TestAFilteredEventThatCannotBeStoredIsSentAgain(t *testing.T) {
	h := newHarness(t)
	opt := h.options()
	down := &downStore{Store: h.store, down: true}
	opt.Intake = h.intake(func(o *IntakeOptions) { o.Filter, o.Events = FilterTypes([]string{"x"}), event.NewLog(down) })
	r, err := NewReceiver(opt)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := receive(t, r, h.send(secret, succeeded)); !errors.Is(err, ErrUnavailable) || !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("%+v, %v; want ErrUnavailable", got, err)
	}
	down.down = false
	if got, err := receive(t, r, h.send(secret, succeeded)); err != nil || got != (Receipt{ID: "evt_1", Filtered: true}) {
		t.Errorf("then: %+v, %v", got, err)
	}
}

// TestAnEventForWhichTheFilterFailsIsNotLost: it has a run that failed with the reason,
// and whose actions are never run, however often it is retried.
func TestAnEventForWhichTheFilterFailsIsNotLost(t *testing.T) {
	const source = "{{payload.data.object.vip}} === true"
	h := newHarness(t)
	definition, err := workflow.ParseActions(event.WorkflowID("stripe-events"), workflow.Actions{
		Steps: []byte(`[{"type":"set","values":{"a":1}}]`), Filter: source,
	}, workflow.EventRoots)
	if err != nil {
		t.Fatal(err)
	}
	h.definition, h.filter = definition, conditionFilter(t, source)
	h.gateway(t, filepath.Join(t.TempDir(), "state.db"), func(r *Receiver, e *engine.Engine) {
		failed, err := receive(t, r, h.send(secret, succeeded))
		if err != nil || failed.Filtered || failed.RunID == "" {
			t.Fatalf("%+v, %v", failed, err)
		}
		for range 2 {
			run, err := e.Wait(t.Context(), failed.RunID)
			if err != nil {
				t.Fatal(err)
			}
			const want = "filter: condition: at byte 0: payload.data.object.vip is missing"
			if run.Status != workflow.RunFailed || run.Error == nil || !strings.HasPrefix(run.Error.Err.Message, want) {
				t.Errorf("the run is %s with %v, want it failed with %q", run.Status, run.Error, want)
			}
			if len(run.Steps) != 1 || run.Steps[0].Status == workflow.StepSucceeded {
				t.Errorf("steps %+v", run.Steps)
			}
			if _, err := e.Retry(t.Context(), engine.RetryRequest{ID: failed.RunID}); err != nil {
				t.Fatal(err)
			}
		}
		for body, want := range map[string]workflow.RunStatus{
			`{"id":"evt_2","data":{"object":{"vip":true}}}`: workflow.RunSucceeded,
			`{"id":"evt_3","data":{"object":{"vip":"y"}}}`:  "",
		} {
			got, err := receive(t, r, h.send(secret, body))
			if err != nil || got.Filtered != (want == "") {
				t.Errorf("%s: %+v, %v", body, got, err)
				continue
			}
			if want == "" {
				continue
			}
			if run, err := e.Wait(t.Context(), got.RunID); err != nil || run.Status != want {
				t.Errorf("%s: the run is %s, %v", body, run.Status, err)
			}
		}
	})
}

func TestAFilterSeesTheRequestAlone(t *testing.T) {
	t.Parallel()
	for _, source := range []string{"{{steps.a.result}} === 1", "{{run.id}} === 'x'", "{{env.X}} === 'x'", "{{payload.a}}.nope()", "{{payload.a}} ==="} {
		_, err := FilterCondition(source)
		var faults template.Faults
		if !errors.As(err, &faults) || len(faults) != 1 {
			t.Errorf("%s: %v, want one fault", source, err)
		}
	}
	if diff := cmp.Diff([]string{"payload", "event", "headers", "query"}, filterRoots); diff != "" {
		t.Error(diff)
	}
}
