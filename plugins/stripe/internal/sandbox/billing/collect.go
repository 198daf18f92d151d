package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// methodFor chooses what an invoice is paid with, empty where there is nothing
// (https://docs.stripe.com/billing/subscriptions/payment-methods-setting).
func methodFor(t *resource.Tx, o resource.Object) string {
	sub, _ := t.Find(subscription, o.Text("subscription"))
	customer, _ := t.Find(payment.Customer, o.Text("customer"))
	return first(
		o.Ref("default_payment_method"), o.Ref("default_source"),
		sub.Ref("default_payment_method"), sub.Ref("default_source"),
		customer.Object("invoice_settings").Ref("default_payment_method"), customer.Ref("default_source"),
	)
}

// intentOf makes the payment intent of an invoice that is becoming final.
func intentOf(t *resource.Tx, o resource.Object) resource.Object {
	order := payment.Order{
		Amount: o.Int("amount_due"), Currency: o.Text("currency"), Customer: o.Text("customer"), Invoice: o.ID(),
		Fields: resource.Object{"payment_method_types": payableBy(t, o)},
	}
	switch o.Text("billing_reason") {
	case reasonCreate:
		order.Description, order.Fields["setup_future_usage"] = "Subscription creation", "off_session"
	case reasonCycle, reasonUpdate:
		order.Description = "Subscription update"
	case reasonManual:
		order.Description = "Payment for Invoice"
	}
	return payment.NewIntent(t, order)
}

// payableBy are the types of payment methods that an invoice can be paid with: those
// that it names, or cards and what it would be paid with.
func payableBy(t *resource.Tx, o resource.Object) []any {
	if named := o.Object("payment_settings").List("payment_method_types"); len(named) > 0 {
		return named
	}
	types := []any{payment.Card}
	if method, ok := t.Find(payment.PaymentMethod, methodFor(t, o)); ok && method.Text("type") != payment.Card {
		types = append(types, method.Text("type"))
	}
	return types
}

// collect tries to collect an open invoice, with a method or with the one that is
// set, and does what follows. The refusal is that of the payment; what happened to the
// invoice stands.
func collect(t *resource.Tx, o resource.Object, method string, offSession bool) *resource.Refusal {
	if method = first(method, methodFor(t, o)); method == "" {
		refusal := resource.Unexpected("", "There is no `default_payment_method` set on this Customer or Invoice. Please set either an `invoice_settings.default_payment_method` on the Customer, or a `default_payment_method` on the Invoice.")
		refuseAttempt(t, o, false)
		refusal.Stands = true
		return refusal
	}
	intent, refusal := payment.Pay(t, o.Text("payment_intent"), method, offSession)
	switch {
	case refusal != nil && intent == nil:
		return refusal // nothing was tried
	case intent.Text("status") == "succeeded":
		settle(t, o, intent)
		return nil
	case intent.Text("status") == "processing":
		return nil // the payment's end is heard
	}
	o["charge"] = orNull(intent.Ref("latest_charge"))
	action := intent.Text("status") == "requires_action"
	if refusal == nil {
		refusal = &resource.Refusal{Status: 402, Type: resource.CardError, Code: "invoice_payment_intent_requires_action", Message: "Payment for this invoice requires additional user action before it can be completed successfully. Payment can be completed using the PaymentIntent associated with the invoice."}
	}
	refuseAttempt(t, o, action || refusal.Code == "authentication_required")
	refusal.Stands = true
	return refusal
}

// settle makes an invoice paid, by a payment intent or, where that is nil, without
// one.
func settle(t *resource.Tx, o, intent resource.Object) {
	before := o.Clone()
	t.Stop(o.ID(), "")
	o["paid"], o["status"], o["attempted"], o["auto_advance"] = true, "paid", true, false
	o["next_payment_attempt"] = nil
	o.Object("status_transitions")["paid_at"] = t.Now().Unix()
	o["amount_paid"], o["amount_remaining"] = o.Int("amount_due"), 0
	if intent != nil {
		o["attempt_count"] = o.Int("attempt_count") + 1
		o["charge"] = orNull(intent.Ref("latest_charge"))
	}
	t.Put(o)
	t.EmitUpdate("invoice.updated", before, o)
	paidFor(t, o, intent)
	t.Emit("invoice.paid", o)
	t.Emit("invoice.payment_succeeded", o)
}

// refuseAttempt is what happens to an invoice whose payment failed. The next attempt
// is set, or this was the last one.
func refuseAttempt(t *resource.Tx, o resource.Object, action bool) {
	before := o.Clone()
	o["attempted"] = true
	o["attempt_count"] = o.Int("attempt_count") + 1
	o["next_payment_attempt"] = nil
	t.Stop(o.ID(), timerRetry)
	sub, ofSub := t.Find(subscription, o.Text("subscription"))
	again := o.Bool("auto_advance") && o.Text("status") == "open" && (!ofSub || !ended(sub) && sub.Text("status") != "incomplete")
	last := false
	if again {
		if n := int(o.Int("attempt_count")); n <= len(retries) {
			at := t.Now().Add(retries[n-1])
			o["next_payment_attempt"] = at.Unix()
			t.At(at, timerRetry, o.ID())
		} else {
			o["auto_advance"], last = false, true
		}
	}
	t.Put(o)
	t.EmitUpdate("invoice.updated", before, o)
	if action {
		t.Emit("invoice.payment_action_required", o)
	}
	t.Emit("invoice.payment_failed", o)
	if !ofSub || ended(sub) {
		return
	}
	switch status := sub.Text("status"); {
	case last:
		end(t, sub, "payment_failed")
	case status == "active" || status == "trialing":
		setStatus(t, sub, "past_due")
	}
}

// retry tries to collect an invoice again.
func retry(t *resource.Tx, id string) {
	if o, ok := t.Find(invoice, id); ok && o.Text("status") == "open" && o.Bool("auto_advance") {
		collect(t, o, "", true)
	}
}

// paymentSucceeded hears that a payment intent succeeded. Where it is that of an
// invoice, and not collected here, the invoice is paid.
func paymentSucceeded(t *resource.Tx, intent resource.Object) {
	o, ok := t.Find(invoice, intent.Ref("invoice"))
	if ok && (o.Text("status") == "open" || o.Text("status") == "uncollectible") {
		settle(t, o, intent)
	}
}

// paymentFailed hears that a payment intent failed. Where it is that of an invoice,
// and this attempt is not known yet, it is one of the invoice.
func paymentFailed(t *resource.Tx, intent resource.Object) {
	o, ok := t.Find(invoice, intent.Ref("invoice"))
	if !ok || o.Text("status") != "open" || o.Ref("charge") == intent.Ref("latest_charge") {
		return
	}
	o["charge"] = orNull(intent.Ref("latest_charge"))
	refuseAttempt(t, o, false)
}
