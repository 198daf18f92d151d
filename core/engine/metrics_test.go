package engine

import (
	"strings"
	"testing"
	"testing/synctest"

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
