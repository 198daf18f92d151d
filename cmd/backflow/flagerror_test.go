package main

import (
	"strings"
	"testing"
)

func TestAWrongFlagIsToldWithoutTheWordsOfGo(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"runs list --limit abc":                  `backflow: --limit takes a whole number, not "abc"`,
		"runs list --limit 1.5":                  `backflow: --limit takes a whole number, not "1.5"`,
		"runs list --limit 99999999999999999999": `backflow: --limit takes a whole number, not "99999999999999999999"`,
		"plugin test --timeout soon x":           `backflow: --timeout takes a duration such as 90s or 5m, not "soon"`,
		"runs cancel x --wait=yes":               `backflow: --wait takes true or false, not "yes"`,
		"runs list --stauts failed":              `backflow: unknown flag: --stauts (did you mean --status?)`,
		"runs list -o tabel":                     `backflow: invalid argument "tabel" for "-o, --output" flag: it is table, json or yaml`,
	} {
		code, _, stderr := command(t, nil, strings.Fields(line)...)
		if first, _, _ := strings.Cut(stderr, "\n"); code != exitUsage || first != want {
			t.Errorf("%s: exit %d, %s\nwant %s", line, code, first, want)
		}
	}
}
