package sample

import (
	"fmt"
	"strings"
)

// shown are the objects of events whose type names another one
// (https://docs.stripe.com/api/events/types).
var shown = map[string]string{
	"account.application":         "application",
	"application_fee.refund":      "fee_refund",
	"source.mandate_notification": "source_mandate_notification",
	"source.transaction":          "source_transaction",
}

// resourceOf returns what an event shows: the resource that its type names before
// the last word, such as charge.dispute, issuing_card or payout.
func resourceOf(d *description, eventType string) (string, error) {
	of := eventType[:max(0, strings.LastIndex(eventType, "."))]
	for _, name := range []string{eventType, of} {
		if resource, ok := shown[name]; ok {
			return resource, nil
		}
	}
	for _, name := range []string{of, of[strings.LastIndex(of, ".")+1:], strings.Replace(of, "issuing_", "issuing.", 1)} {
		if d.resources[name] != nil && d.fixtures[name] != nil {
			return name, nil
		}
	}
	return "", fmt.Errorf("Stripe's description has no object for %q", eventType)
}
