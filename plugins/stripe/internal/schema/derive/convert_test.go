package derive

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestConvert(t *testing.T) {
	t.Parallel()
	text := node{"type": "string"}
	for name, test := range map[string]struct{ in, want node }{
		"titles and extensions are dropped": {
			node{"type": "string", "title": "t", "x-stripeBypassValidation": true}, text,
		},
		"nullable becomes a type": {
			node{"type": "integer", "nullable": true}, node{"type": []any{"integer", "null"}},
		},
		"an object takes what is listed": {
			node{"type": "object", "properties": node{"a": text}},
			node{"type": "object", "properties": node{"a": text}, "additionalProperties": false},
		},
		"a map stays a map": {
			node{"type": "object", "additionalProperties": text},
			node{"type": "object", "additionalProperties": text},
		},
		"what can be unset takes null": {
			node{"anyOf": []any{text, node{"type": "string", "enum": []any{""}}}},
			node{"anyOf": []any{text, node{"type": []any{"string", "null"}, "enum": []any{"", nil}}}},
		},
		"other values take no null": {
			node{"type": "string", "enum": []any{"a"}}, node{"type": "string", "enum": []any{"a"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := convert(test.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

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
