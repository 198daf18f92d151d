package form

import (
	"errors"
	"strconv"
	"strings"
)

// maxExponent bounds how many zeros an exponent may stand for: a short text
// must not become a long field.
const maxExponent = 64

// plain writes a JSON number without exponent and without a fraction of
// zeros. It moves digits only: no float is involved, and every other digit is
// kept as written.
func plain(number string) (string, error) {
	sign := ""
	if strings.HasPrefix(number, "-") {
		sign, number = "-", number[1:]
	}
	mantissa, exponent, hasExponent := strings.Cut(strings.ToLower(number), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	if hasExponent {
		shift, err := strconv.Atoi(exponent)
		if err != nil || shift > maxExponent || shift < -maxExponent {
			return "", errors.New("the number's exponent is out of range")
		}
		whole, fraction = movePoint(whole, fraction, shift)
	}
	if strings.Trim(fraction, "0") == "" {
		fraction = ""
	}
	if fraction != "" {
		fraction = "." + fraction
	}
	return sign + whole + fraction, nil
}

// movePoint moves the decimal point to the right by shift digits, to the left
// if shift is negative.
func movePoint(whole, fraction string, shift int) (string, string) {
	digits := whole + fraction
	point := len(whole) + shift
	if point <= 0 {
		digits = strings.Repeat("0", 1-point) + digits
		point = 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	whole = strings.TrimLeft(digits[:point], "0")
	if whole == "" {
		whole = "0"
	}
	return whole, digits[point:]
}
