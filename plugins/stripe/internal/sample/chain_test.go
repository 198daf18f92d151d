package sample

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// lived returns the events of a life cycle.
func lived(t *testing.T, eventType string, set map[string]string) []object {
	t.Helper()
	raw, err := Chain(eventType, set, now)
	if err != nil {
		t.Fatal(err)
	}
	events := make([]object, len(raw))
	for i := range raw {
		value, err := decode(raw[i])
		if err != nil {
			t.Fatal(err)
		}
		events[i] = value.(object)
	}
	return events
}

func typesOf(events []object) []string {
	types := make([]string, len(events))
	for i, event := range events {
		types[i], _ = event["type"].(string)
	}
	return types
}

// made is an id that a sample has made: its prefix, and 24 letters and digits.
var made = regexp.MustCompile(`\b((?:[a-z]+_)+)[A-Za-z0-9]{24}\b`)

// named calls f with every id in a value.
func named(value any, f func(prefix, id string)) {
	switch value := value.(type) {
	case object:
		for _, member := range value {
			named(member, f)
		}
	case []any:
		for _, item := range value {
			named(item, f)
		}
	case string:
		for _, match := range made.FindAllStringSubmatch(value, -1) {
			f(match[1], match[0])
		}
	}
}

// several are the kinds of which one event may name more than one: the movements of
// a balance, and what a list has several of.
var several = map[string]bool{"txn_": true, "link_": true, "cnli_": true, "evt_": true, "req_": true}

func TestTheObjectsOfALifeCycleNameEachOther(t *testing.T) {
	t.Parallel()
	for _, eventType := range Types() {
		t.Run(eventType, func(t *testing.T) {
			t.Parallel()
			events := lived(t, eventType, nil)
			if !slices.Contains(typesOf(events), eventType) {
				t.Fatalf("%v does not have the event", typesOf(events))
			}
			shown := map[string][]string{} // the ids of the objects that the chain shows, by prefix
			ids, last := map[any]bool{}, int64(0)
			for _, event := range events {
				if ids[event["id"]] {
					t.Errorf("%v comes twice", event["id"])
				}
				ids[event["id"]] = true
				created := whole(event["created"])
				if created <= last {
					t.Errorf("%v is created at %d, after %d", event["type"], created, last)
				}
				last = created
				o := at(t, event, "data", "object").(object)
				if id, ok := o["id"].(string); ok {
					if match := made.FindStringSubmatch(id); match != nil {
						shown[match[1]] = append(shown[match[1]], id)
					}
				}
				if born, ok := o["created"]; ok && whole(born) > created {
					t.Errorf("%v shows an object that is created later", event["type"])
				}
			}
			if last != now.Unix() {
				t.Errorf("the last event is created at %d", last)
			}
			for _, event := range events {
				one := map[string]string{}
				named(at(t, event, "data"), func(prefix, id string) {
					if several[prefix] {
						return
					}
					if known := shown[prefix]; len(known) > 0 && !slices.Contains(known, id) {
						t.Errorf("%v names %s, and the chain shows %v", event["type"], id, known)
					}
					if other := one[prefix]; other != "" && other != id {
						t.Errorf("%v names both %s and %s", event["type"], id, other)
					}
					one[prefix] = id
				})
			}
		})
	}
}

func TestMoneyIsTheSameThroughoutALifeCycle(t *testing.T) {
	t.Parallel()
	for _, eventType := range []string{"charge.refunded", "charge.dispute.funds_reinstated", "checkout.session.completed", "invoice.payment_failed", "charge.captured"} {
		amounts := map[int64][]any{}
		for _, event := range lived(t, eventType, nil) {
			o := at(t, event, "data", "object").(object)
			for _, member := range []string{"amount", "amount_due", "amount_total"} {
				if amount, ok := o[member]; ok {
					amounts[whole(amount)] = append(amounts[whole(amount)], event["type"])
				}
			}
		}
		if len(amounts) != 1 {
			t.Errorf("%s: %v", eventType, amounts)
		}
	}
}

func TestLifeCyclesGoAsStripesDo(t *testing.T) {
	t.Parallel()
	for eventType, want := range map[string]string{
		"payment_intent.succeeded":      "payment_intent.created charge.succeeded payment_intent.succeeded",
		"payment_intent.payment_failed": "payment_intent.created charge.failed payment_intent.payment_failed",
		"charge.refunded":               "payment_intent.created charge.succeeded payment_intent.succeeded refund.created charge.refunded",
		"charge.dispute.closed":         "payment_intent.created charge.succeeded payment_intent.succeeded charge.dispute.created charge.dispute.funds_withdrawn charge.dispute.updated charge.dispute.closed",
		"checkout.session.completed":    "payment_intent.created charge.succeeded payment_intent.succeeded checkout.session.completed",
		"setup_intent.succeeded":        "customer.created setup_intent.created payment_method.attached setup_intent.succeeded",
		"payout.paid":                   "payout.created payout.paid",
		"customer.created":              "customer.created",
		"balance.available":             "balance.available",
		"customer.subscription.created": "customer.created payment_method.attached customer.subscription.created invoice.created invoice.finalized payment_intent.created charge.succeeded payment_intent.succeeded invoice.paid invoice.payment_succeeded",
		"customer.subscription.deleted": "customer.created payment_method.attached customer.subscription.created invoice.created invoice.finalized payment_intent.created charge.succeeded payment_intent.succeeded invoice.paid invoice.payment_succeeded customer.subscription.updated customer.subscription.deleted",
		"topup.failed":                  "topup.created topup.failed",
	} {
		if diff := cmp.Diff(strings.Fields(want), typesOf(lived(t, eventType, nil))); diff != "" {
			t.Errorf("%s: %s", eventType, diff)
		}
	}
}

// TestDunning: attempts fail, each with a charge of its own, until the subscription
// ends.
func TestDunningEndsTheSubscription(t *testing.T) {
	t.Parallel()
	events := lived(t, "invoice.payment_failed", nil)
	var attempts []any
	charges, invoices := map[any]bool{}, map[any]bool{}
	for _, event := range events {
		o := at(t, event, "data", "object").(object)
		switch event["type"] {
		case "charge.failed":
			charges[o["id"]] = true
		case "invoice.payment_failed":
			attempts = append(attempts, o["attempt_count"])
			invoices[o["id"]] = true
			if o["subscription"] == nil || o["payment_intent"] == nil || o["status"] != "open" {
				t.Errorf("the invoice is %v", o)
			}
		}
	}
	if diff := cmp.Diff([]any{json.Number("1"), json.Number("2"), json.Number("3"), json.Number("4")}, attempts); diff != "" {
		t.Error(diff)
	}
	if len(charges) != 4 || len(invoices) != 1 {
		t.Errorf("%d charges of %d invoices", len(charges), len(invoices))
	}
	last := events[len(events)-1]
	if got := at(t, last, "data", "object", "cancellation_details", "reason"); last["type"] != "customer.subscription.deleted" || got != "payment_failed" {
		t.Errorf("it ends with %v for %v", last["type"], got)
	}
}

func TestAnUpdateSaysWhatWas(t *testing.T) {
	t.Parallel()
	for eventType, want := range map[string]object{
		"customer.subscription.updated":            {"status": "incomplete"},
		"customer.updated":                         {"description": nil},
		"payment_intent.amount_capturable_updated": {"status": "requires_payment_method", "amount_capturable": json.Number("0")},
		"charge.updated":                           {"metadata": object{"order_id": nil}},
	} {
		got := at(t, sampled(t, eventType, nil), "data", "previous_attributes")
		if diff := cmp.Diff(any(want), got); diff != "" {
			t.Errorf("%s: %s", eventType, diff)
		}
	}
}

func TestSetChangesTheEventThatWasAskedFor(t *testing.T) {
	t.Parallel()
	events := lived(t, "invoice.payment_failed", map[string]string{"data.object.amount_due": "4200"})
	var changed []int
	for i, event := range events {
		if o := at(t, event, "data", "object").(object); o["amount_due"] == json.Number("4200") {
			changed = append(changed, i)
		}
	}
	if want := []int{slices.Index(typesOf(events), "invoice.payment_failed")}; !slices.Equal(changed, want) {
		t.Errorf("changed are %v, not %v", changed, want)
	}
}

// TestEveryStageIsReadable: what is written in a life cycle is a type and a time.
func TestEveryStageIsReadable(t *testing.T) {
	t.Parallel()
	known := changes()
	for eventType, text := range chains {
		if !slices.Contains(Types(), eventType) {
			t.Errorf("%s is no type", eventType)
		}
		for part := range strings.SplitSeq(text, ", ") {
			gap, name, timed := strings.Cut(part, " ")
			if !timed {
				name = part
			} else if _, err := time.ParseDuration(strings.TrimPrefix(gap, "+")); err != nil {
				t.Errorf("%s: %q is no time", eventType, gap)
			}
			stageType, _, variant := strings.Cut(name, "#")
			if !slices.Contains(Types(), stageType) || variant && known[name] == nil {
				t.Errorf("%s: %q is no event", eventType, name)
			}
		}
	}
	for name := range known {
		stageType, _, _ := strings.Cut(name, "#")
		if !slices.Contains(Types(), stageType) {
			t.Errorf("%q changes nothing", name)
		}
	}
}
