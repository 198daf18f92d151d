package engine

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
)

const limitedApproval = `{"id":"limited","concurrency":{"limit":1},"steps":[{"id":"ask","type":"waitForEvent","event":"approved"}]}`

// openFormat1 opens a gateway on a store that one of format 1 has written and
// then crashed: testdata/format1.json holds all that it committed, and the ids
// of its runs by what they are.
func openFormat1(t *testing.T, o Options) (g *gateway, ids map[string]string) {
	t.Helper()
	data, err := os.ReadFile("testdata/format1.json")
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		IDs map[string]string `json:"ids"`
		Ops []struct {
			Kind  state.Kind    `json:"kind"`
			Space string        `json:"space"`
			ID    string        `json:"id"`
			Value string        `json:"value"`
			Seq   int           `json:"seq"`
			TTL   time.Duration `json:"ttl"`
			After time.Duration `json:"after"`
		} `json:"ops"`
	}
	if err := json.Unmarshal(data, &recorded); err != nil {
		t.Fatal(err)
	}
	store := memory.New(memory.Options{})
	for _, op := range recorded.Ops {
		if err := store.Commit(t.Context(), state.Op{
			Kind: op.Kind, Space: op.Space, ID: op.ID, Value: []byte(op.Value), Seq: op.Seq, TTL: op.TTL, After: op.After,
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Commit(t.Context(), state.Delete("lease", "old")); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2*time.Hour + time.Minute) // virtual: the times in the file begin where this test does
	return open(t, store, "new", &fakeIntegration{}, o, twoSteps, approval, limitedApproval), recorded.IDs
}

// checkMembers compares sets with the members that they are to have.
func (g *gateway) checkMembers(want map[string][]string) {
	g.t.Helper()
	for set, want := range want {
		slices.Sort(want)
		if got, err := g.store.Range(context.Background(), state.Range{Set: set, Limit: 100}); err != nil || !slices.Equal(got, want) {
			g.t.Errorf("set %s: got %q, %v, want %q", set, got, err, want)
		}
	}
}

// checkListed compares a list with the names of the runs in it.
func (g *gateway) checkListed(ids map[string]string, req ListRequest, want ...string) {
	g.t.Helper()
	list, err := g.List(context.Background(), req)
	if err != nil {
		g.t.Error(err)
		return
	}
	var got []string
	for _, run := range list.Runs {
		for name, id := range ids {
			if id == run.ID {
				got = append(got, name)
			}
		}
	}
	if !slices.Equal(got, want) {
		g.t.Errorf("%+v: got %q, want %q", req, got, want)
	}
}

func TestRunsOfFormat1AreReadAndUpgraded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ids := openFormat1(t, Options{})
		defer g.stop()
		check := func() {
			t.Helper()
			g.checkListed(ids, ListRequest{}, "stuck", "failed", "prompt", "held", "limited", "cancelled", "waiting", "late")
			g.checkListed(ids, ListRequest{Workflow: "two"}, "stuck", "failed", "prompt")
			g.checkListed(ids, ListRequest{Statuses: []workflow.RunStatus{workflow.RunFailed}}, "failed")
			g.checkListed(ids, ListRequest{Workflow: "two", Statuses: []workflow.RunStatus{workflow.RunFailed}}, "failed")
			g.checkListed(ids, ListRequest{Workflow: "two", Statuses: []workflow.RunStatus{workflow.RunCancelled}})
			g.checkListed(ids, ListRequest{Statuses: []workflow.RunStatus{workflow.RunCancelled}}, "cancelled")
			g.checkListed(ids, ListRequest{Statuses: []workflow.RunStatus{workflow.RunQueued}}, "held")
		}
		check()
		if run := g.wait(ids["stuck"]); run.Status != workflow.RunSucceeded {
			t.Errorf("the run that was under way is %s", run.Status)
		}
		time.Sleep(2 * time.Minute)
		check()
		ended := func(name string) string {
			run, err := g.Get(t.Context(), ids[name])
			if err != nil {
				t.Fatal(err)
			}
			_, member := (&runRecord{ID: run.ID, Status: run.Status, FinishedAt: run.FinishedAt}).retentionEntry()
			return member
		}
		g.checkMembers(map[string][]string{
			"runs": nil, "running": nil, "workflows": {"two", "approval", "limited"},
			"runs/two":        {ids["stuck"], ids["failed"], ids["prompt"]},
			"failed":          {ids["failed"] + "/two"},
			"cancelled":       {ids["cancelled"] + "/approval"},
			"ended/succeeded": {ended("late")},
			"ended/failed":    {ended("failed"), ended("cancelled")},
		})

		if _, err := g.Retry(t.Context(), RetryRequest{ID: ids["failed"]}); err != nil {
			t.Fatal(err)
		}
		if run := g.wait(ids["failed"]); run.Status != workflow.RunSucceeded {
			t.Errorf("the run that was retried is %s", run.Status)
		}
		for _, name := range []string{"waiting", "limited", "held"} {
			if _, err := g.Signal(t.Context(), ids[name], "approved", document(`{"by":"ann"}`), Once{}); err != nil {
				t.Fatal(err)
			}
			if run := g.wait(ids[name]); run.Status != workflow.RunSucceeded {
				t.Errorf("%s is %s", name, run.Status)
			}
		}
		g.checkMembers(map[string][]string{
			"failed": nil, "waiting": nil, "ended/failed": {ended("cancelled")},
			"ended/succeeded": {ended("late"), ended("waiting"), ended("limited"), ended("held")},
		})
	})
}

func TestRunsOfFormat1AreRemovedWithAllThatIsKeptOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ids := openFormat1(t, Options{Retention: Retention{Succeeded: time.Second, Failed: time.Second}})
		defer g.stop()
		g.wait(ids["stuck"])
		time.Sleep(3 * time.Minute)
		g.checkListed(ids, ListRequest{}, "held", "limited", "waiting")
		for _, name := range []string{"stuck", "failed", "prompt", "cancelled", "late"} {
			if _, err := g.Get(t.Context(), ids[name]); !errors.Is(err, ErrNotFound) {
				t.Errorf("%s: %v", name, err)
			}
		}
		g.checkMembers(map[string][]string{
			"runs": nil, "runs/two": nil, "runs/approval": {ids["waiting"]}, "failed": nil, "cancelled": nil,
			"ended/succeeded": nil, "ended/failed": nil,
		})
	})
}
