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

// TestAConfigThatIsNoJSONSaysWhatIsMissingAndWhere is what an editor jumps to.
func TestAConfigThatIsNoJSONSaysWhatIsMissingAndWhere(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"{\n  \"a\": 1\n  \"b\": 2\n}":  "f.json:2:9: a comma is missing before the next key",
		"{\n  \"a\": [1, // one\n  2\n": "f.json:4:1: ] is missing at the end: the list of line 2, column 8 is not closed",
		"{ \"a\": \"x\n}":               `f.json:1:8: the string is not closed, a " is missing in its line (a line end in a string is written \n)`,
		"{ 'a': 1 }":                    `f.json:1:3: keys stand in double quotes (write ")`,
		"{ \"a\": \"\\ud83d\" }":        `f.json:1:9: \ud83d is half of a surrogate pair, and no character (a character beyond U+FFFF is written as both halves, as in \ud83d\ude00)`,
		"# a\n{}":                       "f.json:1:1: # begins no comment (a comment begins with //)",
		"{}\n{}":                        "f.json:2:1: there is more after the JSON value (a list of values stands in brackets: [ … ])",
		"{ \"ä\": True }":               "f.json:1:8: True is no value (write true)",
		"\xff\xfe{\x00}\x00":            "f.json:1:1: the file is encoded in UTF-16 (JSON is UTF-8: save it so)",
		"{\x00}\x00":                    "f.json:1:1: the file is encoded in UTF-16",
		"\x1f\x8b\x08\x00":              "f.json:1:1: the file is compressed with gzip, and not JSON (uncompress it first)",
		"{ \"a\":\n \"gr\xfc\xdfe\" }":  "f.json:2:5: the file is not UTF-8: the byte 0xFC stands alone, as ü does in Latin-1 (JSON is UTF-8: save it so)",
		"\x7fELF\x02\x01\x00":           "f.json:1:7: the file is binary, and not JSON: it holds a zero byte",
	} {
		c := &collector{}
		if parseJSON(c, "f.json", []byte(text)); len(c.faults) != 1 || !strings.HasPrefix(c.faults[0].String(), want) {
			t.Errorf("%q: %v, want %s", text, c.faults, want)
		}
	}
	if parse(t, "\ufeff{ \"a\": 1, }").Get("a").Pos.Col != 8 {
		t.Error("a byte order mark counts as a column")
	}
}
