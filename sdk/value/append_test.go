package value

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestAppendIsCompactSortedAndMinimal(t *testing.T) {
	t.Parallel()
	v := map[string]any{
		"b": []any{1, int64(-9223372036854775808), json.Number("19.990"), nil, true, false},
		"a": "<&>\u2028é\"\\\n\x00\x7f",
		"é": map[string]any{}, "": []any{},
	}
	const want = `{"":[],"a":"<&>` + "\u2028" + `é\"\\\n\u0000` + "\x7f" + `","b":[1,-9223372036854775808,19.990,null,true,false],"é":{}}`
	got, err := Append([]byte("x="), v)
	if err != nil || string(got) != "x="+want {
		t.Errorf("got  %s, %v\nwant x=%s", got, err, want)
	}
}

func TestAppendRefusesWhatIsNoValue(t *testing.T) {
	t.Parallel()
	loop := map[string]any{}
	loop["self"] = []any{loop}
	for name, v := range map[string]any{
		"float":           1.5,
		"nested float":    []any{map[string]any{"a": float32(1)}},
		"struct":          struct{}{},
		"raw bytes":       []byte("{}"),
		"empty number":    json.Number(""),
		"word as number":  json.Number("NaN"),
		"broken number":   json.Number("1,2"),
		"number and more": json.Number("1}"),
		"huge number":     json.Number("1e999999999"),
		"cycle":           loop,
	} {
		if out, err := Marshal(v); err == nil {
			t.Errorf("%s: wrote %s", name, out)
		}
	}
}

func TestAppendReplacesInvalidUTF8(t *testing.T) {
	t.Parallel()
	out, err := Marshal("a\xffb")
	if err != nil || string(out) != `"a`+"\ufffd"+`b"` {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestAppendEscapedIsAppendStringWithoutQuotes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "plain", `a"b`, "é\n", "\x00", strings.Repeat(`"`, 100)} {
		whole := string(AppendString([]byte("."), s))
		if got := string(AppendEscaped([]byte(`."`), s)) + `"`; got != whole {
			t.Errorf("%q: got %s, want %s", s, got, whole)
		}
	}
}

func TestTextIsWhatALongerStringShows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		v    any
		want string
	}{
		{"a \"b\"", `a "b"`},
		{json.Number("19.990"), "19.990"},
		{7, "7"},
		{true, "true"},
		{nil, "null"},
		{[]any{json.Number("1"), "x"}, `[1,"x"]`},
		{map[string]any{"b": nil, "a": "é"}, `{"a":"é","b":null}`},
	} {
		if got, err := Text(test.v); err != nil || got != test.want {
			t.Errorf("Text(%v) = %q, %v, want %q", test.v, got, err, test.want)
		}
	}
	if _, err := Text(1.5); err == nil {
		t.Error("a float has no text")
	}
}

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		"null": nil, "a boolean": true, "a number": 1, "a string": "", "an array": []any{}, "an object": map[string]any{}, "not a JSON value": 1.5,
	} {
		if got := KindOf(v).String(); got != want {
			t.Errorf("KindOf(%v) is %q, want %q", v, got, want)
		}
	}
}
