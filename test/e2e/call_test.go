package e2e

import (
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

// callSteps are calls by operationId: writes, a read, and a DELETE.
var callSteps = program.Edit{Old: `"workflows": [{`, New: `"workflows": [{
    "id": "call",
    "steps": [
      { "id": "payment", "type": "stripe", "action": "call", "params": { "operationId": "PostPaymentIntents", "params": { "amount": "{{input.amount}}", "currency": "usd", "customer": "cus_123" } }, "retry": { "initialInterval": "10ms" } },
      { "id": "subscription", "type": "stripe", "action": "call", "params": { "operationId": "PostSubscriptions", "params": { "customer": "cus_123", "items": [{ "price": "price_1" }] } } },
      { "id": "look", "type": "stripe", "action": "read", "params": { "operationId": "GetSubscriptionsSubscriptionExposedId", "params": { "subscription_exposed_id": "{{steps.subscription.result.id}}", "expand": ["customer"] } }, "retry": { "initialInterval": "10ms" } },
      { "id": "end", "type": "stripe", "action": "call", "params": { "operationId": "DeleteSubscriptionsSubscriptionExposedId", "params": { "subscription_exposed_id": "{{steps.look.result.id}}", "prorate": true } }, "retry": { "initialInterval": "10ms" } }
    ]
  }, {`}

// TestACallIsRepeatedAsItsOperationMayBe: the answer of a write is lost, and so is a
// DELETE on its way. Each is sent again, and nothing is done twice.
func TestACallIsRepeatedAsItsOperationMayBe(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.edits = append(h.edits, callSteps)
	g := h.serve(t)
	if err := h.stripe.Script(
		stripedouble.Fault{Kind: stripedouble.CutAfter, Operation: "POST /v1/payment_intents"},
		stripedouble.Fault{Kind: stripedouble.CutBefore, Where: "prorate=true"},
	); err != nil {
		t.Fatal(err)
	}
	run := program.Want(t, 200, g.Post("/workflows/call/runs?wait=30s", `{"amount":2000}`))
	if run.Text("status") != "succeeded" || run.Text("steps.3.result.status") != "canceled" {
		t.Fatalf("%s", run.Body)
	}
	var came, keys []string
	for _, call := range h.stripe.asked() {
		method, path, _ := strings.Cut(call.operation, " ")
		came, keys = append(came, method+" "+strings.Split(path, "/")[2]), append(keys, call.key)
	}
	want := []string{
		"POST payment_intents", "POST payment_intents", "POST subscriptions",
		"GET subscriptions", "DELETE subscriptions", "DELETE subscriptions",
	}
	if !slices.Equal(came, want) {
		t.Fatalf("Stripe was asked %q", came)
	}
	if keys[0] == "" || keys[0] != keys[1] || keys[2] == "" || keys[2] == keys[0] || strings.Join(keys[3:], "") != "" {
		t.Errorf("the keys are %q", keys)
	}
	if got := h.stripe.effects(); got != 3 { // the payment, the subscription, its end
		t.Errorf("%d effects", got)
	}
}

// TestACallNeedsAScopeThatNamesIt, and read does not.
func TestACallNeedsAScopeThatNamesIt(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.withStripe(t)
	h.edits = append(h.edits, letIn("integrations:stripe:*"))
	h.WriteExample(h.store, h.edits...)
	g := h.Serve(apiToken)
	const call, read = "/integrations/stripe/call", "/integrations/stripe/read"
	program.Want(t, 403, g.Post(call, `{"operationId":"PostCustomers"}`))
	program.Want(t, 403, g.Post("/integrations/stripe/actions/call", `{"operationId":"GetCustomersCustomer","params":{"customer":"cus_123"}}`))
	h.stripe.wantNothing(t)
	subscription := program.Want(t, 200, g.Post("/integrations/stripe/subscriptions", `{"customer":"cus_123","priceId":"price_1"}`)).Text("id")
	found := program.Want(t, 200, g.Post(read, `{"operationId":"GetSubscriptionsSubscriptionExposedId","params":{"subscription_exposed_id":"`+subscription+`"}}`))
	if found.Text("id") != subscription {
		t.Errorf("%s", found.Body)
	}
	refused := program.Want(t, 422, g.Post(read, `{"operationId":"PostCustomers","params":{"name":"A"}}`))
	if refused.Text("errors.0.pointer") != "/operationId" || !strings.Contains(refused.Text("errors.0.message"), "call does this one") {
		t.Errorf("%s", refused.Body)
	}
	if calls := h.stripe.asked(); len(calls) != 2 {
		t.Errorf("Stripe was asked %+v", calls)
	}
}
