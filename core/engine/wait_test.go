package engine

import (
	"context"
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
}

func (s *countingStore) Journal(ctx context.Context, id string, from int) ([][]byte, error) {
	s.reads.Add(1)
	return s.Store.Journal(ctx, id, from)
}

func TestWaitReadsNothingWhileThisProcessWorksOnTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &countingStore{Store: memory.New(memory.Options{})}
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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

func TestEveryWaiterIsToldOfTheEndAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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
				t.Errorf("told after %s, want 3s", d)
			}
		}
	})
}
