package results_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/backflow/backflow/sdk/results"
	"github.com/backflow/backflow/sdk/value"
)

func TestATextThatIsOnePlaceholderOfResultsIsAReference(t *testing.T) {
	for text, want := range map[string]string{
		"{{results[0]}}":               "{{results[0]}}",
		"{{results[0].id}}":            "{{results[0].id}}",
		"{{ results[12].data[3].id }}": "{{results[12].data[3].id}}",
		"{{\tresults[0][\"a }} b\"]}}": `{{results[0]["a }} b"]}}`,
		"{{results[1.0].id}}":          "{{results[1].id}}",
	} {
		ref, ok, err := results.Parse(text)
		if !ok || err != nil || ref.String() != want {
			t.Errorf("%s: %s, %t, %v, want %s", text, ref, ok, err, want)
		}
	}
}

func TestATextThatIsMoreOrLessIsData(t *testing.T) {
	for _, text := range []string{
		"", "results[0].id", "{results[0].id}", "{{input.id}}", "{{resultsOf[0].id}}", "{{results-of[0]}}", "{{Results[0].id}}",
		" {{results[0].id}}", "{{results[0].id}} ", "a {{results[0].id}}", "{{results[0].id}}{{results[1].id}}", "{{results[0].id", "{{results[0].id}",
		`{{"results[0].id"}}`, "{{}}", "{{", "{{[0]}}", "{{results[0]}} and }}", "{{ä}}",
	} {
		if ref, ok, err := results.Parse(text); ok {
			t.Errorf("%q is taken for %s, %v", text, ref, err)
		}
	}
}

func TestAPlaceholderOfResultsThatIsNoPathIsAFault(t *testing.T) {
	for _, text := range []string{
		"{{results}}", "{{results.id}}", `{{results["0"].id}}`, "{{results[0].id ?? 1}}", "{{results[0].id?}}", "{{results[-1].id}}",
		"{{results[0].}}", "{{results[99999999999999999999].id}}", "{{results[0] .id}}", "{{results[x]}}", "{{results[0].id | upper}}", "{{results?}}",
	} {
		if _, ok, err := results.Parse(text); !ok || err == nil {
			t.Errorf("%q: %t, %v", text, ok, err)
		}
	}
}

func TestAReferenceLeadsIntoTheResultsOfEarlierCalls(t *testing.T) {
	first, err := value.Parse([]byte(`{"id":12345678901234567890,"rows":[{"a":null}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"{{results[0].id}}":        "12345678901234567890",
		"{{results[0].rows[0]}}":   `{"a":null}`,
		"{{results[0].rows[0].a}}": "null",
		"{{results[0].no}}":        `{{results[0].no}}: results[0] has no "no"`,
		"{{results[0].rows[1]}}":   "{{results[0].rows[1]}}: results[0].rows has 1 element",
		"{{results[0].id.a}}":      "{{results[0].id.a}}: results[0].id is a number, not an object",
		"{{results[1].id}}":        "{{results[1].id}}: only the results of earlier calls can be read, and there are 1",
	} {
		ref, _, err := results.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		v, err := ref.In([]any{first})
		got, _ := json.Marshal(v)
		if err != nil {
			got = []byte(err.Error())
		}
		if string(got) != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestEveryReferenceIsFoundAtItsPlace(t *testing.T) {
	v, err := value.Parse([]byte(`{"b":["{{results[0].id}}","x"],"a/b":{"c":"{{results[1]}}"},"d":"{{results}}","e":"{{input.x}}"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	results.Walk(v, "/p", func(at string, ref results.Reference, err error) {
		if err != nil {
			got = append(got, at+" fault")
			return
		}
		got = append(got, at+" "+ref.String())
	})
	want := []string{"/p/a~1b/c {{results[1]}}", "/p/b/0 {{results[0].id}}", "/p/d fault"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"{{results[0].id}}", "{{ results[1][\"a\"] }}", "{{results", "{{results[0] ?? 1}}", "{{input.a}}", `{{results['}}']}}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		ref, ok, err := results.Parse(text)
		if !ok || err != nil {
			return
		}
		again, ok, err := results.Parse(ref.String())
		if !ok || err != nil || again.String() != ref.String() {
			t.Errorf("%q is %s, which is read as %s, %t, %v", text, ref, again, ok, err)
		}
	})
}
