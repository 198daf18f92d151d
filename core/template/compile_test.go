package template

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// parse reads JSON that is part of a test.
func parse(t testing.TB, s string) any {
	t.Helper()
	v, err := value.Parse([]byte(s))
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return v
}

func TestCompileReportsEveryFaultAtItsPlace(t *testing.T) {
	t.Parallel()
	_, err := Compile(parse(t, `{
		"a/b": "{{paylod.id}}",
		"list": ["ok {{input.x}}", "{{}}", "{{input.x?}}", "first {{input.}}, then {{env.KEY}} and {{input.ok}}"],
		"{{input.key}}": 1
	}`), Options{})
	var faults Faults
	if !errors.As(err, &faults) {
		t.Fatalf("got %v", err)
	}
	want := []struct {
		pointer string
		offset  int
		text    string
	}{
		{"/a~1b", 2, `did you mean "payload"?`},
		{"/list/1", 0, "empty"},
		{"/list/2", 9, "leaves out a field"},
		{"/list/3", 14, "name is missing"},
		{"/list/3", 25, "secret"},
		{"", 0, "holds a placeholder"},
	}
	if len(faults) != len(want) {
		t.Fatalf("%d faults, want %d:\n%v", len(faults), len(want), err)
	}
	for _, w := range want {
		if !slices.ContainsFunc(faults, func(f Fault) bool {
			return f.Pointer == w.pointer && f.Offset == w.offset && strings.Contains(f.Error(), w.text)
		}) {
			t.Errorf("no fault %q at %q, byte %d, in:\n%v", w.text, w.pointer, w.offset, err)
		}
	}
}

func TestCompileRefusesWithMessageAndHint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		src    string
		offset int
		text   string
	}{
		{"{{", 0, "not closed"},
		{"x {{input.a", 2, "not closed"},
		{"{{input.a}", 0, "not closed"},
		{"{{ }}", 0, `two braces as text are written {{"{{"}}`},
		{"{{nothing.x}}", 2, "a path starts with input, steps"},
		{"{{inputs.x}}", 2, `did you mean "input"?`},
		{"{{Input.x}}", 2, `did you mean "input"?`},
		{"{{env.SECRET}}", 2, "config fields such as credentials only"},
		{"{{file:/run/secrets/x}}", 2, "config fields such as credentials only"},
		{"{{input.a b}}", 10, "cannot stand in a placeholder"},
		{"{{input.a === 'x'}}", 10, "operators stand outside"},
		{"{{input.a || 'x'}}", 10, "operators stand outside"},
		{"{{input.a | upper}}", 10, "no functions and filters"},
		{"{{upper(input.a)}}", 2, "unknown name"},
		{"{{input.upper()}}", 13, "no functions and filters"},
		{"{{{input.a}}}", 2, "two braces on each side"},
		{"{{?}}", 2, "cannot stand"},
		{"{{[0]}}", 2, "cannot stand"},
		{"{{.a}}", 2, "cannot stand"},
		{"{{input[x]}}", 8, "an index or a quoted key"},
		{"{{input[0}}", 9, "] is missing"},
		{`{{input["x}}`, 8, "not closed"},
		{"{{input.a ?? }}", 13, "cannot stand"},
		{"{{input.a ?? nope}}", 13, "unknown name"},
		{`{{"x" ?? input.a}}`, 6, "never used"},
		{`{{input.a ?? "x" ?? "y"}}`, 17, "never used"},
		{`{{input.a ?? 012}}`, 13, "may not start with 0"},
		{`{{input.a ?? 1e99999}}`, 14, "exponent"},
		{`{{input.a ?? -}}`, 14, "not a number"},
		{`{{input.a ?? 'a\q'}}`, 15, "unknown escape"},
		{"{{input.a?}}", 9, "leaves out a field"},
		{"x{{input.a?}}", 10, "leaves out a field"},
		{"{{input.a ?? input.b?}}", 20, "single path"},
		{`{{"x"?}}`, 5, "single path"},
		{"{{true.x}}", 2, "unknown name"},
		{"bad \xff {{input.a}}", 0, "UTF-8"},
		{"{{" + strings.Repeat("x", 1000) + "}}", 2, "..."},
	} {
		_, err := Compile(test.src, Options{})
		var faults Faults
		if !errors.As(err, &faults) || len(faults) != 1 {
			t.Errorf("%s: got %v", test.src, err)
			continue
		}
		if f := faults[0]; f.Offset != test.offset || !strings.Contains(f.Error(), test.text) {
			t.Errorf("%s: got %v; want %q at %d", test.src, err, test.text, test.offset)
		}
	}
}

func TestOptionalIsForFieldsOfObjectsOnly(t *testing.T) {
	t.Parallel()
	for src, ok := range map[string]bool{
		`{"a":"{{input.x?}}"}`:    true,
		`{"a":"{{ input.x ? }}"}`: true,
		`["{{input.x?}}"]`:        false,
		`"{{input.x?}}"`:          false,
		`{"a":"{{input.x?}} "}`:   false,
		`{"a":["{{input.x?}}"]}`:  false,
	} {
		if _, err := Compile(parse(t, src), Options{}); (err == nil) != ok {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestRootsAreWhatTheCallerAllows(t *testing.T) {
	t.Parallel()
	_, err := Compile("{{timestamp}}.{{body}}", Options{Roots: []string{"timestamp", "body"}})
	if err != nil {
		t.Error(err)
	}
	_, err = Compile("{{steps.a.result}}", Options{Roots: []string{"payload", "headers"}})
	if err == nil || !strings.Contains(err.Error(), `"steps" is not available here (available are payload, headers)`) {
		t.Errorf("got %v", err)
	}
	for _, root := range Roots() {
		if _, err := Compile("{{"+root+"}} {{"+root+".a-b[0]}}", Options{}); err != nil {
			t.Error(err)
		}
	}
}

func TestCompileRefusesWhatIsNoValue(t *testing.T) {
	t.Parallel()
	var deep any = "{{input}}"
	for range value.MaxDepth + 1 {
		deep = []any{deep}
	}
	loop := []any{nil}
	loop[0] = loop
	for name, v := range map[string]any{"float": []any{1.5}, "deep": deep, "cycle": loop, "key": map[string]any{"\xff": 1}} {
		if _, err := Compile(v, Options{}); err == nil {
			t.Errorf("%s was compiled", name)
		}
	}
}

func TestRefsNameEveryPath(t *testing.T) {
	t.Parallel()
	tpl, err := Compile(parse(t, `{"b":["x {{steps.create-customer.result.id}} {{ input.a ?? input['b c'][0] ?? 1 }}"],"a":"{{headers.X-Id?}}","c":"{{\"{{input.no}}\"}}"}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range tpl.Refs() {
		got = append(got, r.Pointer+" "+r.Root+" "+r.Path.String()+" = "+r.String())
	}
	want := []string{
		"/a headers x-id = headers.x-id",
		"/b/0 steps create-customer.result.id = steps.create-customer.result.id",
		"/b/0 input a = input.a",
		`/b/0 input ["b c"][0] = input["b c"][0]`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	if r := tpl.Refs()[2]; r.Offset != 41 {
		t.Errorf("offset %d", r.Offset)
	}
}

func TestCompileTakesTimeInProportionToTheSource(t *testing.T) {
	t.Parallel()
	const n = 1 << 17
	start := time.Now()
	for _, src := range []string{
		strings.Repeat("{{", n), strings.Repeat("{{", n) + "}}", strings.Repeat("{{x}}", n), strings.Repeat("{{input.a}}", n),
		strings.Repeat("{{'", n), strings.Repeat("{{input[\"", n), strings.Repeat("{{input.a ", n) + "}}", strings.Repeat("{{ ", n) + "}}",
		"{{input" + strings.Repeat(".a", n) + "}}", "{{input.a" + strings.Repeat("??input.a", n) + "}}",
	} {
		_, err := Compile(src, Options{})
		if err != nil && err.Error() == "" {
			t.Error("an error without a message")
		}
	}
	// It takes a fraction of a second; in quadratic time it would be minutes.
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("took %v", d)
	}
}

func TestWhatReadsAResultOfAnotherCallIsLeftAsItIsWrittenWhereTheOptionsSaySo(t *testing.T) {
	t.Parallel()
	source := `{"a":"{{results[0].id}}","b":{"c/d":["{{ results[1] }}","{{input.x}}"]},"e":"results[0]"}`
	tmpl, err := Compile(parse(t, source), Options{Roots: []string{"input"}, Results: true})
	if err != nil {
		t.Fatal(err)
	}
	if left := tmpl.Left(); !slices.Equal(left, []string{"/a", "/b/c~1d/0"}) {
		t.Errorf("left are %q", left)
	}
	if refs := tmpl.Refs(); len(refs) != 1 || refs[0].Root != "input" {
		t.Errorf("it reads %v", refs)
	}
	got, err := tmpl.JSON(Map{"input": map[string]any{"x": "{{results[0].id}}"}})
	if want := `{"a":"{{results[0].id}}","b":{"c/d":["{{ results[1] }}","{{results[0].id}}"]},"e":"results[0]"}`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	for source, want := range map[string]string{
		`"order {{results[0].id}}"`:            "stands alone",
		`" {{results[0].id}}"`:                 "stands alone",
		`"{{input.x ?? results[0].id}}"`:       "stands alone",
		`"{{results[0].id ?? input.x}}"`:       "without defaults",
		`{"a":"{{results[0].id?}}"}`:           "without defaults",
		`"{{results.id}}"`:                     "reads no result",
		`"{{results[0].id}}{{results[0].id}}"`: "stands alone",
	} {
		if _, err := Compile(parse(t, source), Options{Results: true}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", source, err, want)
		}
	}
	for _, source := range []string{`"{{results[0].id}}"`, `"{{results}}"`, `["x {{results[0].id}}"]`} {
		if _, err := Compile(parse(t, source), Options{}); err == nil || !strings.Contains(err.Error(), `unknown name "results" ({{results[0].id}} is for the calls within one action`) {
			t.Errorf("%s: %v", source, err)
		}
	}
}
