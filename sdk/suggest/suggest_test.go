package suggest

import (
	"strings"
	"testing"
)

func TestNearestFindsWhatATypingErrorHid(t *testing.T) {
	known := []string{"createCustomer", "createPaymentIntent", "getSubscription"}
	for word, want := range map[string]string{
		"createCustomer":           "createCustomer",
		"creatCustomer":            "createCustomer",
		"createCutsomer":           "createCustomer",
		"CREATECUSTOMER":           "createCustomer",
		"createPaymentIntents":     "createPaymentIntent",
		"refund":                   "",
		"":                         "",
		strings.Repeat("a", 1<<20): "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("Nearest(%.20q) = %q, want %q", word, got, want)
		}
	}
}

func TestNearestNeedsALetterThatIsRight(t *testing.T) {
	for word, want := range map[string]string{"": "", "x": "", "i": "i", "ii": "i", "I": "i"} {
		if got := Nearest(word, []string{"i"}); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestHintListsTheKnownWordsWhereNoneIsNear(t *testing.T) {
	if got, want := Hint("x", []string{"alpha", "beta"}), "known: alpha, beta"; got != want {
		t.Errorf("Hint = %q, want %q", got, want)
	}
	if got, want := Hint("alhpa", []string{"alpha", "beta"}), `did you mean "alpha"?`; got != want {
		t.Errorf("Hint = %q, want %q", got, want)
	}
	if got := Hint("x", nil); got != "" {
		t.Errorf("Hint without known words = %q", got)
	}
}
