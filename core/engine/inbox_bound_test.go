package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
)

// reads counts the messages that are read from a store.
type reads struct {
	state.Store
	messages atomic.Int64
}

func (r *reads) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	for _, ref := range refs {
		if ref.Bucket == layout.BucketInbox {
			r.messages.Add(1)
		}
	}
	return r.Store.Get(ctx, refs...)
}

const goThenLater = `{"id":"w","steps":[
  {"id":"a","type":"waitForEvent","event":"go"},
  {"id":"b","type":"waitForEvent","event":"later"}],
  "output":["{{steps.a.result}}","{{steps.b.result}}"]}`

// signal sends a signal, which must be taken in unless an error is expected.
func (g *gateway) signal(id, name, body string, want error) {
	g.t.Helper()
	if _, err := g.Signal(context.Background(), id, name, document(body), Once{}); !errors.Is(err, want) {
		g.t.Fatalf("signal %s: %v, want %v", name, err, want)
	}
}

func TestAMessageIsReadWhenItIsTakenAndOnlyThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &reads{Store: memory.New(memory.Options{})}
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, goThenLater)
		defer g.stop()
		id := g.start("w", `{}`).ID
		synctest.Wait()
		for range 60 {
			g.signal(id, "nobody", textInput(1000), nil)
			synctest.Wait()
		}
		g.signal(id, "later", `2`, nil)
		g.signal(id, "go", `1`, nil)
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(run.Output) != `[1,2]` {
			t.Errorf("run = %s, %s", run.Status, run.Output)
		}
		if n := store.messages.Load(); n != 2 {
			t.Errorf("%d messages were read, want the 2 that were taken", n)
		}
		time.Sleep(time.Minute)
		if left, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 100}); err != nil || len(left) > 0 {
			t.Errorf("%d messages are left, %v", len(left), err)
		}
	})
}

func TestASignalThatAStepWaitsForIsTakenHoweverFullTheInbox(t *testing.T) {
	for name, test := range map[string]struct{ count, size int }{
		"in number": {MaxPendingSignals, 2},
		"in bytes":  {MaxPendingBytes / (1 << 20), 1<<20 - 200},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.New(memory.Options{})
				g := open(t, store, "g1", &fakeIntegration{}, Options{}, goThenLater)
				defer g.stop()
				id := g.start("w", `{}`).ID
				body := `"` + strings.Repeat("x", test.size) + `"`
				for i := range test.count {
					g.signal(id, fmt.Sprintf("nobody-%d", i%3), body, nil)
				}
				synctest.Wait()
				g.signal(id, "nobody-0", body, ErrInboxFull)
				g.signal(id, "later", body, ErrInboxFull) // its step comes later
				g.signal(id, "go", `1`, nil)
				synctest.Wait()
				g.signal(id, "go", body, ErrInboxFull)
				g.signal(id, "later", `2`, nil)
				if run := g.wait(id); run.Status != workflow.RunSucceeded || string(run.Output) != `[1,2]` {
					t.Errorf("run = %s, %s", run.Status, run.Output)
				}
			})
		})
	}
}

func TestAFullInboxTakesNoMoreSignalsOfANameThanStepsWaitForIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const two = `{"id":"two","steps":[{"id":"p","type":"parallel","steps":[
		  {"id":"a","type":"waitForEvent","event":"go"},{"id":"b","type":"waitForEvent","event":"go"}]}]}`
		store := memory.New(memory.Options{})
		g1 := open(t, store, "g1", &fakeIntegration{}, Options{}, two)
		id := g1.start("two", `{}`).ID
		for range MaxPendingSignals {
			g1.signal(id, "nobody", `1`, nil)
		}
		synctest.Wait()
		g1.stop()
		idle := &gateway{Engine: New(Options{Store: store, Lease: testLease{id: "g1", store: store}, Actions: g1.executor.actions}), t: t}
		idle.signal(id, "go", `1`, nil)
		idle.signal(id, "go", `2`, nil)
		idle.signal(id, "go", `3`, ErrInboxFull)
		g2 := open(t, store, "g2", &fakeIntegration{}, Options{}, two)
		defer g2.stop()
		if run := g2.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestACancellationIsTakenHoweverFullTheInboxAndKeptOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		const queued = `{"id":"one","concurrency":1,"steps":[{"id":"a","type":"waitForEvent","event":"go"}]}`
		g1 := open(t, store, "g1", &fakeIntegration{}, Options{}, queued)
		g1.start("one", `{}`)
		synctest.Wait()
		id := g1.start("one", `{}`).ID
		for range MaxPendingSignals {
			g1.signal(id, "nobody", `1`, nil)
		}
		g1.stop()
		idle := New(Options{Store: store, Lease: testLease{id: "g1", store: store}, Actions: g1.executor.actions})
		for i := range 50 {
			if _, err := idle.Cancel(t.Context(), id, Once{Bucket: "once", Key: fmt.Sprint(i)}); err != nil {
				t.Fatal(err)
			}
		}
		kept, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 1000})
		if err != nil || len(kept) != MaxPendingSignals+1 {
			t.Errorf("%d messages are kept, %v", len(kept), err)
		}
		g2 := open(t, store, "g2", &fakeIntegration{}, Options{}, queued)
		defer g2.stop()
		if run := g2.wait(id); run.Status != workflow.RunCancelled {
			t.Errorf("run = %s", run.Status)
		}
	})
}

func TestMessagesOfAnEarlierProgramAreTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, goThenLater)
		defer g.stop()
		id := g.start("w", `{}`).ID
		synctest.Wait()
		for _, signal := range []string{`{"v":1,"kind":"signal","name":"later","body":2}`, `{"v":1,"kind":"signal","name":"go","body":1}`} {
			message := id + "/" + NewRunID()
			if err := store.Commit(t.Context(), state.Put(layout.BucketInbox, message, []byte(signal), 0),
				state.Add(layout.SetInbox+"/"+id, message), state.SetTimerAfter(layout.QueueRun, message, 0)); err != nil {
				t.Fatal(err)
			}
		}
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(run.Output) != `[1,2]` {
			t.Errorf("run = %s, %s", run.Status, run.Output)
		}
	})
}

func TestAMessageThatIsDamagedHoldsUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, goThenLater)
		defer g.stop()
		id := g.start("w", `{}`).ID
		synctest.Wait()
		damaged := newPendingMessage(id, message{Kind: messageSignal, Name: "go"}, 3).id
		if err := store.Commit(t.Context(), state.Put(layout.BucketInbox, damaged, []byte(`{"v`), 0),
			state.Add(layout.SetInbox+"/"+id, damaged), state.SetTimerAfter(layout.QueueRun, damaged, 0)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		g.signal(id, "go", `1`, nil)
		g.signal(id, "later", `2`, nil)
		if run := g.wait(id); run.Status != workflow.RunSucceeded || string(run.Output) != `[1,2]` {
			t.Errorf("run = %s, %s", run.Status, run.Output)
		}
		time.Sleep(time.Minute)
		if left, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 100}); err != nil || len(left) > 0 {
			t.Errorf("%d messages are left, %v", len(left), err)
		}
	})
}

func TestASignalMayHaveAnyName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{},
			`{"id":"w","steps":[{"id":"a","type":"waitForEvent","event":"{{input.text}}"}]}`)
		defer g.stop()
		for _, name := range []string{"a/b//c", "/", "s/12/x", "é \"\n%2f", strings.Repeat("n", 255)} {
			id := g.start("w", fmt.Sprintf(`{"text":%q}`, name)).ID
			synctest.Wait()
			g.signal(id, name+"x", `1`, nil)
			g.signal(id, name, `1`, nil)
			if run := g.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("%q: run = %s", name, run.Status)
			}
		}
	})
}

func TestACancellationByAPersonIsKeptBesideThatOfAParent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, goThenLater)
		id := g.start("w", `{}`).ID
		synctest.Wait()
		g.stop()
		if err := store.Commit(t.Context(), appendInbox(id, message{Kind: messageCancel, Parent: true})...); err != nil {
			t.Fatal(err)
		}
		idle := New(Options{Store: store, Lease: testLease{id: "g1", store: store}, Actions: g.executor.actions})
		for range 2 {
			if _, err := idle.Cancel(t.Context(), id, Once{}); err != nil {
				t.Fatal(err)
			}
		}
		if kept, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 10}); err != nil || len(kept) != 2 {
			t.Errorf("%d cancellations are kept, want that of the parent and one of a person: %v", len(kept), err)
		}
	})
}
