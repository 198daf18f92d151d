package sqlite

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNamesInSQLAreReadAsSQLiteReadsThem(t *testing.T) {
	t.Parallel()
	for expression, want := range map[string]string{
		`amount > 0`:                        "amount",
		`"a b" < [c d] AND ` + "`e``f` = 1": "a b|c d|AND|e`f",
		`length('a "b" [c]') > n -- d`:      "length|n",
		`/* a */ b || '''c' || "d""e"`:      `b|d"e`,
		`größe_1$ >= 1.5e3`:                 "größe_1$|e3",
		`"unclosed`:                         "unclosed",
	} {
		if got := strings.Join(identifiers(expression), "|"); got != want {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
}

func TestNamedChecksAreFound(t *testing.T) {
	t.Parallel()
	const create = `CREATE TABLE t (
  a INTEGER CONSTRAINT positive CHECK (a > 0) NOT NULL, -- CONSTRAINT x CHECK (y)
  b TEXT DEFAULT 'CONSTRAINT z CHECK (b)',
  constraint "in order" check ((a) < (length(b))), CONSTRAINT c UNIQUE (a), CHECK (b <> '')
)`
	want := map[string]string{"positive": "a > 0 )", "in order": "( a ) < ( length ( b ) ) )"}
	if diff := cmp.Diff(want, namedChecks(create)); diff != "" {
		t.Error(diff)
	}
}

func FuzzNamedChecks(f *testing.F) {
	for _, seed := range []string{`CREATE TABLE t (a CONSTRAINT "x""y" CHECK (a > '(')))`, `CONSTRAINT [ CHECK (`, "CONSTRAINT `a` CHECK ((("} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, create string) {
		for name, expression := range namedChecks(create) {
			if slices.ContainsFunc(identifiers(expression), func(word string) bool { return len(word) > len(create) }) || len(name) > len(create) {
				t.Errorf("%q: %q", name, expression)
			}
		}
	})
}
