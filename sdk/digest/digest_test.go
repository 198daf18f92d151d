package digest

import "testing"

// Digests are stored: what they are of a list of parts must not change.
func TestDigestsAreOfLengthsAndParts(t *testing.T) {
	for _, test := range []struct {
		parts []string
		want  string
	}{
		{nil, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{[]string{"insert", "ab"}, "8b3bd2fa972b5204836d757a25ed59b740d50688af0c1318876785fcd90f29e9"},
		{[]string{"inserta", "b"}, "597f2636259736d54ad77d925611a6a2d62e8d0cd739e99f304bd9e4055718c2"},
		{[]string{"insert", "ab", ""}, "874c81c5b76212ce3ec634407ae3ef4048a847ecc47c9932c922987ccd412e65"},
	} {
		if got := Hex(test.parts...); got != test.want {
			t.Errorf("%q: got %s, want %s", test.parts, got, test.want)
		}
	}
}
