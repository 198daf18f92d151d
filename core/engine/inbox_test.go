package engine

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const approval = `{"id":"approval","steps":[
  {"id":"ask","type":"waitForEvent","event":"approved","timeout":"24h"},
  {"id":"pay","type":"vendor","action":"safe","params":{"by":"{{steps.ask.result.by}}"}}]}`

func TestASignalWakesTheRunThatWaitsForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, approval)
		defer g.stop()
		id := g.start("approval", `{}`).ID
		synctest.Wait()
		if g.status(id) != workflow.RunWaiting || g.executor.active.contains(id) {
			t.Fatalf("run = %s", g.status(id))
		}
		if _, err := g.Signal(t.Context(), id, "approved", document(`{"by":"Ann"}`), Once{}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(v.seen()[0].Params) != `{"by":"Ann"}` {
			t.Errorf("run = %s, call %s", run.Status, v.seen()[0].Params)
		}
		if _, err := g.Signal(t.Context(), id, "approved", value.Doc{}, Once{}); !errors.Is(err, ErrEnded) {
			t.Errorf("a signal to a run that has ended: %v", err)
		}
	})
}

func TestSignalsThatComeBeforeTheWaitAreKeptAndEachIsTakenOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const two = `{"id":"two","steps":[
		  {"id":"work","type":"vendor","action":"safe"},
		  {"id":"a","type":"waitForEvent","event":"go"},
		  {"id":"b","type":"waitForEvent","event":"go"},
		  {"id":"r","type":"return","output":["{{steps.a.result}}","{{steps.b.result}}"]}]}`
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{}, two)
		defer g.stop()
		id := g.start("two", `{}`).ID
		synctest.Wait()
		for i := range 3 {
			time.Sleep(2 * time.Millisecond) // virtual: messages of one millisecond have no order
			if _, err := g.Signal(t.Context(), id, "go", document(strconv.Itoa(i)), Once{}); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		close(release)
		if run := g.wait(id); string(run.Output) != `[0,1]` {
			t.Errorf("output = %s", run.Output)
		}
		time.Sleep(time.Minute)
		if left, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 10}); err != nil || len(left) != 0 {
			t.Errorf("messages to a run that has ended are left: %v, %v", left, err)
		}
	})
}

func TestASignalReachesARunOnAnotherGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n == 1 {
				<-release
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const both = `{"id":"both","steps":[{"id":"p","type":"parallel","steps":[
		  {"id":"long","type":"vendor","action":"safe"},
		  {"id":"s","type":"sequence","steps":[{"id":"ask","type":"waitForEvent","event":"go"},{"id":"then","type":"vendor","action":"safe"}]}]}]}`
		g1 := open(t, store, "g1", v, Options{}, both)
		defer g1.stop()
		g2 := open(t, store, "g2", v, Options{}, both)
		defer g2.stop()
		id := g1.start("both", `{}`).ID
		synctest.Wait()
		if _, err := g2.Signal(t.Context(), id, "go", document(`1`), Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if n := len(v.seen()); n != 2 {
			t.Errorf("%d calls were made while the first one is under way, want 2", n)
		}
		close(release)
		if run := g1.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}

// racing calls back before a commit is made, once, if it clears a timer.
type racing struct {
	state.Store
	before atomic.Pointer[func()]
}

func TestASignalThatComesWhileTheInboxIsReadIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &racing{Store: memory.New(memory.Options{})}
		const ask = `{"id":"ask","steps":[{"id":"a","type":"waitForEvent","event":"go"}]}`
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, ask)
		defer g.stop()
		id := g.start("ask", `{}`).ID
		synctest.Wait()
		late := func() {
			if _, err := g.Signal(context.Background(), id, "go", document(`1`), Once{}); err != nil {
				t.Error(err)
			}
		}
		store.before.Store(&late)
		if _, err := g.Signal(t.Context(), id, "other", value.Doc{}, Once{}); err != nil { // no step waits for it: the run waits on
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if g.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s although its signal has come", g.status(id))
		}
	})
}

func TestASignalReadByAnotherProcessIsKnownToTheOneThatClaimsTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// g2 reads the empty inbox of a run in the queue; a signal comes, which g1
		// reads and leaves to the run's turn; then g2 claims the run.
		store := &racing{Store: memory.New(memory.Options{})}
		const one = `{"id":"one","concurrency":1,"steps":[{"id":"w","type":"wait","duration":"1m"},{"id":"a","type":"waitForEvent","event":"go"}]}`
		g1 := open(t, store, "g1", &fakeIntegration{}, Options{CheckInterval: 10 * time.Second}, one)
		defer g1.stop()
		first := g1.start("one", `{}`).ID
		id := g1.start("one", `{}`).ID // throttled
		synctest.Wait()
		if err := store.Commit(t.Context(), state.Insert("lease", "g2", nil, 0)); err != nil {
			t.Fatal(err)
		}
		g2 := New(Options{Store: store, Lease: testLease{id: "g2", store: store}, Actions: g1.executor.actions})
		r, data, err := g2.queue.load(t.Context(), id, &activity{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.readInbox(t.Context()); err != nil || len(r.messages) > 0 {
			t.Fatal(r.messages, err)
		}
		if _, err := g1.Signal(t.Context(), id, "go", document(`1`), Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		taken, err := r.claim(nil, extra{conditions: []state.Op{state.RequireValue(layout.BucketRun, id, data)}})
		if taken != nil || err != nil {
			t.Errorf("the run was claimed without its message (%v)", err)
		}
		if _, err := g1.Cancel(t.Context(), first, Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if g1.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s although its signal had come", g1.status(id))
		}
	})
}

func TestASignalThatWaitsForItsStepSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		const later = `{"id":"later","steps":[{"id":"w","type":"wait","duration":"1h"},{"id":"a","type":"waitForEvent","event":"go"}]}`
		g1 := open(t, store, "g1", &fakeIntegration{}, Options{}, later)
		id := g1.start("later", `{}`).ID
		if _, err := g1.Signal(t.Context(), id, "go", document(`1`), Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // it was read, and no step waits for it
		g1.crash()
		g2 := open(t, store, "g2", &fakeIntegration{}, Options{}, later)
		defer g2.stop()
		time.Sleep(time.Hour - time.Minute + time.Second)
		if g2.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s although its signal had come", g2.status(id))
		}
	})
}

func TestMessagesThatComeAfterTheEndAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const one = `{"id":"one","steps":[{"id":"only","type":"vendor","action":"safe"}]}`
		g := open(t, store, "g1", v, Options{}, one)
		defer g.stop()
		id := g.start("one", `{}`).ID
		for range 3 {
			if _, err := g.Signal(t.Context(), id, "nobody", value.Doc{}, Once{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		close(release)
		g.wait(id)
		time.Sleep(10 * time.Second)
		if left, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 10}); err != nil || len(left) > 0 {
			t.Errorf("messages are left: %v, %v", left, err)
		}
		if due, next, err := store.Due(t.Context(), layout.QueueRun, 10); err != nil || len(due) > 0 || next >= 0 {
			t.Errorf("timers are left: %v, %v, %v", due, next, err)
		}
	})
}

func (r *racing) Commit(ctx context.Context, ops ...state.Op) error {
	for _, op := range ops {
		if op.Kind == state.KindClearTimer && op.Space == layout.QueueRun {
			if f := r.before.Swap(nil); f != nil {
				(*f)()
			}
		}
	}
	return r.Store.Commit(ctx, ops...)
}
