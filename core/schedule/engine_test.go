package schedule_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	processlease "github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

func TestGatewaysWithEnginesStartOneRunForEachTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		definition, err := workflow.Parse([]byte(`{"id":"report","steps":[{"id":"a","type":"set","values":{"day":"{{input.day}}"}}]}`), workflow.InputRoots)
		if err != nil {
			t.Fatal(err)
		}
		registry, err := action.NewRegistry()
		if err != nil {
			t.Fatal(err)
		}
		daily := schedule.Schedule{Name: "daily", Cron: parse(t, "@daily", "America/New_York"), Workflow: "report", Input: value.TrustedDoc([]byte(`{"day":1}`))}
		var first *engine.Engine
		for _, node := range []string{"a", "b"} {
			held, err := processlease.Acquire(t.Context(), store, processlease.Options{Node: node})
			if err != nil {
				t.Fatal(err)
			}
			e := engine.New(engine.Options{Store: store, Lease: held, Actions: registry})
			if err := e.SetDefinitions(t.Context(), []*workflow.Definition{definition}); err != nil {
				t.Fatal(err)
			}
			s := schedule.New(schedule.Options{Store: store, Lease: held, Starter: e})
			if err := s.Set(t.Context(), []schedule.Schedule{daily}); err != nil {
				t.Fatal(err)
			}
			e.Run()
			s.Run()
			defer func() {
				s.Stop()
				if err := e.Stop(t.Context()); err != nil {
					t.Error(err)
				}
				if err := held.Release(t.Context()); err != nil {
					t.Error(err)
				}
			}()
			if first == nil {
				first = e
			}
		}
		time.Sleep(2 * 24 * time.Hour)
		list, err := first.List(t.Context(), engine.ListRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.Runs) != 2 {
			t.Errorf("%d runs in 2 days", len(list.Runs))
		}
		for _, run := range list.Runs {
			if run.Status != workflow.RunSucceeded || run.CreatedAt.Hour() != 5 {
				t.Errorf("run of %s is %s", run.CreatedAt, run.Status)
			}
			if run.StartedBy != (engine.Initiator{Schedule: "daily"}) {
				t.Errorf("started by %+v", run.StartedBy)
			}
		}
	})
}
