package openapi

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// undescribed are amounts of which the description says nothing, with what they are. Each
// is a positive integer (https://docs.stripe.com/api/refunds/create).
var undescribed = map[string]string{
	"PostRefunds":                 "How much to refund, everything that is left if absent.",
	"PostChargesChargeRefunds":    "How much to refund, everything that is left if absent.",
	"PostApplicationFeesIdRefund": "How much of the fee to refund, everything that is left if absent.",
}

// describeAmount completes the amount of an operation of which Stripe says nothing.
func describeAmount(id string, properties node) {
	amount, ok := properties["amount"].(node)
	if text, silent := undescribed[id]; silent && ok && amount["type"] == "integer" && amount["description"] == nil {
		amount["description"] = text + " " + unitHint
		amount["minimum"] = 1
	}
}

// Stripe says in prose alone which amounts are at least 1, and in which unit they are,
// mostly not in the first sentence (https://docs.stripe.com/currencies#zero-decimal).
// stripe-mock takes negative ones.
var (
	positive = regexp.MustCompile(`(?i)\bpositive integer\b`)
	orZero   = regexp.MustCompile(`(?i)\bor (0|zero)\b`)
	unit     = regexp.MustCompile(`(?i)smallest currency unit|\b(in|of) [_*]*cents?\b|cents \(or`)
)

// amountUnit is what is said where an amount is given with a fraction.
const amountUnit = "an amount is in the smallest unit of its currency: 19.99 USD is 1999, 500 JPY is 500, 5.120 KWD is 5120 (https://docs.stripe.com/currencies)"

// describeUnits says of each amount among the properties of an object what it counts.
// Stripe's names of money hold the word.
func describeUnits(properties any) {
	all, _ := properties.(node)
	for name, property := range all {
		if of, ok := property.(node); ok && strings.Contains(name, "amount") && takesInteger(of) {
			of["x-unit"] = amountUnit
		}
	}
}

// takesInteger reports whether a schema is that of an integer, or of one that can be
// unset.
func takesInteger(schema node) bool {
	if schema["type"] == "integer" {
		return true
	}
	alternatives, _ := schema["anyOf"].([]any)
	return slices.ContainsFunc(alternatives, func(one any) bool {
		of, ok := one.(node)
		return ok && of["type"] == "integer"
	})
}

const unitHint = "In the smallest unit of the currency: 2000 is 20.00 USD, but 2000 JPY."

// readAmount takes from the text of an integer what is a rule, and what is needed to
// write it: money of which the text says that it is positive is at least 1. Amounts
// that may be zero or less are left alone: an item of an invoice can be a credit, a
// price can be nothing.
func readAmount(in, out node) {
	text := fmt.Sprint(in["description"])
	if in["type"] != "integer" || in["description"] == nil {
		return
	}
	if positive.MatchString(text) && !orZero.MatchString(text) && out["minimum"] == nil {
		out["minimum"] = 1
	}
	if said, _ := out["description"].(string); unit.MatchString(text) && !unit.MatchString(said) {
		out["description"] = strings.TrimSpace(said + " " + unitHint)
	}
}
