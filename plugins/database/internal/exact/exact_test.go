package exact

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"
)

func TestNumbersAreReadExactly(t *testing.T) {
	for _, c := range []struct {
		text    string
		integer int64
		ok      bool
	}{
		{"0", 0, true},
		{"-0", 0, true},
		{"-0.000e5", 0, true},
		{"20.0", 20, true},
		{"2e3", 2000, true},
		{"2000e-3", 2, true},
		{"9223372036854775807", 9223372036854775807, true},
		{"-9223372036854775808", -9223372036854775808, true},
		{"9223372036854775808", 0, false},
		{"12345678901234567890", 0, false},
		{"20.5", 0, false},
		{"1e999999999999999999", 0, false},
		{"1e-999999999999999999", 0, false},
		{"0e999999999999999999", 0, true},
	} {
		d, valid := Parse(c.text)
		if !valid {
			t.Errorf("%s: not read as a number", c.text)
			continue
		}
		if value, ok := d.Int64(); value != c.integer || ok != c.ok {
			t.Errorf("%s: %d, %t; want %d, %t", c.text, value, ok, c.integer, c.ok)
		}
	}
}

func TestOnlyJSONNumbersAreNumbers(t *testing.T) {
	for _, text := range []string{"", "-", "+1", " 1", "1 ", "01", "-01", ".5", "5.", "1e", "1e+", "1.e3", "0x10", "1_000", "Inf", "NaN", "1e5x", "1\x00"} {
		if _, ok := Parse(text); ok {
			t.Errorf("%q is taken for a number", text)
		}
	}
}

func TestAFloatThatWouldRoundSaysSo(t *testing.T) {
	for text, want := range map[string]struct{ same, ok bool }{
		"0.1":                      {true, true},
		"19.990":                   {true, true},
		"1e20":                     {true, true},
		"1234567890123456789.25":   {false, true},
		"9007199254740993":         {false, true},
		"1e400":                    {false, false},
		"-1e400":                   {false, false},
		"1e-400":                   {false, true},
		"0.1000000000000000055511": {false, true},
	} {
		d, valid := Parse(text)
		_, same, ok := d.Float64()
		if !valid || same != want.same || ok != want.ok {
			t.Errorf("%s: same %t, ok %t; want %t, %t", text, same, ok, want.same, want.ok)
		}
	}
}

// FuzzParse holds Parse against encoding/json (what is a number) and math/big
// (what its value is).
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0", "0E10000000000000000000", "-12.50e+3", "1e99999", "01", "9223372036854775808", "", "1e", strings.Repeat("9", 40)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := Parse(text)
		number := text != "" && (text[0] == '-' || text[0] >= '0' && text[0] <= '9') &&
			json.Valid([]byte(text)) && strings.TrimSpace(text) == text
		if ok != number {
			t.Fatalf("%q: a number %t, want %t", text, ok, number)
		}
		if !ok || d.digits == "" || d.exponent > 400 || d.exponent < -400 {
			return // big.Rat does not bound what it computes
		}
		want, _ := new(big.Rat).SetString(text)
		if value, fits := d.Int64(); fits != (want.IsInt() && want.Num().IsInt64()) || fits && value != want.Num().Int64() {
			t.Fatalf("%q: integer %d, %t", text, value, fits)
		}
		if d.IsInteger() != want.IsInt() {
			t.Fatalf("%q: IsInteger %t", text, d.IsInteger())
		}
	})
}
