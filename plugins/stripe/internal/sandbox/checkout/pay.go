package checkout

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// pay does what a customer does on the page: with a payment method, and an email. It
// returns where the customer is to authenticate, if that is asked for. A refusal that
// is a decline leaves the session open.
func pay(t *resource.Tx, o resource.Object, method, email string) (next string, refusal *resource.Refusal) {
	payment.OnClockOf(t, o)
	if refusal := identify(t, o, email); refusal != nil {
		return "", refusal
	}
	t.Put(o)
	switch {
	case o.Text("mode") == modeSetup:
		return setUp(t, o, method)
	case o.Text("mode") == modeRecurring:
		return subscribe(t, o, method)
	case o.Int("amount_total") == 0:
		finish(t, o, nothingToPay)
		return "", nil
	}
	return payOnce(t, o, method)
}

// identify says who the customer is, and makes one where the session is to.
func identify(t *resource.Tx, o resource.Object, email string) *resource.Refusal {
	if o.Set("customer_email") {
		email = o.Text("customer_email")
	}
	details := resource.Object{"address": nil, "email": email, "name": nil, "phone": nil, "tax_exempt": "none", "tax_ids": []any{}}
	customer, found := t.Find(payment.Customer, o.Ref("customer"))
	if found {
		details["name"], details["phone"], details["address"] = customer["name"], customer["phone"], customer["address"]
		if customer.Set("email") {
			details["email"] = customer["email"]
		}
	} else if o.Text("mode") != modePayment || o.Text("customer_creation") == "always" {
		made, refusal := t.Do("PostCustomers", nil, resource.Object{"email": email})
		if refusal != nil {
			return refusal
		}
		o["customer"] = made.ID()
	}
	o["customer_details"] = details
	return nil
}

// payOnce pays the total. A session that is tried again goes on with its payment.
func payOnce(t *resource.Tx, o resource.Object, method string) (next string, refusal *resource.Refusal) {
	back := page(t, checkoutPath, o.ID())
	var intent resource.Object
	if o.Set("payment_intent") {
		intent, refusal = t.Do("PostPaymentIntentsIntentConfirm", map[string]string{"intent": o.Text("payment_intent")}, resource.Object{"payment_method": method, "return_url": back})
	} else {
		params := resource.Object{"amount": o.Int("amount_total"), "currency": o.Text("currency")}
		resource.Assign(params, kept(t, o.ID()).Object("payment_intent_data"), "capture_method", "description", "metadata", "receipt_email",
			"setup_future_usage", "shipping", "statement_descriptor", "statement_descriptor_suffix", "transfer_group")
		if o.Set("customer") {
			params["customer"] = o["customer"]
		}
		if intent, refusal = t.Do("PostPaymentIntents", nil, params); refusal != nil {
			return "", refusal
		}
		o["payment_intent"] = intent.ID()
		t.Put(o)
		intent, refusal = t.Do("PostPaymentIntentsIntentConfirm", map[string]string{"intent": intent.ID()}, resource.Object{"payment_method": method, "return_url": back})
	}
	if refusal != nil {
		return "", refusal
	}
	return intent.Object("next_action").Object("redirect_to_url").Text("url"), nil
}

// setUp keeps the card for later.
func setUp(t *resource.Tx, o resource.Object, method string) (next string, refusal *resource.Refusal) {
	params := resource.Object{"customer": o["customer"], "usage": "off_session"}
	resource.Assign(params, kept(t, o.ID()).Object("setup_intent_data"), "description", "metadata")
	intent, refusal := t.Do("PostSetupIntents", nil, params)
	if refusal != nil {
		return "", refusal
	}
	o["setup_intent"] = intent.ID()
	t.Put(o)
	intent, refusal = t.Do("PostSetupIntentsIntentConfirm", map[string]string{"intent": intent.ID()},
		resource.Object{"payment_method": method, "return_url": page(t, checkoutPath, o.ID())})
	if refusal != nil {
		return "", refusal
	}
	return intent.Object("next_action").Object("redirect_to_url").Text("url"), nil
}

// subscribe begins the subscription, and pays its first invoice.
func subscribe(t *resource.Tx, o resource.Object, method string) (next string, refusal *resource.Refusal) {
	attached, refusal := t.Do("PostPaymentMethodsPaymentMethodAttach", map[string]string{"payment_method": method}, resource.Object{"customer": o["customer"]})
	if refusal != nil {
		return "", refusal
	}
	hidden := kept(t, o.ID())
	params := resource.Object{"customer": o["customer"], "default_payment_method": attached.ID()}
	resource.Assign(params, hidden.Object("subscription_data"), "description", "metadata", "trial_end", "trial_period_days", "trial_settings", "billing_cycle_anchor", "proration_behavior")
	var recurring, once []any
	for _, one := range hidden.Objects("items") {
		wanted := resource.Object{"price": one.Object("price").ID(), "quantity": one.Int("quantity")}
		if one.Object("price").Object("recurring") != nil {
			recurring = append(recurring, wanted)
		} else {
			once = append(once, wanted)
		}
	}
	params["items"] = recurring
	if once != nil {
		params["add_invoice_items"] = once
	}
	for _, discount := range hidden.Objects("discounts") {
		resource.Assign(params, discount, "coupon", "promotion_code")
	}
	subscription, refusal := t.Do("PostSubscriptions", nil, params)
	if refusal != nil {
		return "", refusal
	}
	o["subscription"], o["invoice"] = subscription.ID(), subscription["latest_invoice"]
	t.Put(o)
	if subscription.Text("status") != "incomplete" {
		status := paid
		if o.Int("amount_total") == 0 {
			status = nothingToPay
		}
		finish(t, o, status)
		return "", nil
	}
	invoice, _ := t.Find("invoice", subscription.Ref("latest_invoice"))
	intent, _ := t.Find(payment.PaymentIntent, invoice.Ref("payment_intent"))
	if next = intent.Object("next_action").Object("redirect_to_url").Text("url"); next != "" {
		return next, nil
	}
	failure := intent.Object("last_payment_error")
	return "", &resource.Refusal{Status: 402, Type: resource.CardError, Code: failure.Text("code"), DeclineCode: failure.Text("decline_code"), Message: failure.Text("message")}
}

// finish completes a session.
func finish(t *resource.Tx, o resource.Object, paymentStatus string) {
	t.Stop(o.ID(), timerExpire)
	o["status"], o["payment_status"], o["url"] = complete, paymentStatus, nil
	t.Put(o)
	t.Emit("checkout.session.completed", o)
}

// paidBy returns the session that an intent, or a subscription, is of.
func paidBy(t *resource.Tx, field, id string) (resource.Object, bool) {
	found := t.All(resource.Filter{Kind: Session, Equal: map[string]string{field: id}})
	if len(found) == 0 {
		return nil, false
	}
	return found[0], true
}

// intentSucceeded completes the session of a payment, or says that it is paid where
// the payment took a while.
func intentSucceeded(t *resource.Tx, intent resource.Object) {
	o, ok := paidBy(t, "payment_intent", intent.ID())
	switch {
	case !ok:
	case o.Text("status") == open && intent.Text("status") == "requires_capture":
		finish(t, o, unpaid)
	case o.Text("status") == open:
		finish(t, o, paid)
	case o.Text("payment_status") == unpaid && intent.Text("status") == "succeeded":
		o["payment_status"] = paid
		t.Put(o)
		if charge, _ := t.Find(payment.Charge, intent.Text("latest_charge")); charge.Object("payment_method_details").Text("type") != payment.Card {
			t.Emit("checkout.session.async_payment_succeeded", o)
		}
	}
}

// intentProcesses completes the session of a payment that takes a while.
func intentProcesses(t *resource.Tx, intent resource.Object) {
	if o, ok := paidBy(t, "payment_intent", intent.ID()); ok && o.Text("status") == open {
		finish(t, o, unpaid)
	}
}

// intentFailed says that a payment that took a while failed. One that is declined at
// once leaves its session open.
func intentFailed(t *resource.Tx, intent resource.Object) {
	if o, ok := paidBy(t, "payment_intent", intent.ID()); ok && o.Text("status") == complete {
		t.Emit("checkout.session.async_payment_failed", o)
	}
}

func setupSucceeded(t *resource.Tx, intent resource.Object) {
	if o, ok := paidBy(t, "setup_intent", intent.ID()); ok && o.Text("status") == open {
		finish(t, o, nothingToPay)
	}
}

// invoicePaid completes the session of a subscription whose customer had to
// authenticate.
func invoicePaid(t *resource.Tx, invoice resource.Object) {
	if o, ok := paidBy(t, "invoice", invoice.ID()); ok && o.Text("status") == open {
		finish(t, o, paid)
	}
}
