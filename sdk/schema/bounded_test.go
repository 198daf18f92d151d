package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/value"
)

// many returns n texts, joined.
func many(n int, text func(i int) string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = text(i)
	}
	return strings.Join(texts, ",")
}

// hostile are values of half a million parts, each of them wrong, against schemas
// that an action may have.
var hostile = map[string]struct{ schema, document string }{
	"items of the wrong type": {`{"properties":{"expand":{"type":"array","items":{"type":"string"}}}}`,
		`{"expand":[` + strings.Repeat("1,", 499_999) + `1]}`},
	"items that no alternative takes": {`{"properties":{"v":{"items":{"anyOf":[{"type":"string"},{"type":"object","required":["a"]},{"enum":["a","b"]}]}}}}`,
		`{"v":[` + strings.Repeat("{},", 200_000) + `{}]}`},
	"unknown names": {`{"additionalProperties":false,"properties":{` + many(200, func(i int) string { return fmt.Sprintf(`"parameter_%d":{}`, i) }) + `}}`,
		`{` + many(60_000, func(i int) string { return fmt.Sprintf(`"paramter_%d":1`, i) }) + `}`},
	"unknown names, unevaluated": {`{"unevaluatedProperties":false,"allOf":[{"properties":{"amount":{}}}]}`,
		`{` + many(60_000, func(i int) string { return fmt.Sprintf(`"amuont%d":1`, i) }) + `}`},
	"names that may not be": {`{"propertyNames":{"pattern":"^a+$"}}`,
		`{` + many(60_000, func(i int) string { return fmt.Sprintf(`"b%d":1`, i) }) + `}`},
	"members of the wrong type": {`{"patternProperties":{"^x":{"type":"integer"}}}`,
		`{` + many(60_000, func(i int) string { return fmt.Sprintf(`"x%d":"a"`, i) }) + `}`},
	"lists in lists": {`{"$ref":"#/$defs/l","$defs":{"l":{"anyOf":[{"type":"string"},{"type":"array","items":{"$ref":"#/$defs/l"}}]}}}`,
		strings.Repeat("[", 50) + `[` + strings.Repeat("1,", 100_000) + `1]` + strings.Repeat("]", 50)},
}

// TestAHostileValueIsNotReadBeyondItsFiftiethFault counts comparisons and memory, not
// time. Before a value is found wrong, all of it may have been compared once.
func TestAHostileValueIsNotReadBeyondItsFiftiethFault(t *testing.T) {
	for name, test := range hostile {
		t.Run(name, func(t *testing.T) {
			s, err := Compile([]byte(test.schema))
			if err != nil {
				t.Fatal(err)
			}
			v, err := value.Parse([]byte(test.document))
			if err != nil {
				t.Fatal(err)
			}
			if faults := s.Faults(v); len(faults) != maxFaults {
				t.Fatalf("%d faults", len(faults))
			}
			const most = 100_000
			c := checker{left: most, faults: &faultList{}}
			if c.check(s.root, v, nil); c.exhausted() || !c.faults.full() {
				t.Errorf("%d faults after %d comparisons", len(c.faults.found), most-c.left)
			}
			// What is allocated does not grow with the value, but for the sorted names of
			// its members.
			if n := testing.AllocsPerRun(1, func() { s.Faults(v) }); n > 100_000 {
				t.Errorf("%.0f allocations", n)
			}
		})
	}
}

func TestAValueWhoseLevelsMultiplyTheWorkIsRefused(t *testing.T) {
	const twice = `{"$ref":"#/$defs/t","$defs":{"t":{"anyOf":[
		{"properties":{"c":{"$ref":"#/$defs/t"}},"required":["x"]},{"properties":{"c":{"$ref":"#/$defs/t"}},"required":["y"]}]}}}`
	s, err := Compile([]byte(twice))
	if err != nil {
		t.Fatal(err)
	}
	for depth, want := range map[int]string{3: `"x" is required`, 400: "takes more than 1012832 comparisons to check"} {
		faults, err := s.Check([]byte(strings.Repeat(`{"c":`, depth) + "{}" + strings.Repeat("}", depth)))
		if err != nil || len(faults) == 0 || !strings.Contains(faults[0].Message+faults[len(faults)-1].Message, want) {
			t.Errorf("%d levels: %v, %v, want %s", depth, faults, err, want)
		}
	}
}

// TestALargeValueThatIsRightIsTaken: the bound on comparisons is not for honest ones.
func TestALargeValueThatIsRightIsTaken(t *testing.T) {
	s, err := Compile([]byte(`{"uniqueItems":true,"items":{"anyOf":[{"type":"null"},{"type":"string","pattern":"^[a-z0-9-]+$","maxLength":40},
		{"type":"object","additionalProperties":{"type":"integer"},"propertyNames":{"minLength":1}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	document := `[` + many(100_000, func(i int) string { return fmt.Sprintf(`"item-%d",{"a":%d,"b":2}`, i, i) }) + `]`
	if faults, err := s.Check([]byte(document)); err != nil || faults != nil {
		t.Errorf("%v, %v", faults, err)
	}
}

func BenchmarkHostile(b *testing.B) {
	for name, test := range hostile {
		s, err := Compile([]byte(test.schema))
		if err != nil {
			b.Fatal(err)
		}
		v, err := value.Parse([]byte(test.document))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(strings.ReplaceAll(name, " ", "_"), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Faults(v)
			}
		})
	}
}
