package billing

import (
	"strings"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// longestTrial is how long a trial may be, in days
// (https://docs.stripe.com/billing/subscriptions/trials).
const longestTrial = 730

// subscriptionUnsupported is what the sandbox does not do with subscriptions.
var subscriptionUnsupported = []unsupported{
	{"bill by thresholds", []string{"billing_thresholds"}},
	{"begin subscriptions in the past", []string{"backdate_start_date"}},
	{"work out billing_cycle_anchor_config: give billing_cycle_anchor", []string{"billing_cycle_anchor_config"}},
	{"invoice pending items between the periods", []string{"pending_invoice_item_interval"}},
}

func createSubscription(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	if refusal := refuseUnsupported(r.Params, subscriptionUnsupported); refusal != nil {
		return nil, refusal
	}
	customer, refusal := t.Get(payment.Customer, r.Params.Text("customer"), "customer")
	if refusal != nil {
		return nil, refusal
	}
	t.On(customer.Text("test_clock"))
	sub, refusal := newSubscription(t, customer, r.Params)
	if refusal != nil {
		return nil, refusal
	}
	asked, refusal := redeeming(t, r.Params, customer, 0, sub.Text("currency"))
	if refusal != nil {
		return nil, refusal
	}
	if asked != nil {
		sub["discount"] = redeem(t, asked, customer.ID(), sub)
	}
	for _, one := range r.Params.Objects("add_invoice_items") {
		if refusal := addInvoiceItem(t, customer, sub, one); refusal != nil {
			return nil, refusal
		}
	}
	first, refusal := firstInvoice(t, customer, sub, r.Params)
	if refusal != nil {
		return nil, refusal
	}
	automatic := sub.Text("collection_method") == chargeAutomatically
	owes := first != nil && first.Int("amount_due") > 0
	behavior := r.Params.Text("payment_behavior")
	if automatic && owes && behavior != "default_incomplete" && methodFor(t, first) == "" && !sub.Set("default_payment_method") {
		return nil, resource.Invalid("", "resource_missing", "This customer has no attached payment source or default payment method. Please consider adding a default payment method. For more information, visit https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority.")
	}
	if automatic && owes && sub.Text("status") != "trialing" {
		sub["status"] = "incomplete"
	}
	if first != nil {
		sub["latest_invoice"] = first.ID()
	}
	if automatic && !owes && methodFor(t, sub) == "" {
		sub["pending_setup_intent"] = payment.NewSetupIntent(t, customer.ID()).ID()
	}
	keepCurrency(t, customer, sub.Text("currency"))
	t.Put(sub)
	t.Emit("customer.subscription.created", sub)
	if asked != nil {
		t.Emit("customer.discount.created", sub.Object("discount"))
	}
	if sub.Text("status") == "incomplete" {
		t.After(incompleteTime, timerExpire, sub.ID())
	} else {
		schedule(t, sub)
	}
	if sub.Set("cancel_at") {
		t.At(unix(sub.Int("cancel_at")), timerCancel, sub.ID())
	}
	if first != nil {
		if refusal := startInvoice(t, first, automatic, behavior, r.Params.Bool("off_session")); refusal != nil {
			return nil, refusal
		}
	}
	return t.Fresh(sub), nil
}

// startInvoice stores the draft of an invoice that a request has made. One that is
// charged becomes final, and is collected, at once; one that is sent waits as a draft
// (https://docs.stripe.com/billing/invoices/subscription).
func startInvoice(t *resource.Tx, o resource.Object, automatic bool, behavior string, offSession bool) *resource.Refusal {
	if automatic && o.Text("billing_reason") == reasonCreate {
		o["auto_advance"] = false // a first payment that failed is not tried again
	}
	storeDraft(t, o)
	if !automatic {
		return nil
	}
	if refusal := finalize(t, o); refusal != nil {
		return refusal
	}
	o = t.Fresh(o)
	if o.Text("status") != "open" || behavior == "default_incomplete" {
		return nil
	}
	refusal := collect(t, o, "", offSession)
	if refusal != nil && behavior == "error_if_incomplete" {
		refusal.Stands = false
		return refusal
	}
	return nil
}

// newSubscription makes a subscription of params: active, or trialing. It is not
// stored yet.
func newSubscription(t *resource.Tx, customer, params resource.Object) (resource.Object, *resource.Refusal) {
	sub := t.New(subscription)
	now := t.Now().Unix()
	sub["customer"], sub["start_date"], sub["status"] = customer.ID(), now, "active"
	sub["cancel_at_period_end"] = false
	sub["default_tax_rates"] = []any{}
	sub["automatic_tax"] = resource.Object{"enabled": false, "liability": nil}
	sub["cancellation_details"] = resource.Object{"comment": nil, "feedback": nil, "reason": nil}
	sub["trial_settings"] = resource.Object{"end_behavior": resource.Object{"missing_payment_method": "create_invoice"}}
	sub["payment_settings"] = resource.Object{"payment_method_options": nil, "payment_method_types": nil, "save_default_payment_method": "off"}
	sub["collection_method"] = chargeAutomatically
	sub["test_clock"] = orNull(t.Clock())
	all, refusal := newItems(t, sub, params.Objects("items"))
	if refusal != nil {
		return nil, refusal
	}
	holdItems(sub, all)
	sub["currency"] = all[0].Object("price").Text("currency")
	if given := strings.ToLower(params.Text("currency")); given != "" && given != sub.Text("currency") {
		return nil, resource.Invalid("currency", "", "The price specified supports currencies of `%s`. This doesn't match the expected currency: `%s`.", sub.Text("currency"), given)
	}
	if refusal := oneCurrency(customer, sub.Text("currency")); refusal != nil {
		return nil, refusal
	}
	if params.Text("payment_behavior") == "pending_if_incomplete" {
		return nil, resource.Invalid("payment_behavior", "", "`pending_if_incomplete` is only used with updates and cannot be passed when creating a subscription.")
	}
	if refusal := applySubscription(t, sub, params); refusal != nil {
		return nil, refusal
	}
	trial, refusal := trialEnd(params, now)
	if refusal != nil {
		return nil, refusal
	}
	return sub, setPeriod(t, sub, params, trial)
}

// trialEnd reads when a trial is to end, 0 where there is none.
func trialEnd(params resource.Object, now int64) (int64, *resource.Refusal) {
	days := params.Int("trial_period_days")
	end, given := integer(params, "trial_end")
	switch {
	case params.Set("trial_period_days") && params.Set("trial_end"):
		return 0, resource.Invalid("trial_period_days", "", "You may only specify one of these parameters: trial_end, trial_period_days.")
	case params.Set("trial_period_days") && days < 1:
		return 0, resource.Invalid("trial_period_days", "", "The trial_period_days parameter must be at least 1 day.")
	case params.Set("trial_period_days"):
		end = unix(now).AddDate(0, 0, int(min(days, longestTrial+1))).Unix()
	case !given:
		return 0, nil // there is none, or it ends now
	}
	if end <= now {
		return 0, resource.Invalid("trial_end", "", "The trial end must be in the future.")
	}
	if end > unix(now).AddDate(0, 0, longestTrial).Unix() {
		return 0, resource.Invalid("trial_end", "", "A trial may be two years long at most.")
	}
	return end, nil
}

// setPeriod sets the first period of a subscription, and what later ones begin with:
// the end of the trial, a time that was given, or now
// (https://docs.stripe.com/billing/subscriptions/billing-cycle).
func setPeriod(t *resource.Tx, sub, params resource.Object, trial int64) *resource.Refusal {
	now := t.Now().Unix()
	anchor, given := integer(params, "billing_cycle_anchor")
	start := max(now, trial)
	switch {
	case !given:
		anchor = start
	case anchor < start:
		return resource.Invalid("billing_cycle_anchor", "", "The billing_cycle_anchor must not be before the start of the first period.")
	case anchor > cycle(sub).Boundary(start, 1):
		return resource.Invalid("billing_cycle_anchor", "", "billing_cycle_anchor cannot be later than next natural billing date (%d) for plan", cycle(sub).Boundary(start, 1))
	}
	sub["billing_cycle_anchor"], sub["current_period_start"] = anchor, now
	if trial > 0 {
		sub["status"], sub["trial_start"], sub["trial_end"], sub["current_period_end"] = "trialing", now, trial, trial
		return nil
	}
	_, sub["current_period_end"] = cycle(sub).Period(anchor, now)
	return nil
}

// firstInvoice makes the draft of a subscription's first invoice; nil where nothing
// is to be billed until the billing cycle begins.
func firstInvoice(t *resource.Tx, customer, sub, params resource.Object) (resource.Object, *resource.Refusal) {
	start, end := sub.Int("current_period_start"), sub.Int("current_period_end")
	trial := sub.Text("status") == "trialing"
	if params.Text("proration_behavior") == "none" && !trial && start < sub.Int("billing_cycle_anchor") {
		return nil, nil
	}
	o := newInvoice(t, customer, sub, reasonCreate)
	lines, refusal := subscriptionLines(t, sub, start, end, trial)
	if refusal != nil {
		return nil, refusal
	}
	return o, complete(t, o, customer, sub, lines)
}

// complete finishes the draft of an invoice of a subscription: pending items, then
// lines, discounts, the day it is due, and the sums.
func complete(t *resource.Tx, o, customer, sub resource.Object, lines []resource.Object) *resource.Refusal {
	addPending(t, o, customer.ID(), sub.ID())
	addLines(o, lines...)
	setDiscounts(t, o, sub, customer)
	if o.Text("collection_method") == sendInvoice {
		dueAfter(o, sub.Int("days_until_due"))
	}
	return total(t, o, customer.Int("balance"))
}

// addInvoiceItem makes an item that the next invoice of a subscription takes.
func addInvoiceItem(t *resource.Tx, customer, sub, params resource.Object) *resource.Refusal {
	o := newItem(t, customer, sub.Text("currency"))
	o["subscription"] = sub.ID()
	if refusal := applyItem(t, o, params); refusal != nil {
		return refusal
	}
	if o.Text("currency") != sub.Text("currency") {
		return resource.Invalid("add_invoice_items", "", "The currency of an added item, %s, is not that of the subscription, %s.", o.Text("currency"), sub.Text("currency"))
	}
	t.Put(o)
	t.Emit("invoiceitem.created", o)
	return nil
}
