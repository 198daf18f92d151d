package plugin

import (
	"github.com/prometheus/client_golang/prometheus"
)

var _ prometheus.Collector = (*Host)(nil)

// Describe sends which metrics there are.
func (h *Host) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{h.processes.restarts, h.processes.kills, h.processes.memory} {
		ch <- desc
	}
}

// Collect sends the metrics of the plugins that the host has now, but for those of
// Options.Metrics.
func (h *Host) Collect(ch chan<- prometheus.Metric) {
	for _, p := range h.Plugins() {
		constant := func(desc *prometheus.Desc, kind prometheus.ValueType, value int64) {
			ch <- prometheus.MustNewConstMetric(desc, kind, float64(value), p.name)
		}
		constant(h.processes.restarts, prometheus.CounterValue, p.counters.restarts.Load())
		constant(h.processes.kills, prometheus.CounterValue, p.counters.kills.Load())
		if memory := p.counters.memory.Load(); memory > 0 {
			constant(h.processes.memory, prometheus.GaugeValue, memory)
		}
	}
}
