package engine

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// countingStore counts how often a run is read.
type countingStore struct {
	state.Store
	reads atomic.Int64
	whole atomic.Int64 // of the reads, those from the beginning
}

func (s *countingStore) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	s.reads.Add(1)
	if from == 0 {
		s.whole.Add(1)
	}
	return s.Store.Journal(ctx, id, from, limit)
}

func TestWaitReadsNothingWhileThisProcessWorksOnTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: memory.New(memory.Options{})}
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(5250 * time.Millisecond) // the end and a tick of Wait do not coincide
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{}, twoSteps)
		defer g.stop()
		run := g.wait(g.start("two", `{"x":1}`).ID)
		if run.Status != workflow.RunSucceeded || len(run.Steps) != 2 {
			t.Errorf("run = %+v", run)
		}
		if n := store.reads.Load(); n != 0 {
			t.Errorf("the journal was read %d times", n)
		}
	})
}

func TestEveryWaiterGetsTheEndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(1500 * time.Millisecond)
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		began := time.Now()
		id := g.start("two", `{"x":1}`).ID
		took := make(chan time.Duration, 3)
		for range cap(took) {
			go func() { // the bubble waits for it
				if run := g.wait(id); run.Status != workflow.RunSucceeded {
					t.Errorf("status = %s", run.Status)
				}
				took <- time.Since(began)
			}()
		}
		for range cap(took) {
			if d := <-took; d != 3*time.Second {
				t.Errorf("announced after %s, want 3s", d)
			}
		}
	})
}

// TestFollowReadsNothingWhileThisProcessWorksOnTheRun: changes are announced. Of
// a run that waits only the end of the journal is read, for another process may go on
// with it.
func TestFollowReadsNothingWhileThisProcessWorksOnTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: memory.New(memory.Options{})}
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Minute)
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{}, twoSteps, approval)
		defer g.stop()
		follow := func(id string, after int, patience time.Duration) (Progress, int64) {
			t.Helper()
			before := store.reads.Load()
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			p, err := g.Follow(ctx, id, after)
			if err != nil {
				t.Fatal(err)
			}
			return p, store.reads.Load() - before
		}
		id := g.start("two", `{"x":1}`).ID
		time.Sleep(100 * time.Millisecond)
		if p, reads := follow(id, 0, time.Hour); len(p.Events) != 2 || reads != 2 {
			t.Errorf("%d events by %d reads of the journal, want 2 by 2: at the beginning and at the change", len(p.Events), reads)
		}
		g.wait(id)
		waiting := g.start("approval", `{}`).ID
		synctest.Wait()
		store.whole.Store(0)
		if p, reads := follow(waiting, 0, 10500*time.Millisecond); len(p.Events) != 0 || reads != 11 || store.whole.Load() != 0 {
			t.Errorf("%d events by %d reads, %d of the whole journal", len(p.Events), reads, store.whole.Load())
		}
	})
}

// TestFollowReturnsWhatAnotherProcessDoes: and that the run is gone.
func TestFollowReturnsWhatAnotherProcessDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		g1 := open(t, store, "g1", &fakeIntegration{}, Options{}, approval)
		defer g1.stop()
		g2 := open(t, store, "g2", &fakeIntegration{}, Options{}, approval)
		defer g2.stop()
		id := g1.start("approval", `{}`).ID
		synctest.Wait()
		time.AfterFunc(5*time.Second, func() {
			if _, err := g1.Signal(context.Background(), id, "approved", document(`{"by":"ann"}`), Once{}); err != nil {
				t.Error(err)
			}
		})
		began := time.Now()
		for after, ended := 0, false; !ended; {
			p, err := g2.Follow(t.Context(), id, after)
			if err != nil || len(p.Events) == 0 {
				t.Fatalf("%+v, %v", p, err)
			}
			after, ended = p.Entry, p.Run.Status.Ended()
		}
		if took := time.Since(began); took > 7*time.Second {
			t.Errorf("it was returned after %s", took)
		}
	})
}

func TestFollowReturnsEachEventOnceInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Second)
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		id := g.start("two", `{"x":1}`).ID
		var types []workflow.EventType
		for after := -1; ; {
			p, err := g.Follow(t.Context(), id, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, event := range p.Events {
				types = append(types, event.Type)
			}
			if after = p.Entry; p.Run.Status.Ended() {
				break
			}
		}
		want := []workflow.EventType{"started", "scheduled", "succeeded", "scheduled", "succeeded", "ended"}
		if !slices.Equal(types, want) {
			t.Errorf("events = %v, want %v", types, want)
		}
	})
}

func TestUnknownRunsAndWorkflowsHaveErrorsOfTheirOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, twoSteps)
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
		if w := g.Workflows(); len(w) != 1 || w[0].Steps.Steps[1].Action != "safe" {
			t.Errorf("workflows = %+v", w)
		}
	})
}
