package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/schema"
)

// faultsOf returns the faults of a document as "pointer: message".
func faultsOf(t *testing.T, source, document string) []string {
	t.Helper()
	s, err := schema.Compile([]byte(source))
	if err != nil {
		t.Fatal(err)
	}
	faults, err := s.Check([]byte(document))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, fault := range faults {
		got = append(got, fault.Pointer+": "+fault.Message)
	}
	return got
}

func TestFaultsOfEveryKeywordReadWellAndQuoteNoValue(t *testing.T) {
	tests := map[string]struct{ schema, value, want string }{
		"const":             {`{"const":"a"}`, `"hush"`, `must be "a"`},
		"pattern":           {`{"pattern":"^a+$"}`, `"hush"`, `must match the pattern "^a+$"`},
		"maxLength":         {`{"maxLength":1}`, `"hush"`, `must have at most 1 character, not 4`},
		"minItems":          {`{"minItems":2}`, `["hush"]`, `must have at least 2 items, not 1`},
		"maxItems":          {`{"maxItems":0}`, `["hush"]`, `must have at most 0 items, not 1`},
		"uniqueItems":       {`{"uniqueItems":true}`, `["hush","hush"]`, `items 0 and 1 are equal`},
		"maximum":           {`{"maximum":0.1}`, `77`, `must be at most 0.1`},
		"exclusiveMinimum":  {`{"exclusiveMinimum":100}`, `77`, `must be more than 100`},
		"multipleOf":        {`{"multipleOf":5}`, `77`, `must be a multiple of 5`},
		"minProperties":     {`{"minProperties":1}`, `{}`, `must have at least 1 field, not 0`},
		"maxProperties":     {`{"maxProperties":0}`, `{"a":"hush"}`, `must have at most 0 fields, not 1`},
		"false":             {`false`, `"hush"`, `is not allowed`},
		"not":               {`{"not":{"type":"string"}}`, `"hush"`, `is not allowed`},
		"several types":     {`{"type":["string","null"]}`, `[]`, `must be null or a string, not an array`},
		"long enumeration":  {`{"enum":[1,2,3,4,5,6,7,8,9,10,11,12,13]}`, `"hush"`, `must be one of 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, …`},
		"oneOf, two fit":    {`{"oneOf":[{"type":"string"},{"minLength":1}]}`, `"hush"`, `must have only one of the forms that exclude each other`},
		"oneOf, none fits":  {`{"oneOf":[{"type":"object"},{"type":"array"}]}`, `"hush"`, `must be an object or an array, not a string`},
		"anyOf in an anyOf": {`{"anyOf":[{"anyOf":[{"type":"null"},{"type":"array"}]},{"const":0}]}`, `"hush"`, `must be null or an array or 0, not a string`},
		"a unit":            {`{"type":"integer","x-unit":"in cents"}`, `77.5`, `must be an integer, not a number with a fraction: in cents`},
		"a unit, unset":     {`{"x-unit":"in cents","anyOf":[{"type":"integer"},{"enum":[""]}]}`, `77.5`, `must be an integer or "", not a number with a fraction: in cents`},
		"a unit, no number": {`{"type":"integer","x-unit":"in cents"}`, `"hush"`, `must be an integer, not a string`},
		"a unit around":     {`{"x-unit":"in cents","allOf":[{"type":["object","integer"]}]}`, `77.5`, `must be an integer or an object, not a number with a fraction: in cents`},
		"said twice":        {`{"allOf":[{"minLength":9},{"minLength":9}]}`, `"hush"`, `must have at least 9 characters, not 4`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := faultsOf(t, fmt.Sprintf(`{"properties":{"v":%s}}`, test.schema), fmt.Sprintf(`{"v":%s}`, test.value))
			if want := []string{"/v: " + test.want}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

func TestFieldsThatDependOnOthersAndNamesOfFields(t *testing.T) {
	got := faultsOf(t, `{"dependentRequired":{"card":["name"]},"propertyNames":{"maxLength":4}}`, `{"card":1,"number":2}`)
	want := []string{
		`/name: "name" is required where "card" is given`,
		`/number: "number" is not a name that a field may have here`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOfSeveralMembersOneIsRequired(t *testing.T) {
	const either = `{"anyOf":[{"required":["price"]},{"required":["items"]}],"properties":{"price":{"type":"string"},"items":{"type":"array"}},"additionalProperties":false}`
	for _, c := range []struct{ schema, value, want string }{
		{either, `{}`, `/price: "price" or "items" is required`},
		{either, `{"items":1}`, `/items: must be an array, not a number`},
		{`{"anyOf":[{"type":"null"},{"type":"object","required":["a"]},{"type":"object","required":["b"]}]}`, `{}`, `/a: "a" or "b" is required`},
		{`{"oneOf":[{"required":["a"]},{"required":["b","c"]}]}`, `{}`, `/a: "a" is required`},
		{`{"anyOf":[{"required":["a"]},{"required":["a"]}]}`, `{}`, `/a: "a" is required`},
	} {
		if got := faultsOf(t, c.schema, c.value); len(got) == 0 || got[len(got)-1] != c.want {
			t.Errorf("%s of %s: %q, want %q", c.value, c.schema, got, c.want)
		}
	}
}

func TestOfAPlaceholderTheNameIsJudgedAndNotTheValue(t *testing.T) {
	const inner = `{"type":"object","additionalProperties":false,"properties":{"n":{"type":"integer"}}}`
	s, err := schema.Compile([]byte(`{"additionalProperties":false,"required":["amount","currency"],"properties":{
		"amount":{"type":"integer"},"plain":` + inner + `,"either":{"anyOf":[{"type":"integer"},` + inner + `]}}}`))
	if err != nil {
		t.Fatal(err)
	}
	object := func() any { return map[string]any{"n": "{{input.n}}", "m": "{{input.m}}"} }
	params := map[string]any{"amount": "{{input.amount}}", "amuont": "{{input.amount}}", "plain": object(), "either": object()}
	open := []string{"/amount", "/amuont", "/plain/n", "/plain/m", "/either/n", "/either/m"}
	var got []string
	for _, fault := range s.OpenFaults(params, func(pointer string) bool { return slices.Contains(open, pointer) }) {
		got = append(got, fault.Pointer)
	}
	// Which alternative was meant may depend on what the placeholders become.
	if want := []string{"/amuont", "/currency", "/plain/m"}; !slices.Equal(got, want) {
		t.Errorf("faults at %v, want %v", got, want)
	}
}

func TestASchemaIsAnObjectAndCompleteInItself(t *testing.T) {
	for source, want := range map[string]string{
		`{`:                             "not JSON",
		`[]`:                            "not a JSON object",
		`{"type":"strin"}`:              "",
		`{"$ref":"#/$defs/x"}`:          "",
		`{"$ref":"file:///etc/passwd"}`: "must be complete in itself",
		`{"$ref":"https://example.com/schema.json"}`: "must be complete in itself",
	} {
		if _, err := schema.Compile([]byte(source)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error is %v, want %q", source, err, want)
		}
	}
}

func TestADocumentThatCannotBeReadIsAnError(t *testing.T) {
	s, err := schema.Compile([]byte(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, document := range []string{``, `{"a":1,"a":2}`, `[1e999999]`} {
		if faults, err := s.Check([]byte(document)); err == nil {
			t.Errorf("%s: faults %v and no error", document, faults)
		}
	}
}
