package visible

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestWhatMovesOrHidesTextIsShownAsAnEscape(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"plain äöü 漢字 🙂":                 "plain äöü 漢字 🙂",
		"a\x1b[31mb":                     `a\u001b[31mb`, // a sequence of ECMA-48
		"a\x9b31mb":                      "a\ufffd31mb",  // its single byte
		"a\u009b31mb":                    `a\u009b31mb`,
		"bell\x07, back\b, del\x7f":      `bell\u0007, back\u0008, del\u007f`,
		"user\u202egpj.exe":              `user\u202egpj.exe`,
		"\u2066isolate\u2069":            `\u2066isolate\u2069`,
		"pay\u200bpal\ufeff\u00ad":       `pay\u200bpal\ufeff\u00ad`,
		"mark\u200e\u200f\u061c":         `mark\u200e\u200f\u061c`,
		"tag\U000e0041":                  `tag\U000e0041`,
		"a\x00b":                         `a\u0000b`,
		"two\r\nlines\tand a tab\u2028x": "two\\u000d\nlines\tand a tab\\u2028x",
	} {
		if got := Text(text); got != want {
			t.Errorf("Text(%q) = %q, want %q", text, got, want)
		}
	}
	if got, want := Line("one\r\ntwo\tthree\u2028four\u0085five\x1b"), `one  two three four five\u001b`; got != want {
		t.Errorf("Line: %q, want %q", got, want)
	}
}

func FuzzVisibleTextHoldsNothingUnsafe(f *testing.F) {
	for _, seed := range []string{"", "a\x1b[2Jb", "\u202e", "\xff\xc2", "\U000e0041", `{"a":"\u202e"}`, "\u2028\u2029"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := Line(text); strings.ContainsFunc(got, Unsafe) || !utf8.ValidString(got) {
			t.Errorf("Line(%q) = %q", text, got)
		}
		if got := Text(text); strings.ContainsFunc(strings.NewReplacer("\n", "", "\t", "").Replace(got), Unsafe) {
			t.Errorf("Text(%q) = %q", text, got)
		}
		data, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		shown := JSON(string(data))
		var back, plain string
		if err := json.Unmarshal(data, &plain); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(shown), &back); err != nil || back != plain {
			t.Errorf("JSON(%s) = %s: %v", data, shown, err)
		}
		if strings.ContainsFunc(shown, Unsafe) {
			t.Errorf("JSON(%s) = %q", data, shown)
		}
	})
}
