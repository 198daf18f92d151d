package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// cancelSubscription ends a subscription now
// (https://docs.stripe.com/billing/subscriptions/cancel). With "prorate" what was paid
// and is not used comes back, and with "invoice_now" what is pending is billed.
func cancelSubscription(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	sub, refusal := t.Subject(r, subscription)
	if refusal == nil && ended(sub) {
		refusal = resource.MissingSubject(subscription, sub.ID())
	}
	if refusal != nil {
		return nil, refusal
	}
	t.On(sub.Text("test_clock"))
	resource.Assign(sub.Object("cancellation_details"), r.Params.Object("cancellation_details"), "comment", "feedback")
	first := sub.Text("status") == "incomplete"
	if r.Params.Bool("prorate") && !first {
		if refusal := creditRest(t, sub); refusal != nil {
			return nil, refusal
		}
	}
	var bill resource.Object
	if customer := customerOf(t, sub); r.Params.Bool("invoice_now") && len(pending(t, customer.ID(), sub.ID())) > 0 {
		if bill, refusal = changeInvoice(t, customer, sub, false); refusal != nil {
			return nil, refusal
		}
		sub["latest_invoice"] = bill.ID()
	}
	end(t, sub, "cancellation_requested")
	if bill != nil {
		if refusal := startInvoice(t, bill, sub.Text("collection_method") == chargeAutomatically, "", true); refusal != nil {
			return nil, refusal
		}
	}
	if open, ok := t.Find(invoice, sub.Text("latest_invoice")); first && ok && open.Text("status") == "open" {
		void(t, open)
	}
	return t.Fresh(sub), nil
}

// creditRest gives back what was paid for the rest of the period.
func creditRest(t *resource.Tx, sub resource.Object) *resource.Refusal {
	none := sub.Clone()
	none["items"] = resource.Object{"data": []any{}}
	made, refusal := prorations(t, customerOf(t, sub), sub, none, t.Now().Unix(), false)
	if refusal != nil {
		return refusal
	}
	for _, item := range made {
		t.Put(item)
		t.Emit("invoiceitem.created", item)
	}
	return nil
}

// end ends a subscription. Its invoices are not collected any more by themselves.
func end(t *resource.Tx, sub resource.Object, why string) {
	t.Stop(sub.ID(), "")
	now := t.Now().Unix()
	sub["status"], sub["ended_at"] = "canceled", now
	if !sub.Set("canceled_at") {
		sub["canceled_at"] = now
	}
	if why != "" {
		sub.Object("cancellation_details")["reason"] = why
	}
	t.Put(sub)
	t.Emit("customer.subscription.deleted", sub)
	stopCollecting(t, sub)
}

// stopCollecting leaves the invoices of a subscription that ended to be paid by hand.
func stopCollecting(t *resource.Tx, sub resource.Object) {
	waits := func(o resource.Object) bool {
		return o.Bool("auto_advance") && (o.Text("status") == "draft" || o.Text("status") == "open")
	}
	for _, o := range t.All(resource.Filter{Kind: invoice, Equal: map[string]string{"subscription": sub.ID()}, Keep: waits}) {
		before := o.Clone()
		t.Stop(o.ID(), "")
		o["auto_advance"], o["next_payment_attempt"] = false, nil
		t.Put(o)
		t.EmitUpdate("invoice.updated", before, o)
	}
}

// cancelDue ends a subscription at the time that "cancel_at" set. What was paid of
// the period that is cut short comes back.
func cancelDue(t *resource.Tx, id string) {
	sub, ok := t.Find(subscription, id)
	if !ok || ended(sub) || !sub.Set("cancel_at") {
		return
	}
	if sub.Text("status") != "incomplete" && t.Now().Unix() < sub.Int("current_period_end") {
		creditRest(t, sub)
	}
	end(t, sub, "cancellation_requested")
}

// expireIncomplete ends a subscription whose first payment did not come.
func expireIncomplete(t *resource.Tx, id string) {
	sub, ok := t.Find(subscription, id)
	if !ok || sub.Text("status") != "incomplete" {
		return
	}
	o, ok := t.Find(invoice, sub.Text("latest_invoice"))
	if intent, _ := t.Find(payment.PaymentIntent, o.Text("payment_intent")); intent.Text("status") == "processing" {
		return // it came, and takes days
	}
	expire(t, sub)
	if ok && o.Text("status") == "open" {
		void(t, o)
	}
}

// expire makes a subscription incomplete_expired.
func expire(t *resource.Tx, sub resource.Object) {
	t.Stop(sub.ID(), "")
	before := sub.Clone()
	sub["status"], sub["ended_at"] = "incomplete_expired", t.Now().Unix()
	t.Put(sub)
	t.EmitUpdate("customer.subscription.updated", before, sub)
}

// resumeSubscription resumes a subscription that is paused
// (https://docs.stripe.com/api/subscriptions/resume): a period begins now, or the
// current one goes on. It is active once what is due is paid.
func resumeSubscription(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	sub, refusal := t.Subject(r, subscription)
	switch {
	case refusal != nil:
		return nil, refusal
	case sub.Text("status") != "paused":
		return nil, resource.Unexpected("", "Only subscriptions with status `paused` can be resumed. The status of this one is `%s`.", sub.Text("status"))
	case r.Params.Text("billing_cycle_anchor") == "unchanged":
		return nil, resource.NotDone("billing_cycle_anchor", "resume a subscription in its former periods")
	}
	t.On(sub.Text("test_clock"))
	before, now := sub.Clone(), t.Now().Unix()
	sub["billing_cycle_anchor"], sub["current_period_start"] = now, now
	sub["current_period_end"] = cycle(sub).Boundary(now, 1)
	bill, refusal := changeInvoice(t, customerOf(t, sub), sub, true)
	if refusal != nil {
		return nil, refusal
	}
	automatic := sub.Text("collection_method") == chargeAutomatically
	if automatic {
		bill["auto_advance"] = false // it is tried once: until it is paid, nothing goes on
	}
	sub["latest_invoice"] = bill.ID()
	t.Put(sub)
	t.EmitUpdate("customer.subscription.updated", before, sub)
	if refusal := startInvoice(t, bill, automatic, "", true); refusal != nil {
		return nil, refusal
	}
	return t.Fresh(sub), nil
}
