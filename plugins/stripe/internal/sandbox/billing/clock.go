package billing

import (
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// clockLifetime is how long Stripe keeps a test clock
// (https://docs.stripe.com/api/test_clocks/object, deletes_after).
const clockLifetime = 30 * 24 * time.Hour

// clocks are test clocks (https://docs.stripe.com/billing/testing/test-clocks).
func clocks() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{resource.TestClock: "clock"},
		Operations: map[string]resource.Operation{
			"PostTestHelpersTestClocks":                 createClock,
			"GetTestHelpersTestClocks":                  resource.Lister(resource.TestClock),
			"GetTestHelpersTestClocksTestClock":         resource.Getter(resource.TestClock),
			"DeleteTestHelpersTestClocksTestClock":      deleteClock,
			"PostTestHelpersTestClocksTestClockAdvance": advanceClock,
		},
	}
}

func createClock(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o := t.New(resource.TestClock)
	o["deletes_after"] = t.Now().Add(clockLifetime).Unix()
	o["status"] = "ready"
	resource.Assign(o, r.Params, "frozen_time", "name")
	t.Put(o)
	t.Emit("test_helpers.test_clock.created", o)
	return o, nil
}

// advanceClock moves a clock on. At Stripe this goes on after the response, which
// therefore shows the clock as advancing; here it is done when the response is sent.
func advanceClock(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, resource.TestClock)
	if refusal != nil {
		return nil, refusal
	}
	to := r.Params.Int("frozen_time")
	if to <= o.Int("frozen_time") {
		return nil, resource.Invalid("frozen_time", "", "The frozen_time must be after the test clock's current frozen time.")
	}
	if to > furthest(t, o) {
		return nil, resource.Invalid("frozen_time", "", "Test clock advancement is limited to two intervals of the shortest subscription on the clock, or two years where there is none.")
	}
	o["status"] = "advancing"
	t.Put(o)
	t.Emit("test_helpers.test_clock.advancing", o)
	t.AdvanceClock(o.ID(), unix(to))
	ready := t.Fresh(o)
	ready["status"] = "ready"
	t.Put(ready)
	t.Emit("test_helpers.test_clock.ready", ready)
	return o, nil
}

// furthest is how far one request may advance a clock: two intervals of the shortest
// subscription, two years where there is none
// (https://docs.stripe.com/api/test_clocks/advance).
func furthest(t *resource.Tx, clock resource.Object) int64 {
	from := clock.Int("frozen_time")
	end := unix(from).AddDate(2, 0, 0).Unix()
	for _, one := range t.All(resource.Filter{Kind: subscription, Equal: map[string]string{"test_clock": clock.ID()}}) {
		if !ended(one) {
			end = min(end, cycle(one).Boundary(from, 2))
		}
	}
	return end
}

// deleteClock deletes a clock and what goes by it.
func deleteClock(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	o, refusal := t.Subject(r, resource.TestClock)
	if refusal != nil {
		return nil, refusal
	}
	t.StopClock(o.ID())
	for _, kind := range []string{subscription, invoice, invoiceItem} {
		for _, one := range t.All(resource.Filter{Kind: kind, Equal: map[string]string{"test_clock": o.ID()}}) {
			t.Remove(one)
		}
	}
	for _, one := range t.All(resource.Filter{Kind: payment.Customer, Equal: map[string]string{"test_clock": o.ID()}}) {
		t.Bury(one)
	}
	rest := t.Remove(o)
	t.Emit("test_helpers.test_clock.deleted", o)
	return rest, nil
}
