package plugin

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/core/action"
)

var _ prometheus.Collector = (*Host)(nil)

// Describe sends which metrics there are.
func (h *Host) Describe(ch chan<- *prometheus.Desc) {
	h.metrics.calls.Describe(ch)
	h.metrics.duration.Describe(ch)
	for _, desc := range h.metrics.descs() {
		ch <- desc
	}
}

// Collect sends the metrics of the plugins that the host has now.
func (h *Host) Collect(ch chan<- prometheus.Metric) {
	m := &h.metrics
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
		constant(m.restarts, prometheus.CounterValue, float64(p.metrics.restarts.Load()))
		constant(m.kills, prometheus.CounterValue, float64(p.metrics.kills.Load()))
		constant(m.inFlight, prometheus.GaugeValue, float64(p.metrics.inFlight.Load()))
		if memory := p.metrics.memory.Load(); memory > 0 {
			constant(m.memory, prometheus.GaugeValue, float64(memory))
		}
	}
}
