package engine

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/core/workflow"
)

var _ prometheus.Collector = (*Engine)(nil)

// The metrics whose present value is found when they are read.
var (
	activeDesc = prometheus.NewDesc("backflow_runs_active",
		"Runs that this gateway works on.", []string{"workflow", "status"}, nil)
	runsDesc = prometheus.NewDesc("backflow_runs",
		"Runs in the store that no gateway works on, by status. Every gateway has the same.", []string{"workflow", "status"}, nil)
	queueLengthDesc = prometheus.NewDesc("backflow_queue_length",
		"Queued runs that wait for a gateway, and for no other run. Every gateway has the same.", []string{"workflow"}, nil)
	blockedDesc = prometheus.NewDesc("backflow_runs_blocked",
		"Queued runs that wait for the run before them in their order, or for their lane. Every gateway has the same.", []string{"workflow"}, nil)
	queueAgeDesc = prometheus.NewDesc("backflow_queue_age_seconds",
		"How long the oldest run of the queue that has not begun has waited; 0 if there is none. Every gateway has the same.", []string{"workflow"}, nil)
)

// Describe sends which metrics there are.
func (e *Engine) Describe(ch chan<- *prometheus.Desc) {
	for _, vector := range e.executor.metrics.vectors() {
		vector.Describe(ch)
	}
	for _, desc := range []*prometheus.Desc{activeDesc, runsDesc, queueLengthDesc, queueAgeDesc, blockedDesc} {
		ch <- desc
	}
}

// Collect sends the metrics of what this process has done to runs, and of the runs
// that have not ended. It reads the store, for a few seconds at most.
func (e *Engine) Collect(ch chan<- prometheus.Metric) {
	for _, vector := range e.executor.metrics.vectors() {
		vector.Collect(ch)
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	active := e.executor.metrics.present.counts()
	for _, label := range e.executor.metrics.labels() { // zero is a number, too
		for _, status := range []workflow.RunStatus{workflow.RunRunning, workflow.RunCompensating} {
			active[presence{label, status}] += 0
		}
	}
	for run, n := range active {
		gauge(activeDesc, float64(n), run.workflow, string(run.status))
	}
	found := e.census.take()
	if found == nil {
		return
	}
	for run, n := range found.runs {
		gauge(runsDesc, float64(n), run.workflow, string(run.status))
	}
	for label, n := range found.blocked {
		gauge(blockedDesc, float64(n), label)
	}
	for label, n := range found.waiting {
		gauge(queueLengthDesc, float64(n), label)
		age := 0.0
		if oldest, known := found.oldest[label]; known {
			age = max(0, e.census.now().Sub(oldest).Seconds())
		}
		gauge(queueAgeDesc, age, label)
	}
}
