// Package sample makes sample events as Stripe sends them to webhooks. Their
// objects are those of Stripe's own fixtures (stripe-mock), brought into the
// state that the event is about.
//
// The package imports nothing of the project.
package sample

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// apiVersion is that of the fixtures.
const apiVersion = "2023-10-16"

type object = map[string]any

// kind is one type of event: which fixture it shows, and what is changed in it.
type kind struct {
	resource string
	prefix   string
	change   func(o object, now int64)
	// previous is what an update event says of the state before.
	previous object
}

// kinds returns the events that can be made. It is a function because the
// maps in it are the caller's to change.
func kinds() map[string]kind {
	set := func(fields object) func(object, int64) {
		return func(o object, _ int64) { maps.Copy(o, fields) }
	}
	intent := func(status string) func(object, int64) {
		return func(o object, _ int64) {
			o["status"], o["canceled_at"] = status, nil
		}
	}
	paid := func(o object, now int64) {
		intent("succeeded")(o, now)
		o["amount_received"] = o["amount"]
		o["latest_charge"], o["payment_method"] = id("ch_"), id("pm_")
	}
	period := func(status string) func(object, int64) {
		return func(o object, now int64) {
			const month = 30 * 24 * 60 * 60
			o["status"], o["start_date"], o["billing_cycle_anchor"] = status, now, now
			o["current_period_start"], o["current_period_end"] = now, now+month
			for _, end := range []string{"cancel_at", "canceled_at", "ended_at", "trial_start", "trial_end"} {
				o[end] = nil
			}
		}
	}
	charge := set(object{"status": "succeeded", "paid": true, "captured": true, "refunded": false, "amount_refunded": 0})
	return map[string]kind{
		"payment_intent.created":        {resource: "payment_intent", prefix: "pi_", change: intent("requires_payment_method")},
		"payment_intent.succeeded":      {resource: "payment_intent", prefix: "pi_", change: paid},
		"payment_intent.canceled":       {resource: "payment_intent", prefix: "pi_", change: func(o object, now int64) { o["status"], o["canceled_at"] = "canceled", now }},
		"payment_intent.payment_failed": {resource: "payment_intent", prefix: "pi_", change: failed},
		"charge.succeeded":              {resource: "charge", prefix: "ch_", change: charge},
		"charge.failed":                 {resource: "charge", prefix: "ch_", change: set(object{"status": "failed", "paid": false, "captured": false, "failure_code": "card_declined", "failure_message": "Your card was declined."})},
		"charge.refunded":               {resource: "charge", prefix: "ch_", change: refunded, previous: object{"amount_refunded": 0, "refunded": false}},
		"charge.dispute.created":        {resource: "dispute", prefix: "dp_", change: set(object{"status": "needs_response"})},
		"checkout.session.completed":    {resource: "checkout.session", prefix: "cs_test_", change: set(object{"status": "complete", "payment_status": "paid"})},
		"checkout.session.expired":      {resource: "checkout.session", prefix: "cs_test_", change: set(object{"status": "expired", "payment_status": "unpaid"})},
		"customer.created":              {resource: "customer", prefix: "cus_"},
		"customer.updated":              {resource: "customer", prefix: "cus_", previous: object{"description": nil}},
		"customer.deleted":              {resource: "customer", prefix: "cus_"},
		"customer.subscription.created": {resource: "subscription", prefix: "sub_", change: period("active")},
		"customer.subscription.updated": {resource: "subscription", prefix: "sub_", change: period("active"), previous: object{"status": "incomplete"}},
		"customer.subscription.deleted": {resource: "subscription", prefix: "sub_", change: ended},
		"invoice.created":               {resource: "invoice", prefix: "in_", change: set(object{"status": "draft", "paid": false})},
		"invoice.finalized":             {resource: "invoice", prefix: "in_", change: set(object{"status": "open", "paid": false})},
		"invoice.paid":                  {resource: "invoice", prefix: "in_", change: settled},
		"invoice.payment_succeeded":     {resource: "invoice", prefix: "in_", change: settled},
		"invoice.payment_failed":        {resource: "invoice", prefix: "in_", change: set(object{"status": "open", "paid": false, "attempted": true, "attempt_count": 1})},
		"payment_method.attached":       {resource: "payment_method", prefix: "pm_"},
		"setup_intent.succeeded":        {resource: "setup_intent", prefix: "seti_", change: set(object{"status": "succeeded"})},
		"product.created":               {resource: "product", prefix: "prod_"},
		"price.created":                 {resource: "price", prefix: "price_"},
		"refund.created":                {resource: "refund", prefix: "re_"},
		"payout.paid":                   {resource: "payout", prefix: "po_", change: set(object{"status": "paid"})},
	}
}

func failed(o object, _ int64) {
	o["status"], o["canceled_at"] = "requires_payment_method", nil
	o["last_payment_error"] = object{
		"type": "card_error", "code": "card_declined", "decline_code": "generic_decline",
		"doc_url": "https://stripe.com/docs/error-codes/card-declined", "message": "Your card was declined.",
	}
}

func refunded(o object, _ int64) {
	maps.Copy(o, object{"status": "succeeded", "paid": true, "captured": true, "refunded": true, "amount_refunded": o["amount"]})
}

func ended(o object, now int64) {
	o["status"], o["canceled_at"], o["ended_at"] = "canceled", now, now
}

func settled(o object, _ int64) {
	maps.Copy(o, object{
		"status": "paid", "paid": true, "attempted": true, "attempt_count": 1,
		"amount_paid": o["amount_due"], "amount_remaining": 0,
	})
}

// Types are the types of events that can be made, sorted.
func Types() []string { return slices.Sorted(maps.Keys(kinds())) }

// Event makes an event with a new id, created at now. Set overrides its fields:
// dotted paths to JSON values (see assign). Fixtures is Stripe's fixtures file.
func Event(fixtures []byte, eventType string, set map[string]string, now time.Time) ([]byte, error) {
	kind, ok := kinds()[eventType]
	if !ok {
		return nil, fmt.Errorf("there is no sample of %q; there is one of: %s", eventType, strings.Join(Types(), ", "))
	}
	shown, err := fixture(fixtures, kind.resource, id(kind.prefix))
	if err != nil {
		return nil, err
	}
	if _, ok := shown["created"]; ok {
		shown["created"] = now.Unix()
	}
	if kind.change != nil {
		kind.change(shown, now.Unix())
	}
	data := object{"object": shown}
	if kind.previous != nil {
		data["previous_attributes"] = kind.previous
	}
	event := object{
		"id": id("evt_"), "object": "event", "api_version": apiVersion, "created": now.Unix(),
		"type": eventType, "data": data, "livemode": false, "pending_webhooks": 1,
		"request": object{"id": id("req_"), "idempotency_key": nil},
	}
	// Sorted, so that a path and one below it always come in that order.
	for _, path := range slices.Sorted(maps.Keys(set)) {
		if err := assign(event, path, set[path]); err != nil {
			return nil, err
		}
	}
	return json.Marshal(event)
}

// id returns a new random id with Stripe's prefix and length.
func id(prefix string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	raw := make([]byte, 24)
	rand.Read(raw) // never fails (crypto/rand, since Go 1.24)
	for i, b := range raw {
		raw[i] = alphabet[int(b)%len(alphabet)]
	}
	return prefix + string(raw)
}
