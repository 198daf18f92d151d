package openapi

import (
	"strings"
	"testing"
)

func TestShorten(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"One. Two.": "One.",
		"No end":    "No end",
		"A <a href=\"https://x.y\">link</a>, and [one](https://z.com/a.b) more. Rest.": "A link, and one more.",
		"Units, e.g. cents, are small. Rest.":                                          "Units, e.g. cents, are small.",
		"Fish &amp; chips\n  cost 2.50 euros.":                                         "Fish & chips cost 2.50 euros.",
		"":                                                                             "",
		strings.Repeat("ä", 300):                                                       strings.Repeat("ä", 239) + "…",
	} {
		if got := shorten(in); got != want {
			t.Errorf("shorten(%q) = %q, want %q", in, got, want)
		}
	}
}
