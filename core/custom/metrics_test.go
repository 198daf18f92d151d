package custom_test

import (
	"net/http"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/internal/testkit"
)

func TestCallsAreCountedAsThoseOfAPlugin(t *testing.T) {
	m := action.NewMetrics()
	status := http.StatusOK
	a := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	i := one(t, a.URL, custom.Auth{}, get)
	i.Measure(m)
	for _, status = range []int{200, 200, 404, 503} {
		_, _ = execute(t.Context(), i, `{}`) // each is counted, whatever came of it
	}
	got := testkit.Metrics(t, m)
	for series, want := range map[string]float64{
		`backflow_plugin_calls_total{code="ok",plugin="crm"}`:             2,
		`backflow_plugin_calls_total{code="not_found",plugin="crm"}`:      1,
		`backflow_plugin_calls_total{code="upstream_error",plugin="crm"}`: 1,
		`backflow_plugin_calls_total{code="unavailable",plugin="crm"}`:    0,
		`backflow_plugin_call_duration_seconds_count{plugin="crm"}`:       4,
		`backflow_plugin_calls_in_flight{plugin="crm"}`:                   0,
		`backflow_plugin_state{plugin="crm",state="ready"}`:               1,
		`backflow_plugin_state{plugin="crm",state="failed"}`:              0,
	} {
		if value, there := got[series]; !there || value != want {
			t.Errorf("%s is %v, want %v (there: %t)", series, value, want, there)
		}
	}

	// Another of its name, as after a reload, continues its numbers; once it is
	// removed, they go.
	again := one(t, a.URL, custom.Auth{}, get)
	again.Measure(m)
	m.Remove(i)
	if _, there := testkit.Metrics(t, m)[`backflow_plugin_calls_total{code="ok",plugin="crm"}`]; !there {
		t.Error("the numbers went with the integration that was replaced")
	}
	m.Remove(again)
	if left := testkit.Metrics(t, m); len(left) != 0 {
		t.Errorf("after its end: %v", left)
	}
}
