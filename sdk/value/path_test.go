package value

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func key(k string) Segment { return Segment{Key: k} }
func index(i int) Segment  { return Segment{Index: i, IsIndex: true} }

// parsePath reads a path that is all of src.
func parsePath(src string) (Path, error) {
	p, end, err := ScanPath(src, 0)
	if err == nil && end < len(src) {
		return nil, &SyntaxError{Offset: end, Message: "more than a path"}
	}
	return p, err
}

func TestScanPathReadsEverySegment(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]Path{
		"a":                               {key("a")},
		"a.b-c.items[0].id":               {key("a"), key("b-c"), key("items"), index(0), key("id")},
		"steps.create-customer.result.id": {key("steps"), key("create-customer"), key("result"), key("id")},
		"a.0.3ds.$x._y.größe":             {key("a"), key("0"), key("3ds"), key("$x"), key("_y"), key("größe")},
		"a[12][3]":                        {key("a"), index(12), index(3)},
		"a[1.0][0.0][2e1][120E-1]":        {key("a"), index(1), index(0), index(20), index(12)},
		`a["any key"].b`:                  {key("a"), key("any key"), key("b")},
		`a['it\'s']["\u00e9\"}}"]`:        {key("a"), key("it's"), key(`é"}}`)},
		`["a b"][0]`:                      {key("a b"), index(0)},
		`a[""]`:                           {key("a"), key("")},
	} {
		got, err := parsePath(src)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("parsePath(%s) = %v, %v", src, got, err)
		}
	}
}

func TestScanPathRefusesWithTheOffset(t *testing.T) {
	t.Parallel()
	for src, offset := range map[string]int{
		"": 0, ".a": 0, "a.": 2, "a..b": 2, "a b": 1, "a[": 2, "a[]": 2, "a[-1]": 2, "a[01]": 2, "a[1": 3, "a[x]": 2, "a[1.5]": 2, "a[1.0x]": 5, "a[1e-1]": 2, "a[1e10]": 2,
		"a[9999999999]": 2, `a["x`: 2, `a["\q"]`: 3, `a["\ud800"]`: 3, "a[\"\n\"]": 3, "a\x00": 1, "a\xff": 1, "a.b?": 3,
	} {
		p, err := parsePath(src)
		var syn *SyntaxError
		if !errors.As(err, &syn) {
			t.Errorf("parsePath(%q) = %v, %v", src, p, err)
			continue
		}
		if syn.Offset != offset {
			t.Errorf("parsePath(%q): offset %d, want %d (%v)", src, syn.Offset, offset, err)
		}
	}
}

func TestLookupFollowsKeysAndIndexes(t *testing.T) {
	t.Parallel()
	v, err := Parse([]byte(`{"items":[{"id":12345678901234567890,"null":null}],"a-b":{"any key":"x","0":"zero"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		path, want string
		walked     int
	}{
		{"items[0].id", "12345678901234567890", 3},
		{"items[0].null", "null", 3},
		{`a-b["any key"]`, `"x"`, 2},
		{"a-b.0", `"zero"`, 2},
		{"items[1]", "", 1},
		{"items.0", "", 1},
		{"a-b[0]", "", 1},
		{"nope.deeper", "", 0},
		{"items[0].null.x", "", 3},
		{"items[0].id.x", "", 3},
	} {
		p, err := parsePath(test.path)
		if err != nil {
			t.Fatal(err)
		}
		_, n := p.Walk(v)
		if n != test.walked {
			t.Errorf("%s: walked %d, want %d", test.path, n, test.walked)
		}
		got, ok := Lookup(v, p)
		if ok != (test.want != "") {
			t.Errorf("Lookup(%s): found %v", test.path, ok)
		}
		if text, _ := Marshal(got); ok && string(text) != test.want {
			t.Errorf("Lookup(%s) = %s, want %s", test.path, text, test.want)
		}
	}
	if got, ok := Lookup(v, nil); !ok || !Equal(got, v) {
		t.Error("the empty path does not lead to the value itself")
	}
	if _, ok := Lookup([]any{1}, Path{index(-1)}); ok {
		t.Error("a negative index led somewhere")
	}
}

func TestAbsenceTellsKindsAndNoContent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		seg  Segment
		v    any
		want string
	}{
		{key("x"), map[string]any{"secret": 1}, `a.b has no "x"`},
		{index(0), map[string]any{}, "a.b is an object, not an array"},
		{key("x"), []any{1}, "a.b is an array, an element of it is read as a.b[0]"},
		{index(1), []any{"secret"}, "a.b has 1 element"},
		{index(2), []any{}, "a.b has 0 elements"},
		{key("x"), "secret", "a.b is a string, not an object"},
		{index(0), nil, "a.b is null, not an array"},
	} {
		if got := test.seg.Absence("a.b", test.v); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestScanNumberStopsBehindTheNumber(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{"12.50)": "12.50", "-1e+3 ": "-1e+3", "0": "0", "1.": "", "-": "", "1e": "", "01": "", "x": "", "": ""} {
		n, end, err := ScanNumber(src, 0)
		if string(n) != want || (err == nil) != (want != "") || end != len(want) {
			t.Errorf("ScanNumber(%q) = %q, %d, %v", src, n, end, err)
		}
	}
}

func TestSyntaxErrorShowsPlaceAndHint(t *testing.T) {
	t.Parallel()
	for want, err := range map[string]*SyntaxError{
		"at byte 3: no":           {Offset: 3, Message: "no"},
		"/a/b: at byte 3: no":     {Pointer: "/a/b", Offset: 3, Message: "no"},
		"at byte 3: no (try yes)": {Offset: 3, Message: "no", Hint: "try yes"},
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err.Error(), want)
		}
	}
}

func TestScanStringReadsBothQuotes(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		`'a' rest`: "a", `"a'b"`: "a'b", `'a"b'`: `a"b`, `'it\'s'`: "it's", `"\"\\\/\b\f\n\r\t"`: "\"\\/\b\f\n\r\t", `"\ud83d\ude00"`: "😀", `'é'`: "é", `''`: "",
	} {
		got, end, err := ScanString(src, 0)
		if err != nil || got != want || !strings.HasPrefix(src[end-1:], src[:1]) {
			t.Errorf("ScanString(%s) = %q, %d, %v", src, got, end, err)
		}
	}
	for _, src := range []string{`'`, `"abc`, `'abc"`, `"\`, `"\u12"`, `"\uzzzz"`, `"\u+123"`, `"\ud83d"`, `"\ud83d\u0041"`, "'\t'"} {
		if got, _, err := ScanString(src, 0); err == nil {
			t.Errorf("ScanString(%s) = %q", src, got)
		}
	}
}

func FuzzScanPath(f *testing.F) {
	for _, s := range []string{"a.b-c.items[0].id", `x["any key"]['\u00e9']`, "a[", "", "a..b", `["`, "größe.$_-", "a[999999999999]", "a[1.0]", "a[1.5]", "a[1e1]", "a[-1]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parsePath(s)
		if err != nil {
			var syn *SyntaxError
			if !errors.As(err, &syn) || syn.Offset < 0 || syn.Offset > len(s) {
				t.Fatalf("bad error %v", err)
			}
			return
		}
		text := p.String()
		again, err := parsePath(text)
		if err != nil {
			t.Fatalf("%q is written as %q: %v", s, text, err)
		}
		if again.String() != text || len(again) != len(p) {
			t.Fatalf("%q is written as %q, and that as %q", s, text, again.String())
		}
		Lookup(map[string]any{"a": []any{map[string]any{"b": 1}}}, p)
	})
}
