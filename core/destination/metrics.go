package destination

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/sdk"
)

// metrics count what is sent. Their labels hold names of destinations of the config and
// words of this package: no message can add a series.
type metrics struct {
	messages *prometheus.CounterVec
	attempts *prometheus.HistogramVec
	enabled  *prometheus.GaugeVec

	mu    sync.Mutex // guards names
	names map[string]bool
}

var _ prometheus.Collector = (*Service)(nil)

// What becomes of messages and attempts.
const (
	outcomeAccepted = "accepted" // the message is durable
	outcomeHeld     = "held"     // it waits until its destination is enabled
	outcomeTaken    = "taken"    // the receiver responded with 2xx
	outcomeRefused  = "refused"  // it responded with another status
	outcomeFailed   = "failed"   // there was no response
)

func newMetrics() *metrics {
	return &metrics{
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backflow_destination_messages_total", Help: "Messages to a destination that were accepted, and how often one was held.",
		}, []string{"destination", "outcome"}),
		attempts: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "backflow_destination_attempt_duration_seconds", Help: "How long attempts at sending a message took, by what came of them.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 20},
		}, []string{"destination", "outcome"}),
		enabled: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "backflow_destination_enabled", Help: "1 while messages are sent to the destination, 0 while they are held.",
		}, []string{"destination"}),
		names: map[string]bool{},
	}
}

// keep makes the destinations of the config known, whose counters begin at zero, and
// drops the series of those that it has no more.
func (m *metrics) keep(names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.names
	m.names = make(map[string]bool, len(names))
	for _, name := range names {
		m.names[name] = true
		m.messages.WithLabelValues(name, outcomeAccepted)
		m.messages.WithLabelValues(name, outcomeHeld)
	}
	for name := range before {
		if !m.names[name] {
			labels := prometheus.Labels{"destination": name}
			m.messages.DeletePartialMatch(labels)
			m.attempts.DeletePartialMatch(labels)
			m.enabled.DeletePartialMatch(labels)
		}
	}
}

// attempt counts an attempt.
func (m *metrics) attempt(name string, failed *sdk.Error, took time.Duration) {
	outcome := outcomeTaken
	switch {
	case failed == nil:
	case len(failed.Details) > 0:
		outcome = outcomeRefused
	default:
		outcome = outcomeFailed
	}
	m.attempts.WithLabelValues(name, outcome).Observe(took.Seconds())
}

// state notes the state of a destination.
func (m *metrics) state(name string, state State) {
	enabled := 1.0
	if state == StateDisabled || state == StateProbing {
		enabled = 0
	}
	m.enabled.WithLabelValues(name).Set(enabled)
}

// Describe sends which metrics there are.
func (s *Service) Describe(ch chan<- *prometheus.Desc) {
	s.metrics.messages.Describe(ch)
	s.metrics.attempts.Describe(ch)
	s.metrics.enabled.Describe(ch)
}

// Collect sends the metrics.
func (s *Service) Collect(ch chan<- prometheus.Metric) {
	s.metrics.messages.Collect(ch)
	s.metrics.attempts.Collect(ch)
	s.metrics.enabled.Collect(ch)
}
