package schema

import (
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/value"
)

// ruled are schemas with a document that each accepts.
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

// FuzzTheSameValuesAreAcceptedAsByTheLibrary checks the package's own check against
// that of the library.
func FuzzTheSameValuesAreAcceptedAsByTheLibrary(f *testing.F) {
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
		`{"$dynamicRef":"#a","$defs":{"a":{"$dynamicAnchor":"a","type":"integer"}}}`, `{"unevaluatedItems":false,"contains":{"type":"integer"}}`,
		`{"unevaluatedProperties":false,"allOf":[{"properties":{"a":true}}],"if":{"properties":{"b":true}}}`, `{"format":"email"}`, `{"format":"date-time"}`,
	} {
		for _, document := range documents {
			f.Add([]byte(source), []byte(document))
		}
	}
	f.Fuzz(func(t *testing.T, schema, document []byte) {
		source := []byte(`{"properties":{"v":` + string(schema) + `}}`)
		s, err := Compile(source)
		if err != nil {
			return
		}
		v, err := value.Parse(document)
		if err != nil {
			return
		}
		v = map[string]any{"v": v}
		faults := s.Faults(v)
		if len(faults) == 1 && strings.Contains(faults[0].Message, "comparisons to check") {
			return
		}
		reference, err := library(source)
		if err != nil {
			t.Fatal(err)
		}
		if err := reference.Validate(v); (err == nil) != (faults == nil) {
			t.Errorf("of %s for %s the faults are %v, and the library says %v", schema, document, faults, err)
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
	b.ReportAllocs()
	for b.Loop() {
		if faults := s.Faults(v); faults != nil {
			b.Fatal(faults)
		}
	}
}
