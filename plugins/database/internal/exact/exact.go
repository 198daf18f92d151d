// Package exact reads JSON numbers without losing a digit, in time and memory
// bounded by their length: 1e999999999 costs no more than it takes to read.
//
// The package imports nothing of the project. It knows nothing of databases.
package exact

import (
	"math"
	"strconv"
	"strings"
)

// Decimal is the value of a JSON number, in one form for equal values, so that
// == compares exactly: 19.990 and 1.999e1 are the same Decimal.
type Decimal struct {
	negative bool
	// digits has neither leading nor trailing zeros; it is empty for zero.
	digits string
	// exponent is the power of ten that digits are multiplied with.
	exponent int64
}

// exponentLimit bounds exponents: a number beyond it fits no type of any
// database, and far below the limit sums of exponents cannot overflow.
const exponentLimit = 1 << 40

// Parse reads a number in the grammar of RFC 8259, section 6. Nothing else is
// a number: no white space, no sign "+", no leading zeros, no "Inf".
func Parse(s string) (Decimal, bool) {
	var d Decimal
	rest, negative := strings.CutPrefix(s, "-")
	integer := leadingDigits(rest)
	if integer == "" || len(integer) > 1 && integer[0] == '0' {
		return Decimal{}, false
	}
	rest = rest[len(integer):]
	var fraction string
	if after, ok := strings.CutPrefix(rest, "."); ok {
		if fraction = leadingDigits(after); fraction == "" {
			return Decimal{}, false
		}
		rest = after[len(fraction):]
	}
	if rest != "" {
		exponent, ok := parseExponent(rest)
		if !ok {
			return Decimal{}, false
		}
		d.exponent = exponent
	}
	digits := strings.TrimLeft(integer+fraction, "0")
	if digits == "" {
		return Decimal{}, true
	}
	trimmed := strings.TrimRight(digits, "0")
	d.negative = negative
	d.digits = trimmed
	d.exponent += int64(len(digits)-len(trimmed)) - int64(len(fraction))
	return d, true
}

func leadingDigits(s string) string {
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	return s[:end]
}

// parseExponent reads "e5", "E+05" or "e-5"; one beyond the limit is returned
// as the limit, which equals no value that any type holds.
func parseExponent(s string) (int64, bool) {
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s = s[1:]
	negative := false
	if s != "" && (s[0] == '+' || s[0] == '-') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if s == "" || leadingDigits(s) != s {
		return 0, false
	}
	exponent := int64(exponentLimit)
	if s = strings.TrimLeft(s, "0"); len(s) <= 12 {
		exponent = 0
		for _, c := range s {
			exponent = exponent*10 + int64(c-'0')
		}
	}
	exponent = min(exponent, exponentLimit)
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// IsZero reports whether the value is zero.
func (d Decimal) IsZero() bool { return d.digits == "" }

// Scale returns how many digits after the point the value needs; below zero, how many
// zeros it ends in before the point.
func (d Decimal) Scale() int64 { return -d.exponent }

// Magnitude returns the least power of ten that the value is below, without its sign.
func (d Decimal) Magnitude() int64 { return int64(len(d.digits)) + d.exponent }

// IsInteger reports whether the value has no fraction: 20.0 and 2e3 are integers.
func (d Decimal) IsInteger() bool { return d.exponent >= 0 }

// Int64 returns the value if it is an integer of 64 bits.
func (d Decimal) Int64() (int64, bool) {
	if d.digits == "" {
		return 0, true
	}
	if d.exponent < 0 || int64(len(d.digits))+d.exponent > 19 {
		return 0, false
	}
	text := d.digits + strings.Repeat("0", int(d.exponent))
	if d.negative {
		text = "-" + text
	}
	value, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, false
	}
	return value, true
}

// Uint64 returns the value if it is an integer of 64 bits without a sign.
func (d Decimal) Uint64() (uint64, bool) {
	text, ok := d.Plain(20, 0)
	if !ok || d.negative {
		return 0, false
	}
	value, err := strconv.ParseUint(text, 10, 64)
	return value, err == nil
}

// Plain returns the value without an exponent, if it has at most so many digits before
// and after the point.
func (d Decimal) Plain(integer, fraction int) (string, bool) {
	if d.digits == "" {
		return "0", true
	}
	// point is how many of the digits stand before the point.
	point := int64(len(d.digits)) + d.exponent
	if point > int64(integer) || d.exponent < -int64(fraction) {
		return "", false
	}
	var text string
	switch {
	case d.exponent >= 0:
		text = d.digits + strings.Repeat("0", int(d.exponent))
	case point <= 0:
		text = "0." + strings.Repeat("0", int(-point)) + d.digits
	default:
		text = d.digits[:point] + "." + d.digits[point:]
	}
	if d.negative {
		text = "-" + text
	}
	return text, true
}

// Negative reports whether the value is less than zero.
func (d Decimal) Negative() bool { return d.negative }

// Float64 returns the nearest float64, and whether it stands for the very same
// decimal: its shortest notation has the value of d. It is not ok when the
// value is beyond the range of float64.
func (d Decimal) Float64() (value float64, same, ok bool) {
	if d.digits == "" {
		return 0, true, true
	}
	text := d.digits + "e" + strconv.FormatInt(d.exponent, 10)
	if d.negative {
		text = "-" + text
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(value, 0) {
		return 0, false, false
	}
	back, valid := Parse(strconv.FormatFloat(value, 'e', -1, 64))
	return value, valid && back == d, true
}
