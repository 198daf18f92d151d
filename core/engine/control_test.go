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

func TestCancelEndsARunInEveryState(t *testing.T) {
	cancel := func(t *testing.T, g *gateway, id string) Run {
		t.Helper()
		if _, err := g.Cancel(t.Context(), id, Once{}); err != nil {
			t.Fatal(err)
		}
		run := g.wait(id)
		if run.Status != workflow.RunCancelled {
			t.Errorf("run = %s", run.Status)
		}
		if _, err := g.Cancel(t.Context(), id, Once{}); !errors.Is(err, ErrEnded) {
			t.Errorf("cancelled twice: %v", err)
		}
		return run
	}
	t.Run("while it waits", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, approval)
			defer g.stop()
			id := g.start("approval", `{}`).ID
			synctest.Wait()
			if run := cancel(t, g, id); run.Steps[0].Status != workflow.StepCancelled {
				t.Errorf("step = %s", run.Steps[0].Status)
			}
		})
	})
	t.Run("while an action is under way", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
				time.Sleep(5 * time.Second)
				return sdk.Result{Body: []byte(`{"n":1}`)}, nil
			}}
			g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
			defer g.stop()
			id := g.start("two", `{"x":1}`).ID
			synctest.Wait()
			run := cancel(t, g, id)
			if run.Steps[0].Status != workflow.StepSucceeded || run.Steps[1].Status != workflow.StepPending || len(v.seen()) != 1 {
				t.Errorf("steps = %+v after %d calls", run.Steps, len(v.seen()))
			}
		})
	})
	t.Run("while it is queued", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
				<-release
				return sdk.Result{Body: []byte(`{"n":1}`)}, nil
			}}
			// Nothing takes it out of the queue but the cancellation.
			g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"one","concurrency":1,"steps":[{"id":"a","type":"vendor","action":"safe"}]}`)
			defer g.stop()
			first := g.start("one", `{}`).ID
			time.Sleep(time.Second)
			second := g.start("one", `{}`).ID
			time.Sleep(time.Second)
			if run := cancel(t, g, second); len(v.seen()) != 1 || run.Steps[0].Status != workflow.StepPending {
				t.Errorf("%d calls", len(v.seen()))
			}
			close(release)
			g.wait(first)
		})
	})
	t.Run("between two attempts, and it undoes what it did", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
				if n == 2 {
					return sdk.Result{}, &sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, RetryAfter: time.Hour, Outcome: sdk.OutcomeNotExecuted}
				}
				return sdk.Result{Body: []byte(`{"n":1}`)}, nil
			}}
			g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, `{"id":"w","steps":[
			  {"id":"a","type":"vendor","action":"safe","compensate":[{"id":"undo","type":"vendor","action":"safe"}]},
			  {"id":"b","type":"vendor","action":"safe"}]}`)
			defer g.stop()
			id := g.start("w", `{}`).ID
			synctest.Wait()
			run := cancel(t, g, id)
			if run.Steps[0].Status != workflow.StepCompensated || len(v.seen()) != 3 {
				t.Errorf("steps = %+v", run.Steps)
			}
		})
	})
}

func TestRetryGoesOnFromTheFailedStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		declines := true
		v := &fakeIntegration{}
		v.do = func(_ context.Context, n int, call sdk.Call) (sdk.Result, error) {
			if declines && n == 2 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Final: true, Outcome: sdk.OutcomeNotExecuted}
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, twoSteps)
		defer g.stop()
		id := g.start("two", `{"x":1}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("run = %s", run.Status)
		}
		declines = false
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); err != nil {
			t.Fatal(err)
		}
		run := g.wait(id)
		calls := v.seen()
		if run.Status != workflow.RunSucceeded || run.Error != nil || len(calls) != 3 || calls[1].IdempotencyKey == calls[2].IdempotencyKey {
			t.Errorf("run = %s after %d calls", run.Status, len(calls))
		}
		var refused *sdk.Error
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); !errors.As(err, &refused) || refused.Code != sdk.CodeConflict {
			t.Errorf("a run that succeeded was retried: %v", err)
		}
		if list, err := g.List(t.Context(), ListRequest{Statuses: []workflow.RunStatus{workflow.RunFailed}}); err != nil || len(list.Runs) != 0 {
			t.Errorf("it is still listed as failed: %v, %v", list.Runs, err)
		}
	})
}
