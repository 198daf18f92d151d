package schema

import (
	"testing"

	"github.com/backflow/backflow/core/value"
)

// ruled are schemas whose every valid document is accepted by the rule alone.
var ruled = []struct{ schema, valid string }{
	{`true`, `{"a":[1]}`},
	{`{}`, `[null,{"a":1}]`},
	{`{"title":"t","description":"d","default":1,"examples":[1],"deprecated":true,"$comment":"c","readOnly":true}`, `"x"`},
	{`{"type":"integer","minimum":1,"maximum":10}`, `10`},
	{`{"type":"number","exclusiveMinimum":0.1,"exclusiveMaximum":1e2}`, `0.11`},
	{`{"type":["string","null"],"minLength":1,"maxLength":3,"pattern":"^ä"}`, `"äöü"`},
	{`{"type":["string","null"],"minLength":1}`, `null`},
	{`{"type":"boolean"}`, `false`},
	{`{"enum":["a",1,null,true,[1]]}`, `1`},
	{`{"const":"a"}`, `"a"`},
	{`{"type":"array","minItems":1,"maxItems":2,"items":{"type":"integer"}}`, `[1,2]`},
	{`{"type":"object","required":["a"],"minProperties":1,"maxProperties":2,"additionalProperties":false,"properties":{"a":{"type":"string"},"b":{}}}`, `{"a":"x","b":[]}`},
	{`{"type":"object","additionalProperties":{"type":"string"}}`, `{"x":"y"}`},
	{`{"anyOf":[{"type":"string"},{"type":"object","properties":{"n":{"type":"integer"}}}]}`, `{"n":3}`},
	{`{"allOf":[{"type":"integer"},{"minimum":2}]}`, `2`},
}

func TestAValidValueOfACommonSchemaNeedsNoLibrary(t *testing.T) {
	for _, test := range ruled {
		s, err := Compile([]byte(`{"properties":{"v":` + test.schema + `}}`))
		if err != nil {
			t.Fatal(err)
		}
		v, err := value.Parse([]byte(`{"v":` + test.valid + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if !s.rule.accepts(v) || s.compiled.Validate(v) != nil {
			t.Errorf("%s: the rule says %v of %s, the library %v", test.schema, s.rule.accepts(v), test.valid, s.compiled.Validate(v))
		}
	}
}

func TestASchemaWithAnUnknownKeywordHasNoRule(t *testing.T) {
	for _, source := range []string{
		`{"not":{}}`, `{"oneOf":[{}]}`, `{"if":{}}`, `{"$ref":"#/$defs/a","$defs":{"a":{}}}`, `{"$dynamicRef":"#/$defs/a","$defs":{"a":{}}}`, `{"$dynamicAnchor":"a"}`,
		`{"patternProperties":{"a":{}}}`, `{"propertyNames":{}}`, `{"dependentRequired":{"a":["b"]}}`, `{"dependentSchemas":{"a":{}}}`,
		`{"unevaluatedProperties":false}`, `{"unevaluatedItems":false}`, `{"prefixItems":[{}]}`, `{"contains":{}}`, `{"uniqueItems":true}`,
		`{"multipleOf":2}`, `{"minimum":1e900}`, `{"const":1,"enum":[1]}`, `{"$schema":"http://json-schema.org/draft-07/schema#"}`,
	} {
		s, err := Compile([]byte(source))
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if s.rule != nil {
			t.Errorf("%s has a rule", source)
		}
	}
}

// FuzzWhatARuleAcceptsTheLibraryAccepts checks what makes rules safe.
func FuzzWhatARuleAcceptsTheLibraryAccepts(f *testing.F) {
	documents := []string{`null`, `true`, `1`, `1.0`, `-0`, `1e2`, `0.1`, `99999999999999999999`, `""`, `"a"`, `"äöü"`, `"\ud83d\ude00"`,
		`[]`, `[1,"a"]`, `[[1],{}]`, `{}`, `{"a":"x"}`, `{"a":1,"b":[]}`, `{"n":1.5}`}
	for _, test := range ruled {
		for _, document := range append(documents, test.valid) {
			f.Add([]byte(test.schema), []byte(document))
		}
	}
	for _, source := range []string{
		`{"not":{"type":"string"}}`, `{"uniqueItems":true,"items":{"maximum":3}}`, `{"anyOf":[{"multipleOf":2},{"maxLength":0}]}`,
		`{"properties":{"a":{"$ref":"#"}},"additionalProperties":{"const":null}}`, `{"anyOf":[],"allOf":[]}`,
		`{"required":["a"],"properties":{"a":{"enum":[{"b":1}]}}}`, `{"minLength":-1}`, `{"type":[]}`, `{"enum":[]}`,
	} {
		for _, document := range documents {
			f.Add([]byte(source), []byte(document))
		}
	}
	f.Fuzz(func(t *testing.T, source, document []byte) {
		s, err := Compile([]byte(`{"properties":{"v":` + string(source) + `}}`))
		if err != nil {
			return
		}
		v, err := value.Parse(document)
		if err != nil {
			return
		}
		v = map[string]any{"v": v}
		if s.rule.accepts(v) {
			if err := s.compiled.Validate(v); err != nil {
				t.Errorf("the rule of %s accepts %s, and the library does not: %v", source, document, err)
			}
		}
	})
}

// BenchmarkCheck measures the check of the params of one small call beside what
// it takes to parse them.
func BenchmarkCheck(b *testing.B) {
	s, err := Compile([]byte(`{"type":"object","required":["step","data"],"additionalProperties":false,"properties":{
		"step":{"type":"integer","minimum":1},"previous":{"type":"string"},"data":{"type":"string","maxLength":500}}}`))
	if err != nil {
		b.Fatal(err)
	}
	v, err := value.Parse([]byte(`{"step":2,"previous":"thing_0000000000000000","data":"0123456789abcdef0123456789abcdef0123456789abcdef"}`))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("rule", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if faults := s.Faults(v); faults != nil {
				b.Fatal(faults)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := s.compiled.Validate(v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
