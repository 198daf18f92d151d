package webhook

import (
	"errors"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// Metrics count what the receivers of webhooks receive. Their labels hold names of
// webhooks, outcomes and kinds of refusals: no request can add a series. It is safe
// for concurrent use.
type Metrics struct {
	events *prometheus.CounterVec

	mu    sync.Mutex // guards names
	names map[string]bool
}

var _ prometheus.Collector = (*Metrics)(nil)

// The outcomes of a request to a webhook.
const (
	outcomeReceived    = "received"    // its event is stored, and its run started
	outcomeDuplicate   = "duplicate"   // the event was received before
	outcomeFiltered    = "filtered"    // its event is stored, without a run
	outcomeReplied     = "replied"     // it was no event, but a challenge
	outcomeRefused     = "refused"     // for the reason that the label names
	outcomeUnavailable = "unavailable" // it could not be verified or stored now
	outcomeResumed     = "resumed"     // received before: its run had failed, and goes on
	outcomeError       = "error"       // a fault of the gateway
)

// NewMetrics returns metrics without webhooks.
func NewMetrics() *Metrics {
	return &Metrics{
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "backflow_events_total", Help: "Requests to webhooks, by what came of them.",
		}, []string{"webhook", "outcome", "reason"}),
		names: map[string]bool{},
	}
}

// Describe sends which metrics there are.
func (m *Metrics) Describe(ch chan<- *prometheus.Desc) { m.events.Describe(ch) }

// Collect sends the metrics.
func (m *Metrics) Collect(ch chan<- prometheus.Metric) { m.events.Collect(ch) }

// Keep makes the webhooks of the config known, whose counters begin at zero, and
// drops the series of those that it has no more.
func (m *Metrics) Keep(names []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	before := m.names
	m.names = make(map[string]bool, len(names))
	for _, name := range names {
		m.names[name] = true
		for _, outcome := range []string{outcomeReceived, outcomeDuplicate, outcomeResumed, outcomeFiltered, outcomeUnavailable, outcomeError} {
			m.events.WithLabelValues(name, outcome, "")
		}
		for _, kind := range []RefusalKind{RefusedSignature, RefusedTooLarge, RefusedNotJSON, RefusedEvent} {
			m.events.WithLabelValues(name, outcomeRefused, string(kind))
		}
	}
	for name := range before {
		if !m.names[name] {
			m.events.DeletePartialMatch(prometheus.Labels{"webhook": name})
		}
	}
}

// count counts a request. The method of nil does nothing.
func (m *Metrics) count(webhook string, receipt Receipt, err error) {
	if m == nil {
		return
	}
	outcome, reason := outcomeReceived, ""
	var refusal *Refusal
	switch {
	case errors.As(err, &refusal):
		outcome, reason = outcomeRefused, string(refusal.Kind)
	case errors.Is(err, ErrUnavailable):
		outcome = outcomeUnavailable
	case err != nil:
		outcome = outcomeError
	case receipt.ID == "":
		outcome = outcomeReplied
	case receipt.Resumed:
		outcome = outcomeResumed
	case receipt.Duplicate:
		outcome = outcomeDuplicate
	case receipt.Filtered:
		outcome = outcomeFiltered
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[webhook] { // else a reload has removed it meanwhile
		m.events.WithLabelValues(webhook, outcome, reason).Inc()
	}
}
