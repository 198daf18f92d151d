package shape

import (
	"errors"
	"reflect"
	"strconv"
	"strings"
)

// number reads a number into a type that can hold it exactly, floats apart.
func (d *decoder) number(s *Shape, v reflect.Value) error {
	end, ok := scanNumber(d.data, d.i)
	if !ok {
		if d.data[d.i] == '-' || '0' <= d.data[d.i] && d.data[d.i] <= '9' {
			return errSyntax
		}
		return errors.New("is no number")
	}
	text := d.data[d.i:end]
	d.i = end
	switch s.kind {
	case kindNumber:
		v.SetString(text)
		return nil
	case kindFloat:
		f, err := strconv.ParseFloat(text, s.typ.Bits())
		if err != nil {
			return errors.New("is too large a number")
		}
		v.SetFloat(f)
		return nil
	}
	if strings.ContainsAny(text, ".eE") {
		if text, ok = whole(text); !ok {
			return errors.New("is no whole number, or too large a one")
		}
	}
	if s.kind == kindInt {
		n, err := strconv.ParseInt(text, 10, s.typ.Bits())
		v.SetInt(n)
		return outOfRange(err)
	}
	n, err := strconv.ParseUint(text, 10, s.typ.Bits())
	if text == "-0" {
		n, err = 0, nil
	}
	v.SetUint(n)
	return outOfRange(err)
}

// small reads a whole number of few digits into an integer of 64 bits, as nearly
// all are. It leaves all others, and zero, to number.
func (d *decoder) small(v reflect.Value) bool {
	const digits = 18 // always fit
	i, n := d.i, int64(0)
	negative := d.data[i] == '-'
	if negative {
		i++
	}
	begin := i
	for i < len(d.data) && d.data[i]-'0' <= 9 {
		n = n*10 + int64(d.data[i]-'0')
		i++
	}
	if i == begin || i-begin > digits || d.data[begin] == '0' || v.Type().Size() != 8 {
		return false
	}
	if i < len(d.data) && (d.data[i] == '.' || d.data[i]|0x20 == 'e') {
		return false
	}
	if negative {
		n = -n
	}
	v.SetInt(n)
	d.i = i
	return true
}

func outOfRange(err error) error {
	if err != nil {
		return errors.New("is out of range")
	}
	return nil
}

// whole writes 1.0 and 1e3, which are whole numbers in JSON Schema, with digits
// alone. No whole number of a Go type has an exponent of three digits. It is done
// on the text because math/big would make each guest a tenth larger.
func whole(text string) (string, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(strings.TrimLeft(exponent, "+-0")) > 2 {
		return "", false
	}
	shift, _ := strconv.Atoi(exponent) // none is zero
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	digits, fraction, _ := strings.Cut(mantissa, ".")
	point := max(0, len(digits)+shift)
	early := len(digits)+shift < 0
	digits += fraction
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	if strings.Trim(digits[point:], "0") != "" || early && strings.Trim(digits, "0") != "" {
		return "", false
	}
	digits = strings.TrimLeft(digits[:point], "0")
	switch {
	case digits == "":
		return "0", true
	case negative:
		return "-" + digits, true
	}
	return digits, true
}
