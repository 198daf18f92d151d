package engine

import (
	"context"
	"errors"
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

// TestRunsAreKeptForTheirAgeHoweverLongTheyTook: most ended runs are found by
// their ids, which hold the time of their start. What counts is their end.
func TestRunsAreKeptForTheirAgeHoweverLongTheyTook(t *testing.T) {
	for name, test := range map[string]struct{ keep, took time.Duration }{
		"at once":                        {2 * time.Hour, 0},
		"promptly":                       {2 * time.Hour, 59 * time.Minute},
		"late":                           {2 * time.Hour, 61 * time.Minute},
		"longer than it is kept":         {2 * time.Hour, 20 * time.Hour},
		"promptly, longer than kept":     {5 * time.Minute, 50 * time.Minute},
		"late, much longer than kept":    {5 * time.Minute, 20 * time.Hour},
		"promptly, kept over many scans": {50 * time.Hour, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.New(memory.Options{})
				g := open(t, store, "g1", &fakeIntegration{}, Options{Retention: Retention{Succeeded: test.keep, Failed: test.keep}}, approval)
				defer g.stop()
				id, other := g.start("approval", `{}`).ID, g.start("approval", `{}`).ID
				time.Sleep(test.took)
				if _, err := g.Signal(t.Context(), id, "approved", document(`{"by":"ann"}`), Once{}); err != nil {
					t.Fatal(err)
				}
				if run := g.wait(id); run.Status != workflow.RunSucceeded {
					t.Fatalf("it is %s", run.Status)
				}
				time.Sleep(test.keep - time.Second)
				if _, err := g.Get(t.Context(), id); err != nil {
					t.Errorf("it is gone too early: %v", err)
				}
				time.Sleep(2*removeEvery + time.Second)
				if _, err := g.Get(t.Context(), id); !errors.Is(err, ErrNotFound) {
					t.Errorf("it is kept too long: %v", err)
				}
				if _, err := g.Cancel(t.Context(), other, Once{}); err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrEnded) {
					t.Error(err)
				}
				time.Sleep(test.keep + 2*removeEvery)
				g.checkMembers(map[string][]string{
					"runs/approval": nil, "ended/succeeded": nil, "ended/failed": nil, "cancelled": nil, "failed": nil,
				})
			})
		})
	}
}

// TestAFailedRunThatIsRetriedIsKeptForItsAge: it was passed over when it
// was a failed one.
func TestAFailedRunThatIsRetriedIsKeptForItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: declineFirst}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{Retention: Retention{Succeeded: 5 * time.Minute}}, twoSteps)
		defer g.stop()
		id := g.start("two", `{"x":1}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("it is %s", run.Status)
		}
		time.Sleep(40 * time.Minute)
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
			t.Fatal(err)
		}
		g.wait(id)
		time.Sleep(4 * time.Minute)
		if _, err := g.Get(t.Context(), id); err != nil {
			t.Errorf("it is gone too early: %v", err)
		}
		time.Sleep(1*time.Minute + 2*removeEvery)
		if _, err := g.Get(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("it is kept too long: %v", err)
		}
	})
}

// declineFirst declines the first call of all.
func declineFirst(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
	if n == 1 {
		return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
	}
	return sdk.Result{Body: []byte(`{"n":1}`)}, nil
}

func TestOldRunsAreRemovedWithAllThatIsKeptOfThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fail := false
		v := &fakeIntegration{}
		v.do = func(context.Context, int, sdk.Call) (sdk.Result, error) {
			if fail {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}
		store := memory.New(memory.Options{})
		g := open(t, store, "g1", v, Options{Retention: Retention{Succeeded: time.Hour, Failed: 3 * time.Hour}}, twoSteps)
		defer g.stop()
		ok := g.start("two", `{"x":1}`).ID
		g.wait(ok)
		fail = true
		failed := g.start("two", `{"x":1}`).ID
		g.wait(failed)

		time.Sleep(2 * time.Hour)
		if _, err := g.Get(t.Context(), ok); !errors.Is(err, ErrNotFound) {
			t.Errorf("a run is kept too long: %v", err)
		}
		if _, err := g.Get(t.Context(), failed); err != nil {
			t.Errorf("a failed run is gone too early: %v", err)
		}
		time.Sleep(2 * time.Hour)
		if list, err := g.List(t.Context(), ListRequest{}); err != nil || len(list.Runs) != 0 {
			t.Errorf("left: %v, %v", list.Runs, err)
		}
		for _, set := range []string{workflowSet("two"), layout.SetFailed, layout.SetEnded + "/succeeded", layout.SetEnded + "/failed"} {
			if left, err := store.Range(t.Context(), state.Range{Set: set, Limit: 10}); err != nil || len(left) != 0 {
				t.Errorf("%s holds %v, %v", set, left, err)
			}
		}
		if left, err := store.Journal(t.Context(), failed, 0, 10_000); err != nil || len(left) != 0 {
			t.Errorf("the journal is left: %v", err)
		}
	})
}

func TestOfMoreRunsThanAreKeptTheOldestGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n%3 == 0 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		store := memory.New(memory.Options{})
		const one = `{"id":"one","steps":[{"id":"a","type":"vendor","action":"safe"}]}`
		g := open(t, store, "g1", v, Options{Retention: Retention{MaxRuns: 70}}, one, approval)
		defer g.stop()
		waiting := g.start("approval", `{}`).ID // has not ended and does not count
		var ids []string
		for range 200 {
			ids = append(ids, g.start("one", `{}`).ID)
			g.wait(ids[len(ids)-1])
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(2 * time.Minute)
		for i, id := range ids {
			_, err := g.Get(t.Context(), id)
			if kept := i >= 200-70; kept && err != nil || !kept && !errors.Is(err, ErrNotFound) {
				t.Errorf("run %d of 200: %v", i, err)
			}
		}
		if g.status(waiting) != workflow.RunWaiting {
			t.Error("a run that has not ended is gone")
		}
		got, err := store.Count(t.Context(), workflowSet("one"), workflowSet("approval"), layout.SetEnded+"/succeeded", layout.SetEnded+"/failed", layout.SetFailed)
		if want := []int{70, 1, 0, 23, 23}; err != nil || !slices.Equal(got, want) {
			t.Errorf("the sets have %v members, %v, want %v", got, err, want)
		}
	})
}

// removingStore removes a run between the read of its record and that of its journal.
type removingStore struct {
	state.Store
	run string
}

func (s *removingStore) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	if id == s.run {
		if err := s.Commit(ctx, state.Delete(layout.BucketRun, id), state.DropJournal(id)); err != nil {
			return nil, err
		}
	}
	return s.Store.Journal(ctx, id, from, limit)
}

func TestARunThatIsRemovedWhileItIsReadIsNotFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &removingStore{Store: memory.New(memory.Options{})}
		g := open(t, store, "g1", &fakeIntegration{}, Options{}, twoSteps)
		defer g.stop()
		id := g.start("two", `{"x":1}`).ID
		g.wait(id)
		store.run = id
		if _, err := g.Get(t.Context(), id); !errors.Is(err, ErrNotFound) {
			t.Errorf("error = %v", err)
		}
	})
}
