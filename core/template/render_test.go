package template

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk/value"
)

const data = `{
	"input": {"amount": 2000, "big": 12345678901234567890, "price": 19.990, "name": "Ann \"A\" Lee", "null": null, "ok": true,
		"list": [1, {"x": 2}], "key with space": {"k": "v"}, "evil": "{{input.amount}} {{env.SECRET}}", "uni": "é\n"},
	"steps": {"create-customer": {"result": {"id": "cus_123"}}},
	"headers": {"x-request-id": "r1"},
	"index": 3
}`

func scopeOf(t testing.TB, s string) Map {
	t.Helper()
	return Map(parse(t, s).(map[string]any))
}

func TestRenderGivesWhatTheTemplateSays(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, data)
	for _, test := range []struct{ src, want string }{
		{`"{{input.amount}}"`, `2000`},
		{`"{{ input.amount }}"`, `2000`},
		{`"{{input.big}}"`, `12345678901234567890`},
		{`"{{input.price}}"`, `19.990`},
		{`"{{input.big}} and {{input.price}}"`, `"12345678901234567890 and 19.990"`},
		{`" {{input.amount}}"`, `" 2000"`},
		{`"{{input.name}}"`, `"Ann \"A\" Lee"`},
		{`"Dear {{input.name}}!"`, `"Dear Ann \"A\" Lee!"`},
		{`"{{input.null}}"`, `null`},
		{`"[{{input.null}}] {{input.ok}}"`, `"[null] true"`},
		{`"{{input.list}}"`, `[1,{"x":2}]`},
		{`"list: {{input.list}}"`, `"list: [1,{\"x\":2}]"`},
		{`"{{input.list[1].x}}"`, `2`},
		{`"{{input['key with space'].k}}"`, `"v"`},
		{`"{{input[\"key with space\"].k}}"`, `"v"`},
		{`"{{steps.create-customer.result.id}}"`, `"cus_123"`},
		{`"{{headers.X-Request-ID}}{{headers['X-REQUEST-ID']}}"`, `"r1r1"`},
		{`"{{index}}"`, `3`},
		{`"{{input.nope ?? \"x\"}}"`, `"x"`},
		{`"{{input.null ?? 'x'}}"`, `"x"`},
		{`"{{input.nope.deeper ?? input.also ?? 1.50}}"`, `1.50`},
		{`"{{input.nope ?? input.amount ?? 1}}"`, `2000`},
		{`"{{input.nope ?? input.null}}"`, `null`},
		{`"{{input.nope ?? null}}"`, `null`},
		{`"{{input.nope ?? true}} {{input.nope ?? -5}}"`, `"true -5"`},
		{`"{{body.x ?? 'no body'}}"`, `"no body"`},
		{`"{{\"{{\"}}input.amount}}"`, `"{{input.amount}}"`},
		{`"{{'{{input.amount}}'}}"`, `"{{input.amount}}"`},
		{`"{{5}}"`, `5`},
		{`"} }} {"`, `"} }} {"`},
		{`"{ {"`, `"{ {"`},
		{`"{{input.evil}}"`, `"{{input.amount}} {{env.SECRET}}"`},
		{`"x{{input.evil}}"`, `"x{{input.amount}} {{env.SECRET}}"`},
		{`"<{{input.uni}}>é"`, `"<é\n>é"`},
		{`{"a":"{{input.nope?}}"}`, `{}`},
		{`{"a":"{{input.null?}}"}`, `{"a":null}`},
		{`{"a":"{{input.null.deeper?}}"}`, `{}`},
		{`{"a":"{{input.nope?}}","b":1}`, `{"b":1}`},
		{`{"a":"{{input.nope?}}","b":"{{input.ok?}}","c":"{{input.nope?}}","d":2,"e":3,"f":"{{input.amount?}}","g":"{{body.x?}}"}`, `{"b":true,"d":2,"e":3,"f":2000}`},
		{`{"a":1,"b":"{{input.nope?}}","c":{"x":"{{input.nope?}}","y":{}},"d":[{"z":"{{input.nope?}}"}]}`, `{"a":1,"c":{"y":{}},"d":[{}]}`},
		{`{"b":[true,null,1e3,"x"],"a":{"c":"{{input.amount}}"}}`, `{"a":{"c":2000},"b":[true,null,1e3,"x"]}`},
		{`{"{ {":"{{input.ok}}"}`, `{"{ {":true}`},
		{`12345678901234567890`, `12345678901234567890`},
		{`null`, `null`},
		{`[]`, `[]`},
	} {
		tpl, err := Compile(parse(t, test.src), Options{})
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		got, err := tpl.AppendJSON([]byte("{"), scope)
		if err != nil || string(got) != "{"+test.want {
			t.Errorf("%s: got %s, %v, want %s", test.src, got, err, test.want)
		}
		if v, err := tpl.Render(scope); err != nil || !reflect.DeepEqual(v, parse(t, test.want)) {
			t.Errorf("%s: rendered %#v, %v", test.src, v, err)
		}
	}
}

func TestMissingPathNamesItself(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, data)
	for src, want := range map[string]string{
		`{"a":["{{steps.create-custmer.result.id}}"]}`: `/a/0: steps.create-custmer.result.id is missing: steps has no "create-custmer"`,
		`"{{input.list[2]}}"`:                          `input.list[2] is missing: input.list has 2 elements`,
		`"{{input.list.x}}"`:                           `input.list.x is missing: input.list is an array, an element of it is read as input.list[0]`,
		`"{{input.name.first}}"`:                       `input.name.first is missing: input.name is a string, not an object`,
		`"{{input.null.x}}"`:                           `input.null.x is missing: input.null is null, not an object`,
		`"{{input[0]}}"`:                               `input[0] is missing: input is an object, not an array`,
		`"{{body.x}}"`:                                 `body.x is missing: there is no "body" here`,
		`"text {{input.nope}}"`:                        `input.nope is missing: input has no "nope"`,
		`"{{input.nope ?? input.nada}}"`:               `input.nada is missing: input has no "nada"`,
	} {
		tpl, err := Compile(parse(t, src), Options{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := tpl.AppendJSON([]byte("before"), scope)
		var missing *MissingError
		if !errors.As(err, &missing) || err.Error() != want {
			t.Errorf("%s: got %v, want %s", src, err, want)
		}
		if string(out) != "before" {
			t.Errorf("%s: left %s behind", src, out)
		}
	}
}

func TestRenderedSizeIsBounded(t *testing.T) {
	t.Parallel()
	scope := Map{"input": map[string]any{"s": strings.Repeat("x", 1000)}}
	tpl, err := Compile(strings.Repeat("{{input.s}}", 100), Options{MaxBytes: 5000})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpl.AppendJSON(nil, scope); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
	tpl, err = Compile(strings.Repeat("{{input.s}}", 5000), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tpl.Render(scope); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v", err)
	}
}

func TestRenderedDepthIsBounded(t *testing.T) {
	t.Parallel()
	var deep any = map[string]any{}
	for range value.MaxDepth - 1 {
		deep = []any{deep}
	}
	scope := Map{"input": deep}
	for src, ok := range map[string]bool{`"{{input}}"`: true, `["{{input}}"]`: false, `{"a":"{{input?}}"}`: false} {
		tpl, err := Compile(parse(t, src), Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tpl.Render(scope); (err == nil) != ok {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestFloatsInTheScopeAreRefused(t *testing.T) {
	t.Parallel()
	for _, src := range []string{"{{input.x}}", "a {{input.x}}"} {
		tpl, err := Compile(src, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if out, err := tpl.AppendJSON(nil, Map{"input": map[string]any{"x": 19.99}}); err == nil || !strings.Contains(err.Error(), "float64") {
			t.Errorf("%s: got %s, %v", src, out, err)
		}
	}
}

func TestRenderedValueBelongsToTheCaller(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, data)
	tpl, err := Compile("{{input}}", Options{})
	if err != nil {
		t.Fatal(err)
	}
	v, err := tpl.Render(scope)
	if err != nil {
		t.Fatal(err)
	}
	v.(map[string]any)["amount"] = nil
	if scope["input"].(map[string]any)["amount"] != json.Number("2000") {
		t.Error("a change of the result changed the scope")
	}
}

// seedStep is the second step of the order workflow.
const seedStep = `{"customer":"{{steps.create-customer.result.id}}","amount":"{{input.amount}}","currency":"usd"}`

func TestAppendJSONIntoABufferDoesNotAllocate(t *testing.T) {
	tpl, err := Compile(parse(t, seedStep), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var scope Scope = scopeOf(t, data)
	buf := make([]byte, 0, 256)
	if n := testing.AllocsPerRun(100, func() { _, err = tpl.AppendJSON(buf, scope) }); n != 0 || err != nil {
		t.Errorf("%v allocations, %v", n, err)
	}
}

// BenchmarkTemplate renders the seed's template; the target is 1 us.
func BenchmarkTemplate(b *testing.B) {
	tpl, err := Compile(parse(b, seedStep), Options{})
	if err != nil {
		b.Fatal(err)
	}
	var scope Scope = scopeOf(b, data)
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.AppendJSON(buf, scope); err != nil {
			b.Fatal(err)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		seedStep, `"{{input.a ?? \"x\"}} {{input[\"b\"]}}"`, `{"a":"{{input.x?}}","b":["{{payload.items[0].id}}"]}`, `"{{\"{{\"}}"`, `"{{"`, `"{{input.}}"`, `"{{{{}}}}"`,
		`"{{input.a ?? 1e999999999}}"`, `"{{env.X}}"`, `[[["{{input}}"]]]`, `"{{input.\u0000}}"`, `"{{input.a[1.0]}}"`, `"{{input.a[0.5]}}"`,
		`{"a":"{{results[0].id}}","b":"{{results[0].id?}}","c":["{{ results[1] }}"]}`, `"x {{results[0]}}"`,
	} {
		f.Add(s, `{"input":{"a":[1,2],"b":"{{input.a}}","x":null}}`, true)
	}
	f.Fuzz(func(t *testing.T, src, data string, withResults bool) {
		var v any = src
		if parsed, err := value.Parse([]byte(src)); err == nil {
			v = parsed
		}
		tpl, err := Compile(v, Options{MaxBytes: 1 << 16, Results: withResults})
		if err != nil {
			var faults Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("bad error %v", err)
			}
			return
		}
		roots, err := value.Parse([]byte(data))
		if err != nil {
			return
		}
		object, _ := roots.(map[string]any)
		out, err := tpl.AppendJSON(nil, Map(object))
		if err != nil {
			return
		}
		if len(out) > 1<<16 {
			t.Fatalf("%d bytes", len(out))
		}
		if _, err := value.Parse(out); err != nil {
			t.Fatalf("the result %s is no JSON: %v", out, err)
		}
	})
}

func TestWhatWasRenderedStaysWhatItWas(t *testing.T) {
	t.Parallel()
	tpl, err := Compile(parse(t, seedStep), Options{})
	if err != nil {
		t.Fatal(err)
	}
	want, err := tpl.AppendJSON(nil, scopeOf(t, data))
	if err != nil {
		t.Fatal(err)
	}
	first, err := tpl.JSON(scopeOf(t, data))
	if err != nil || string(first) != string(want) {
		t.Fatalf("got %s and %v, want %s", first, err, want)
	}
	other := strings.NewReplacer("2000", "7", "cus_123", "cus_9").Replace(data)
	if second, err := tpl.JSON(scopeOf(t, other)); err != nil || string(second) == string(want) || string(first) != string(want) {
		t.Errorf("the first result is %s after the second, which is %s (%v)", first, second, err)
	}
	if b, err := tpl.JSON(Map{}); b != nil || err == nil {
		t.Errorf("without data: %s and %v", b, err)
	}
}
