// Package permission knows which right of a restricted key an operation of Stripe's
// API needs, by the names of the page on which such keys are made
// (https://docs.stripe.com/keys/restricted-api-keys).
//
// The package imports nothing of the project.
package permission

import (
	"regexp"
	"slices"
	"strings"
)

// For returns the right that a request needs, such as "PaymentIntents: Write". Path is
// one of the API or its template, such as "/v1/payment_intents/{intent}". A GET
// reads, all else writes (https://docs.stripe.com/keys/restricted-api-keys). It is ""
// where any key will do. ok is false for a path of which nothing is known.
func For(method, path string) (right string, ok bool) {
	r, ok := resourceOf(path)
	if !ok || r.name == "" {
		return "", ok
	}
	return r.right(level(method)), true
}

func level(method string) string {
	if method == "GET" {
		return read
	}
	return write
}

// The levels of a right. Write includes Read.
const (
	read  = "Read"
	write = "Write"
)

func (r resource) right(level string) string { return r.name + ": " + level }

// resourceOf returns the resource of the longest path in the table that a path begins
// with.
func resourceOf(path string) (resource, bool) {
	segments := strings.Split(strings.Trim(path, "/"), "/")
	for n := len(segments); n > 0; n-- {
		for _, known := range paths[n] {
			if slices.EqualFunc(known.segments, segments[:n], matches) {
				return known.resource, true
			}
		}
	}
	return resource{}, false
}

// matches reports whether a segment of a path is that of the table, where {} stands for
// any.
func matches(known, given string) bool { return known == "{}" || known == given }

// lacking matches what Stripe calls the rights that a key lacks:
// 'rak_payment_intent_write' or 'payment_intent_write', each in quotes.
var lacking = regexp.MustCompile(`'(?:rak_)?([a-z0-9_]+)_(read|write)'`)

// Lacking returns the rights of which Stripe's refusal of a restricted key says that
// one would do, in the words of the page where it is known, else in Stripe's own. It
// says so in texts such as "Having the 'rak_charge_read' permission would allow this
// request to continue."
func Lacking(message string) []string {
	var rights []string
	for _, found := range lacking.FindAllStringSubmatch(message, -1) {
		right, level := found[1]+"_"+found[2], read
		if found[2] == "write" {
			level = write
		}
		if i := slices.IndexFunc(resources, func(r resource) bool { return slices.Contains(r.keys, found[1]) }); i >= 0 {
			right = resources[i].right(level)
		}
		if !slices.Contains(rights, right) {
			rights = append(rights, right)
		}
	}
	return rights
}
