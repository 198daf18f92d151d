package value

import (
	"errors"
	"strings"
	"testing"
)

func TestATextThatIsNoJSONIsExplained(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		offset  int
		message string
	}{
		``:                             {0, "no JSON value, the text is empty"},
		" \n":                          {0, "no JSON value, the text is empty"},
		`{"a":1 "b":2}`:                {6, "a comma is missing before the next key"},
		"{\n  \"a\": 1\n  \"b\": 2\n}": {10, "a comma is missing before the next key"},
		`[1 2]`:                        {2, "a comma is missing before the next value"},
		`["a" "b"]`:                    {4, "a comma is missing before the next value"},
		`[{} {}]`:                      {3, "a comma is missing before the next value"},
		`{"a" 1}`:                      {4, `a colon is missing behind the key "a"`},
		`{"a"}`:                        {4, `a colon is missing behind the key "a"`},
		`{"a"=1}`:                      {4, `a colon is missing behind the key "a"`},
		`{"a":}`:                       {5, "a value is missing before }"},
		`{"a":,"b":1}`:                 {5, "a value is missing before ,"},
		`{"a":1,}`:                     {6, "there is a comma before } (leave it out)"},
		`[1,]`:                         {2, "there is a comma before ] (leave it out)"},
		`[1,,2]`:                       {3, "there are two commas, and nothing between them"},
		`[,1]`:                         {1, "a value is missing before ,"},
		`{,}`:                          {1, "a key is missing before the comma"},
		`{"a":1`:                       {6, "} is missing at the end: the object of line 1, column 1 is not closed"},
		"{\n \"a\": [1,\n 2":           {14, "] is missing at the end: the list of line 2, column 7 is not closed"},
		`{"a":[1}`:                     {7, "] is missing before }: the list of line 1, column 6 is not closed"},
		`[{"a":1]`:                     {7, "} is missing before ]: the object of line 1, column 2 is not closed"},
		`{"a":`:                        {5, "} is missing at the end"},
		`{`:                            {1, "} is missing at the end"},
		`{"a":1}}`:                     {7, "} closes nothing"},
		`{} {}`:                        {3, "there is more after the JSON value"},
		`1 2`:                          {2, "there is more after the JSON value"},
		`{},`:                          {2, "there is a comma after the JSON value"},
		`"abc`:                         {0, `the string is not closed, a " is missing`},
		"{\"a\": \"b\n}":               {6, `the string is not closed, a " is missing in its line`},
		"\"a\tb\"":                     {2, `a control character stands in a string (write it as \u0009)`},
		`"a\x"`:                        {2, `unknown escape in a string (a backslash itself is written \\)`},
		`"C:\temp\qux"`:                {8, `unknown escape`},
		`"\u12"`:                       {1, `\u needs four hexadecimal digits`},
		`"a\ud800"`:                    {2, `\ud800 is half of a surrogate pair, and no character`},
		`{"a":"\uDC00x"}`:              {6, `\udc00 is half of a surrogate pair`},
		`"\ud83d\u0041"`:               {1, `half of a surrogate pair`},
		`{'a':1}`:                      {1, "keys stand in double quotes"},
		`{"a":'b'}`:                    {5, "strings stand in double quotes"},
		`{a:1}`:                        {1, `the key a stands without quotes (write "a")`},
		`{"a":b}`:                      {5, "a word without quotes is no value (text stands in double quotes)"},
		`{"a":True}`:                   {5, "True is no value (write true)"},
		`[None]`:                       {1, "None is no value (write null)"},
		`[NaN]`:                        {1, "JSON has no NaN"},
		`[undefined]`:                  {1, "undefined is no value (write null)"},
		`[“a”]`:                        {1, "is a quotation mark of typography"},
		`[+1]`:                         {1, "a number does not begin with +"},
		`[.5]`:                         {1, "a number does not begin with a point"},
		`[01]`:                         {1, "a number may not start with 0"},
		`[1.]`:                         {2, "a number needs digits after its point"},
		`[0x10]`:                       {2, "x10 cannot stand behind a number"},
		`[1_000]`:                      {2, "_000 cannot stand behind a number"},
		`[1] // one`:                   {4, "JSON has no comments"},
		`/* a */ 1`:                    {0, "JSON has no comments"},
		"# a\n1":                       {0, "JSON has no comments"},
		`["a":1]`:                      {4, "a list has no names"},
		`{"a":1;"b":2}`:                {6, "values are separated by commas"},
		"\ufeff{}":                     {0, "there is a byte order mark before the JSON"},
		"\x1f\x8b\x08\x00":             {0, "compressed with gzip, and not JSON"},
		"PK\x03\x04ab":                 {0, "a ZIP archive"},
		"{\"a\":\"\xe4\"}":             {6, "not UTF-8: the byte 0xE4 stands alone, as ä does in Latin-1"},
		"{\"a\":1,\x00}":               {7, "binary, and not JSON"},
		string([]byte{0xff, 0xfe, '{', 0, '}', 0}): {0, "encoded in UTF-16"},
		string([]byte{0, '{', 0, '}'}):             {0, "encoded in UTF-16"},
		string([]byte{'{', 0, '}', 0}):             {0, "encoded in UTF-16"},
		string([]byte{0xff, 0xfe, 0, 0, '{', 0}):   {0, "encoded in UTF-32"},
	} {
		_, err := Parse([]byte(text))
		var syntax *SyntaxError
		if !errors.As(err, &syntax) || syntax.Offset != want.offset || !strings.Contains(err.Error(), want.message) {
			t.Errorf("%q: %v, want %q at %d", text, err, want.message, want.offset)
		}
	}
}

func TestCommentsAndTrailingCommasAreNoFaultWhereTheyMayStand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"// a\n{\"a\": [1, /* b */ 2,], } // c": "",
		"{ /* a }":                              "the comment is not closed, */ is missing",
		"# a\n{}":                               "# begins no comment (a comment begins with //)",
		"[1,,]":                                 "two commas",
		"{,}":                                   "a key is missing before the comma",
		"{} // a\u2028{}":                       "a character that ends lines elsewhere stands in a comment",
	} {
		got := Explain([]byte(text), true)
		if (got == nil) != (want == "") || got != nil && !strings.Contains(got.Error(), want) {
			t.Errorf("%q: %v, want %q", text, got, want)
		}
	}
}

// FuzzExplain: what the parser refuses for its syntax is explained, and what it takes is
// not.
func FuzzExplain(f *testing.F) {
	for _, text := range []string{
		`{"a":[1,{"b":null}],"c":"\ud83d\ude00"}`, `{"a":1 "b":2}`, `{"a" 1}`, `[1,]`, `{"a":1`, `"abc`, `"\ud800"`, `{'a':1}`, `[01]`, `{} {}`, "\xff\xfe{\x00", "{\"a\":\"\xe4\"}",
		`[1] // a`, `{a:1}`, `[+1]`, `{"a":1}}`, `{"a":[1}`, "{} // a\u2028{}",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := Explain(text, false)
		if got != nil && (got.Offset < 0 || got.Offset > len(text)) {
			t.Fatalf("offset %d in %d bytes", got.Offset, len(text))
		}
		_, err := Parse(text)
		if err == nil && got != nil {
			t.Fatalf("the parser takes what is explained with %v", got)
		}
		var syntax *SyntaxError
		limits := errors.As(err, &syntax) && (strings.Contains(syntax.Message, "duplicate") || strings.Contains(syntax.Message, "nested deeper") ||
			strings.Contains(syntax.Message, "exponent") || strings.Contains(syntax.Message, "longer than"))
		if err != nil && got == nil && !limits {
			t.Fatalf("%v is not explained", err)
		}
		Explain(text, true)
	})
}
