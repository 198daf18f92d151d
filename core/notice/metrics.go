package notice

import "github.com/prometheus/client_golang/prometheus"

// The outcomes of what happened, for each webhook that wants it.
const (
	outcomeRaised     = "raised"     // it is an event
	outcomeSuppressed = "suppressed" // its cause has made one not long ago
	outcomeRefused    = "refused"    // no event can be made of it
)

// metrics count what became of what happened.
type metrics struct{ notices *prometheus.CounterVec }

func newMetrics() *metrics {
	m := &metrics{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "backflow_gateway_events_total", Help: "What happened to the gateway, by type, and by whether an event was made of it.",
	}, []string{"type", "outcome"})}
	for _, t := range Types {
		for _, outcome := range []string{outcomeRaised, outcomeSuppressed, outcomeRefused} {
			m.notices.WithLabelValues(string(t), outcome)
		}
	}
	return m
}

func (m *metrics) count(t Type, outcome string) {
	m.notices.WithLabelValues(string(t), outcome).Inc()
}

var _ prometheus.Collector = (*Notices)(nil)

// Describe sends which metrics there are.
func (n *Notices) Describe(ch chan<- *prometheus.Desc) { n.metrics.notices.Describe(ch) }

// Collect sends the metrics.
func (n *Notices) Collect(ch chan<- prometheus.Metric) { n.metrics.notices.Collect(ch) }
