package idempotency

import (
	"strings"
	"testing"
)

func TestParseKey(t *testing.T) {
	long := strings.Repeat("k", MaxKeyLen)
	for _, tc := range []struct {
		name   string
		values []string
		want   string
		fault  string // part of the error; empty means none
	}{
		{name: "no header is no key"},
		{name: "bare", values: []string{"order-17"}, want: "order-17"},
		{name: "quoted is the same key", values: []string{`"order-17"`}, want: "order-17"},
		{name: "every visible character", values: []string{`!#$%&'()*+,-./:;<=>?@[]^_{|}~\"`}, want: `!#$%&'()*+,-./:;<=>?@[]^_{|}~\"`},
		{name: "escapes in quotes", values: []string{`"a\"b\\c"`}, want: `a"b\c`},
		{name: "longest", values: []string{long}, want: long},
		{name: "longest quoted", values: []string{`"` + long + `"`}, want: long},
		{name: "two headers", values: []string{"a", "a"}, fault: "2 times"},
		{name: "empty", values: []string{""}, fault: "empty"},
		{name: "empty quotes", values: []string{`""`}, fault: "empty"},
		{name: "too long", values: []string{long + "k"}, fault: "256 characters"},
		{name: "space", values: []string{"a b"}, fault: "character 2"},
		{name: "space in quotes", values: []string{`"a b"`}, fault: "character 2"},
		{name: "two keys in one header", values: []string{"a, b"}, fault: "character 3"},
		{name: "control character", values: []string{"a\x7f"}, fault: "character 2"},
		{name: "not ASCII", values: []string{"schlüssel"}, fault: "character 5"},
		{name: "open quote", values: []string{`"a`}, fault: "no closing quote"},
		{name: "lone quote", values: []string{`"`}, fault: "no closing quote"},
		{name: "parameters after the quotes", values: []string{`"a";p=1`}, fault: "follows"},
		{name: "unknown escape", values: []string{`"a\n"`}, fault: `\ must`},
		{name: "escape at the end", values: []string{`"a\`}, fault: `\ must`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := ParseKey(tc.values)
			if tc.fault == "" {
				if err != nil || got != tc.want {
					t.Fatalf("ParseKey = %q, %v; want %q", got, err, tc.want)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.fault) || got != "" {
				t.Fatalf("ParseKey = %q, %v; want an error with %q", got, err, tc.fault)
			}
		})
	}
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"", "a", `"a"`, `"a\"b"`, `"`, `"\`, `""`, "a b", "a\x00", "ü", strings.Repeat("k", 256)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		key, err := ParseKey([]string{header})
		if err != nil {
			if key != "" {
				t.Fatalf("a key %q beside the error %v", key, err)
			}
			return
		}
		if len(key) < 1 || len(key) > MaxKeyLen {
			t.Fatalf("key of %d characters", len(key))
		}
		for _, c := range []byte(key) {
			if c < 0x21 || c > 0x7e {
				t.Fatalf("key %q has an invisible character", key)
			}
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		if again, err := ParseKey([]string{quoted}); err != nil || again != key {
			t.Fatalf("quoted as %s it reads %q, %v; want %q", quoted, again, err, key)
		}
	})
}
