package sample

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// month is how long a period of a subscription is.
const month = 30 * day

// billingBeginnings are how the objects of subscriptions come into being.
func billingBeginnings() map[string]change {
	return map[string]change{
		"subscription": beginSubscription,
		"invoice":      beginInvoice,
		"invoiceitem": func(w *world, o object) error {
			o["date"] = w.seconds()
			return nil
		},
		"credit_note": func(w *world, o object) error {
			refer(w, o, "customer", "invoice")
			return nil
		},
		"discount": func(w *world, o object) error {
			if w.has("subscription") {
				refer(w, o, "subscription")
			}
			o["end"] = w.after(3 * month)
			return nil
		},
		"subscription_schedule": func(w *world, o object) error {
			return phases(w, o)
		},
		"test_helpers.test_clock": func(w *world, o object) error {
			o["deletes_after"] = w.after(30 * day)
			return nil
		},
		"quote": func(w *world, o object) error {
			o["expires_at"] = w.after(30 * day)
			return nil
		},
		"promotion_code": set(object{"active": true}),
	}
}

// beginSubscription makes a subscription to the world's price, from now on.
func beginSubscription(w *world, o object) error {
	o["default_payment_method"] = nil
	period(w, o)
	return nil
}

// period begins a period of a subscription.
func period(w *world, o object) {
	o["current_period_start"], o["current_period_end"] = w.seconds(), w.after(month)
}

// phases gives a schedule one phase of a year from now.
func phases(w *world, o object) error {
	list, _ := o["phases"].([]any)
	for _, phase := range list {
		if phase, ok := phase.(object); ok {
			phase["start_date"], phase["end_date"] = w.seconds(), w.after(365*day)
		}
	}
	return nil
}

// beginInvoice makes a draft: that of the world's subscription for its period, or,
// where there is no subscription, the one of the fixture for something sold once.
func beginInvoice(w *world, o object) error {
	o["auto_advance"], o["next_payment_attempt"] = true, w.after(time.Hour)
	subscription := w.objects["subscription"]
	if subscription == nil {
		o["collection_method"], o["due_date"], o["next_payment_attempt"] = "send_invoice", w.after(month), nil
		return nil
	}
	refer(w, o, "customer", "subscription")
	o["billing_reason"] = "subscription_create"
	o["period_start"], o["period_end"] = subscription["current_period_start"], subscription["current_period_start"]
	items, _ := dig(subscription, "items")
	sold, _ := items["data"].([]any)
	lines, _ := dig(o, "lines")
	listed, _ := lines["data"].([]any)
	if len(sold) == 0 || len(listed) == 0 {
		return errors.New("Stripe's fixtures have no item of a subscription or no line of an invoice")
	}
	price, _ := dig(sold[0].(object), "price")
	line := listed[0].(object)
	amount := price["unit_amount"]
	line["price"], line["subscription"], line["type"] = clone(price), subscription["id"], "subscription"
	line["amount"], line["amount_excluding_tax"], line["unit_amount_excluding_tax"] = amount, amount, price["unit_amount_decimal"]
	line["description"] = "1 × T-shirt (at $20.00 / month)"
	line["period"] = object{"start": subscription["current_period_start"], "end": subscription["current_period_end"]}
	line["subscription_item"] = sold[0].(object)["id"]
	delete(line, "invoice_item")
	lines["data"] = listed[:1]
	for _, member := range []string{"amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax", "total", "total_excluding_tax"} {
		o[member] = amount
	}
	subscription["latest_invoice"] = o["id"]
	return nil
}

// settle marks an invoice as paid by the world's payment.
func settle(w *world, o object) error {
	o["paid"], o["attempted"], o["attempt_count"] = true, true, number(w.attempts+1)
	o["status"], o["amount_paid"], o["amount_remaining"] = "paid", o["amount_due"], number(0)
	o["next_payment_attempt"] = nil
	refer(w, o, "payment_intent", "charge")
	times, _ := dig(o, "status_transitions")
	times["paid_at"] = w.seconds()
	return nil
}

// refuse marks that an attempt to pay an invoice failed.
func refuse(w *world, o object) error {
	w.attempts++
	o["attempted"], o["attempt_count"] = true, number(w.attempts)
	o["next_payment_attempt"] = w.after(3 * day)
	refer(w, o, "payment_intent", "charge")
	return nil
}

// finalize gives a draft its number, its pages and its payment.
func finalize(w *world, o object) error {
	times, _ := dig(o, "status_transitions")
	times["finalized_at"], o["effective_at"] = w.seconds(), w.seconds()
	o["status"], o["number"], o["ending_balance"] = "open", "B4749BD-0001", number(0)
	page := "https://invoice.stripe.com/i/" + w.id("account") + "/test_" + w.id("invoice")
	o["hosted_invoice_url"], o["invoice_pdf"] = page, strings.Replace(page, "invoice.", "pay.", 1)+"/pdf"
	refer(w, o, "payment_intent")
	return nil
}

// billingChanges are the events of subscriptions, invoices and what they are made
// of (https://docs.stripe.com/billing/subscriptions/webhooks).
func billingChanges() map[string]change {
	end := func(w *world, o object) error {
		o["status"], o["canceled_at"], o["ended_at"] = "canceled", w.seconds(), w.seconds()
		if details, ok := dig(o, "cancellation_details"); ok {
			details["reason"] = "cancellation_requested"
			if w.attempts > 0 {
				details["reason"] = "payment_failed"
			}
		}
		return nil
	}
	invoiceStatus := func(status, at string) change {
		return func(w *world, o object) error {
			times, _ := dig(o, "status_transitions")
			o["status"], times[at], o["next_payment_attempt"] = status, w.seconds(), nil
			return nil
		}
	}
	return map[string]change{
		"customer.updated": set(object{"description": "Sample customer"}),

		"customer.subscription.created":            set(object{"status": "active"}),
		"customer.subscription.created#incomplete": set(object{"status": "incomplete"}),
		"customer.subscription.created#trialing": func(w *world, o object) error {
			o["status"], o["trial_start"], o["trial_end"] = "trialing", w.seconds(), w.after(7*day)
			o["current_period_end"], o["billing_cycle_anchor"] = w.after(7*day), w.after(7*day)
			return nil
		},
		"customer.subscription.updated#paid":     set(object{"status": "active"}),
		"customer.subscription.updated#past_due": set(object{"status": "past_due"}),
		"customer.subscription.updated#pending": func(w *world, o object) error {
			o["pending_update"] = object{
				"billing_cycle_anchor": nil, "expires_at": w.after(23 * time.Hour), "subscription_items": nil,
				"trial_end": nil, "trial_from_plan": nil,
			}
			return nil
		},
		"customer.subscription.pending_update_applied": set(object{"pending_update": nil}),
		"customer.subscription.pending_update_expired": set(object{"pending_update": nil}),
		"customer.subscription.resumed": func(w *world, o object) error {
			o["status"] = "active"
			period(w, o)
			return nil
		},
		"customer.subscription.deleted": end,

		"invoice.created": set(object{"status": "draft"}),
		"invoice.created#renewal": func(w *world, o object) error {
			subscription, err := w.get("subscription")
			if err != nil {
				return err
			}
			period(w, subscription)
			o["billing_reason"], o["status"] = "subscription_cycle", "draft"
			o["period_end"] = w.seconds()
			lines, _ := dig(o, "lines")
			line, _ := lines["data"].([]any)[0].(object)
			line["period"] = object{"start": subscription["current_period_start"], "end": subscription["current_period_end"]}
			return nil
		},
		"invoice.upcoming": func(w *world, o object) error {
			// An invoice that is not made yet has no id
			// (https://docs.stripe.com/api/invoices/upcoming).
			o["billing_reason"], o["status"] = "upcoming", "draft"
			retext(o, o["id"].(string), "upcoming")
			delete(o, "id")
			return nil
		},
		"invoice.finalized": finalize,
		"invoice.finalization_failed": set(object{
			"status":        "draft",
			"automatic_tax": object{"enabled": true, "liability": object{"type": "self"}, "status": "requires_location_inputs"},
			"last_finalization_error": object{
				"type": "invalid_request_error", "code": "customer_tax_location_invalid",
				"message": "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax.",
			},
		}),
		"invoice.paid":              settle,
		"invoice.payment_succeeded": settle,
		"invoice.payment_failed":    refuse,
		"invoice.payment_failed#last": func(w *world, o object) error {
			if err := refuse(w, o); err != nil {
				return err
			}
			o["next_payment_attempt"] = nil
			return nil
		},
		"invoice.payment_action_required": func(w *world, o object) error {
			o["attempted"], o["attempt_count"] = true, number(1)
			return nil
		},
		"invoice.marked_uncollectible": invoiceStatus("uncollectible", "marked_uncollectible_at"),
		"invoice.voided":               invoiceStatus("void", "voided_at"),
		"credit_note.voided": func(w *world, o object) error {
			o["status"], o["voided_at"] = "void", w.seconds()
			return nil
		},

		"customer.discount.updated": func(w *world, o object) error {
			coupon, _ := dig(o, "coupon")
			coupon["id"], coupon["name"], coupon["percent_off"] = newID("")[:8], "30% off", number(30)
			return nil
		},
		"customer.tax_id.updated": func(w *world, o object) error {
			verification, _ := dig(o, "verification")
			verification["status"], verification["verified_name"] = "verified", "Jenny Rosen"
			return nil
		},

		"quote.finalized": func(w *world, o object) error {
			o["status"], o["number"] = "open", "QT-0001-1"
			return nil
		},
		"quote.accepted": func(w *world, o object) error {
			refer(w, o, "subscription")
			return nil
		},
		"subscription_schedule.aborted": func(w *world, o object) error {
			o["status"], o["canceled_at"] = "canceled", w.seconds()
			return nil
		},
		"subscription_schedule.expiring": func(w *world, o object) error {
			phases, _ := o["phases"].([]any)
			for _, phase := range phases {
				phase.(object)["end_date"] = w.after(7 * day)
			}
			refer(w, o, "subscription")
			o["status"] = "active"
			return nil
		},
		"subscription_schedule.released": func(w *world, o object) error {
			o["released_subscription"] = w.id("subscription")
			return nil
		},
		"tax_rate.updated":     set(object{"active": false}),
		"tax.settings.updated": set(object{"status": "active", "status_details": object{"active": object{}}}),
		"test_helpers.test_clock.advancing": func(w *world, o object) error {
			o["frozen_time"] = w.after(month)
			return nil
		},
		"product.updated":        set(object{"name": "T-shirt, organic"}),
		"price.updated":          set(object{"nickname": "Monthly"}),
		"plan.updated":           set(object{"nickname": "Monthly"}),
		"coupon.updated":         set(object{"name": "A quarter off"}),
		"promotion_code.updated": set(object{"active": false}),
		"payment_link.updated":   set(object{"active": false}),
	}
}

// dig returns the object below members of an object.
func dig(o object, members ...string) (object, bool) {
	for _, member := range members {
		below, ok := o[member].(object)
		if !ok {
			return object{}, false
		}
		o = below
	}
	return o, true
}

// whole reads an integer of an object.
func whole(value any) int64 {
	text, _ := value.(interface{ String() string })
	if text == nil {
		return 0
	}
	n, _ := strconv.ParseInt(text.String(), 10, 64) // a fixture's amounts are integers
	return n
}
