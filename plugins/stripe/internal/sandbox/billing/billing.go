// Package billing is the part of the sandbox around Stripe Billing: products, prices,
// coupons, subscriptions, invoices, and test clocks.
//
// What happens by itself happens by timers: periods end, drafts become final, failed
// payments are tried again. Amounts and dates come from the package rating.
//
// The package imports plugins/stripe/internal/random,
// plugins/stripe/internal/sandbox/payment, plugins/stripe/internal/sandbox/rating and
// plugins/stripe/internal/sandbox/resource.
package billing

import (
	"strconv"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// Types of Stripe's objects.
const (
	product            = "product"
	price              = "price"
	plan               = "plan"
	coupon             = "coupon"
	promotionCode      = "promotion_code"
	discount           = "discount"
	subscription       = "subscription"
	subscriptionItem   = "subscription_item"
	invoice            = "invoice"
	invoiceItem        = "invoiceitem"
	lineItem           = "line_item"
	balanceTransaction = "customer_balance_transaction"
)

// When things happen, on the clock of the customer.
const (
	// draftTime is how long an invoice can be changed before it becomes final by
	// itself (https://docs.stripe.com/invoicing/integration/workflow-transitions).
	draftTime = time.Hour
	// incompleteTime is how long a first payment may take
	// (https://docs.stripe.com/billing/subscriptions/overview).
	incompleteTime = 23 * time.Hour
	// upcomingTime is how long before a renewal invoice.upcoming comes. At Stripe it is
	// a setting of the account (https://docs.stripe.com/billing/subscriptions/webhooks).
	upcomingTime = 7 * 24 * time.Hour
	// trialNotice is how long before its end a trial is announced, at once where it is
	// shorter (https://docs.stripe.com/billing/subscriptions/trials).
	trialNotice = 3 * 24 * time.Hour
)

// retries are the waits between the attempts to collect an invoice: the first after
// the attempt that failed. At Stripe it is a setting of the account
// (https://docs.stripe.com/billing/revenue-recovery/smart-retries).
var retries = []time.Duration{3 * 24 * time.Hour, 5 * 24 * time.Hour, 7 * 24 * time.Hour}

// Kinds of timers.
const (
	timerPeriod   = "subscription.period"   // a period of a subscription ends
	timerUpcoming = "subscription.upcoming" // one will end soon
	timerTrial    = "subscription.trial"    // a trial will end soon
	timerExpire   = "subscription.expire"   // a first payment did not come
	timerCancel   = "subscription.cancel"   // a subscription ends at a time that was set
	timerResume   = "subscription.resume"   // collection of payments goes on
	timerFinalize = "invoice.finalize"      // a draft becomes final
	timerRetry    = "invoice.retry"         // a payment is tried again
	timerDue      = "invoice.due"           // an invoice that was sent is past its day
)

// Module has the operations of Stripe Billing.
func Module() resource.Module {
	return resource.Join(
		products(), prices(), plans(), coupons(), promotionCodes(), discounts(), clocks(), balances(),
		invoiceItems(), invoices(), invoiceChanges(), subscriptions(), subscriptionItems(),
		resource.Module{Seed: seed},
	)
}

// hidden are the fields of an object that are shown only when "expand" names them,
// such as the tiers of a price. They are kept beside it, under its id.
const hidden = "sandbox.hidden"

// hide keeps fields beside an object.
func hide(t *resource.Tx, id string, fields resource.Object) {
	kept := fields.Clone()
	kept["id"], kept["object"] = id, hidden
	t.Put(kept)
}

// shown returns an Include that shows a field that was hidden.
func shown(name string) resource.Include {
	return func(t *resource.Tx, o resource.Object) any {
		kept, _ := t.Find(hidden, o.ID())
		return kept[name]
	}
}

// refuse refuses the params of given names, where they say something.
func refuse(params resource.Object, what string, names ...string) *resource.Refusal {
	for _, name := range names {
		given := params.Set(name)
		if list := params.List(name); list != nil {
			given = len(list) > 0
		}
		if given {
			return resource.NotDone(name, what)
		}
	}
	return nil
}

// unsupported are params with which the sandbox does not do something.
type unsupported struct {
	what  string
	names []string
}

// refuseUnsupported refuses the params of a table, and taxes, where they say something.
func refuseUnsupported(params resource.Object, table []unsupported) *resource.Refusal {
	if params.Object("automatic_tax").Bool("enabled") {
		return resource.NotDone("automatic_tax", "compute taxes")
	}
	for _, row := range table {
		if refusal := refuse(params, row.what, row.names...); refusal != nil {
			return refusal
		}
	}
	return refuse(params, "compute taxes", "default_tax_rates")
}

// integer reads an integer param. Where a param may also be a word, an integer comes
// as text.
func integer(o resource.Object, name string) (int64, bool) {
	switch v := o[name].(type) {
	case int, int64:
		return o.Int(name), true
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		return n, err == nil
	}
	return 0, false
}

// orNull is null for an empty text.
func orNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// first returns the first text that is not empty.
func first(texts ...string) string {
	for _, text := range texts {
		if text != "" {
			return text
		}
	}
	return ""
}
