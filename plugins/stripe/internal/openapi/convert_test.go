package openapi

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSchemasAreConverted(t *testing.T) {
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
			var d definitions
			got, err := d.convert(test.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
