package e2e

import (
	"encoding/json"
	"testing"

	"github.com/backflow/backflow/test/program"
)

func TestProcessOrderMakesACustomerAndItsPayment(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		run := program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", `{"email":"customer@example.com","name":"John Doe","amount":1000000}`))
		if run.Text("status") != "succeeded" {
			t.Fatalf("%s", run.Body)
		}
		customer := run.Text("steps.0.result.id")
		if customer == "" || run.Text("steps.1.result.customer") != customer || run.Field("steps.1.result.amount") != json.Number("1000000") {
			t.Errorf("%s", run.Body)
		}
		calls := h.stripe.asked()
		if len(calls) != 2 {
			t.Fatalf("Stripe was asked %d times, not twice: %+v", len(calls), calls)
		}
		first, second := calls[0], calls[1]
		if first.operation != "POST /v1/customers" || first.form.Get("email") != "customer@example.com" || first.form.Get("name") != "John Doe" {
			t.Errorf("the first call is %+v", first)
		}
		if second.operation != "POST /v1/payment_intents" || second.form.Get("customer") != customer ||
			second.form.Get("amount") != "1000000" || second.form.Get("currency") != "usd" {
			t.Errorf("the second call is %+v", second)
		}
		if first.key == "" || second.key == "" || first.key == second.key {
			t.Errorf("the keys are %q and %q", first.key, second.key)
		}
	})
}

func TestARunIsFoundAgain(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		started := program.Want(t, 202, g.Post("/workflows/process-order/runs", order))
		id := started.Text("id")
		if started.Text("workflow") != "process-order" || started.Text("status") != "queued" && started.Text("status") != "running" || started.Header.Get("Location") != "/runs/"+id {
			t.Errorf("started: %s, Location %q", started.Body, started.Header.Get("Location"))
		}
		h.ended(t, g, id, "succeeded")
		if list := program.Want(t, 200, g.Get("/runs?workflow=process-order&status=succeeded")); list.Text("data.0.id") != id || list.Field("data.1") != nil {
			t.Errorf("the list is %s", list.Body)
		}
		if code := g.Stop(); code != 0 {
			t.Fatalf("exit code %d", code)
		}
		again := h.Serve(apiToken)
		if run := program.Want(t, 200, again.Get("/runs/"+id)); run.Text("status") != "succeeded" || run.Text("steps.1.result.object") != "payment_intent" {
			t.Errorf("after a restart: %s", run.Body)
		}
		if calls := h.stripe.asked(); len(calls) != 2 {
			t.Errorf("Stripe was asked %d times", len(calls))
		}
	})
}

func TestADeclinedPaymentFailsTheRunWithStripesWords(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	run := program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", `{"email":"customer@example.com","name":"John Doe","amount":40002}`))
	for path, want := range map[string]string{
		"status": "failed", "steps.0.status": "succeeded", "steps.1.status": "failed",
		"error.step": "create-payment", "error.stripe.declineCode": "generic_decline", "steps.1.error.stripe.code": "card_declined",
	} {
		if got := run.Text(path); got != want {
			t.Errorf("%s is %q, want %q: %s", path, got, want, run.Body)
		}
	}
}
