package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

func TestListsPageThroughAllRunsTheNewestFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n%3 == 0 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		one := func(id string) string {
			return `{"id":"` + id + `","steps":[{"id":"a","type":"vendor","action":"safe"}]}`
		}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, one("a"), one("b"))
		defer g.stop()
		var all, failed []string
		for i := range 30 {
			time.Sleep(2 * time.Millisecond) // virtual: ids of one millisecond are not in order of their making
			id := g.start([]string{"a", "b"}[i%2], `{}`).ID
			all = append(all, id)
			if g.wait(id).Status == workflow.RunFailed {
				failed = append(failed, id)
			}
		}
		slices.Reverse(all)
		slices.Reverse(failed)
		pages := func(req ListRequest) (ids []string) {
			for {
				list, err := g.List(t.Context(), req)
				if err != nil {
					t.Fatal(err)
				}
				for _, run := range list.Runs {
					ids = append(ids, run.ID)
				}
				if req.Cursor = list.NextCursor; req.Cursor == "" {
					return ids
				}
			}
		}
		if got := pages(ListRequest{Limit: 7}); !slices.Equal(got, all) {
			t.Errorf("all runs: %v, want %v", got, all)
		}
		if got := pages(ListRequest{Limit: 3, Status: workflow.RunFailed}); !slices.Equal(got, failed) {
			t.Errorf("failed runs: %v, want %v", got, failed)
		}
		if got := pages(ListRequest{Limit: 2, Workflow: "b", Status: workflow.RunSucceeded}); len(got) != 10 {
			t.Errorf("%d succeeded runs of b, want 10", len(got))
		}
		if _, err := g.List(t.Context(), ListRequest{Cursor: "nonsense"}); !errors.Is(err, ErrBadCursor) {
			t.Errorf("a bad cursor: %v", err)
		}
	})
}

func TestUnknownRunsAndWorkflowsAreToldApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := open(t, memory.New(memory.Options{}), "g1", &vendor{}, Options{}, twoSteps)
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
