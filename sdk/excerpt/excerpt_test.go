package excerpt

import "testing"

func TestLongTextsAreShortened(t *testing.T) {
	for _, test := range []struct {
		name    string
		shorten func(string, int) string
		text    string
		want    string
	}{
		{"Runes", Runes, "", ""},
		{"Runes", Runes, "äöü", "äöü"},
		{"Runes", Runes, "äöüß", "äöü…"},
		{"Fit", Fit, "äöü", "äöü"},
		{"Fit", Fit, "äöüß", "äö…"},
		{"Bytes", Bytes, "abc", "abc"},
		{"Bytes", Bytes, "abcd", "abc…"},
		{"Bytes", Bytes, "äöü", "ä…"},
	} {
		if got := test.shorten(test.text, 3); got != test.want {
			t.Errorf("%s(%q, 3) = %q, want %q", test.name, test.text, got, test.want)
		}
	}
}
