package sandbox

import (
	"net/http"
	"slices"
	"testing"
)

// paid makes a payment and returns the intent.
func (b *box) paid(card string) reply {
	b.t.Helper()
	return b.post("/v1/payment_intents", "amount=2000&currency=usd&confirm=true&payment_method="+card)
}

func TestRefundsInPartAndWhole(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	intent := b.paid("pm_card_visa")
	charge := intent.text("latest_charge")
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/refunds", "amount=2001&charge="+charge)
	b.refused(400, "parameter_invalid_integer", http.MethodPost, "/v1/refunds", "amount=0&charge="+charge)
	b.refused(400, "resource_missing", http.MethodPost, "/v1/refunds", "charge=ch_no")
	b.refused(400, "parameter_missing", http.MethodPost, "/v1/refunds", "amount=5")
	part := b.post("/v1/refunds", "amount=500&reason=requested_by_customer&metadata[why]=x&payment_intent="+intent.text("id"))
	b.shows(part, map[string]string{"amount": "500", "status": "succeeded", "charge": charge, "payment_intent": intent.text("id"), "reason": "requested_by_customer", "metadata.why": "x"})
	b.shows(b.get("/v1/charges/"+charge, ""), map[string]string{"amount_refunded": "500", "refunded": "false"})
	b.refused(400, "invalid_request_error", http.MethodPost, "/v1/refunds", "amount=1501&charge="+charge)
	b.shows(b.post("/v1/refunds", "charge="+charge), map[string]string{"amount": "1500"})
	b.shows(b.get("/v1/charges/"+charge, "expand[]=refunds"), map[string]string{"amount_refunded": "2000", "refunded": "true", "refunds.data.#": "2", "refunds.data.1.id": part.text("id"), "refunds.url": "/v1/charges/" + charge + "/refunds"})
	b.refused(400, "charge_already_refunded", http.MethodPost, "/v1/refunds", "charge="+charge)
	b.shows(b.get("/v1/refunds", "payment_intent="+intent.text("id")), map[string]string{"data.#": "2"})

	events := b.events()
	if want := []string{"refund.created", "charge.refunded", "refund.created", "charge.refunded"}; !slices.Equal(events[3:], want) {
		t.Errorf("events %v, want %v", events[3:], want)
	}
	b.shows(b.get("/v1/events", "type=charge.refunded&limit=1"), map[string]string{"data.0.data.previous_attributes": `{"amount_refunded":500,"refunded":false}`})

	unpaid := b.post("/v1/payment_intents", "amount=2000&currency=usd").text("id")
	b.refused(400, "payment_intent_unexpected_state", http.MethodPost, "/v1/refunds", "payment_intent="+unpaid)
}

func TestRefundsThatEndLater(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	pending := b.post("/v1/refunds", "payment_intent="+b.paid("pm_card_pendingRefund").text("id"))
	b.shows(pending, map[string]string{"status": "pending"})
	failing := b.post("/v1/refunds", "payment_intent="+b.paid("pm_card_refundFail").text("id"))
	b.shows(failing, map[string]string{"status": "succeeded"})
	b.shows(b.do("advance", `{"by":"25h"}`), map[string]string{"events": `{"charge.refund.updated":2,"refund.updated":2}`})
	b.shows(b.get("/v1/refunds/"+pending.text("id"), ""), map[string]string{"status": "succeeded"})
	b.shows(b.get("/v1/refunds/"+failing.text("id"), "expand[]=failure_balance_transaction&expand[]=charge"), map[string]string{
		"status": "failed", "failure_reason": "expired_or_canceled_card", "failure_balance_transaction.amount": "2000", "charge.amount_refunded": "0", "charge.refunded": "false",
	})
}

func TestTheBalanceHoldsWhatWasPaid(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	// What was paid for the seed's subscription is on its way: 2000 less the fee.
	b.shows(b.get("/v1/balance", ""), map[string]string{"available.0.amount": "0", "pending.0.amount": "1912", "pending.0.currency": "usd"})
	intent := b.paid("pm_card_visa")
	b.paid("pm_card_bypassPending")
	b.shows(b.get("/v1/balance", ""), map[string]string{"pending.0.amount": "3824", "available.0.amount": "1912"})
	b.post("/v1/refunds", "amount=1000&payment_intent="+intent.text("id"))
	b.shows(b.get("/v1/balance", ""), map[string]string{"pending.0.amount": "2824"})
	b.do("advance", `{"by":"3d"}`)
	b.shows(b.get("/v1/balance", ""), map[string]string{"pending.0.amount": "0", "available.0.amount": "4736"})
	list := b.get("/v1/balance_transactions", "type=refund&expand[]=data.source")
	b.shows(list, map[string]string{"data.#": "1", "data.0.amount": "-1000", "data.0.fee": "0", "data.0.status": "available", "data.0.source.object": "refund"})
}
