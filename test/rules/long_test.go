package rules

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestLongTestsAreRun: `make test` skips the long tests, so that what decides
// about a change must not.
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
		if targets == nil || !strings.Contains(" "+string(targets[1])+" ", " test-long ") {
			t.Errorf("%s does not run test-long", file)
		}
	}
}
