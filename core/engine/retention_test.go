package engine

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// TestRunsAreKeptForTheirAgeHoweverLongTheyTook: most ended runs are found by
// their ids, which tell when they were started. What counts is their end.
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
				g := open(t, store, "g1", &vendor{}, Options{Retention: Retention{Succeeded: test.keep, Failed: test.keep}}, approval)
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

// TestAFailedRunThatIsRetriedIsKeptForItsAge: it was passed over when it was
// looked at as a failed one.
func TestAFailedRunThatIsRetriedIsKeptForItsAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{do: declineFirst}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{Retention: Retention{Succeeded: 5 * time.Minute}}, twoSteps)
		defer g.stop()
		id := g.start("two", `{"x":1}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("it is %s", run.Status)
		}
		time.Sleep(40 * time.Minute)
		if _, err := g.Retry(t.Context(), id, Once{}); err != nil {
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
