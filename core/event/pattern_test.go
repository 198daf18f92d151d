package event

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestAStarInAPatternIsAnyText(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern, kind string
		want          bool
	}{
		{"payment_intent.*", "payment_intent.succeeded", true}, {"payment_intent.*", "payment_intent.", true},
		{"payment_intent.*", "payment_intent", false}, {"payment_intent.*", "x.payment_intent.succeeded", false},
		{"*", "", true}, {"*", "a.b/c", true}, {"**", "a", true}, {"*.deleted", "customer.deleted", true},
		{"*.deleted", "customer.deleted.not", false}, {"a*b*c", "a-b-b-c", true}, {"a*b*c", "a-c-b", false},
		{"push", "push", true}, {"push", "Push", false}, {"push", "pushed", false}, {"a?c", "abc", false}, {"[a]", "a", false},
	} {
		if got := MatchesType(test.pattern, test.kind); got != test.want {
			t.Errorf("%q matches %q: %v, want %v", test.pattern, test.kind, got, test.want)
		}
	}
}

func FuzzMatchesIsWhatARegularExpressionSays(f *testing.F) {
	f.Add("a*b*c", "a-b-b-c")
	f.Add("**", "")
	f.Add("*.x", "\n.x")
	f.Fuzz(func(t *testing.T, pattern, kind string) {
		if !utf8.ValidString(pattern) || !utf8.ValidString(kind) || len(pattern) > 200 {
			return
		}
		oracle, err := regexp.Compile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + `\z`)
		if err != nil {
			return // too many stars for it
		}
		if got := MatchesType(pattern, kind); got != oracle.MatchString(kind) {
			t.Errorf("%q matches %q: %v", pattern, kind, got)
		}
	})
}
