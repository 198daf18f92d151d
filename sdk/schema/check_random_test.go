package schema

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"github.com/backflow/backflow/sdk/value"
)

// library compiles a schema as the package does, for the library to check with.
func library(source []byte) (*jsonschema.Schema, error) {
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(source))
	if err != nil {
		return nil, err
	}
	root, _, err := compile(document, maxSteps+stepsPerByte*len(source))
	return root, err
}

// TestOfRandomSchemasTheSameValuesAreAcceptedAsByTheLibrary draws schemas and values
// of so few words that they often meet.
func TestOfRandomSchemasTheSameValuesAreAcceptedAsByTheLibrary(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		drawn := drawSchema(rt, 3)
		drawn["$defs"] = map[string]any{"r": drawSchema(rt, 2), "s": drawSchema(rt, 0)}
		if draft := rapid.SampledFrom([]string{"", "", "", "http://json-schema.org/draft-07/schema#", "https://json-schema.org/draft/2019-09/schema"}).Draw(rt, "draft"); draft != "" {
			drawn["$schema"] = draft
		}
		source, err := value.Marshal(drawn)
		if err != nil {
			rt.Fatal(err)
		}
		s, err := Compile(source)
		if err != nil {
			_, refused := library(source) // an older draft wants more of a schema
			if refused == nil && !strings.Contains(err.Error(), "itself without end") && !strings.Contains(err.Error(), "more than 10000 rules") {
				rt.Fatalf("%s: %v", source, err)
			}
			return
		}
		reference, err := library(source)
		if err != nil {
			rt.Fatal(err)
		}
		for range 20 {
			document, err := value.Marshal(drawValue(rt, 3))
			if err != nil {
				rt.Fatal(err)
			}
			v, err := value.Parse(document)
			if err != nil {
				rt.Fatal(err)
			}
			invalid := reference.Validate(v)
			faults := s.Faults(v)
			if invalid != nil {
				refused++
			} else {
				accepted++
			}
			if (faults == nil) != (invalid == nil) {
				rt.Fatalf("of %s for %s the faults are %v, and the library says %v", source, document, faults, invalid)
			}
		}
	})
	if accepted == 0 || refused == 0 {
		t.Errorf("nothing was compared: %d values were accepted, %d refused", accepted, refused)
	}
}

var names = []string{"a", "b", "c"}

func drawValue(rt *rapid.T, depth int) any {
	kind := rapid.IntRange(0, 5).Draw(rt, "kind")
	switch {
	case kind == 4 && depth > 0:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(rt, "items") {
			list = append(list, drawValue(rt, depth-1))
		}
		return list
	case kind == 5 && depth > 0:
		members := map[string]any{}
		for range rapid.IntRange(0, 3).Draw(rt, "members") {
			members[rapid.SampledFrom(names).Draw(rt, "name")] = drawValue(rt, depth-1)
		}
		return members
	default:
		return drawScalar(rt)
	}
}

func drawScalar(rt *rapid.T) any {
	scalars := []string{`null`, `true`, `false`, `""`, `"a"`, `"ab"`, `"ä"`, `0`, `-0.0`, `1`, `1.0`, `10e-1`, `1.5`, `2`, `3`}
	v, err := value.Parse([]byte(rapid.SampledFrom(scalars).Draw(rt, "scalar")))
	if err != nil {
		rt.Fatal(err)
	}
	return v
}

func drawSchema(rt *rapid.T, depth int) map[string]any {
	s := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(rt, "keywords") {
		drawKeyword(rt, s, depth)
	}
	return s
}

// drawKeyword adds a keyword.
func drawKeyword(rt *rapid.T, s map[string]any, depth int) {
	types := []any{"null", "boolean", "integer", "number", "string", "array", "object"}
	bounds := []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
	lengths := []string{"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
	parts := func() []any {
		return []any{drawSchema(rt, depth-1), drawSchema(rt, depth-1)}
	}
	switch kind := rapid.IntRange(0, 25).Draw(rt, "keyword"); {
	case kind <= 1:
		s["type"] = rapid.SampledFrom(types).Draw(rt, "type")
	case kind == 2:
		s["type"] = rapid.Permutation(types).Draw(rt, "types")[:2]
	case kind == 3:
		s["enum"] = []any{drawScalar(rt), drawScalar(rt), []any{}}
	case kind == 4:
		s["const"] = drawValue(rt, 1)
	case kind == 5:
		s[rapid.SampledFrom(bounds).Draw(rt, "bound")] = rapid.SampledFrom([]int{0, 1, 2}).Draw(rt, "limit")
	case kind == 6:
		s[rapid.SampledFrom(lengths).Draw(rt, "length")] = rapid.IntRange(0, 2).Draw(rt, "limit")
	case kind == 7:
		s["pattern"] = rapid.SampledFrom([]string{"a", "^.$", "^$"}).Draw(rt, "pattern")
	case kind == 8:
		s["required"] = []any{rapid.SampledFrom(names).Draw(rt, "required")}
	case kind == 9:
		s["additionalProperties"] = false
	case depth == 0:
		s["uniqueItems"] = true
	case kind == 10:
		s["items"] = drawSchema(rt, depth-1)
	case kind == 11:
		s["properties"] = map[string]any{"a": drawSchema(rt, depth-1), "b": drawSchema(rt, depth-1)}
	case kind == 12:
		s["additionalProperties"] = drawSchema(rt, depth-1)
	case kind == 13:
		s["allOf"] = parts()
	case kind == 14:
		s[rapid.SampledFrom([]string{"anyOf", "oneOf"}).Draw(rt, "alternatives")] = parts()
	case kind == 15:
		s["not"] = drawSchema(rt, depth-1)
	case kind == 16:
		s["if"], s["then"], s["else"] = drawSchema(rt, depth-1), drawSchema(rt, depth-1), drawSchema(rt, depth-1)
	case kind == 17:
		s["$ref"] = rapid.SampledFrom([]string{"#/$defs/r", "#/$defs/s", "#/$defs/s", "#"}).Draw(rt, "ref")
	case kind == 18:
		s["patternProperties"] = map[string]any{rapid.SampledFrom([]string{"a", "[ab]"}).Draw(rt, "names"): drawSchema(rt, depth-1)}
	case kind == 19:
		s["propertyNames"] = drawSchema(rt, depth-1)
	case kind == 20:
		s["dependentRequired"] = map[string]any{"a": []any{"b"}}
		s["dependentSchemas"] = map[string]any{"b": drawSchema(rt, depth-1)}
	case kind == 21:
		s["unevaluatedProperties"] = rapid.SampledFrom([]any{false, drawSchema(rt, depth-1)}).Draw(rt, "unevaluatedProperties")
	case kind == 22:
		s["unevaluatedItems"] = rapid.SampledFrom([]any{false, drawSchema(rt, depth-1)}).Draw(rt, "unevaluatedItems")
	case kind == 23:
		s["prefixItems"] = parts()
	case kind == 24:
		s["contains"] = drawSchema(rt, depth-1)
		s[rapid.SampledFrom([]string{"minContains", "maxContains"}).Draw(rt, "contained")] = rapid.IntRange(0, 2).Draw(rt, "limit")
	case kind == 25:
		s["multipleOf"] = json.Number("0.5")
	}
}
