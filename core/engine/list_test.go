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
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
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
		if got := pages(ListRequest{Limit: 3, Statuses: []workflow.RunStatus{workflow.RunFailed}}); !slices.Equal(got, failed) {
			t.Errorf("failed runs: %v, want %v", got, failed)
		}
		if got := pages(ListRequest{Limit: 2, Workflow: "b", Statuses: []workflow.RunStatus{workflow.RunSucceeded}}); len(got) != 10 {
			t.Errorf("%d succeeded runs of b, want 10", len(got))
		}
		if _, err := g.List(t.Context(), ListRequest{Cursor: "nonsense"}); !errors.Is(err, ErrBadCursor) {
			t.Errorf("a bad cursor: %v", err)
		}
	})
}
