package shape

import (
	"math/big"
	"testing"
)

func TestWholeNumbersAreWrittenWithDigitsAlone(t *testing.T) {
	for _, mantissa := range []string{"0", "1", "10", "120", "0.0", "0.5", "0.05", "1.0", "1.50", "12.34", "100.00", "0.120", "9223372036854775807", "18446744073709551615.000"} {
		for _, exponent := range []string{"", "e0", "e1", "E+2", "e-1", "e-2", "e3", "e-5", "e20", "e-20", "e002", "e-002"} {
			for _, sign := range []string{"", "-"} {
				text := sign + mantissa + exponent
				exact, ok := new(big.Rat).SetString(text)
				if !ok {
					t.Fatal(text)
				}
				got, is := whole(text)
				if is != exact.IsInt() || is && got != exact.Num().String() {
					t.Errorf("%s is %q, %v, want %s", text, got, is, exact.RatString())
				}
			}
		}
	}
	if got, is := whole("1e100"); is {
		t.Errorf("1e100 is %s", got)
	}
}
