package plugin

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

// meters are the metrics of all plugins of a host. Their only labels are names of
// plugins, states and error codes: no request can add a series.
type meters struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	state    *prometheus.Desc
	restarts *prometheus.Desc
	kills    *prometheus.Desc
	inFlight *prometheus.Desc
	memory   *prometheus.Desc
}

// buckets of call durations in seconds: from what a plugin alone takes to what a
// vendor in trouble takes.
var buckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}

func newMeters() meters {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("backflow_plugin_"+name, help, append([]string{"plugin"}, labels...), nil)
	}
	return meters{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backflow_plugin_calls_total", Help: "Calls of actions, by what came of them: ok, or the code of the error.",
		}, []string{"plugin", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backflow_plugin_call_duration_seconds", Help: "How long calls of actions took, waiting for their turn included.", Buckets: buckets,
		}, []string{"plugin"}),
		state:    desc("state", "1 for the state that the plugin is in, 0 for the others.", "state"),
		restarts: desc("restarts_total", "How often the plugin was started again after it had failed."),
		kills:    desc("kills_total", "How often the plugin was killed for it hung or held too much memory."),
		inFlight: desc("calls_in_flight", "Calls that are under way or wait for their turn."),
		memory:   desc("memory_bytes", "Memory that the plugin's process holds, when it was last looked at."),
	}
}

// of answers the meter of one plugin.
func (m *meters) of(name string) meter {
	errs := make(map[sdk.Code]prometheus.Counter, len(codes))
	for _, code := range codes {
		errs[code] = m.calls.WithLabelValues(name, string(code))
	}
	return meter{counts: &counts{}, ok: m.calls.WithLabelValues(name, "ok"), errors: errs, duration: m.duration.WithLabelValues(name)}
}

// forget drops the series of a plugin that is there no more.
func (m *meters) forget(name string) {
	m.calls.DeletePartialMatch(prometheus.Labels{"plugin": name})
	m.duration.DeleteLabelValues(name)
}

// meter counts what happens to one plugin.
type meter struct {
	*counts
	ok       prometheus.Counter
	errors   map[sdk.Code]prometheus.Counter
	duration prometheus.Observer
}

type counts struct {
	inFlight, restarts, kills, memory atomic.Int64
}

// begin counts a call, which began at the time it answers.
func (m *meter) begin() time.Time {
	m.inFlight.Add(1)
	return time.Now()
}

func (m *meter) end(begun time.Time, failure *sdk.Error) {
	m.inFlight.Add(-1)
	m.duration.Observe(time.Since(begun).Seconds())
	if failure == nil {
		m.ok.Inc()
	} else {
		m.errors[failure.Code].Inc()
	}
}

var _ prometheus.Collector = (*Host)(nil)

// Describe tells which metrics there are.
func (h *Host) Describe(ch chan<- *prometheus.Desc) {
	m := &h.meters
	m.calls.Describe(ch)
	m.duration.Describe(ch)
	for _, desc := range []*prometheus.Desc{m.state, m.restarts, m.kills, m.inFlight, m.memory} {
		ch <- desc
	}
}

// Collect answers the metrics of the plugins that are there now.
func (h *Host) Collect(ch chan<- prometheus.Metric) {
	m := &h.meters
	m.calls.Collect(ch)
	m.duration.Collect(ch)
	for _, p := range h.Plugins() {
		constant := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(desc, kind, value, append([]string{p.name}, labels...)...)
		}
		now := p.Status().State
		for _, state := range []action.State{action.StateStarting, action.StateReady, action.StateUnconfigured, action.StateFailed} {
			is := 0.0
			if state == now {
				is = 1
			}
			constant(m.state, prometheus.GaugeValue, is, string(state))
		}
		constant(m.restarts, prometheus.CounterValue, float64(p.meter.restarts.Load()))
		constant(m.kills, prometheus.CounterValue, float64(p.meter.kills.Load()))
		constant(m.inFlight, prometheus.GaugeValue, float64(p.meter.inFlight.Load()))
		if memory := p.meter.memory.Load(); memory > 0 {
			constant(m.memory, prometheus.GaugeValue, float64(memory))
		}
	}
}
