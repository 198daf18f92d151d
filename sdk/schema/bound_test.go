package schema_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/schema"
)

// laughs is a schema of so many definitions, each of ten references to the next.
func laughs(definitions int) string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/0","$defs":{`)
	for i := range definitions {
		reference := fmt.Sprintf(`{"$ref":"#/$defs/%d"}`, i+1)
		fmt.Fprintf(&b, `"%d":{"anyOf":[%s]},`, i, strings.Repeat(reference+",", 9)+reference)
	}
	fmt.Fprintf(&b, `"%d":{"type":"integer"}}}`, definitions)
	return b.String()
}

func TestSchemasThatWouldTakeForEverAreRefused(t *testing.T) {
	for name, c := range map[string]struct{ schema, want string }{
		"alternatives of alternatives": {laughs(20), "holds one value against more than 10000 rules"},
		"the same of a value inside":   {`{"properties":{"a":{"items":` + strings.ReplaceAll(laughs(20), "#/$defs", "#/properties/a/items/$defs") + `}}}`, "more than 10000 rules"},
		"without end":                  {`{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"}]}}}`, "refers to itself without end"},
		"nested":                       {strings.Repeat(`{"not":`, 9000) + "{}" + strings.Repeat("}", 9000), "not JSON"},
		"a large expression":           {`{"pattern":"` + strings.Repeat(`\\pL{1000}`, 3000) + `"}`, "too large together"},
		"many expressions":             {`{"allOf":[` + strings.Repeat(`{"pattern":"[a-z]{1000}"},`, 100) + `{}]}`, "too large together"},
	} {
		_, err := schema.Compile([]byte(c.schema))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %.300v", name, err)
		}
	}
}

func TestNumbersOfTooManyDigitsAreRefused(t *testing.T) {
	for _, keyword := range []string{"minimum", "exclusiveMaximum", "multipleOf", "const", "default", "minLength", "maxItems"} {
		for _, number := range []string{"1e999999999", "1e-999999999"} {
			if _, err := schema.Compile([]byte(`{"` + keyword + `":` + number + `}`)); err == nil {
				t.Errorf("%s of %s is taken", keyword, number)
			}
		}
	}
}

func TestSchemasThatReferToThemselvesForValuesInsideAreTaken(t *testing.T) {
	for name, source := range map[string]string{
		"a tree":          `{"type":"object","properties":{"children":{"type":"array","items":{"$ref":"#"}}}}`,
		"few laughs":      laughs(3),
		"a long text":     `{"pattern":"^[A-Za-z0-9_-]{1,1000}$"}`,
		"the meta-schema": `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
	} {
		if _, err := schema.Compile([]byte(source)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
