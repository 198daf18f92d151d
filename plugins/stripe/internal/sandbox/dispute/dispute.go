// Package dispute is the part of the sandbox in which customers ask their bank for the
// money back: disputes and inquiries of the test cards that lead to them, and early
// fraud warnings.
//
// The package imports plugins/stripe/internal/sandbox/payment and
// plugins/stripe/internal/sandbox/resource.
package dispute

import (
	"net/http"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Types of objects.
const (
	Dispute = "dispute"
	Warning = "radar.early_fraud_warning"
)

// Statuses of disputes (https://docs.stripe.com/api/disputes/object).
const (
	needsResponse  = "needs_response"
	underReview    = "under_review"
	won            = "won"
	lost           = "lost"
	inquiry        = "warning_needs_response"
	inquiryReview  = "warning_under_review"
	inquiryClosed  = "warning_closed"
	timerOverdue   = "dispute.overdue"
	responseWithin = 7 * 24 * time.Hour
	// fee is what Stripe takes for a dispute, in cents
	// (https://docs.stripe.com/disputes/how-disputes-work#dispute-fees).
	fee = 1500
)

// Module has the operations on disputes.
func Module() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{Dispute: "dp", Warning: "issfr"},
		Operations: map[string]resource.Operation{
			"GetDisputes":                                 list,
			"GetDisputesDispute":                          resource.Getter(Dispute),
			"PostDisputesDispute":                         update,
			"PostDisputesDisputeClose":                    closeDispute,
			"GetChargesChargeDispute":                     ofCharge(resource.Getter(Dispute)),
			"PostChargesChargeDispute":                    ofCharge(update),
			"PostChargesChargeDisputeClose":               ofCharge(closeDispute),
			"GetRadarEarlyFraudWarnings":                  resource.Lister(Warning, "charge", "payment_intent"),
			"GetRadarEarlyFraudWarningsEarlyFraudWarning": resource.Getter(Warning),
		},
		Timers: map[string]resource.Timer{timerOverdue: overdue},
		Listeners: map[string][]resource.Listener{
			"charge.succeeded": {paid}, "charge.captured": {paid}, "charge.refunded": {refunded},
		},
	}
}

// paid opens what the test card of a charge stands for
// (https://docs.stripe.com/testing#disputes).
func paid(t *resource.Tx, charge resource.Object) {
	if !charge.Bool("captured") {
		return
	}
	switch payment.TestCard(charge) {
	case "createDispute":
		open(t, charge.ID(), "fraudulent", needsResponse)
	case "createDisputeProductNotReceived":
		open(t, charge.ID(), "product_not_received", needsResponse)
	case "createDisputeInquiry":
		open(t, charge.ID(), "fraudulent", inquiry)
	case "createIssuerFraudRecord":
		warn(t, charge)
	}
}

// warn records that the issuer takes a charge for fraud.
func warn(t *resource.Tx, charge resource.Object) {
	o := t.New(Warning)
	o["charge"], o["fraud_type"], o["actionable"] = charge.ID(), "made_with_stolen_card", true
	t.Put(o)
	t.Emit("radar.early_fraud_warning.created", o)
}

// open makes a dispute of a charge.
func open(t *resource.Tx, id, reason, status string) {
	charge, ok := t.Find(payment.Charge, id)
	if !ok || len(t.All(ofOne(id))) > 0 {
		return
	}
	o := t.New(Dispute)
	o["charge"], o["payment_intent"], o["amount"], o["currency"] = charge.ID(), charge["payment_intent"], charge.Int("amount_captured"), charge["currency"]
	o["reason"], o["status"], o["is_charge_refundable"] = reason, status, status == inquiry
	o["balance_transactions"] = []any{}
	due := t.Now().Add(responseWithin).Truncate(24*time.Hour).Unix() + 24*60*60 - 1 // the end of the day
	o["evidence_details"] = resource.Object{"due_by": due, "has_evidence": false, "past_due": false, "submission_count": 0}
	o["payment_method_details"] = resource.Object{"type": "card", "card": resource.Object{
		"brand": charge.Object("payment_method_details").Object("card").Text("brand"), "network_reason_code": networkReason(reason),
	}}
	if status == needsResponse {
		withdraw(t, o)
	}
	t.Put(o)
	t.At(time.Unix(due, 0), timerOverdue, o.ID())
	t.Emit("charge.dispute.created", o)
	if status == needsResponse {
		t.Emit("charge.dispute.funds_withdrawn", o)
	}
}

// networkReason is Visa's code of a reason
// (https://docs.stripe.com/disputes/categories).
func networkReason(reason string) string {
	if reason == "product_not_received" {
		return "13.1"
	}
	return "10.4"
}

// ofOne are the disputes of a charge.
func ofOne(charge string) resource.Filter {
	return resource.Filter{Kind: Dispute, Equal: map[string]string{"charge": charge}}
}

// withdraw takes the amount of a dispute, and the fee for it, from the balance. The
// charge cannot be refunded any more.
func withdraw(t *resource.Tx, o resource.Object) {
	if charge, ok := t.Find(payment.Charge, o.Text("charge")); ok {
		charge["disputed"] = true
		t.Put(charge)
	}
	move(t, o, "dispute", "Chargeback withdrawal for "+o.Text("charge"), -o.Int("amount"), fee)
}

// move adds a movement of the balance to a dispute.
func move(t *resource.Tx, o resource.Object, category, description string, amount, fee int64) {
	moved := payment.Post(t, payment.Entry{
		Type: "adjustment", Category: category, Currency: o.Text("currency"), Amount: amount, Fee: fee, Source: o.ID(),
		Description: description, Available: true,
	})
	for _, part := range moved.Objects("fee_details") {
		part["description"] = "Dispute fee"
	}
	t.Put(moved)
	o["balance_transactions"] = append(o.List("balance_transactions"), moved)
}

func list(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	return t.List(r, resource.ByParams(Dispute, r, "charge", "payment_intent"))
}

// ofCharge is an operation on the dispute of the charge that the path names.
func ofCharge(do resource.Operation) resource.Operation {
	return func(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
		charge, refusal := t.Subject(r, payment.Charge)
		if refusal != nil {
			return nil, refusal
		}
		for _, o := range t.All(ofOne(charge.ID())) {
			return do(t, resource.NewRequest(r.Path, Dispute, map[string]string{Dispute: o.ID()}, r.Params))
		}
		return nil, &resource.Refusal{
			Status: http.StatusNotFound, Type: resource.InvalidRequest, Code: "resource_missing", Param: "charge",
			Message: "No dispute for charge: " + charge.ID(),
		}
	}
}

// onClock goes by the clock of the customer whose charge is disputed.
func onClock(t *resource.Tx, o resource.Object) {
	charge, _ := t.Find(payment.Charge, o.Text("charge"))
	payment.OnClockOf(t, charge)
}
