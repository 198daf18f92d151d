package engine

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

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

func TestARunIsTakenFromItsQueueHoweverManyWorkflowsHaveOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		for n := range page {
			if err := store.Commit(t.Context(), state.Add(layout.SetQueues, fmt.Sprintf("early-%03d", n))); err != nil {
				t.Fatal(err)
			}
		}
		release := make(chan struct{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{MaxRunning: 1}, twoSteps)
		defer g.stop()
		running, queued := g.start("two", `{"x":1}`), g.start("two", `{"x":2}`)
		synctest.Wait()
		close(release)
		synctest.Wait() // no time passes: a free slot is taken at once
		for _, id := range []string{running.ID, queued.ID} {
			if run, err := g.Get(t.Context(), id); err != nil || run.Status != workflow.RunSucceeded {
				t.Errorf("run %s is %s, %v", id, run.Status, err)
			}
		}
	})
}
