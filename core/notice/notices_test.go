package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	processlease "github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

const fails = `[{"id":"a","type":"fail","message":"no","code":"no_luck"}]`

// flows are workflows that fail, one of them as its child does, and the actions of
// webhooks: of a sender, and of the gateway's own events.
var flows = map[string]string{
	"fails":           fails,
	"also-fails":      fails,
	"parent":          `[{"id":"c","type":"workflow","workflow":"fails"}]`,
	"webhook:shop":    fails,
	"webhook:alerts":  `[{"id":"kept","type":"set","values":{"what":"{{payload.type}}"}}]`,
	"webhook:broken":  fails,
	"webhook:ordered": fails,
	"destination:a":   fails,
}

// process is a gateway process: an engine and its notices under one lease.
type process struct {
	*Notices
	t      *testing.T
	engine *engine.Engine
	lease  *processlease.Lease
	store  *dyingStore
}

// dyingStore is a store that takes no commit of the notices any more after some.
type dyingStore struct {
	state.Store
	left atomic.Int64 // commits until then
}

func (s *dyingStore) Commit(ctx context.Context, ops ...state.Op) error {
	if s.left.Add(-1) < 0 {
		return state.ErrUnavailable
	}
	return s.Store.Commit(ctx, ops...)
}

// dyingStarter starts no run any more when the store is dead.
type dyingStarter struct{ *process }

func (s dyingStarter) Start(ctx context.Context, request engine.StartRequest) (engine.Run, error) {
	if s.store.left.Add(-1) < 0 {
		return engine.Run{}, engine.ErrUnavailable
	}
	return s.engine.Start(ctx, request)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newProcess(t *testing.T, node string, store state.Store) *process {
	t.Helper()
	held, err := processlease.Acquire(t.Context(), store, processlease.Options{Node: node})
	must(t, err)
	registry, err := action.NewRegistry()
	must(t, err)
	p := &process{t: t, lease: held, store: &dyingStore{Store: store}}
	p.store.left.Store(1 << 60)
	p.engine = engine.New(engine.Options{Store: store, Lease: held, Actions: registry})
	var definitions []*workflow.Definition
	for id, steps := range flows {
		roots, parse := workflow.InputRoots, workflow.Parse
		raw := fmt.Sprintf(`{"id":%q,"steps":%s}`, id, steps)
		if strings.Contains(id, ":") {
			d, err := workflow.ParseActions(id, workflow.Actions{Steps: []byte(steps)}, workflow.EventRoots)
			must(t, err)
			if id == "webhook:ordered" {
				d.Ordered, err = workflow.ParseOrdered([]byte(`{"key":"{{payload.id}}","blockFor":"1m"}`), workflow.EventRoots)
				must(t, err)
			}
			definitions = append(definitions, d)
			continue
		}
		d, err := parse([]byte(raw), roots)
		must(t, err)
		definitions = append(definitions, d)
	}
	must(t, p.engine.SetDefinitions(t.Context(), definitions))
	p.engine.Run()
	p.Notices = New(Options{Store: p.store, Lease: held, Runs: p.engine})
	p.Notices.Run()
	return p
}

func (p *process) stop() {
	p.Notices.Stop()
	must(p.t, p.engine.Stop(context.Background()))
	must(p.t, p.lease.Release(context.Background()))
}

// hook is a webhook that receives some types.
func (p *process) hook(name string, window time.Duration, types ...Type) Hook {
	p.t.Helper()
	intake, err := webhook.NewIntake(webhook.IntakeOptions{Webhook: name, Provider: "backflow", Starter: dyingStarter{p}, Events: event.NewLog(p.store)})
	must(p.t, err)
	return Hook{Name: name, Window: window, Intake: intake, Wants: func(t Type) bool { return len(types) == 0 || slices.Contains(types, t) }}
}

// start starts a run and waits until it has nothing more to do.
func (p *process) start(workflowID string) string {
	p.t.Helper()
	request := engine.StartRequest{Workflow: workflowID, Roots: map[string]value.Doc{}}
	name, isEvent := strings.CutPrefix(workflowID, "webhook:")
	if isEvent {
		request.StartedBy = engine.Initiator{Webhook: name, Event: "evt_1"}
		for _, root := range []string{"payload", "event", "headers", "query"} {
			request.Roots[root] = value.TrustedDoc([]byte(`{}`))
		}
	} else {
		request.Roots["input"] = value.TrustedDoc([]byte(`{}`))
	}
	run, err := p.engine.Start(p.t.Context(), request)
	must(p.t, err)
	synctest.Wait()
	return run.ID
}

// received returns what a webhook has received, the oldest first.
func (p *process) received(webhookName string) []payload {
	p.t.Helper()
	time.Sleep(5 * checkInterval)
	synctest.Wait()
	list, err := p.engine.List(p.t.Context(), engine.ListRequest{Workflow: "webhook:" + webhookName})
	must(p.t, err)
	var received []payload
	for _, run := range slices.Backward(list.Runs) {
		whole, err := p.engine.Get(p.t.Context(), run.ID)
		must(p.t, err)
		var got payload
		must(p.t, json.Unmarshal(whole.Input, &got))
		received = append(received, got)
	}
	return received
}

func typesOf(received []payload) string {
	var types []string
	for _, p := range received {
		types = append(types, string(p.Type))
	}
	return strings.Join(types, " ")
}

func inTime(t *testing.T, test func(t *testing.T, store state.Store)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(t, memory.New(memory.Options{})) })
}

func TestARunThatFailsIsAnEventThatSaysWhatFailed(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("alerts", time.Minute)})
		id := p.start("fails")
		received := p.received("alerts")
		if typesOf(received) != "run.failed" || !strings.HasPrefix(received[0].ID, "gw_") || received[0].CreatedAt == "" {
			t.Fatalf("received %+v", received)
		}
		var data runData
		must(t, json.Unmarshal(received[0].Data, &data))
		if data.Run.ID != id || data.Run.Workflow != "fails" || data.Run.Status != "failed" || data.Event != nil ||
			data.Error != (errorJSON{Code: "no_luck", Message: "no", Step: "a"}) {
			t.Errorf("it says %s", received[0].Data)
		}
	})
}

func TestAnEventThatFailsIsAnEventOfItsOwnType(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("alerts", time.Minute)})
		p.start("webhook:shop")
		received := p.received("alerts")
		var data runData
		if typesOf(received) != "event.failed" || json.Unmarshal(received[0].Data, &data) != nil || data.Event == nil || *data.Event != (eventJSON{ID: "evt_1", Webhook: "shop"}) {
			t.Errorf("received %+v", received)
		}
	})
}

// TestAFailedEventThatIsParkedIsAnEventToo: it has held up the next of its order for
// long enough.
func TestAFailedEventThatIsParkedIsAnEventToo(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("alerts", time.Hour)})
		p.start("webhook:ordered")
		if received := p.received("alerts"); typesOf(received) != "event.failed" {
			t.Errorf("when it failed: received %s", typesOf(received))
		}
		time.Sleep(time.Minute)
		received := p.received("alerts")
		var data runData
		if typesOf(received) != "event.failed event.failed run.parked" || json.Unmarshal(received[2].Data, &data) != nil ||
			data.Error.Code != "parked" || data.Event == nil || data.Event.Webhook != "ordered" {
			t.Errorf("when it was parked: received %+v", received)
		}
	})
}

func TestOfOneCauseThereIsOneEventInAWindow(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("alerts", time.Hour)})
		for range 20 {
			p.start("fails")
		}
		if received := p.received("alerts"); len(received) != 1 {
			t.Errorf("received %s", typesOf(received))
		}
		p.start("also-fails")
		if received := p.received("alerts"); len(received) != 2 {
			t.Errorf("with another cause: received %s", typesOf(received))
		}
		time.Sleep(time.Hour)
		p.start("fails")
		if received := p.received("alerts"); len(received) != 3 {
			t.Errorf("after the window: received %s", typesOf(received))
		}
	})
}

func TestWithoutAWindowEachMakesAnEvent(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("alerts", 0)})
		for range 3 {
			p.start("fails")
		}
		if received := p.received("alerts"); len(received) != 3 {
			t.Errorf("received %s", typesOf(received))
		}
	})
}

func TestNothingMakesAnEventOfItself(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("broken", 0), p.hook("alerts", 0)})
		p.start("webhook:broken")
		p.start("destination:a")
		if received := p.received("alerts"); len(received) != 0 {
			t.Errorf("received %s", typesOf(received))
		}
		p.start("fails") // and the run of "broken" that it causes fails too
		for name, want := range map[string]int{"alerts": 1, "broken": 2} {
			if received := p.received(name); len(received) != want {
				t.Errorf("%s received %s", name, typesOf(received))
			}
		}
	})
}

func TestARunThatFailsAsItsChildDidIsOneEvent(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("alerts", 0)})
		p.start("parent")
		received := p.received("alerts")
		var data runData
		if len(received) != 1 || json.Unmarshal(received[0].Data, &data) != nil || data.Run.Workflow != "parent" {
			t.Errorf("received %+v", received)
		}
	})
}

func TestAHookReceivesWhatItWants(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Set([]Hook{p.hook("alerts", 0, TypePluginDown)})
		p.start("fails")
		p.Raise(Notice{Type: TypeEventsMissing, Cause: "shop"})
		p.Raise(Notice{Type: TypePluginDown, Cause: "stripe", Data: json.RawMessage(`{"plugin":"stripe"}`)})
		if received := p.received("alerts"); typesOf(received) != "plugin.down" || string(received[0].Data) != `{"plugin":"stripe"}` {
			t.Errorf("received %+v", received)
		}
	})
}

// TestNoEventIsLostOrMadeTwiceInACrash: the process ends at each of its commits, and
// another goes on.
func TestNoEventIsLostOrMadeTwiceInACrash(t *testing.T) {
	for commits := range int64(9) {
		inTime(t, func(t *testing.T, store state.Store) {
			first := newProcess(t, "a", store)
			first.Set([]Hook{first.hook("alerts", time.Hour)})
			first.store.left.Store(commits)
			first.start("fails")
			must(t, store.Commit(t.Context(), Notice{Type: TypePluginDown, Cause: "stripe"}.Ops(time.Now())...))
			time.Sleep(3 * checkInterval)
			synctest.Wait()
			first.stop()
			second := newProcess(t, "b", store)
			defer second.stop()
			second.Set([]Hook{second.hook("alerts", time.Hour)})
			if received := second.received("alerts"); typesOf(received) != "run.failed plugin.down" {
				t.Errorf("the process ended after %d commits: received %s", commits, typesOf(received))
			}
			noneLeft(t, store)
		})
	}
}

// noneLeft fails if a store holds anything of which an event is still to be made.
func noneLeft(t *testing.T, store state.Store) {
	t.Helper()
	for _, set := range []string{layout.SetFailures, layout.SetNotices} {
		left, err := store.Range(t.Context(), state.Range{Set: set, Limit: 10})
		must(t, err)
		if len(left) > 0 {
			t.Errorf("left in %s: %v", set, left)
		}
	}
}

func TestReplicasMakeOneEvent(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		a, b := newProcess(t, "a", store), newProcess(t, "b", store)
		defer a.stop()
		defer b.stop()
		a.Set([]Hook{a.hook("alerts", 0)})
		b.Set([]Hook{b.hook("alerts", 0)})
		for range 10 {
			a.start("fails")
		}
		if received := a.received("alerts"); len(received) != 10 {
			t.Errorf("received %d events of 10 failures", len(received))
		}
	})
}

func TestWhatNobodyWantsIsNotKept(t *testing.T) {
	inTime(t, func(t *testing.T, store state.Store) {
		p := newProcess(t, "a", store)
		defer p.stop()
		p.Raise(Notice{Type: TypePluginDown, Cause: "stripe"})
		p.start("fails")
		p.received("alerts")
		noneLeft(t, store)
	})
}

func TestANoticeThatIsTooLongLosesItsDataAlone(t *testing.T) {
	t.Parallel()
	long := Notice{Type: TypePluginDown, Cause: "stripe", Data: json.RawMessage(`"` + strings.Repeat("x", maxStored) + `"`)}
	var kept Notice
	must(t, json.Unmarshal(long.Ops(time.Now())[0].Value, &kept))
	if kept.Type != TypePluginDown || kept.Cause != "stripe" || kept.Data != nil {
		t.Errorf("kept %+v", kept)
	}
}
