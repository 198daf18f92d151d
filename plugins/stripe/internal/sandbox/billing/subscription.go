package billing

import (
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/payment"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/rating"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
)

// subscriptions have these statuses
// (https://docs.stripe.com/billing/subscriptions/overview): incomplete until the first
// payment, incomplete_expired where it did not come; trialing and active; past_due
// while an invoice is late; paused where a trial ended without a payment method;
// canceled. The sandbox cancels a subscription that stays late, and never makes it
// unpaid.
func subscriptions() resource.Module {
	return resource.Module{
		Prefixes: map[string]string{subscription: "sub"},
		Operations: map[string]resource.Operation{
			"PostSubscriptions":                        createSubscription,
			"GetSubscriptions":                         listSubscriptions,
			"GetSubscriptionsSearch":                   resource.Searcher(subscription, resource.SearchFields{"canceled_at": resource.NumericField, "created": resource.NumericField, "status": resource.TokenField}),
			"GetSubscriptionsSubscriptionExposedId":    resource.Getter(subscription),
			"PostSubscriptionsSubscriptionExposedId":   updateSubscription,
			"DeleteSubscriptionsSubscriptionExposedId": cancelSubscription,
			"PostSubscriptionsSubscriptionResume":      resumeSubscription,

			"PostCustomersCustomerSubscriptions":                        forCustomer(createSubscription),
			"GetCustomersCustomerSubscriptions":                         forCustomer(listSubscriptions),
			"GetCustomersCustomerSubscriptionsSubscriptionExposedId":    ofCustomer(resource.Getter(subscription)),
			"PostCustomersCustomerSubscriptionsSubscriptionExposedId":   ofCustomer(updateSubscription),
			"DeleteCustomersCustomerSubscriptionsSubscriptionExposedId": ofCustomer(cancelSubscription),
		},
		Includes: map[string]resource.Include{
			"customer.subscriptions": func(t *resource.Tx, o resource.Object) any {
				return t.Sublist(resource.Filter{Kind: subscription, Equal: map[string]string{"customer": o.ID()}, Keep: func(o resource.Object) bool { return !ended(o) }},
					resource.URL("customers", o.ID(), "subscriptions"))
			},
		},
		Listeners: map[string][]resource.Listener{"customer.deleted": {customerDeleted}, "setup_intent.succeeded": {methodSetUp}},
		Timers: map[string]resource.Timer{
			timerPeriod: periodEnds, timerUpcoming: announceRenewal, timerTrial: announceTrialEnd,
			timerExpire: expireIncomplete, timerCancel: cancelDue, timerResume: resumeCollection,
		},
	}
}

// forCustomer is an operation of the older paths, which name the customer.
func forCustomer(do resource.Operation) resource.Operation {
	return func(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
		customer, refusal := t.Subject(r, payment.Customer)
		if refusal != nil {
			return nil, refusal
		}
		r.Params["customer"] = customer.ID()
		return do(t, r)
	}
}

// ofCustomer is an operation on a subscription that has to be the customer's.
func ofCustomer(do resource.Operation) resource.Operation {
	return func(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
		o, refusal := t.Subject(r, subscription)
		if refusal != nil {
			return nil, refusal
		}
		if o.Text("customer") != r.PathParam("customer") {
			return nil, resource.MissingSubject(subscription, o.ID())
		}
		return do(t, r)
	}
}

// items are the items of a subscription.
func items(sub resource.Object) []resource.Object {
	return sub.Object("items").Objects("data")
}

// cycle is how often a subscription recurs: all of its prices recur alike.
func cycle(sub resource.Object) rating.Recurrence {
	return recurrence(items(sub)[0].Object("price"))
}

// ended says whether a subscription is over.
func ended(sub resource.Object) bool {
	status := sub.Text("status")
	return status == "canceled" || status == "incomplete_expired"
}

// setStatus changes the status of a subscription.
func setStatus(t *resource.Tx, sub resource.Object, status string) {
	before := sub.Clone()
	sub["status"] = status
	t.Put(sub)
	t.EmitUpdate("customer.subscription.updated", before, sub)
}

// paidFor is what the payment of an invoice does to its subscription.
func paidFor(t *resource.Tx, o, intent resource.Object) {
	sub, ok := t.Find(subscription, o.Text("subscription"))
	if !ok || ended(sub) {
		return
	}
	before := sub.Clone()
	switch sub.Text("status") {
	case "incomplete":
		if o.ID() != sub.Text("latest_invoice") {
			return
		}
		t.Stop(sub.ID(), timerExpire)
		sub["status"] = "active"
		if sub.Object("payment_settings").Text("save_default_payment_method") == "on_subscription" && intent != nil {
			sub["default_payment_method"] = orNull(intent.Ref("payment_method"))
		}
		schedule(t, sub)
	case "past_due", "unpaid":
		if late(t, sub) {
			return
		}
		sub["status"] = "active"
	case "paused":
		if o.ID() != sub.Text("latest_invoice") || o.Text("billing_reason") != reasonUpdate {
			return
		}
		sub["status"] = "active"
		t.Put(sub)
		schedule(t, sub)
		t.EmitUpdate("customer.subscription.updated", before, sub)
		t.Emit("customer.subscription.resumed", sub)
		return
	default:
		return
	}
	t.Put(sub)
	t.EmitUpdate("customer.subscription.updated", before, sub)
}

// late says whether an invoice of a subscription waits for a payment that failed.
func late(t *resource.Tx, sub resource.Object) bool {
	late := false
	t.Each(resource.Filter{Kind: invoice, Equal: map[string]string{"subscription": sub.ID(), "status": "open"}}, func(o resource.Object) bool {
		late = o.Bool("attempted")
		return !late
	})
	return late
}

// schedule sets the timers of a subscription that is alive.
func schedule(t *resource.Tx, sub resource.Object) {
	for _, kind := range []string{timerPeriod, timerUpcoming, timerTrial} {
		t.Stop(sub.ID(), kind)
	}
	end := unix(sub.Int("current_period_end"))
	if sub.Text("status") == "trialing" {
		at := end.Add(-trialNotice)
		if at.Before(t.Now()) {
			at = t.Now()
		}
		t.At(at, timerTrial, sub.ID())
	}
	if at := end.Add(-upcomingTime); at.Unix() > sub.Int("current_period_start") && !at.Before(t.Now()) {
		t.At(at, timerUpcoming, sub.ID())
	}
	t.At(end, timerPeriod, sub.ID())
}

func listSubscriptions(t *resource.Tx, r *resource.Request) (resource.Object, *resource.Refusal) {
	f := resource.ByParams(subscription, r, "collection_method", "customer", "test_clock")
	status, of := r.Params.Text("status"), r.Params.Text("price")
	f.Keep = func(o resource.Object) bool {
		switch {
		case status == "" && ended(o), status == "ended" && !ended(o),
			status != "" && status != "all" && status != "ended" && status != o.Text("status"):
			return false
		// What goes by a test clock is listed by that clock, or by customer.
		case o.Set("test_clock") && !r.Params.Set("test_clock") && !r.Params.Set("customer"):
			return false
		}
		has := of == ""
		for _, item := range items(o) {
			has = has || item.Object("price").ID() == of
		}
		return has && within(r.Params, o, "current_period_start") && within(r.Params, o, "current_period_end")
	}
	return t.List(r, f)
}

// customerDeleted ends the subscriptions of a customer who is gone
// (https://docs.stripe.com/api/customers/delete).
func customerDeleted(t *resource.Tx, customer resource.Object) {
	for _, sub := range t.All(resource.Filter{Kind: subscription, Equal: map[string]string{"customer": customer.ID()}}) {
		if !ended(sub) {
			end(t, sub, "")
		}
	}
}

// methodSetUp gives a subscription that asked for a payment method, since nothing was to
// be paid at first, the one that was set up
// (https://docs.stripe.com/api/subscriptions/object, pending_setup_intent).
func methodSetUp(t *resource.Tx, setup resource.Object) {
	for _, sub := range t.All(resource.Filter{Kind: subscription, Equal: map[string]string{"pending_setup_intent": setup.ID()}}) {
		before := sub.Clone()
		sub["pending_setup_intent"] = nil
		if !ended(sub) {
			sub["default_payment_method"] = orNull(setup.Ref("payment_method"))
		}
		t.Put(sub)
		t.EmitUpdate("customer.subscription.updated", before, sub)
	}
}

// customerOf returns the customer of a subscription.
func customerOf(t *resource.Tx, sub resource.Object) resource.Object {
	customer, _ := t.Find(payment.Customer, sub.Text("customer"))
	return customer
}
