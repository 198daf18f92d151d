package condition

import (
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// enough is far more than anything here takes, on a busy machine too.
const enough = 5 * time.Second

func TestKillersOfExpressionEnginesAreRefused(t *testing.T) {
	t.Parallel()
	start := time.Now()
	for name, src := range map[string]string{
		"a million parentheses":      strings.Repeat("(", 1_000_000),
		"parentheses within 4 KiB":   strings.Repeat("(", 4000),
		"brackets":                   strings.Repeat("[", 4000),
		"indexes":                    "payload" + strings.Repeat("[payload", 400),
		"negations":                  strings.Repeat("!", 4000) + "true",
		"choices":                    strings.Repeat("true?", 700) + "true",
		"choices to the right":       strings.Repeat("true?true:", 400) + "true",
		"arguments":                  strings.Repeat("payload.includes(", 200),
		"one level too deep":         strings.Repeat("(", MaxNesting) + "true" + strings.Repeat(")", MaxNesting),
		"repeat":                     `payload.x.repeat(1000000000) === ''`,
		"repeat as a function":       `repeat("a", 1000000000) === ''`,
		"replace":                    `payload.x.replace('a', payload.x) === ''`,
		"split, join":                `payload.x.split('').join(payload.x) === ''`,
		"map over split":             `map(split(payload.x, ""), payload.x + payload.x) === []`,
		"reduce with string concat":  `reduce(1..10000, #acc + payload.x, "") === ''`,
		"concat":                     `payload.x + payload.x === ''`,
		"nested loops":               `all(1..1000, all(1..1000, all(1..1000, true)))`,
		"padStart":                   `payload.x.padStart(1000000000) === ''`,
		"matches":                    `payload.x matches '(a+)+$'`,
		"lambda":                     `payload.items.map(x => x)`,
		"constructor":                `payload.constructor.constructor('x')()`,
		"source longer than 4 KiB":   `payload.x === '` + strings.Repeat("x", MaxSource) + `'`,
		"huge number":                `payload.x < 1` + strings.Repeat("0", 2000),
		"huge exponent":              `payload.x < 1e999999999`,
		"unclosed string of escapes": `'` + strings.Repeat(`\n`, 2000),
	} {
		c, err := Compile(src, template.Options{})
		var faults template.Faults
		if !errors.As(err, &faults) {
			t.Errorf("%s: got %v, %v", name, c, err)
		}
	}
	if d := time.Since(start); d > enough {
		t.Errorf("took %v", d)
	}
}

func TestTheDeepestAndLongestConditionsWork(t *testing.T) {
	t.Parallel()
	long := strings.TrimSuffix(strings.Repeat("true&&", 680), "&&")
	for name, src := range map[string]string{
		"parentheses":    strings.Repeat("(", MaxNesting-1) + "true" + strings.Repeat(")", MaxNesting-1),
		"negations":      strings.Repeat("!", MaxNesting-2) + "true",
		"and":            long,
		"equality":       strings.TrimSuffix(strings.Repeat("true==", 680), "=="),
		"coalesce":       strings.Repeat("body.x??", 500) + "true",
		"chain":          "(body?.x" + strings.Repeat(".x", 2000) + ")??true",
		"else-if choice": strings.Repeat("false?false:", MaxNesting-1) + "true",
	} {
		c, err := Compile(src, template.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got, err := c.Eval(template.Map{}); !got || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestHugeOperandsStayCheap(t *testing.T) {
	big := strings.Repeat("aA", 1<<20)
	list := make([]any, 1<<16)
	for i := range list {
		list[i] = json.Number("1e1024")
	}
	scope := template.Map{"payload": map[string]any{
		"s": big, "list": list, "n": json.Number("1" + strings.Repeat("0", 1<<20)), "m": json.Number("1e999999999"),
	}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	for src, want := range map[string]string{
		"payload.s.includes(payload.s)":                  "true",
		"payload.s.includes('aAaAaAb')":                  "false",
		"payload.s.length === 2097152":                   "true",
		"payload.s === payload.s":                        "true",
		"payload.s.toLowerCase() === 'x'":                "at most 65536 bytes",
		"payload.list === payload.list":                  "true",
		"payload.s in payload.list":                      "false",
		"1 in payload.list":                              "false",
		"payload.n < payload.m && payload.m > payload.n": "true",
		"payload.n === 1":                                "false",
	} {
		c, err := Compile(src, template.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Eval(scope)
		if text := map[bool]string{true: "true", false: "false"}[got]; (err != nil || text != want) && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, %v", src, got, err)
		}
	}
	if d := time.Since(start); d > enough {
		t.Errorf("took %v", d)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
		t.Errorf("allocated %d bytes", n)
	}
}

func FuzzCondition(f *testing.F) {
	for _, s := range []string{
		seed, "payload.items[0].id in ['a', 'b'] && !payload.no", "payload?.x.y ?? (payload.amount > -1.5e3 ? true : false)",
		"{{payload.a ?? 'x'}}.toLowerCase().startsWith(\"x\") || payload['k'].length >= 2", "((((", "!!!!true", "payload.", "1 < 2 < 3", "'\\ud83d\\ude00'", "steps.a-b === 1", "headers[payload.key]", "[[[[", "'{{payload.a}}' === 'x'", "payload.items[1.0] in [1]", "'5' === 5", "payload.items[-1] === 1", "true ? 1 : 'b'", "payload.a?.b.toLowerCase() < 5",
	} {
		f.Add(s, data)
	}
	f.Fuzz(func(t *testing.T, src, data string) {
		c, err := Compile(src, template.Options{})
		if err != nil {
			var faults template.Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("bad error %v", err)
			}
			for _, fault := range faults {
				if fault.Offset < 0 || fault.Offset > len(src) {
					t.Fatalf("offset %d in %d bytes", fault.Offset, len(src))
				}
			}
			return
		}
		for _, ref := range c.Refs() {
			if ref.Offset < 0 || ref.Offset >= len(src) {
				t.Fatalf("ref at %d in %d bytes", ref.Offset, len(src))
			}
		}
		v, err := value.Parse([]byte(data))
		if err != nil {
			return
		}
		roots, _ := v.(map[string]any)
		_, err = c.Eval(template.Map(roots))
		if bad := (*Error)(nil); err != nil && (!errors.As(err, &bad) || bad.Offset < 0 || bad.Offset > len(src)) {
			t.Fatalf("bad error %v", err)
		}
	})
}
