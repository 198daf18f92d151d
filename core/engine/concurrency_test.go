package engine

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestALimitHoldsRunsUntilThereIsRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		store := memory.New(memory.Options{})
		const limited = `{"id":"limited","concurrency":{"key":"{{input.customer}}","limit":2},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`
		g1 := open(t, store, "g1", v, Options{}, limited)
		defer g1.stop()
		g2 := open(t, store, "g2", v, Options{}, limited)
		defer g2.stop()
		var ids []string
		for i := range 10 {
			ids = append(ids, []*gateway{g1, g2}[i%2].start("limited", `{"customer":"a"}`).ID)
		}
		for _, id := range ids {
			if run := g1.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("run = %s", run.Status)
			}
		}
		if most.Load() != 2 {
			t.Errorf("%d runs were under way at once, want 2", most.Load())
		}
		other := g1.start("limited", `{"customer":"b"}`).ID
		g1.wait(other)
	})
}

func TestALimitThatDropsRefusesFurtherRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			time.Sleep(time.Second)
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"d","concurrency":{"limit":1,"onFull":"drop"},"steps":[{"id":"a","type":"vendor","action":"safe"}]}`)
		defer g.stop()
		id := g.start("d", `{}`).ID
		if _, err := g.Start(t.Context(), StartRequest{Workflow: "d", Roots: input(`{}`)}); !errors.Is(err, ErrFull) {
			t.Errorf("error = %v", err)
		}
		g.wait(id)
		g.wait(g.start("d", `{}`).ID)
	})
}

func TestAWorkflowWithALongQueueDoesNotHoldUpTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		v := &vendor{}
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
