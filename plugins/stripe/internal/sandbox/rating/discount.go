package rating

import (
	"fmt"
	"math/big"
	"slices"
)

// Coupon is what is taken off an invoice: a percentage or an amount
// (https://docs.stripe.com/api/coupons/object).
type Coupon struct {
	Percent  Decimal  // above 0 and at most 100; 0: Amount counts
	Amount   int64    // above 0, in the currency of the invoice
	Products []string // what it applies to; empty: everything
}

// Duration is how long a discount lasts.
type Duration struct {
	Kind   string // "once", "repeating" or "forever"
	Months int    // of "repeating"
}

// End returns when a discount that begins at start ends, and false where time
// does not end it: "forever", and "once", which the first invoice ends.
func (d Duration) End(start int64) (int64, bool) {
	if d.Kind != "repeating" {
		return 0, false
	}
	return Recurrence{Interval: "month", Count: 1}.Boundary(start, d.Months), true
}

// Check returns why Stripe takes no such coupon, or nil.
func (c Coupon) Check() error {
	percent := c.Percent.rat()
	switch {
	case percent.Sign() < 0 || percent.Cmp(big.NewRat(100, 1)) > 0:
		return fmt.Errorf("rating: %s percent; above 0, at most 100", c.Percent)
	case c.Amount < 0 || c.Amount > MaxAmount:
		return ErrAmount
	case percent.Sign() == 0 == (c.Amount == 0):
		return fmt.Errorf("rating: a coupon has either a percentage or an amount")
	}
	return nil
}

// Line is what a discount reads of a line of an invoice.
type Line struct {
	Amount       int64
	Product      string
	Discountable bool
}

// Off returns what c takes off each line: nothing of lines that it does not
// apply to, never more than they come to together. What is taken off whole is
// spread over the lines in proportion, so that the parts add up to it.
func (c Coupon) Off(lines []Line) ([]int64, error) {
	weights := make([]int64, len(lines))
	sum := int64(0)
	for i, line := range lines {
		if line.Discountable && line.Amount > 0 && (len(c.Products) == 0 || slices.Contains(c.Products, line.Product)) {
			weights[i] = line.Amount
			sum += line.Amount
		}
	}
	if sum == 0 {
		return weights, nil
	}
	off := min(c.Amount, sum)
	if c.Percent.rat().Sign() != 0 {
		var err error
		if off, err = c.of(sum); err != nil {
			return nil, err
		}
	}
	return spread(off, weights, sum), nil
}

// Net returns amount less the percentage of c; a coupon of an amount leaves it
// as it is. Prorations are priced so: they are not discountable themselves.
func (c Coupon) Net(amount int64) (int64, error) {
	off, err := c.of(amount)
	return amount - off, err
}

func (c Coupon) of(amount int64) (int64, error) {
	return round(new(big.Rat).Quo(
		new(big.Rat).Mul(new(big.Rat).SetInt64(amount), c.Percent.rat()),
		big.NewRat(100, 1)))
}

// spread divides off by weights, whose sum is sum: each gets its share rounded
// down, then those that lost most get one more, until nothing is left.
func spread(off int64, weights []int64, sum int64) []int64 {
	parts := make([]int64, len(weights))
	lost := make([]*big.Int, len(weights))
	order := make([]int, len(weights))
	left := off
	for i, weight := range weights {
		quotient, rest := new(big.Int).QuoRem(
			new(big.Int).Mul(big.NewInt(off), big.NewInt(weight)),
			big.NewInt(sum), new(big.Int))
		parts[i], lost[i], order[i] = quotient.Int64(), rest, i
		left -= parts[i]
	}
	slices.SortStableFunc(order, func(a, b int) int { return lost[b].Cmp(lost[a]) })
	for _, i := range order[:left] {
		parts[i]++
	}
	return parts
}
