package conformance

import (
	"slices"
	"testing"

	"github.com/backflow/backflow/sdk/sdktest"
)

// TestAuthorsFindInTheirTestsWhatTheSuiteFinds: every check that needs no process is
// one of sdktest.Check too.
func TestAuthorsFindInTheirTestsWhatTheSuiteFinds(t *testing.T) {
	t.Parallel()
	ofTheProcess := []string{"start", "configure", "uses", "stdout", "exit"}
	inTests := sdktest.Names()
	for _, c := range suite {
		if slices.Contains(inTests, c.name) == slices.Contains(ofTheProcess, c.name) {
			t.Errorf("%s is a check of both, or of neither", c.name)
		}
	}
	for _, name := range inTests {
		if !slices.ContainsFunc(suite, func(c check) bool { return c.name == name }) {
			t.Errorf("there is no check %s", name)
		}
	}
}
