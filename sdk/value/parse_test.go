package value

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParseKeepsNumbersAsWritten(t *testing.T) {
	t.Parallel()
	for _, lit := range []string{
		"12345678901234567890", "19.990", "0", "-0", "-0.0", "1e3", "1E+3", "1.50e-7",
		"0.1000000000000000055511151231257827", "1" + strings.Repeat("0", MaxNumberLen-1), "1e1024", "1e-01024",
	} {
		v, err := Parse([]byte(` [ ` + lit + ` ] `))
		if err != nil {
			t.Errorf("%s: %v", lit, err)
			continue
		}
		if want := []any{json.Number(lit)}; !reflect.DeepEqual(v, want) {
			t.Errorf("Parse(%s) = %#v", lit, v)
		}
		out, err := Marshal(v)
		if err != nil || string(out) != "["+lit+"]" {
			t.Errorf("Marshal(Parse(%s)) = %s, %v", lit, out, err)
		}
	}
}

func TestParseGivesPlainValues(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte("\t{\"a\":[null,true,false,\"\\u00e9\\n\\ud83d\\ude00\",{},[]],\"\":1}\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"a": []any{nil, true, false, "é\n😀", map[string]any{}, []any{}},
		"":  json.Number("1"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v", got)
	}
}

func TestParseRefusesWithThePlace(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, in string
		pointer  string
		offset   int
		message  string
	}{
		{"duplicate key", `{"a":{"b":1,"b":2}}`, "/a/b", 12, `duplicate key "b"`},
		{"duplicate key, one escaped", `{"a":1,"\u0061":2}`, "/a", 7, `duplicate key "a"`},
		{"invalid UTF-8", "[\"ok\",\"\xff\"]", "/1", 7, "not UTF-8: the byte 0xFF stands alone"},
		{"lone surrogate", `["\ud800"]`, "/0", 2, "surrogate"},
		{"trailing value", `{} {}`, "", 3, "more after"},
		{"trailing garbage", `1 x`, "", 2, "more after"},
		{"empty", "", "", 0, "empty"},
		{"white space alone", " \n", "", 0, "empty"},
		{"cut off", `{"a":[1,`, "/a", 8, "] is missing at the end"},
		{"cut off in a string", `"abc`, "", 0, "the string is not closed"},
		{"comment", `{/* */}`, "", 1, "JSON has no comments"},
		{"trailing comma", `[1,]`, "", 2, "there is a comma before ]"},
		{"single quotes", `{'a':1}`, "", 1, "keys stand in double quotes"},
		{"leading zero", `[012]`, "", 1, "may not start with 0"},
		{"leading point", `[.5]`, "/0", 1, "begin with a point"},
		{"NaN", `[NaN]`, "/0", 1, "JSON has no NaN"},
		{"wrong bracket", `{"a":1]`, "", 6, "} is missing before ]"},
		{"too deep", strings.Repeat("[", MaxDepth+1), "", MaxDepth, "nested deeper"},
		{"too deep in objects", strings.Repeat(`{"":`, MaxDepth+1), "", 4 * MaxDepth, "nested deeper"},
		{"number too long", "[1" + strings.Repeat("0", MaxNumberLen) + "]", "/0", 1, "longer than"},
		{"exponent too large", `{"a":1e1025}`, "/a", 5, "exponent"},
		{"exponent of many digits", `{"a":1e-99999999999999999999999999}`, "/a", 5, "exponent"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			v, err := Parse([]byte(test.in))
			var syn *SyntaxError
			if !errors.As(err, &syn) {
				t.Fatalf("got %v, %v", v, err)
			}
			if !strings.Contains(syn.Message, test.message) {
				t.Errorf("message %q lacks %q", syn.Message, test.message)
			}
			if syn.Offset != test.offset {
				t.Errorf("offset %d, want %d (%v)", syn.Offset, test.offset, err)
			}
			if !strings.HasPrefix(test.name, "too deep") && syn.Pointer != test.pointer {
				t.Errorf("pointer %q, want %q (%v)", syn.Pointer, test.pointer, err)
			}
		})
	}
}

func TestParseAcceptsTheDeepestValue(t *testing.T) {
	t.Parallel()
	in := strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth)
	v, err := Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	out, err := Marshal(v)
	if err != nil || string(out) != in {
		t.Errorf("Marshal: %v", err)
	}
	if !Equal(v, v) {
		t.Error("the deepest value does not equal itself")
	}
	if _, err := Marshal([]any{v}); err == nil {
		t.Error("Marshal wrote what Parse refuses")
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"a":[1,-0.5e+3,"x\u00e9",true,null]}`, `12345678901234567890`, `[19.990]`, `{"a":1,"a":2}`, "\"\xff\"", `[[[[`, `1e999999999`, `{"":{"":{"":0}}} x`, ``,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := Parse(b)
		if checked := Check(b); !reflect.DeepEqual(checked, err) {
			t.Fatalf("Check returns %v, Parse %v", checked, err)
		}
		if err != nil {
			var syn *SyntaxError
			if !errors.As(err, &syn) {
				t.Fatalf("not a SyntaxError: %v", err)
			}
			if syn.Offset < 0 || syn.Offset > len(b) {
				t.Fatalf("offset %d in %d bytes", syn.Offset, len(b))
			}
			return
		}
		out, err := Marshal(v)
		if err != nil {
			t.Fatalf("cannot write what was read: %v", err)
		}
		again, err := Parse(out)
		if err != nil || !reflect.DeepEqual(v, again) || !Equal(v, again) {
			t.Fatalf("%s comes back as %v, %v", out, again, err)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	in := []byte(`{"id":"pi_123","object":"payment_intent","amount":2000,"currency":"usd","metadata":{"order":"6735"},"charges":{"data":[{"id":"ch_1","paid":true}]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := Check(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	in := []byte(`{"id":"pi_123","object":"payment_intent","amount":2000,"currency":"usd","metadata":{"order":"6735"},"charges":{"data":[{"id":"ch_1","paid":true}]}}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}
