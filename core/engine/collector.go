package engine

import "github.com/prometheus/client_golang/prometheus"

var _ prometheus.Collector = (*Engine)(nil)

// Describe sends which metrics there are.
func (e *Engine) Describe(ch chan<- *prometheus.Desc) {
	for _, vector := range e.executor.metrics.vectors() {
		vector.Describe(ch)
	}
}

// Collect sends the metrics of what this process has done to runs.
func (e *Engine) Collect(ch chan<- prometheus.Metric) {
	for _, vector := range e.executor.metrics.vectors() {
		vector.Collect(ch)
	}
}
