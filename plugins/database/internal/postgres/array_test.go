package postgres

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// listOfTexts is a column of lists of texts.
var listOfTexts = driver.Column{Kind: driver.KindArray, Details: &details{}, Element: &driver.Column{Kind: driver.KindText, Details: &details{base: "text"}}}

// FuzzArray: what the server writes is read without harm, and a text that is an element
// of an array is read as it was written.
func FuzzArray(f *testing.F) {
	for _, text := range []string{`{}`, `{1,NULL,"NULL"}`, `[0:1]={7,8}`, `{{"a,\"b"},{"\\"}}`, `{`, `{"`, `{"\`, `{,}`, `[`, `{}{}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if elements, rest, err := parseArray(text); err == nil {
			if _, err := new(Postgres).renderArray(nil, listOfTexts, elements); err != nil {
				t.Errorf("%q: %v", text, err)
			}
			if !strings.HasSuffix(text, rest) {
				t.Errorf("%q: left is %q", text, rest)
			}
		}
		written := arrayOf([]string{text, "", text})
		if got, rest, err := parseArray(written); err != nil || rest != "" || !cmp.Equal(got, []element{{text: text}, {}, {text: text}}, cmp.AllowUnexported(element{})) {
			t.Errorf("%q: %v %q %v", written, got, rest, err)
		}
	})
}

// TestAListOfListsIsAnArrayOfOneShape, and comes back as it was.
func TestAListOfListsIsAnArrayOfOneShape(t *testing.T) {
	for sent, want := range map[string]string{
		`[]`: `{}`, `["a",null]`: `{"a",NULL}`, `[["a","b"],["c","\"\\"]]`: `{{"a","b"},{"c","\"\\"}}`,
		`[["a"],["b","c"]]`: "", `[[]]`: "", `["a",["b"]]`: "", `[["a"],"b"]`: "", `[[["a"]],["b"]]`: "", `{"a":1}`: "", `[1.5]`: `{"1.5"}`, `[true]`: "",
	} {
		bound, err := new(Postgres).Bind(listOfTexts, driver.JSON(sent))
		if (err == nil) != (want != "") || err == nil && bound != want {
			t.Errorf("%s: %v %v", sent, bound, err)
		}
	}
}
