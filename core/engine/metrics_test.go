package engine

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

func TestRunsStepsRetriesAndEventsAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := failing(func(n int, call sdk.Call) *sdk.Error {
			switch {
			case strings.Contains(string(call.Params), "decline"):
				return declined(n, call)
			case n == 1:
				return &sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, Outcome: sdk.OutcomeNotExecuted}
			}
			return nil
		})
		one := `{"id":"one","steps":[{"id":"pay","type":"vendor","action":"safe","params":{"x":"{{input.x}}"}},{"id":"s","type":"set","values":{},"condition":"false"}]}`
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, one, twoSteps)
		defer g.stop()
		g.wait(g.start("one", `{"x":1}`).ID)
		synctest.Wait()
		for range 2 {
			run, err := g.Start(t.Context(), StartRequest{Workflow: "one", Roots: input(`{"x":"decline"}`), StartedBy: Initiator{Webhook: "hook", Event: "e"}})
			if err != nil {
				t.Fatal(err)
			}
			g.wait(run.ID)
			synctest.Wait()
		}
		testkit.WantMetrics(t, g.Engine, map[string]float64{
			`backflow_events_ended_total{status="failed",webhook="hook"}`:                                 2,
			`backflow_runs_total{status="cancelled",workflow="one"}`:                                      0,
			`backflow_runs_total{status="cancelled",workflow="two"}`:                                      0,
			`backflow_runs_total{status="failed",workflow="one"}`:                                         2,
			`backflow_runs_total{status="failed",workflow="two"}`:                                         0,
			`backflow_runs_total{status="succeeded",workflow="one"}`:                                      1,
			`backflow_runs_total{status="succeeded",workflow="two"}`:                                      0,
			`backflow_step_retries_total{action="safe",integration="vendor",workflow="one"}`:              1,
			`backflow_steps_total{outcome="skipped",workflow="one"}`:                                      1,
			`backflow_steps_total{action="safe",integration="vendor",outcome="failed",workflow="one"}`:    2,
			`backflow_steps_total{action="safe",integration="vendor",outcome="succeeded",workflow="one"}`: 1,
		})
	})
}

func TestMetricsOfAWorkflowGoWithIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waits := `{"id":"waits","steps":[{"id":"w","type":"wait","duration":"1h"}]}`
		g := open(t, memory.New(memory.Options{}), "g1", &fakeIntegration{}, Options{}, waits, twoSteps)
		defer g.stop()
		g.wait(g.start("two", `{"x":1}`).ID)
		synctest.Wait()
		ids := []string{g.start("waits", `{}`).ID, g.start("waits", `{}`).ID}
		if err := g.SetDefinitions(t.Context(), []*workflow.Definition{}); err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			g.wait(id)
		}
		synctest.Wait()
		testkit.WantMetrics(t, g.Engine, map[string]float64{
			`backflow_runs_total{status="succeeded",workflow="(removed)"}`:   2,
			`backflow_steps_total{outcome="succeeded",workflow="(removed)"}`: 2,
		})
	})
}

func TestRunsThatHaveNotEndedAreCountedAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-leave
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{MaxRunning: 1}, twoSteps,
			`{"id":"waits","steps":[{"id":"w","type":"wait","duration":"10h"}]}`,
			`{"id":"single","concurrency":1,"steps":[{"id":"w","type":"wait","duration":"10h"}]}`)
		defer g.stop()
		g.start("waits", `{}`)
		g.start("single", `{}`)
		synctest.Wait()
		time.Sleep(3 * time.Second) // for the round that admits it
		g.start("single", `{}`)
		g.start("two", `{"x":1}`)
		synctest.Wait()
		g.start("two", `{"x":1}`)
		time.Sleep(time.Minute)
		g.start("two", `{"x":1}`)
		time.Sleep(time.Minute)
		testkit.WantMetrics(t, g.Engine, map[string]float64{
			`backflow_runs_active{status="compensating",workflow="two"}`:    0,
			`backflow_runs_active{status="running",workflow="waits"}`:       0,
			`backflow_runs_active{status="compensating",workflow="waits"}`:  0,
			`backflow_runs_active{status="running",workflow="single"}`:      0,
			`backflow_runs_active{status="compensating",workflow="single"}`: 0,
			`backflow_runs_active{status="running",workflow="two"}`:         1,
			`backflow_runs{status="queued",workflow="two"}`:                 2,
			`backflow_runs{status="waiting",workflow="two"}`:                0,
			`backflow_runs{status="compensating",workflow="two"}`:           0,
			`backflow_runs{status="queued",workflow="waits"}`:               0,
			`backflow_runs{status="waiting",workflow="waits"}`:              1,
			`backflow_runs{status="compensating",workflow="waits"}`:         0,
			`backflow_runs{status="queued",workflow="single"}`:              1,
			`backflow_runs{status="waiting",workflow="single"}`:             1,
			`backflow_runs{status="compensating",workflow="single"}`:        0,
			`backflow_queue_length{workflow="two"}`:                         2,
			`backflow_queue_length{workflow="waits"}`:                       0,
			`backflow_queue_length{workflow="single"}`:                      0,
			`backflow_queue_age_seconds{workflow="two"}`:                    120,
			`backflow_queue_age_seconds{workflow="waits"}`:                  0,
			`backflow_queue_age_seconds{workflow="single"}`:                 0,
		})
		close(leave)
		time.Sleep(11 * time.Hour)
		for series, value := range testkit.Metrics(t, g.Engine) {
			name, _, _ := strings.Cut(series, "{")
			if slices.Contains([]string{"backflow_runs", "backflow_runs_active", "backflow_queue_length", "backflow_queue_age_seconds"}, name) && value != 0 && !strings.Contains(series, "single") {
				t.Errorf("after the end %s is %v", series, value)
			}
		}
	})
}
