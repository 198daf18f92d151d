package billing

import "github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"

// periodEnds is what happens when a period of a subscription, or its trial, ends: the
// subscription ends with it, or the next period begins and is billed
// (https://docs.stripe.com/billing/invoices/subscription).
func periodEnds(t *resource.Tx, id string) {
	sub, ok := t.Find(subscription, id)
	if !ok || ended(sub) {
		return
	}
	before, customer := sub.Clone(), customerOf(t, sub)
	trial := sub.Text("status") == "trialing"
	switch {
	case sub.Bool("cancel_at_period_end"):
		finalItems(t, sub)
		return
	case sub.Set("cancel_at") && sub.Int("cancel_at") <= t.Now().Unix():
		end(t, sub, "cancellation_requested")
		return
	case trial && endsWithoutMethod(t, sub, before):
		return
	case trial:
		sub["status"] = "active"
	}
	if sub.Object("discount") != nil && inForce(t, sub) == nil {
		setDiscount(t, sub, customer.ID(), nil)
	}
	start := sub.Int("current_period_end")
	_, next := cycle(sub).Period(sub.Int("billing_cycle_anchor"), start)
	past := [2]int64{sub.Int("current_period_start"), start}
	sub["current_period_start"], sub["current_period_end"] = start, next
	o := newInvoice(t, customer, sub, reasonCycle)
	o["period_start"], o["period_end"] = past[0], past[1]
	lines, refusal := subscriptionLines(t, sub, start, next, false)
	if refusal == nil {
		refusal = complete(t, o, customer, sub, lines)
	}
	if refusal != nil { // it is more than Stripe bills
		end(t, sub, "payment_failed")
		return
	}
	sub["latest_invoice"] = o.ID()
	paused := sub.Object("pause_collection").Text("behavior")
	if paused == "keep_as_draft" || sub.Text("status") == "unpaid" {
		o["auto_advance"] = false
	}
	storeDraft(t, o)
	t.Put(sub)
	t.EmitUpdate("customer.subscription.updated", before, sub)
	schedule(t, sub)
	if paused == "void" || paused == "mark_uncollectible" {
		giveUp(t, o, paused)
	}
}

// giveUp makes an invoice final that is made while collection is paused, and does not
// collect it.
func giveUp(t *resource.Tx, o resource.Object, how string) {
	if finalize(t, o) != nil {
		return
	}
	o = t.Fresh(o)
	switch {
	case o.Text("status") != "open":
	case how == "void":
		void(t, o)
	default:
		writeOff(t, o)
	}
}

// finalItems ends a subscription with its period. What is pending of it is billed
// (https://docs.stripe.com/billing/subscriptions/cancel).
func finalItems(t *resource.Tx, sub resource.Object) {
	waiting := pending(t, sub.Text("customer"), sub.ID())
	var bill resource.Object
	for _, item := range waiting {
		if item.Text("subscription") != sub.ID() {
			continue
		}
		made, refusal := changeInvoice(t, customerOf(t, sub), sub, false)
		if refusal == nil {
			bill = made
			bill["billing_reason"] = reasonCycle
			sub["latest_invoice"] = bill.ID()
		}
		break
	}
	end(t, sub, "cancellation_requested")
	if bill != nil {
		storeDraft(t, bill)
	}
}

// endsWithoutMethod does what a subscription says for a trial that ends while there is
// nothing to pay with, and says whether it ended or paused it
// (https://docs.stripe.com/billing/subscriptions/trials).
func endsWithoutMethod(t *resource.Tx, sub, before resource.Object) bool {
	what := sub.Object("trial_settings").Object("end_behavior").Text("missing_payment_method")
	if what == "create_invoice" || sub.Text("collection_method") == sendInvoice {
		return false
	}
	probe := resource.Object{"subscription": sub.ID(), "customer": sub.Text("customer")}
	switch {
	case methodFor(t, probe) != "":
		return false
	case what == "cancel":
		end(t, sub, "")
		return true
	case what == "pause":
		sub["status"] = "paused"
		t.Put(sub)
		t.EmitUpdate("customer.subscription.updated", before, sub)
		t.Emit("customer.subscription.paused", sub)
		return true
	}
	return false
}

// announceTrialEnd tells that a trial ends soon.
func announceTrialEnd(t *resource.Tx, id string) {
	if sub, ok := t.Find(subscription, id); ok && sub.Text("status") == "trialing" {
		t.Emit("customer.subscription.trial_will_end", sub)
	}
}

// announceRenewal tells what will be billed soon. The invoice has no id yet
// (https://docs.stripe.com/api/events/types, invoice.upcoming).
func announceRenewal(t *resource.Tx, id string) {
	sub, ok := t.Find(subscription, id)
	if !ok || ended(sub) || sub.Bool("cancel_at_period_end") || sub.Set("cancel_at") && sub.Int("cancel_at") <= sub.Int("current_period_end") {
		return
	}
	if o, refusal := renewal(t, sub, pending(t, sub.Text("customer"), sub.ID())); refusal == nil {
		t.Emit("invoice.upcoming", o)
	}
}
