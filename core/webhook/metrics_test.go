package webhook

import (
	"strings"
	"testing"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/internal/testkit"
)

func TestRequestsAreCountedByWhatCameOfThem(t *testing.T) {
	h := newHarness(t)
	o := h.options()
	o.Metrics = NewMetrics()
	o.Metrics.Keep([]string{"stripe-events", "gone"})
	r, err := NewReceiver(o)
	if err != nil {
		t.Fatal(err)
	}
	send := func(d delivery) { _, _ = receive(t, r, d) } // each is counted, whatever came of it
	send(h.send(secret, succeeded))
	send(h.send(secret, succeeded))
	send(h.send("whsec_a_stranger", succeeded))
	send(h.send(secret, strings.Repeat(" ", o.MaxBodyBytes+1)))
	h.startErr = state.ErrUnavailable
	send(h.send(secret, `{"id":"evt_2","type":"x"}`))
	h.startErr = engine.ErrUnknownWorkflow
	send(h.send(secret, `{"id":"evt_3","type":"x"}`))
	o.Metrics.Keep([]string{"stripe-events"})
	testkit.WantMetrics(t, o.Metrics, map[string]float64{
		`backflow_events_total{outcome="received",webhook="stripe-events"}`:                   1,
		`backflow_events_total{outcome="filtered",webhook="stripe-events"}`:                   0,
		`backflow_events_total{outcome="resumed",webhook="stripe-events"}`:                    0,
		`backflow_events_total{outcome="duplicate",webhook="stripe-events"}`:                  1,
		`backflow_events_total{outcome="refused",reason="signature",webhook="stripe-events"}`: 1,
		`backflow_events_total{outcome="refused",reason="too_large",webhook="stripe-events"}`: 1,
		`backflow_events_total{outcome="refused",reason="not_json",webhook="stripe-events"}`:  0,
		`backflow_events_total{outcome="refused",reason="event",webhook="stripe-events"}`:     0,
		`backflow_events_total{outcome="unavailable",webhook="stripe-events"}`:                1,
		`backflow_events_total{outcome="error",webhook="stripe-events"}`:                      1,
	})
}
