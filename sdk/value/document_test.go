package value

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestADocumentHoldsItsTextAndItsValue(t *testing.T) {
	t.Parallel()
	const text = ` {"a": [1.50, "x"]} `
	want := map[string]any{"a": []any{json.Number("1.50"), "x"}}
	for name, read := range map[string]func([]byte) (Doc, error){
		"NewDoc": NewDoc, "ParseDoc": ParseDoc, "TrustedDoc": func(b []byte) (Doc, error) { return TrustedDoc(b), nil },
	} {
		d, err := read([]byte(text))
		if err != nil || d.IsZero() || string(d.Raw()) != text {
			t.Errorf("%s: %q, %v", name, d.Raw(), err)
		}
		if diff := cmp.Diff(want, d.Value()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestADocumentIsMadeByChecking(t *testing.T) {
	t.Parallel()
	for _, text := range []string{``, `{`, `{"a":1,"a":2}`, `{} {}`, "\"\xff\"", `1e99999`} {
		_, want := Parse([]byte(text))
		for name, read := range map[string]func([]byte) (Doc, error){"NewDoc": NewDoc, "ParseDoc": ParseDoc} {
			d, err := read([]byte(text))
			if err == nil || err.Error() != want.Error() || !d.IsZero() {
				t.Errorf("%s(%q) = %v, want %v", name, text, err, want)
			}
		}
		if v := TrustedDoc([]byte(text)).Value(); v != nil {
			t.Errorf("%q has the value %v", text, v)
		}
	}
}

func TestADocumentOfAValueIsAsIfItsTextHadBeenRead(t *testing.T) {
	t.Parallel()
	number := func(s string) json.Number { return json.Number(s) }
	for text, v := range map[string]any{
		`{"a":[1.50,"x",null,true],"b":{}}`: map[string]any{"a": []any{number("1.50"), "x", nil, true}, "b": map[string]any{}},
		`[1,2]`:                             []any{1, int64(2)},
		"\"\ufffd\ufffd\"":                  "\xfe\xff",
		"{\"list\":[\"\ufffd\"],\"\ufffd\":\"\ufffd\"}": map[string]any{"\xfe": "\xff", "list": []any{"\xfe"}},
		`null`: nil,
	} {
		want, err := Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		d, err := DocOf(v)
		if err != nil || string(d.Raw()) != text {
			t.Errorf("%v is %s, %v; want %s", v, d.Raw(), err, text)
		}
		if diff := cmp.Diff(want, d.Value()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	for name, v := range map[string]any{
		"keys that become the same": map[string]any{"\xfe": 1, "\xff": 2},
		"no value of this program":  1.5,
		"no number":                 number("1e99999"),
	} {
		if d, err := DocOf(v); err == nil || !d.IsZero() {
			t.Errorf("%s: %s, %v", name, d.Raw(), err)
		}
	}
}

func TestTheZeroDocumentIsNothing(t *testing.T) {
	t.Parallel()
	var d Doc
	if !d.IsZero() || d.Raw() != nil || d.Value() != nil {
		t.Errorf("%q is %v", d.Raw(), d.Value())
	}
}

func TestADocumentGoesThroughJSONAsItIs(t *testing.T) {
	t.Parallel()
	type record struct {
		A Doc `json:"a,omitzero"`
		B Doc `json:"b,omitzero"`
		C Doc `json:"c,omitzero"`
	}
	const text = `{"a":{"n":1.50},"b":null}`
	var r record
	if err := json.Unmarshal([]byte(text), &r); err != nil {
		t.Fatal(err)
	}
	if string(r.B.Raw()) != "null" || !r.C.IsZero() {
		t.Errorf("null is %q, nothing is %q", r.B.Raw(), r.C.Raw())
	}
	again, err := json.Marshal(r)
	if err != nil || string(again) != text {
		t.Errorf("%s, %v; want %s", again, err, text)
	}
}

func TestADocumentIsParsedOnceForAll(t *testing.T) {
	t.Parallel()
	d, err := NewDoc([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	values := make([]map[string]any, 8)
	var wg sync.WaitGroup
	for i := range values {
		wg.Go(func() { values[i] = d.Value().(map[string]any) })
	}
	wg.Wait()
	values[0]["mark"] = true
	for _, v := range values {
		if v["mark"] != true {
			t.Fatal("a document was parsed twice")
		}
	}
}

func TestRawOfADocumentDoesNotAllocate(t *testing.T) {
	d := TrustedDoc([]byte(`{"a":1}`))
	d.Value()
	if n := testing.AllocsPerRun(100, func() { _, _ = d.Raw(), d.Value() }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestADocumentIsSplitIntoItsElements(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`null`: nil, ` [ ] `: {}, `[1]`: {`1`},
		"[ 1.50 ,\t\"a,]\", {\"b\": [2, 3]} , [] ,null]\n": {`1.50`, `"a,]"`, `{"b": [2, 3]}`, `[]`, `null`},
	} {
		elements, ok := TrustedDoc([]byte(text)).Elements()
		if !ok || len(elements) != len(want) {
			t.Errorf("%s has %d elements, %t", text, len(elements), ok)
			continue
		}
		for i, e := range elements {
			parsed, err := Parse([]byte(want[i]))
			if err != nil || string(e.Raw()) != want[i] || !Equal(e.Value(), parsed) {
				t.Errorf("%s: element %d is %s, %v", text, i, e.Raw(), e.Value())
			}
		}
	}
	for _, text := range []string{`{}`, `"[]"`, `1`, `true`, ``, `[1,`, `[1 2]`, `[}`} {
		if _, ok := TrustedDoc([]byte(text)).Elements(); ok {
			t.Errorf("%q has elements", text)
		}
	}
	if _, ok := (Doc{}).Elements(); ok {
		t.Error("no document has elements")
	}
}
