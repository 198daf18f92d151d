package value

import (
	"cmp"
	"encoding/json"
	"strconv"
	"strings"
)

// Compare orders two numbers by what they are worth, exactly: -1 if a < b, 0
// if they are equal (1, 1.0 and 10e-1 are), 1 if a > b. Digits are compared as
// text, so time is bounded by the length of the literals and no memory is
// used, whatever their exponents. Exponents of more than 18 digits, which
// [Parse] never lets in, count as equal. The literals must be numbers of JSON;
// of anything else the order is unspecified.
func Compare(a, b json.Number) int {
	x, y := parseDecimal(string(a)), parseDecimal(string(b))
	if x.sign != y.sign {
		return cmp.Compare(x.sign, y.sign)
	}
	return x.sign * x.compareMagnitude(&y)
}

// AppendNormal appends a text that is the same for numbers that are worth the same,
// and for no others.
func AppendNormal(dst []byte, n json.Number) []byte {
	d := parseDecimal(string(n))
	if d.sign == 0 {
		return append(dst, '0')
	}
	if d.sign < 0 {
		dst = append(dst, '-')
	}
	for i := d.first; i < d.last; i++ {
		dst = append(dst, d.digit(i))
	}
	return strconv.AppendInt(append(dst, 'e'), d.point, 10)
}

// IsInteger reports whether a number has no fraction, however it is written: 1.0
// and 10e-1 have none. What holds for [Compare] holds here.
func IsInteger(n json.Number) bool {
	d := parseDecimal(string(n))
	return d.sign == 0 || d.point >= int64(d.last-d.first)
}

// Index returns the index of an array that a number is: an integer of at most nine
// digits that is not negative, however it is written.
func Index(n json.Number) (index int, ok bool) {
	d := parseDecimal(string(n))
	switch {
	case d.sign == 0:
		return 0, true
	case d.sign < 0 || d.point > 9 || d.point < int64(d.last-d.first):
		return 0, false
	}
	for i := range int(d.point) {
		index *= 10
		if at := d.first + i; at < d.last {
			index += int(d.digit(at) - '0')
		}
	}
	return index, true
}

// decimal is the number sign * 0.d1d2d3... * 10^point, where the digits d are
// whole followed by fraction, from first on, and d1 is not 0. Zero has sign 0
// and nothing else.
type decimal struct {
	sign            int
	whole, fraction string
	first, last     int // digits first to last-1 count; those outside are zeros
	point           int64
}

func parseDecimal(lit string) decimal {
	d := decimal{sign: 1}
	if strings.HasPrefix(lit, "-") {
		d.sign = -1
		lit = lit[1:]
	}
	var exp int64
	if i := strings.IndexAny(lit, "eE"); i >= 0 {
		exp = parseExponent(lit[i+1:])
		lit = lit[:i]
	}
	d.whole, d.fraction, _ = strings.Cut(lit, ".")
	d.last = len(d.whole) + len(d.fraction)
	for d.first < d.last && d.digit(d.first) == '0' {
		d.first++
	}
	if d.first == d.last {
		return decimal{}
	}
	for d.digit(d.last-1) == '0' {
		d.last--
	}
	d.point = int64(len(d.whole)-d.first) + exp
	return d
}

// parseExponent reads what follows the e of a number; values beyond 18 digits
// are cut to the largest of them.
func parseExponent(s string) int64 {
	negative := strings.HasPrefix(s, "-")
	s = strings.TrimLeft(s, "+-")
	const limit = 1e18
	var n int64
	for i := range len(s) {
		if n = n*10 + int64(s[i]-'0'); n >= limit {
			n = limit
			break
		}
	}
	if negative {
		return -n
	}
	return n
}

func (d *decimal) digit(i int) byte {
	if i < len(d.whole) {
		return d.whole[i]
	}
	return d.fraction[i-len(d.whole)]
}

// compareMagnitude compares two numbers of the same sign without it.
func (d *decimal) compareMagnitude(other *decimal) int {
	if c := cmp.Compare(d.point, other.point); c != 0 {
		return c
	}
	n, m := d.last-d.first, other.last-other.first
	for i := range min(n, m) {
		if c := cmp.Compare(d.digit(d.first+i), other.digit(other.first+i)); c != 0 {
			return c
		}
	}
	return cmp.Compare(n, m)
}

// Equal reports whether a and b are the same JSON value: numbers by what they
// are worth, objects whatever the order of their keys. Values nested deeper
// than [MaxDepth] are equal to nothing.
func Equal(a, b any) bool {
	return equal(a, b, 0)
}

func equal(a, b any, depth int) bool {
	if depth > MaxDepth {
		return false
	}
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i], depth+1) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for k, av := range a {
			if bv, ok := b[k]; !ok || !equal(av, bv, depth+1) {
				return false
			}
		}
		return true
	}
	x, ok := AsNumber(a)
	if !ok {
		return false
	}
	y, ok := AsNumber(b)
	return ok && Compare(x, y) == 0
}
