package payment

import (
	"os"
	"strings"
	"testing"
)

func TestThePageHasEveryTestCard(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../../../docs/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	prints := map[string]string{}
	for _, c := range cards() {
		if !luhn(c.number) {
			t.Errorf("%s: its last digit is wrong", c.number)
		}
		if other := prints[c.fingerprint()]; other != "" {
			t.Errorf("%s and %s have one fingerprint", c.number, other)
		}
		prints[c.fingerprint()] = c.number
		if !strings.Contains(string(page), c.number) {
			t.Errorf("the page lacks %s", c.number)
		}
		for _, name := range c.names {
			if !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("the page lacks %s", name)
			}
			if found, ok := cardNamed("pm_card_" + name); !ok || found.number != c.number {
				t.Errorf("%s is the card %s, and not %s", name, found.number, c.number)
			}
		}
	}
}

func TestFeesAreRoundedToTheNearestUnit(t *testing.T) {
	t.Parallel()
	for amount, want := range map[int64]int64{50: 31, 2000: 88, 1017: 59, 1018: 60, 99_999_999: 2_900_030} {
		if got := feeOf(amount); got != want {
			t.Errorf("the fee of %d is %d, want %d", amount, got, want)
		}
	}
}
