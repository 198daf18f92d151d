package plugin

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/sdk"
)

// metrics are the metrics of all plugins of a host. Their only labels are names of
// plugins, states and error codes: no request can add a series.
type metrics struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	state    *prometheus.Desc
	restarts *prometheus.Desc
	kills    *prometheus.Desc
	inFlight *prometheus.Desc
	memory   *prometheus.Desc
}

// buckets are of call durations in seconds: from what a plugin alone takes to what
// a vendor in trouble takes.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}

func newMetrics() metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("backflow_plugin_"+name, help, append([]string{"plugin"}, labels...), nil)
	}
	return metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backflow_plugin_calls_total", Help: "Calls of actions, by what came of them: ok, or the code of the error.",
		}, []string{"plugin", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backflow_plugin_call_duration_seconds", Help: "How long calls of actions took, waiting for their turn included.", Buckets: buckets,
		}, []string{"plugin"}),
		state:    desc("state", "1 for the state that the plugin is in, 0 for the others.", "state"),
		restarts: desc("restarts_total", "How often the plugin was started again after it had failed."),
		kills:    desc("kills_total", "How often the plugin was killed because it hung or used too much memory."),
		inFlight: desc("calls_in_flight", "Calls that are under way or wait for their turn."),
		memory:   desc("memory_bytes", "Memory that the plugin's process holds, when it was last looked at."),
	}
}

// descs are the metrics of which Host.Collect reads the present value.
func (m *metrics) descs() []*prometheus.Desc {
	return []*prometheus.Desc{m.state, m.restarts, m.kills, m.inFlight, m.memory}
}

// forPlugin returns the metrics of one plugin.
func (m *metrics) forPlugin(name string) pluginMetrics {
	errs := make(map[sdk.Code]prometheus.Counter, len(codes))
	for _, code := range codes {
		errs[code] = m.calls.WithLabelValues(name, string(code))
	}
	return pluginMetrics{counters: &counters{}, ok: m.calls.WithLabelValues(name, "ok"), errors: errs, duration: m.duration.WithLabelValues(name)}
}

// remove drops the series of a plugin that has been removed.
func (m *metrics) remove(name string) {
	m.calls.DeletePartialMatch(prometheus.Labels{"plugin": name})
	m.duration.DeleteLabelValues(name)
}

// pluginMetrics count what happens to one plugin.
type pluginMetrics struct {
	*counters
	ok       prometheus.Counter
	errors   map[sdk.Code]prometheus.Counter
	duration prometheus.Observer
}

// counters are what Host.Collect reads. memory is in bytes, zero while unknown.
type counters struct {
	inFlight, restarts, kills, memory atomic.Int64
}

// callBegins counts a call, and returns when it began.
func (m *pluginMetrics) callBegins() time.Time {
	m.inFlight.Add(1)
	return time.Now()
}

func (m *pluginMetrics) callEnds(begun time.Time, failure *sdk.Error) {
	m.inFlight.Add(-1)
	m.duration.Observe(time.Since(begun).Seconds())
	if failure == nil {
		m.ok.Inc()
	} else {
		m.errors[failure.Code].Inc()
	}
}
