package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestAWorkflowWithALongQueueDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		v := &fakeIntegration{}
		v.do = func(_ context.Context, _ int, call sdk.Call) (sdk.Result, error) {
			v.mu.Lock()
			order = append(order, string(call.Params))
			v.mu.Unlock()
			time.Sleep(time.Second)
			return sdk.Result{Body: []byte(`{}`)}, nil
		}
		one := func(id string) string {
			return `{"id":"` + id + `","steps":[{"id":"s","type":"vendor","action":"safe","params":{"of":"` + id + `"}}]}`
		}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{MaxRunning: 1}, one("busy"), one("quiet"))
		defer g.stop()
		for range 50 {
			g.start("busy", `{}`)
		}
		quiet := g.start("quiet", `{}`).ID
		g.wait(quiet)
		v.mu.Lock()
		defer v.mu.Unlock()
		if i := slices.Index(order, `{"of":"quiet"}`); i > 2*claimShare+1 {
			t.Errorf("the other workflow had its turn after %d runs", i)
		}
	})
}

func TestRunsBeyondTheSlotsWaitInTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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
		list, err := g.List(t.Context(), ListRequest{Statuses: []workflow.RunStatus{workflow.RunQueued}})
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

func TestARunIsClaimedFromItsQueueHoweverManyWorkflowsHaveOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		for n := range page {
			if err := store.Commit(t.Context(), state.Add(layout.SetQueues, fmt.Sprintf("early-%03d", n))); err != nil {
				t.Fatal(err)
			}
		}
		release := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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
