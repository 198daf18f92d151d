package action

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/sdk"
)

// Metrics count the calls of integrations, and show their states. Their labels hold
// names of integrations, states and error codes: no request can add a series. It is
// safe for concurrent use.
type Metrics struct {
	calls    *prometheus.CounterVec
	duration *prometheus.HistogramVec
	state    *prometheus.Desc
	inFlight *prometheus.Desc

	mu       sync.Mutex // guards measured
	measured map[string]measured
}

// measured is an integration with its metrics.
type measured struct {
	integration Integration
	calls       *CallMetrics
}

var _ prometheus.Collector = (*Metrics)(nil)

// callBuckets are of call durations in seconds: from what a plugin alone takes to
// what a vendor in trouble takes.
var callBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120}

// NewMetrics returns metrics without integrations.
func NewMetrics() *Metrics {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("backflow_plugin_"+name, help, append([]string{"plugin"}, labels...), nil)
	}
	return &Metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backflow_plugin_calls_total", Help: "Calls of actions, by what came of them: ok, or the code of the error.",
		}, []string{"plugin", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backflow_plugin_call_duration_seconds", Help: "How long calls of actions took, waiting for their turn included.", Buckets: callBuckets,
		}, []string{"plugin"}),
		state:    desc("state", "1 for the state that the integration is in, 0 for the others.", "state"),
		inFlight: desc("calls_in_flight", "Calls that are under way or wait for their turn."),
		measured: map[string]measured{},
	}
}

// Add makes an integration known, in the place of one of the same name whose
// numbers it continues. The integration counts its calls with what is returned.
func (m *Metrics) Add(i Integration) *CallMetrics {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := i.Name()
	known, ok := m.measured[name]
	if !ok {
		known.calls = m.newCallMetrics(name)
	}
	known.integration = i
	m.measured[name] = known
	return known.calls
}

// Remove drops the series of an integration, unless another has taken its place.
func (m *Metrics) Remove(i Integration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := i.Name()
	if m.measured[name].integration != i {
		return
	}
	delete(m.measured, name)
	m.calls.DeletePartialMatch(prometheus.Labels{"plugin": name})
	m.duration.DeleteLabelValues(name)
}

// Describe sends which metrics there are.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) {
	m.calls.Describe(ch)
	m.duration.Describe(ch)
	ch <- m.state
	ch <- m.inFlight
}

// Collect sends the metrics of the integrations that are known now.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) {
	m.calls.Collect(ch)
	m.duration.Collect(ch)
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, known := range m.measured {
		now := known.integration.Status().State
		for _, state := range []State{StateStarting, StateReady, StateUnconfigured, StateFailed} {
			is := 0.0
			if state == now {
				is = 1
			}
			ch <- prometheus.MustNewConstMetric(m.state, prometheus.GaugeValue, is, name, string(state))
		}
		ch <- prometheus.MustNewConstMetric(m.inFlight, prometheus.GaugeValue, float64(known.calls.inFlight.Load()), name)
	}
}

// CallMetrics count the calls of one integration. The methods of nil do nothing.
type CallMetrics struct {
	ok       prometheus.Counter
	errors   map[sdk.Code]prometheus.Counter
	duration prometheus.Observer
	inFlight atomic.Int64
}

func (m *Metrics) newCallMetrics(name string) *CallMetrics {
	c := &CallMetrics{ok: m.calls.WithLabelValues(name, "ok"), errors: map[sdk.Code]prometheus.Counter{}, duration: m.duration.WithLabelValues(name)}
	for _, code := range sdk.Codes() {
		c.errors[code] = m.calls.WithLabelValues(name, string(code))
	}
	return c
}

// Begin counts a call, and returns when it began.
func (c *CallMetrics) Begin() time.Time {
	if c != nil {
		c.inFlight.Add(1)
	}
	return time.Now()
}

// End counts what came of a call: err is nil for success, else *sdk.Error. An
// unknown code is counted as an internal error.
func (c *CallMetrics) End(begun time.Time, err error) {
	if c == nil {
		return
	}
	c.inFlight.Add(-1)
	c.duration.Observe(time.Since(begun).Seconds())
	if err == nil {
		c.ok.Inc()
		return
	}
	code := sdk.CodeInternal
	var failure *sdk.Error
	if errors.As(err, &failure) && c.errors[failure.Code] != nil {
		code = failure.Code
	}
	c.errors[code].Inc()
}
