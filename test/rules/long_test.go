package rules

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestLongTestsAreRun: `make test` skips the long tests, so that what decides
// about a change must not. test-long leaves out test/crash, for test-crash.
func TestLongTestsAreRun(t *testing.T) {
	for file, expression := range map[string]string{
		"../../.ci/run":  `(?m)^for target in (.*); do$`,
		"../../Makefile": `(?m)^check: (.*) ##`,
	} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		targets := regexp.MustCompile(expression).FindSubmatch(text)
		if targets == nil {
			t.Fatalf("%s names no targets", file)
		}
		for _, long := range []string{"test-long", "test-crash"} {
			if !slices.Contains(strings.Fields(string(targets[1])), long) {
				t.Errorf("%s does not run %s", file, long)
			}
		}
	}
}
