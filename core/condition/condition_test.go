package condition

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

const data = `{
	"payload": {
		"type": "payment_intent.succeeded", "amount": 2000, "big": 12345678901234567890, "price": 19.990, "zero": 0,
		"null": null, "yes": true, "no": false, "empty": "", "items": [{"id": "a"}, {"id": "b"}], "tags": ["new", 5],
		"meta": {"a-b": 1, "any key": 2, "length": 7, "in": 3}, "name": "Ann É", "emoji": "a😀", "key": "type", "minus": -1, "one": 1.0
	},
	"steps": {"create-customer": {"result": {"id": "cus_1"}}},
	"headers": {"x-kind": "k"},
	"index": 3
}`

func scopeOf(t testing.TB, s string) template.Map {
	t.Helper()
	v, err := value.Parse([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return template.Map(v.(map[string]any))
}

func TestEvalFollowsTheGrammar(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, data)
	for src, want := range map[string]bool{
		// comparing
		"{{payload.type}} === 'payment_intent.succeeded'": true,
		"payload.type === \"payment_intent.succeeded\"":   true,
		"payload.type == 'x'":                             false,
		"payload.type !== 'x'":                            true,
		"payload.type != 'payment_intent.succeeded'":      false,
		"payload.amount === 2000.00":                      true,
		"payload.amount === '2000'":                       false,
		"payload.amount == '2000'":                        false,
		"payload.amount >= 2e3 && payload.amount <= 2000": true,
		"payload.amount > -1":                             true,
		"payload.zero === -0":                             true,
		"payload.zero === false":                          false,
		"payload.null === null":                           true,
		"payload.null == false":                           false,
		"payload.empty === null":                          false,
		"payload.big === 12345678901234567890":            true,
		"payload.big === 12345678901234567891":            false,
		"{{payload.big}} < 12345678901234567891":          true,
		"payload.price === 19.99":                         true,
		"{{payload.price}} == 19.990":                     true,
		"payload.price < 19.9900000000000000000001":       true,
		"'a' < 'b' && 'B' < 'a' && !('b' < 'a')":          true,
		"'10' < '9'":                                      true,
		"[1, 'x', null] === [1.0, 'x', null]":             true,
		"payload.tags == ['new', 5]":                      true,
		"true === true === true":                          true,
		// logic
		"true":                                     true,
		"payload.yes":                              true,
		"{{payload.no}}":                           false,
		"!payload.no":                              true,
		"!!payload.yes":                            true,
		"true || false && false":                   true,
		"(true || false) && false":                 false,
		"false || false || true":                   true,
		"!false && !false":                         true,
		"!(payload.amount > 1)":                    false,
		"true || payload.nope":                     true,
		"false && payload.nope":                    false,
		"payload.yes ? payload.no : true":          false,
		"false ? true : false ? false : true":      true,
		"true ? true ? false : true : true":        false,
		"(payload.amount > 1 ? 'a' : 'b') === 'a'": true,
		// paths
		"payload.items[0].id === 'a'":                             true,
		"payload.items[1.0].id === 'b'":                           true,
		"payload.items[10e-1].id === 'b'":                         true,
		"{{payload.items[1.0].id}} === 'b'":                       true,
		"payload.items[payload.one].id === 'b'":                   true,
		"payload.items[payload.items.length].id ?? true":          true,
		"payload['type'] === payload.type":                        true,
		"payload[payload.key] === payload.type":                   true,
		"payload.meta['any key'] === 2":                           true,
		"payload.meta[\"a-b\"] === {{payload.meta.a-b}}":          true,
		"{{payload.meta}}['a-b'] === 1":                           true,
		"{{payload}}.meta.in === 3":                               true,
		"payload.meta.length === 7":                               true,
		"{{steps.create-customer.result.id}} === 'cus_1'":         true,
		"steps['create-customer'].result.id === 'cus_1'":          true,
		"headers['X-Kind'] === 'k' && {{headers.X-KIND}} === 'k'": true,
		"index > 2 && {{index}} < 4":                              true,
		"(payload.items)[1].id === 'b'":                           true,
		"(payload.yes ? payload.items : [])[0].id === 'a'":        true,
		"[1,2,3][1] === 2":                                        true,
		"payload . type . length > 3":                             true,
		// length
		"payload.items.length === 2":    true,
		"payload.empty.length == 0":     true,
		"payload.emoji.length === 3":    true,
		"{{payload.name}}.length === 5": true,
		"'abc'.length === 3":            true,
		"[].length === 0":               true,
		// methods
		"payload.type.startsWith('payment_')":        true,
		"payload.type.endsWith('.succeeded')":        true,
		"payload.type.includes('intent')":            true,
		"{{payload.type}}.includes('refund')":        false,
		"payload.name.toLowerCase() === 'ann é'":     true,
		"payload.name.toLowerCase().includes('ann')": true,
		"payload.tags.includes('new')":               true,
		"payload.tags.includes(5.0)":                 true,
		"payload.tags.includes('5')":                 false,
		"!payload.type.startsWith('x')":              true,
		// in
		"payload.type in ['a', 'payment_intent.succeeded']": true,
		"payload.amount in [1, 2000.0]":                     true,
		"5 in payload.tags":                                 true,
		"'5' in payload.tags":                               false,
		"'a-b' in payload.meta":                             true,
		"'nope' in payload.meta":                            false,
		"!('x' in [])":                                      true,
		// ?? and ?.
		"payload.nope ?? true":                   true,
		"payload.nope.deeper ?? true":            true,
		"payload.null ?? true":                   true,
		"payload.no ?? true":                     false,
		"payload.nope ?? payload.null ?? true":   true,
		"(payload.nope ?? 'x') === 'x'":          true,
		"{{payload.nope ?? 'x'}} === 'x'":        true,
		"({{payload.nope}} ?? 'x') === 'x'":      true,
		"body.x ?? true":                         true,
		"payload.nope.startsWith('x') ?? true":   true,
		"payload.null.startsWith('x') ?? true":   true,
		"payload?.nope === null":                 true,
		"payload.nope?.id === null":              true,
		"payload.nope?.id === 'x'":               false,
		"payload.nope?.a.b.c[0].d === null":      true,
		"payload.null?.a.b === null":             true,
		"payload.meta?.nope.x === null":          true,
		"payload.items?.[0].id === 'a'":          true,
		"payload.items?.[9] === null":            true,
		"payload.nope?.[0] === null":             true,
		"payload.nope?.startsWith('x') ?? true":  true,
		"payload.type?.startsWith('payment')":    true,
		"(payload.nope?.length ?? 0) === 0":      true,
		"body?.x === null":                       true,
		"{{payload.nope}}?.x === null":           true,
		"(payload.nope ?? payload.nada) ?? true": true,
		"(payload.yes && false) ?? true":         false,
	} {
		c, err := Compile(src, template.Options{})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		got, err := c.Eval(scope)
		if err != nil || got != want {
			t.Errorf("%s is %v, %v", src, got, err)
		}
	}
}

func TestDataNeverChangesWhatAConditionMeans(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		"{{payload.type}} === 'payment_intent.succeeded'",
		"payload.type == \"payment_intent.succeeded\"",
		"{{payload.type ?? 'x'}} === 'payment_intent.succeeded'",
		"payload.type.startsWith('payment_intent.succeeded')",
		"payload.type in ['payment_intent.succeeded']",
	} {
		c, err := Compile(src, template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, evil := range []any{
			"x' === 'x' || '1", "' || true || '", "payment' || 'x' === 'x", `" || "" === "`, "{{payload.other}}", "true", "",
		} {
			got, err := c.Eval(template.Map{"payload": map[string]any{"type": evil, "other": "payment_intent.succeeded"}})
			if err != nil || got {
				t.Errorf("%s with type %q is %v, %v", src, evil, got, err)
			}
		}
	}
}

func TestCompileRefusesWithOffsetAndHint(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		src    string
		offset int
		text   string
	}{
		{"", 0, "empty"},
		{"  ", 2, "empty"},
		{"payload.type = 'x'", 13, "use ==="},
		{"payload.yes & true", 12, "use &&"},
		{"payload.yes | true", 12, "use ||"},
		{"payload.yes and true", 12, "use &&"},
		{"payload.yes or true", 12, "use ||"},
		{"not payload.yes", 4, "operator is missing"},
		{"payload.a + 1 === 2", 10, "do not calculate"},
		{"payload.a - 1 === 2", 10, "do not calculate"},
		{"-payload.a === 2", 0, "before a number only"},
		{"steps.create-customer.result.id === 'x'", 12, "{{steps.create-customer.result.id}}"},
		{"(steps.a-b.result.id) === 'x'", 8, "{{steps.a-b.result.id}}"},
		{"paylod.type === 'x'", 0, `did you mean "payload"?`},
		{"{{paylod.type}} === 'x'", 2, `did you mean "payload"?`},
		{"payload.x === undefined", 14, "use null"},
		{"{{payload.x?}} === 1", 11, "?? null"},
		{"{{payload.x === 'x'}}", 12, "operators stand outside"},
		{"{{payload.x", 0, "not closed"},
		{"{{}} === 1", 0, "empty"},
		{"{{env.X}} === 'x'", 2, "secret"},
		{"env.X === 'x'", 0, "secret"},
		{"payload.x === 'abc", 14, "not closed"},
		{"payload.x === 012", 14, "may not start with 0"},
		{"payload.x === 1e99999", 15, "exponent"},
		{"payload.x === 1x", 15, "operator is missing"},
		{"payload.x === `x`", 14, "strings stand in"},
		{"payload.x === {a: 1}", 14, "cannot stand"},
		{"(payload.yes", 12, "too early"},
		{"payload.yes)", 11, "cannot stand here"},
		{"payload.yes ? true", 18, "too early"},
		{"payload.yes ? true : ", 21, "too early"},
		{"payload.", 8, "name is missing"},
		{"payload.x.3ds", 10, `["key"]`},
		{"payload.items[] === 1", 14, "cannot stand here"},
		{"payload.items[0 === 1", 21, "too early"},
		{"payload.x in [1,]", 16, "cannot stand here"},
		{"payload.x in [1 2]", 16, "operator is missing"},
		{"payload.x.trim() === 'x'", 10, "startsWith, endsWith, includes, toLowerCase"},
		{"payload.x.repeat(1000000000) === 'x'", 10, "no method"},
		{"payload.x.startsWith()", 10, "takes 1 arguments"},
		{"payload.x.toLowerCase('x') === 'x'", 10, "takes 0 arguments"},
		{"payload.x.startsWith('a', 'b')", 10, "takes 1 arguments"},
		{"len(payload.x) > 1", 0, "unknown name"},
		{"1 < 2 < 3", 6, "a < b && b < c"},
		{"payload.yes ?? true || false", 20, "parentheses"},
		{"payload.yes || true ?? false", 20, "parentheses"},
		{"payload.yes && true ?? false", 20, "parentheses"},
		{"payload.yes ?? true && false", 12, "parentheses"},
		{"'x'", 0, "must be a boolean"},
		{"5", 0, "must be a boolean"},
		{"null", 0, "must be a boolean"},
		{"[true]", 0, "must be a boolean"},
		{"payload.type.toLowerCase()", 0, "must be a boolean"},
		{"payload.yes || 'x'", 15, "must be a boolean"},
		{"'x' && payload.yes", 0, "must be a boolean"},
		{"!'x'", 1, "must be a boolean"},
		{"1 ? true : false", 0, "must be a boolean"},
		{"true ? 'a' : 'b'", 0, "must be a boolean"},
		{"true ? 1 : 'b'", 0, "must be a boolean, and true ? 1 : 'b' is a number or a string"},
		{"{{'x'}}", 0, "must be a boolean, and {{'x'}} is a string"},
		{"payload.type.toLowerCase() ?? 'x'", 0, "must be a boolean"},
		{"'{{payload.type}}' === 'x'", 0, "a placeholder in quotes is text, and nothing is put in its place (without the quotes: {{payload.type}})"},
		{"payload.a === 'x-{{payload.b ?? 1}}-y'", 14, "a placeholder in quotes is text"},
		{"payload.list.includes(\"{{payload.b}}\")", 22, "a placeholder in quotes is text"},
		{"'5' === 5", 0, "the comparison is always false: '5' is a string, and 5 is a number"},
		{"true !== 'true'", 0, "the comparison is always true"},
		{"payload.type.toLowerCase() === 5", 0, "always false: payload.type.toLowerCase() is a string, and 5 is a number"},
		{"(payload.a === 1) === 'yes'", 1, "always false"},
		{"'a' < 1", 0, "< compares two numbers or two strings, and 'a' is a string, 1 is a number"},
		{"payload.yes > false", 0, "> compares two numbers or two strings, and false is a boolean"},
		{"payload.yes >= null", 0, ">= compares two numbers or two strings, and null is null"},
		{"[1] < 2", 0, "< compares"},
		{"!payload.a < 2", 0, "< compares"},
		{"'a' in 'abc'", 0, "in looks into an array or an object, and 'abc' is a string"},
		{"payload.a in 5", 0, "in looks into an array or an object"},
		{"payload.a.startsWith(5)", 21, "startsWith takes a string, and 5 is a number"},
		{"(5).endsWith('x')", 0, "endsWith needs a string, and (5) is a number"},
		{"'abc'.name === 'x'", 0, "'abc' has no members: it is a string"},
		{"payload[true] === 1", 8, "an index must be a number or a string, and true is a boolean"},
		{"payload.items[-1].id === 1", 14, "an index is an integer from 0 on, and -1 is none"},
		{"payload.items[0.5] === 1", 14, "an index is an integer from 0 on, and 0.5 is none"},
		{"payload.x ?? 1 === 2 ; true", 21, "single expression"},
		{"payload.x\x00 === 1", 9, "cannot stand"},
		{"payload.x === '\xff'", 0, "UTF-8"},
		{"payload.yes \u2028", 12, "cannot stand"},
		{"x => x", 0, ""},
	} {
		c, err := Compile(test.src, template.Options{})
		var faults template.Faults
		if !errors.As(err, &faults) {
			t.Errorf("%s: got %v, %v", test.src, c, err)
			continue
		}
		ok := false
		for _, f := range faults {
			ok = ok || f.Offset == test.offset && strings.Contains(f.Error(), test.text)
		}
		if !ok {
			t.Errorf("%s: got %v; want %q at %d", test.src, err, test.text, test.offset)
		}
	}
}

func TestCompileReportsSeveralFaultsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := Compile("paylod.x === 1 && inputs.y.trim() === 2 || 'x'", template.Options{})
	var faults template.Faults
	if !errors.As(err, &faults) || len(faults) != 4 {
		t.Errorf("got %v", err)
	}
}

func TestRootsAreWhatTheCallerAllows(t *testing.T) {
	t.Parallel()
	opts := template.Options{Roots: []string{"payload"}}
	for src, ok := range map[string]bool{"payload.x": true, "steps.a": false, "{{payload.x}}": true, "{{steps.a}}": false} {
		if _, err := Compile(src, opts); (err == nil) != ok {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestEvalRefusesWhatIsNotMeant(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, data)
	for _, test := range []struct {
		src    string
		offset int
		text   string
	}{
		{"payload.type", 0, "a condition must be a boolean, and payload.type is a string"},
		{"{{payload.amount}}", 0, "a condition must be a boolean, and {{payload.amount}} is a number"},
		{"payload.null", 0, "is null"},
		{"payload.nope?.x", 0, "is null"},
		{"payload.yes && payload.amount", 15, "each side of && must be a boolean, and payload.amount is a number"},
		{"payload.zero || true", 0, "each side of || must be a boolean"},
		{"!payload.empty", 1, "what ! negates must be a boolean"},
		{"payload.amount ? true : false", 0, "before ? must be a boolean"},
		{"payload.amount < '5'", 0, "< compares two numbers or two strings, and payload.amount is a number, '5' is a string"},
		{"payload.null >= 0", 0, ">= compares"},
		{"payload.yes > payload.no", 0, "> compares"},
		{"payload.amount.startsWith('x')", 0, "startsWith needs a string, and payload.amount is a number"},
		{"payload.type.startsWith(payload.amount)", 24, "startsWith takes a string, and payload.amount is a number"},
		{"payload.tags.startsWith('x')", 0, "startsWith needs a string, and payload.tags is an array"},
		{"'x' in payload.type", 0, "in looks into an array or an object, and payload.type is a string (text in a string is found by includes)"},
		{"1 in payload.meta", 0, "the key sought in an object must be a string"},
		{"payload[payload.yes] === 1", 8, "an index must be a number or a string"},
		{"payload[payload.null] ?? true", 8, "an index must be a number or a string"},
	} {
		c, err := Compile(test.src, template.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.src, err)
			continue
		}
		got, err := c.Eval(scope)
		var bad *Error
		if !errors.As(err, &bad) || got || bad.Offset != test.offset || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v, %v; want %q at %d", test.src, got, err, test.text, test.offset)
		}
	}
}

func TestMissingPathNamesItself(t *testing.T) {
	t.Parallel()
	scope := scopeOf(t, data)
	for src, want := range map[string]string{
		"payload.nope === 1":                    `payload.nope is missing: payload has no "nope"`,
		"{{payload.nope.x}} === 1":              `payload.nope.x is missing: payload has no "nope"`,
		"true && payload.meta.x.y === 1":        `payload.meta.x is missing: payload.meta has no "x"`,
		"payload.type.x === 1":                  `payload.type.x is missing: payload.type is a string, not an object`,
		"payload.items[2].id === 1":             `payload.items[2] is missing: payload.items has 2 elements`,
		"payload.items[payload.minus] === 1":    `payload.items[payload.minus] is missing: payload.items has 2 elements`,
		"payload.items.id === 1":                `payload.items.id is missing: payload.items is an array, an element of it is read as payload.items[0]`,
		"payload[payload.type] === 1":           `payload[payload.type] is missing: payload has no "payment_intent.succeeded"`,
		"body.x === 1":                          `body is missing: there is no "body" here`,
		"{{body.x}} === 1":                      `body.x is missing: there is no "body" here`,
		"payload.null.x === 1":                  `payload.null.x is missing: payload.null is null, not an object`,
		"payload.null.includes('x')":            `payload.null.includes('x') is missing: payload.null is null`,
		"payload.nope.a?.b === 1":               `payload.nope is missing: payload has no "nope"`,
		"(payload.nope === 1) ?? true":          `payload.nope is missing: payload has no "nope"`,
		"!payload.nope":                         `payload.nope is missing`,
		"payload.nope in [1]":                   `payload.nope is missing`,
		"payload.type.startsWith(payload.nope)": `payload.nope is missing`,
		"payload.items[payload.nope].x ?? true": `payload.nope is missing`,
		"[payload.nope] === []":                 `payload.nope is missing`,
		"payload.nope ?? payload.nada":          `payload.nada is missing`,
		"(payload.items.nope).x === 1":          `payload.items.nope`,
		"payload.number.length > 1":             `payload.number is missing`,
	} {
		c, err := Compile(src, template.Options{})
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		_, err = c.Eval(scope)
		var missing *template.MissingError
		if !errors.As(err, &missing) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %s", src, err, want)
		}
	}
}

func TestErrorsShowNoData(t *testing.T) {
	t.Parallel()
	scope := template.Map{"payload": map[string]any{"s": "hunter2", "n": json.Number("424242"), "l": []any{"hunter2"}}}
	for _, src := range []string{"payload.s", "payload.s < payload.n", "payload.s.x === 1", "payload.n.startsWith('x')", "payload.l.startsWith('x')", "!payload.l", "'x' in payload.s"} {
		c, err := Compile(src, template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Eval(scope); err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "4242") {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestRefsNameEveryPath(t *testing.T) {
	t.Parallel()
	c, err := Compile("{{steps.create-customer.result.id ?? input.id}} === headers['X-Id'] && payload.items[0].name.length > 1 && payload[index].x && input.a?.b.startsWith(body.x)", template.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range c.Refs() {
		got = append(got, fmt.Sprint(r.Offset, " ", r))
		if !strings.HasPrefix(c.String()[r.Offset:], r.Root) {
			t.Errorf("offset %d is not that of %s", r.Offset, r)
		}
	}
	want := []string{"2 steps.create-customer.result.id", "37 input.id", "52 headers.x-id", "71 payload.items[0].name", "107 payload", "115 index", "127 input.a.b", "149 body.x"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestEvalDoesNotAllocate(t *testing.T) {
	var scope template.Scope = scopeOf(t, data)
	for _, src := range []string{seed, "payload.amount > 100 && payload.type.startsWith('payment') && payload.items[0].id in ['a', 'b']"} {
		c, err := Compile(src, template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { _, err = c.Eval(scope) }); n != 0 || err != nil {
			t.Errorf("%s: %v allocations, %v", src, n, err)
		}
	}
}

// seed is the condition of the seed's webhook.
const seed = "{{payload.type}} === 'payment_intent.succeeded'"

// BenchmarkCondition evaluates the seed's condition; the target is 0.5 us.
func BenchmarkCondition(b *testing.B) {
	c, err := Compile(seed, template.Options{})
	if err != nil {
		b.Fatal(err)
	}
	var scope template.Scope = scopeOf(b, data)
	b.ReportAllocs()
	for b.Loop() {
		if ok, err := c.Eval(scope); !ok || err != nil {
			b.Fatal(ok, err)
		}
	}
}
