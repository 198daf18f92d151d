package rating

import (
	"fmt"
	"math/big"
	"strings"
)

// decimals is how many digits after the point Stripe takes in
// unit_amount_decimal (https://docs.stripe.com/api/prices/create).
const decimals = 12

// maxDecimalDigits bounds the digits before the point.
const maxDecimalDigits = 18

// Decimal is a number of at most 12 digits after the point, exact. Its zero
// value is 0.
type Decimal struct{ r *big.Rat }

// ParseDecimal reads a number such as "2000" or "0.25". Exponents are refused.
func ParseDecimal(text string) (Decimal, error) {
	whole, fraction, pointed := strings.Cut(strings.TrimPrefix(text, "-"), ".")
	if whole == "" || pointed && fraction == "" || len(whole) > maxDecimalDigits || strings.Trim(whole+fraction, "0123456789") != "" {
		return Decimal{}, fmt.Errorf("rating: %q is not a decimal number", text)
	}
	if len(fraction) > decimals {
		return Decimal{}, fmt.Errorf("rating: %q has more than %d digits after the point", text, decimals)
	}
	r, ok := new(big.Rat).SetString(text)
	if !ok {
		return Decimal{}, fmt.Errorf("rating: %q is not a decimal number", text)
	}
	return Decimal{r}, nil
}

// Whole returns n as a Decimal.
func Whole(n int64) Decimal { return Decimal{new(big.Rat).SetInt64(n)} }

// Negative reports whether d is below 0.
func (d Decimal) Negative() bool { return d.rat().Sign() < 0 }

// Integer returns d, if it has no fraction and fits.
func (d Decimal) Integer() (int64, bool) {
	r := d.rat()
	return r.Num().Int64(), r.IsInt() && r.Num().IsInt64()
}

// String returns d without zeros at its end.
func (d Decimal) String() string {
	text := d.rat().FloatString(decimals)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Shift returns d divided by ten to the power of places, with that many digits after
// the point, and more where d has a fraction: an amount in its main unit.
func (d Decimal) Shift(places int) string {
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
	text := new(big.Rat).Quo(d.rat(), new(big.Rat).SetInt(unit)).FloatString(places + decimals)
	for digits := decimals; digits > 0 && strings.HasSuffix(text, "0"); digits-- {
		text = text[:len(text)-1]
	}
	return strings.TrimSuffix(text, ".")
}

func (d Decimal) rat() *big.Rat {
	if d.r == nil {
		return new(big.Rat)
	}
	return d.r
}

// round returns the integer next to r, half away from zero.
func round(r *big.Rat) (int64, error) {
	twice := new(big.Int).Mul(new(big.Int).Abs(r.Num()), big.NewInt(2))
	twice.Add(twice, r.Denom())
	n := twice.Quo(twice, new(big.Int).Mul(r.Denom(), big.NewInt(2)))
	if !n.IsInt64() || n.Int64() > MaxAmount {
		return 0, ErrAmount
	}
	if r.Sign() < 0 {
		return -n.Int64(), nil
	}
	return n.Int64(), nil
}

// share returns amount x part / whole, rounded. whole is not 0.
func share(amount, part, whole int64) (int64, error) {
	r := new(big.Rat).SetFrac(
		new(big.Int).Mul(big.NewInt(amount), big.NewInt(part)),
		big.NewInt(whole))
	return round(r)
}
