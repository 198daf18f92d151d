package config

import (
	"strings"
	"testing"
)

func parse(t *testing.T, text string) *Node {
	t.Helper()
	c := &collector{}
	n := parseJSON(c, "f.json", []byte(text))
	if len(c.faults) > 0 {
		t.Fatal(c.faults)
	}
	return n
}

func TestWhatIsNotJSONIsRefused(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", " ", "// only a comment", "{", "}", "[1 2]", `{"a" 1}`, `{a: 1}`, "{} {}", "[,]", "[1,,]", "01", "1.", "NaN",
		`"\ud800"`, "\"\xff\"", "\"a\nb\"", "'a'", "/* open", `{"a": tru}`, "{\x00}",
		strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	} {
		c := &collector{}
		if n := parseJSON(c, "f.json", []byte(text)); n != nil || len(c.faults) != 1 {
			t.Errorf("%q: %v, %v", text, n, c.faults)
		}
	}
}
