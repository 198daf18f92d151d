package value

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCompareIsExact(t *testing.T) {
	t.Parallel()
	million := strings.Repeat("9", 1_000_000)
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"1", "1.0", 0}, {"1", "1e0", 0}, {"100", "1E+2", 0}, {"0.001", "1e-3", 0}, {"19.990", "19.99", 0},
		{"0", "-0", 0}, {"0", "0.000", 0}, {"0e999999999", "-0.0", 0}, {"0", "1e-999999999", -1}, {"0", "-1e-999999999", 1},
		{"12345678901234567890", "12345678901234567891", -1},
		{"9007199254740993", "9007199254740992", 1},
		{"0.1", "0.1000000000000000055511151231257827", -1},
		{"2", "10", -1}, {"-2", "-10", 1}, {"-1", "1", -1}, {"1", "-1", 1}, {"0.9", "0.10", 1}, {"1.5", "1.25", 1},
		{"1e999999999", "1e999999998", 1}, {"-1e999999999", "-1e999999998", -1}, {"1e-999999999", "1e-999999998", -1},
		{"10e999999998", "1e999999999", 0}, {"1e999999999", million, 1},
		{"1" + million, million, 1}, {million, million + ".0", 0}, {million, million + ".1", -1},
		{"1e99999999999999999999999", "1", 1}, {"1e-99999999999999999999999", "1", -1},
	} {
		if got := Compare(json.Number(test.a), json.Number(test.b)); got != test.want {
			t.Errorf("Compare(%.40s, %.40s) = %d, want %d", test.a, test.b, got, test.want)
		}
		if got := Compare(json.Number(test.b), json.Number(test.a)); got != -test.want {
			t.Errorf("Compare(%.40s, %.40s) = %d, want %d", test.b, test.a, got, -test.want)
		}
	}
}

func TestCompareAgreesWithRationals(t *testing.T) {
	t.Parallel()
	lit := rapid.StringMatching(`-?(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := lit.Draw(t, "a"), lit.Draw(t, "b")
		x, _ := new(big.Rat).SetString(a)
		y, _ := new(big.Rat).SetString(b)
		if got, want := Compare(json.Number(a), json.Number(b)), x.Cmp(y); got != want {
			t.Fatalf("Compare(%s, %s) = %d, want %d", a, b, got, want)
		}
	})
}

func TestCompareUsesNoMemory(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Compare("1e999999999", "-123456789.000000001e999999998") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestCompareOfBrokenLiteralsDoesNotPanic(t *testing.T) {
	t.Parallel()
	lits := []json.Number{"", "-", ".", "e", "-.e", "abc", "1e", "1.2.3", "--1", "1e+-"}
	for _, a := range lits {
		for _, b := range lits {
			Compare(a, b)
		}
	}
}

func TestEqualComparesWhatNumbersAreWorth(t *testing.T) {
	t.Parallel()
	obj := func(n string) any {
		return map[string]any{"a": []any{json.Number(n), "x", nil, true}}
	}
	if !Equal(obj("1.0"), obj("1")) || !Equal(3, json.Number("3.0")) || !Equal(int64(3), 3) {
		t.Error("numbers of equal worth are not equal")
	}
	different := []any{
		nil, true, false, "", "1", json.Number("1"), json.Number("1.1"), []any{}, []any{nil}, []any{json.Number("1")},
		map[string]any{}, map[string]any{"a": nil}, map[string]any{"b": nil}, map[string]any{"a": nil, "b": nil},
	}
	for i, a := range different {
		for j, b := range different {
			if Equal(a, b) != (i == j) {
				t.Errorf("Equal(%#v, %#v) = %v", a, b, i != j)
			}
		}
	}
	if Equal(1.5, 1.5) {
		t.Error("a float is no value and equals nothing")
	}
	loop := []any{nil}
	loop[0] = loop
	if Equal(loop, loop) {
		t.Error("a cycle equals nothing")
	}
}
