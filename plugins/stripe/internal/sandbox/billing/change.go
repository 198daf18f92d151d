package billing

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// applySubscription reads the params that create and update have in common.
func applySubscription(t *resource.Tx, sub, params resource.Object) *resource.Refusal {
	if refusal := resource.Update(sub, params, "application_fee_percent", "collection_method", "days_until_due", "default_payment_method", "default_source", "description", "on_behalf_of", "transfer_data"); refusal != nil {
		return refusal
	}
	if id := params.Text("default_payment_method"); id != "" {
		if refusal := payment.AttachedTo(t, id, sub.Text("customer"), "default_payment_method"); refusal != nil {
			return refusal
		}
	}
	resource.Assign(sub.Object("payment_settings"), params.Object("payment_settings"), "payment_method_options", "payment_method_types", "save_default_payment_method")
	resource.Assign(sub.Object("trial_settings").Object("end_behavior"), params.Object("trial_settings").Object("end_behavior"), "missing_payment_method")
	resource.Assign(sub.Object("cancellation_details"), params.Object("cancellation_details"), "comment", "feedback")
	if sub.Text("collection_method") == sendInvoice && !sub.Set("days_until_due") {
		return resource.Invalid("days_until_due", "parameter_missing", "When `collection_method` is `send_invoice`, you must specify `days_until_due`.")
	}
	if sub.Text("collection_method") != sendInvoice {
		if params.Set("days_until_due") {
			return resource.Invalid("days_until_due", "", "You can only specify `days_until_due` when `collection_method` is `send_invoice`.")
		}
		sub["days_until_due"] = nil
	}
	return applyCancellation(t, sub, params)
}

// applyCancellation reads when a subscription is to end.
func applyCancellation(t *resource.Tx, sub, params resource.Object) *resource.Refusal {
	at, given := integer(params, "cancel_at")
	switch now := t.Now().Unix(); {
	case given && params.Bool("cancel_at_period_end"):
		return resource.Invalid("cancel_at", "", "You may only specify one of these parameters: cancel_at, cancel_at_period_end.")
	case given && at <= now:
		return resource.Invalid("cancel_at", "", "The cancel_at timestamp must be in the future.")
	case given:
		sub["cancel_at"], sub["canceled_at"], sub["cancel_at_period_end"] = at, now, false
	case params.Has("cancel_at"):
		sub["cancel_at"], sub["canceled_at"] = nil, nil
	}
	if params.Has("cancel_at_period_end") && params.Bool("cancel_at_period_end") != sub.Bool("cancel_at_period_end") {
		sub["cancel_at_period_end"] = params.Bool("cancel_at_period_end")
		sub["cancel_at"], sub["canceled_at"] = nil, nil
		if sub.Bool("cancel_at_period_end") {
			sub["canceled_at"] = t.Now().Unix()
		}
	}
	details := sub.Object("cancellation_details")
	if details["reason"] = nil; sub.Bool("cancel_at_period_end") || sub.Set("cancel_at") {
		details["reason"] = "cancellation_requested"
	}
	return nil
}

func updateSubscription(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	sub, refusal := t.Subject(r, subscription)
	if refusal != nil {
		return nil, refusal
	}
	return change(t, sub, r.Params)
}

// change applies the params of an update to a subscription, bills what follows from
// it, and returns it as it is stored then.
func change(t *resource.Tx, sub, params resource.Object) (resource.Object, *resource.Refusal) {
	t.On(sub.Text("test_clock"))
	if refusal := changeable(sub, params); refusal != nil {
		return nil, refusal
	}
	customer, before := customerOf(t, sub), sub.Clone()
	if refusal := applySubscription(t, sub, params); refusal != nil {
		return nil, refusal
	}
	if refusal := changeDiscount(t, sub, customer, params); refusal != nil {
		return nil, refusal
	}
	if refusal := pauseCollection(t, sub, params); refusal != nil {
		return nil, refusal
	}
	for _, one := range params.Objects("add_invoice_items") {
		if refusal := addInvoiceItem(t, customer, sub, one); refusal != nil {
			return nil, refusal
		}
	}
	bill, refusal := changeTerms(t, sub, before, customer, params)
	if refusal != nil {
		return nil, refusal
	}
	t.Stop(sub.ID(), timerCancel)
	if sub.Set("cancel_at") {
		t.At(unix(sub.Int("cancel_at")), timerCancel, sub.ID())
	}
	if bill != nil {
		sub["latest_invoice"] = bill.ID()
	}
	t.Put(sub)
	t.EmitUpdate("customer.subscription.updated", before, sub)
	if sub.Text("status") != "incomplete" && sub.Text("status") != "paused" {
		schedule(t, sub)
	}
	if bill != nil {
		automatic := sub.Text("collection_method") == chargeAutomatically && sub.Object("pause_collection") == nil
		if refusal := startInvoice(t, bill, automatic, params.Text("payment_behavior"), params.Bool("off_session")); refusal != nil {
			return nil, refusal
		}
	}
	return t.Fresh(sub), nil
}

// changeable refuses changes that the status of a subscription, or the sandbox, does
// not allow.
func changeable(sub, params resource.Object) *resource.Refusal {
	allowed := ""
	switch sub.Text("status") {
	case "canceled", "incomplete_expired":
		allowed = " metadata cancellation_details expand "
	case "incomplete":
		allowed = " metadata cancellation_details default_payment_method default_source description payment_settings cancel_at_period_end cancel_at expand "
	}
	for name := range params {
		switch {
		case allowed == "" || strings.Contains(allowed, " "+name+" "):
		case ended(sub):
			return resource.Unexpected("", "A canceled subscription can only update its cancellation_details and metadata.")
		default:
			return resource.Unexpected("", "You cannot update a subscription in `incomplete` status in this way (%s). Only its metadata, payment method and cancellation can be changed until its first invoice is paid.", name)
		}
	}
	if params.Text("payment_behavior") == "pending_if_incomplete" {
		return resource.NotDone("payment_behavior", "keep updates pending: use allow_incomplete, default_incomplete or error_if_incomplete")
	}
	return refuseUnsupported(params, subscriptionUnsupported)
}

func changeDiscount(t *resource.Tx, sub, customer, params resource.Object) *resource.Refusal {
	if !params.Has("coupon") && !params.Has("promotion_code") {
		return nil
	}
	asked, refusal := redeeming(t, params, customer, 0, sub.Text("currency"))
	if refusal == nil {
		setDiscount(t, sub, customer.ID(), asked)
	}
	return refusal
}

// pauseCollection reads "pause_collection": invoices go on being made, and are not
// collected (https://docs.stripe.com/billing/subscriptions/pause-payment).
func pauseCollection(t *resource.Tx, sub, params resource.Object) *resource.Refusal {
	if !params.Has("pause_collection") {
		return nil
	}
	t.Stop(sub.ID(), timerResume)
	given := params.Object("pause_collection")
	sub["pause_collection"] = nil
	if given == nil {
		return nil
	}
	pause := resource.Object{"behavior": given.Text("behavior"), "resumes_at": nil}
	if at, timed := integer(given, "resumes_at"); timed {
		if at <= t.Now().Unix() {
			return resource.Invalid("pause_collection[resumes_at]", "", "The resumes_at timestamp must be in the future.")
		}
		pause["resumes_at"] = at
		t.At(unix(at), timerResume, sub.ID())
	}
	sub["pause_collection"] = pause
	return nil
}

// resumeCollection ends a pause whose time has come.
func resumeCollection(t *resource.Tx, id string) {
	sub, ok := t.Find(subscription, id)
	if !ok || ended(sub) || sub.Object("pause_collection") == nil {
		return
	}
	before := sub.Clone()
	sub["pause_collection"] = nil
	t.Put(sub)
	t.EmitUpdate("customer.subscription.updated", before, sub)
}

// changeTerms changes what a subscription is for and when it is billed: its items, its
// trial, and where its periods begin. It returns the draft of an invoice where one is
// to be made now.
func changeTerms(t *resource.Tx, sub, before, customer, params resource.Object) (bill resource.Object, refusal *resource.Refusal) {
	now := t.Now().Unix()
	if given := params.Objects("items"); len(given) > 0 {
		all, refusal := changedItems(t, sub, given)
		if refusal != nil {
			return nil, refusal
		}
		if currency := all[0].Object("price").Text("currency"); currency != sub.Text("currency") {
			return nil, resource.Invalid("items", "", "The price specified supports currencies of `%s`. This doesn't match the expected currency: `%s`.", currency, sub.Text("currency"))
		}
		holdItems(sub, all)
	}
	trial, refusal := trialEnd(params, now)
	if refusal != nil {
		return nil, refusal
	}
	endsTrial := params.Text("trial_end") == "now" && sub.Text("status") == "trialing"
	begins := cycle(sub) != cycle(before) || params.Text("billing_cycle_anchor") == "now" || endsTrial
	behavior := first(params.Text("proration_behavior"), "create_prorations")
	at, refusal := prorationDate(params, before, now)
	if refusal != nil {
		return nil, refusal
	}
	if behavior != "none" && sub.Text("status") != "paused" {
		made, refusal := prorations(t, customer, before, sub, at, begins || trial > 0)
		if refusal != nil {
			return nil, refusal
		}
		for _, item := range made {
			t.Put(item)
			t.Emit("invoiceitem.created", item)
		}
	}
	switch {
	case sub.Text("status") == "paused":
		return nil, nil
	case trial > 0:
		sub["status"], sub["trial_start"], sub["trial_end"] = "trialing", now, trial
		if before.Set("trial_start") && before.Text("status") == "trialing" {
			sub["trial_start"] = before["trial_start"]
		}
		sub["billing_cycle_anchor"], sub["current_period_start"], sub["current_period_end"] = trial, now, trial
		if before.Text("status") == "trialing" {
			sub["current_period_start"] = before["current_period_start"]
			return nil, nil
		}
		return changeInvoice(t, customer, sub, true)
	case begins && sub.Text("status") == "trialing" && !endsTrial:
		return nil, nil // the trial goes on, and the first period begins at its end
	case begins:
		if endsTrial {
			sub["status"], sub["trial_end"] = "active", now
		}
		sub["billing_cycle_anchor"], sub["current_period_start"] = now, now
		sub["current_period_end"] = cycle(sub).Boundary(now, 1)
		return changeInvoice(t, customer, sub, true)
	case behavior == "always_invoice" && len(pending(t, customer.ID(), sub.ID())) > 0:
		return changeInvoice(t, customer, sub, false)
	}
	return nil, nil
}

// changeInvoice makes the draft of the invoice of a change: what is pending and, where
// a period begins with it, that period.
func changeInvoice(t *resource.Tx, customer, sub resource.Object, period bool) (resource.Object, *resource.Refusal) {
	o := newInvoice(t, customer, sub, reasonUpdate)
	var lines []resource.Object
	if period {
		var refusal *resource.Refusal
		if lines, refusal = subscriptionLines(t, sub, sub.Int("current_period_start"), sub.Int("current_period_end"), sub.Text("status") == "trialing"); refusal != nil {
			return nil, refusal
		}
	}
	return o, complete(t, o, customer, sub, lines)
}
