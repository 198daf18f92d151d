// Package rating is the arithmetic of Stripe Billing: when periods begin and
// end, what a price comes to, what a coupon takes off, what a change in the
// middle of a period is worth, and what is due on an invoice.
//
// It reads no clock and keeps nothing. Times are seconds since 1970, in UTC.
// Amounts are integers in the smallest unit of a currency; between them
// numbers are exact, and each amount is rounded once, half away from zero.
//
// The package imports nothing of the project.
package rating

import "errors"

// ErrAmount is returned for an amount of more digits than Stripe takes.
var ErrAmount = errors.New("rating: the amount is too large")

// MaxAmount bounds amounts: Stripe takes twelve digits in the currencies that
// have the most (https://docs.stripe.com/currencies).
const MaxAmount = 999_999_999_999
