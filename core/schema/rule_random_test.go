package schema

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/backflow/backflow/core/value"
)

// TestOfRandomSchemasTheRuleAcceptsNothingThatTheLibraryRefuses draws schemas
// and values of so few words that they often meet.
func TestOfRandomSchemasTheRuleAcceptsNothingThatTheLibraryRefuses(t *testing.T) {
	accepted, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		source, err := value.Marshal(drawSchema(rt, 2))
		if err != nil {
			rt.Fatal(err)
		}
		s, err := Compile(source)
		if err != nil {
			rt.Fatalf("%s: %v", source, err)
		}
		for range 20 {
			document, err := value.Marshal(drawValue(rt, 2))
			if err != nil {
				rt.Fatal(err)
			}
			v, err := value.Parse(document)
			if err != nil {
				rt.Fatal(err)
			}
			invalid := s.compiled.Validate(v)
			switch {
			case invalid != nil:
				refused++
			case s.rule.accepts(v):
				accepted++
			}
			if s.rule.accepts(v) && invalid != nil {
				rt.Fatalf("the rule of %s accepts %s, and the library does not: %v", source, document, invalid)
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

// drawKeyword adds one that a rule may obey, or now and then another.
func drawKeyword(rt *rapid.T, s map[string]any, depth int) {
	types := []any{"null", "boolean", "integer", "number", "string", "array", "object"}
	bounds := []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}
	lengths := []string{"minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"}
	parts := func() []any {
		return []any{drawSchema(rt, depth-1), drawSchema(rt, depth-1)}
	}
	switch kind := rapid.IntRange(0, 14).Draw(rt, "keyword"); {
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
	default:
		s[rapid.SampledFrom([]string{"anyOf", "oneOf"}).Draw(rt, "alternatives")] = parts()
	}
}
