package reconcile

import (
	"github.com/prometheus/client_golang/prometheus"
)

var _ prometheus.Collector = (*Reconciler)(nil)

var successDesc = prometheus.NewDesc("backflow_reconcile_success_age_seconds",
	"How long ago a pass of its own accord has compared all that it was due to, as far as this gateway knows; since the gateway began, where none has.", []string{"webhook"}, nil)

// metrics count what passes find. Their labels hold names of webhooks and results.
type metrics struct {
	passes  *prometheus.CounterVec
	found   *prometheus.CounterVec
	unknown *prometheus.CounterVec
	errors  *prometheus.CounterVec
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "backflow_reconcile_" + name, Help: help}, append([]string{"webhook"}, labels...))
	}
	return &metrics{
		passes:  counter("passes_total", "Passes that this gateway has ended, by their status.", "status"),
		found:   counter("missing_total", "Events that had not arrived, by what became of them.", "result"),
		unknown: counter("unknown_total", "Received events that the vendor does not know."),
		errors:  counter("list_errors_total", "Calls of the vendor's list that failed."),
	}
}

func (m *metrics) vecs() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{m.passes, m.found, m.unknown, m.errors}
}

// keep makes the webhooks of the config known, whose counters begin at zero, and drops
// the series of those that it has no more.
func (m *metrics) keep(before, now map[string]*entry) {
	for name := range now {
		for _, status := range []Status{StatusSucceeded, StatusFailed} {
			m.passes.WithLabelValues(name, string(status))
		}
		for _, result := range []string{ResultTaken, ResultRefused} {
			m.found.WithLabelValues(name, result)
		}
		m.unknown.WithLabelValues(name)
		m.errors.WithLabelValues(name)
	}
	for name := range before {
		if now[name] == nil {
			for _, vec := range m.vecs() {
				vec.DeletePartialMatch(prometheus.Labels{"webhook": name})
			}
		}
	}
}

func (m *metrics) pass(webhook string, status Status) {
	m.passes.WithLabelValues(webhook, string(status)).Inc()
}

func (m *metrics) missing(webhook, result string) { m.found.WithLabelValues(webhook, result).Inc() }

// Describe sends which metrics there are.
func (r *Reconciler) Describe(ch chan<- *prometheus.Desc) {
	for _, vec := range r.metrics.vecs() {
		vec.Describe(ch)
	}
	ch <- successDesc
}

// Collect sends the metrics of the webhooks that there are now.
func (r *Reconciler) Collect(ch chan<- prometheus.Metric) {
	for _, vec := range r.metrics.vecs() {
		vec.Collect(ch)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for name, e := range r.webhooks {
		if e.Every > 0 {
			ch <- prometheus.MustNewConstMetric(successDesc, prometheus.GaugeValue, now.Sub(e.succeeded).Seconds(), name)
		}
	}
}
