package payment

import (
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

func captureIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := subjectIntent(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if status := o.Text("status"); status != requiresCapture {
		return nil, unexpected(o, "This PaymentIntent could not be captured because it has a status of %s. Only a PaymentIntent with one of the following statuses may be captured: requires_capture.", status)
	}
	amount := o.Int("amount_capturable")
	if r.Params.Has("amount_to_capture") {
		if amount = r.Params.Int("amount_to_capture"); amount < 1 {
			return nil, resource.Invalid("amount_to_capture", "parameter_invalid_integer", "This value must be greater than or equal to 1.")
		}
		if amount > o.Int("amount_capturable") {
			return nil, resource.Invalid("amount_to_capture", "amount_too_large", "The amount to capture (%s) is greater than the amount that can be captured (%s).", spell(amount, o.Text("currency")), spell(o.Int("amount_capturable"), o.Text("currency")))
		}
	}
	if refusal := resource.Update(o, r.Params, "application_fee_amount", "statement_descriptor", "statement_descriptor_suffix", "transfer_data"); refusal != nil {
		return nil, refusal
	}
	charge, ok := t.Find(Charge, o.Text("latest_charge"))
	if !ok {
		return nil, resource.Missing(Charge, o.Text("latest_charge"), "latest_charge")
	}
	capture(t, o, charge, amount)
	return o, nil
}

// capture takes an authorized amount, of the intent and of its charge; the rest goes
// back to the card.
func capture(t *resource.Tx, o, charge Object, amount int64) {
	t.Stop(o.ID(), timerExpire)
	charge["captured"] = true
	book(t, charge, amount)
	if rest := charge.Int("amount") - amount; rest > 0 {
		charge["amount_refunded"] = rest
	}
	o["status"], o["amount_capturable"], o["amount_received"] = succeeded, 0, amount
	t.Put(charge)
	t.Put(o)
	t.Emit("charge.captured", charge)
	t.Emit("payment_intent.succeeded", o)
}

// cancelable are the statuses in which a payment intent can be canceled.
var cancelable = []string{requiresMethod, requiresCapture, requiresConfirmation, requiresAction, processing}

func cancelIntent(t *resource.Tx, r *resource.Request) (Object, *Refusal) {
	o, refusal := subjectIntent(t, r)
	if refusal != nil {
		return nil, refusal
	}
	if !slices.Contains(cancelable, o.Text("status")) {
		return nil, unexpected(o, "You cannot cancel this PaymentIntent because it has a status of %s. Only a PaymentIntent with one of the following statuses may be canceled: %s.", o.Text("status"), strings.Join(cancelable, ", "))
	}
	if o.Set("invoice") {
		return nil, unexpected(o, "You cannot cancel this PaymentIntent because it was created by an invoice. Void the invoice instead.")
	}
	return CancelIntent(t, o, r.Params["cancellation_reason"]), nil
}

// CancelIntent cancels a payment intent, for a reason or nil. An amount that was
// authorized goes back to the card.
func CancelIntent(t *resource.Tx, o Object, why any) Object {
	held := o.Text("status") == requiresCapture
	t.Stop(o.ID(), "")
	o["status"], o["canceled_at"], o["cancellation_reason"] = canceled, t.Now().Unix(), why
	o["amount_capturable"], o["next_action"] = 0, nil
	t.Put(o)
	if held {
		release(t, o.Text("latest_charge"), why == "automatic")
	}
	t.Emit("payment_intent.canceled", o)
	return o
}

// release gives an authorized amount back, because it expired or was canceled.
func release(t *resource.Tx, id string, expired bool) {
	charge, ok := t.Find(Charge, id)
	if !ok {
		return
	}
	before := charge.Clone()
	charge["refunded"], charge["amount_refunded"] = true, charge["amount"]
	t.Put(charge)
	if expired {
		t.Emit("charge.expired", charge)
		return
	}
	t.EmitUpdate("charge.refunded", before, charge)
}

// expireAuthorization cancels a payment that was not captured in time.
func expireAuthorization(t *resource.Tx, id string) {
	if o, ok := t.Find(PaymentIntent, id); ok && o.Text("status") == requiresCapture {
		CancelIntent(t, o, "automatic")
	}
}
