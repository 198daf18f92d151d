package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// renewal makes the invoice that will be made when the current period of a
// subscription ends, with given items. Nothing is stored, and it has no id.
func renewal(t *resource.Tx, sub resource.Object, waiting []resource.Object) (resource.Object, *resource.Refusal) {
	next := sub.Clone()
	start := sub.Int("current_period_end")
	_, end := cycle(sub).Period(sub.Int("billing_cycle_anchor"), start)
	lines, refusal := subscriptionLines(t, next, start, end, false)
	if refusal != nil {
		return nil, refusal
	}
	o := newInvoice(t, customerOf(t, sub), sub, "upcoming")
	o["created"], o["period_start"], o["period_end"] = start, sub["current_period_start"], start
	o["next_payment_attempt"] = start + int64(draftTime.Seconds())
	return o, preview(t, o, customerOf(t, sub), sub, waiting, lines)
}

// preview finishes an invoice that is only shown.
func preview(t *resource.Tx, o, customer, sub resource.Object, waiting, lines []resource.Object) *resource.Refusal {
	o.Object("lines")["url"] = "/v1/invoices/upcoming/lines?customer=" + customer.ID()
	delete(o, "id")
	for _, item := range waiting {
		addLines(o, itemLine(t, item))
	}
	addLines(o, lines...)
	setDiscounts(t, o, sub, customer)
	if o.Text("collection_method") == sendInvoice {
		dueAfter(o, sub.Int("days_until_due"))
	}
	return total(t, o, customer.Int("balance"))
}

// upcomingInvoice shows the next invoice of a subscription or of a customer, as it
// would be after a change (https://docs.stripe.com/api/invoices/upcoming).
func upcomingInvoice(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if refusal := refuse(r.Params, "preview this", "customer_details", "discounts", "invoice_items", "schedule", "subscription_cancel_at", "subscription_default_tax_rates",
		"subscription_resume_at", "subscription_start_date", "subscription_trial_end", "subscription_billing_cycle_anchor"); refusal != nil {
		return nil, refusal
	}
	for _, one := range r.Params.Objects("subscription_items") {
		if one.Object("price_data") != nil {
			return nil, resource.NotDone("subscription_items", "preview prices that are not made yet")
		}
	}
	sub, customer, refusal := previewed(t, r)
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	if sub == nil {
		return upcomingWithout(t, r, customer)
	}
	if id := r.Params.Text("coupon"); id != "" {
		of, refusal := Redeemable(t, id, "coupon")
		if refusal != nil {
			return nil, refusal
		}
		shown := t.New(discount)
		shown["coupon"], shown["customer"], shown["subscription"], shown["start"] = of, customer.ID(), sub.ID(), t.Now().Unix()
		sub["discount"] = shown
	}
	return upcomingOf(t, r, sub, customer)
}

// previewed finds what is to be previewed. Without a subscription it is the one of the
// customer that is billed next; nil if there is none.
func previewed(t *resource.Tx, r *resource.Request) (sub, customer resource.Object, refusal *resource.Refusal) {
	if id := r.Params.Text("subscription"); id != "" {
		if sub, refusal = t.Get(subscription, id, "subscription"); refusal != nil {
			return nil, nil, refusal
		}
		return sub, customerOf(t, sub), nil
	}
	if customer, refusal = t.Get(payment.Customer, r.Params.Text("customer"), "customer"); refusal != nil {
		return nil, nil, refusal
	}
	if len(r.Params.Objects("subscription_items")) > 0 {
		return nil, customer, nil
	}
	for _, one := range t.All(resource.Filter{Kind: subscription, Equal: map[string]string{"customer": customer.ID()}}) {
		if !ended(one) && !one.Bool("cancel_at_period_end") && (sub == nil || one.Int("current_period_end") < sub.Int("current_period_end")) {
			sub = one
		}
	}
	return sub, customer, nil
}

func upcomingOf(t *resource.Tx, r *resource.Request, sub, customer resource.Object) (resource.Object, *resource.Refusal) {
	waiting := pending(t, customer.ID(), sub.ID())
	after := sub.Clone()
	if given := r.Params.Objects("subscription_items"); len(given) > 0 {
		all, refusal := changedItems(t, sub, given)
		if refusal != nil {
			return nil, refusal
		}
		holdItems(after, all)
	}
	at, refusal := prorationDate(resource.Object{"proration_date": r.Params["subscription_proration_date"]}, sub, t.Now().Unix())
	if refusal != nil {
		return nil, refusal
	}
	behavior := r.Params.Text("subscription_proration_behavior")
	begins := cycle(after) != cycle(sub)
	if behavior != "none" {
		made, refusal := prorations(t, customer, sub, after, at, begins)
		if refusal != nil {
			return nil, refusal
		}
		waiting = append(waiting, made...)
	}
	ends := sub.Bool("cancel_at_period_end") || r.Params.Bool("subscription_cancel_at_period_end") || r.Params.Bool("subscription_cancel_now")
	switch {
	case ended(sub) || ends && len(waiting) == 0:
		return nil, noUpcoming(customer)
	case begins || behavior == "always_invoice" || ends:
		o := newInvoice(t, customer, after, "upcoming")
		var lines []resource.Object
		if begins {
			now := t.Now().Unix()
			after["billing_cycle_anchor"] = now
			if lines, refusal = subscriptionLines(t, after, now, cycle(after).Boundary(now, 1), false); refusal != nil {
				return nil, refusal
			}
		}
		return o, preview(t, o, customer, after, waiting, lines)
	}
	return renewal(t, after, waiting)
}

// upcomingWithout previews a subscription that is not there yet, or what is pending
// without one.
func upcomingWithout(t *resource.Tx, r *resource.Request, customer resource.Object) (resource.Object, *resource.Refusal) {
	given := r.Params.Objects("subscription_items")
	waiting := pending(t, customer.ID(), "")
	if len(given) == 0 && len(waiting) == 0 {
		return nil, noUpcoming(customer)
	}
	if len(given) == 0 {
		o := newInvoice(t, customer, nil, "upcoming")
		o["currency"] = waiting[0].Text("currency")
		return o, preview(t, o, customer, nil, waiting, nil)
	}
	sub, refusal := newSubscription(t, customer, resource.Object{"items": r.Params["subscription_items"]})
	if refusal != nil {
		return nil, refusal
	}
	lines, refusal := subscriptionLines(t, sub, sub.Int("current_period_start"), sub.Int("current_period_end"), false)
	if refusal != nil {
		return nil, refusal
	}
	o := newInvoice(t, customer, sub, "upcoming")
	o["subscription"] = nil
	return o, preview(t, o, customer, sub, waiting, lines)
}

func noUpcoming(customer resource.Object) *resource.Refusal {
	refusal := resource.Unexpected("invoice_upcoming_none", "No upcoming invoices for customer: %s", customer.ID())
	refusal.Status = 404
	return refusal
}
