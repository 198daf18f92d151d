package plugin

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

// report is what `plugin test --format json` prints, as far as it is looked at.
type report struct {
	Passed bool
	Plugin string
	Ran    string
	Checks []struct {
		Name, Status string
		Faults       []string
	}
}

// conform runs the suite against a plugin, which must pass it with no check left
// out but those that are named.
func conform(t *testing.T, path string, skipped []string, args ...string) report {
	t.Helper()
	code, stdout, stderr := run(t, t.TempDir(), append([]string{"plugin", "test", path, "--format", "json"}, args...)...)
	var r report
	if err := json.Unmarshal([]byte(stdout), &r); err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	if code != 0 || !r.Passed {
		t.Errorf("exit code %d: %s", code, stderr)
	}
	for _, check := range r.Checks {
		want := "passed"
		if slices.Contains(skipped, check.Name) {
			want = "skipped"
		}
		if check.Status != want {
			t.Errorf("%s is %s, not %s: %s", check.Name, check.Status, want, strings.Join(check.Faults, "\n"))
		}
	}
	if len(r.Checks) < 21 {
		t.Errorf("there are %d checks", len(r.Checks))
	}
	return r
}

func TestOurOwnPluginsPassTheConformanceSuite(t *testing.T) {
	t.Parallel()
	database := fmt.Sprintf(`{"url":"sqlite://%s","migrations":%q,
		"queries":{"large-payments":{"sql":"SELECT id, amount FROM payments WHERE amount >= :amount ORDER BY id"}}}`,
		filepath.Join(t.TempDir(), "app.db"), filepath.Join(testkit.Root(), "configs", "migrations"))
	for name, c := range map[string]struct {
		file    string
		ran     string
		skipped []string
		args    []string
	}{
		"stripe":                  {"backflow-plugin-stripe", "sandbox", []string{"uses"}, nil},
		"database":                {"backflow-plugin-database", "credentials", []string{"webhook", "events", "fetch", "endpoint"}, []string{"--config", database}},
		"hello":                   {"backflow-plugin-hello", "none", []string{"repeated-key", "webhook", "events", "fetch", "endpoint", "uses"}, nil},
		"hello, as a WASM module": {"wasm/hello.wasm", "none", []string{"repeated-key", "webhook", "events", "fetch", "endpoint", "uses", "stdout"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if r := conform(t, filepath.Join(built, c.file), c.skipped, c.args...); r.Ran != c.ran {
				t.Errorf("its actions were called with %s", r.Ran)
			}
		})
	}
}

func TestReportIsATableJUnitOrJSON(t *testing.T) {
	t.Parallel()
	hello := filepath.Join(built, "backflow-plugin-hello")
	code, stdout, stderr := run(t, t.TempDir(), "plugin", "test", "hello", "--dir", built, "-v")
	if code != 0 || !strings.HasPrefix(stdout, "hello 1.0.0 ("+hello+")\n\nCHECK ") || !strings.Contains(stdout, "\n15 passed, 0 failed, 6 skipped, in ") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	if !strings.Contains(stdout, "16 callers, 4 calls each") || !strings.Contains(stderr, "msg=greeting") {
		t.Errorf("-v shows neither what was done nor what the plugin logs: %s%s", stdout, stderr)
	}

	_, stdout, _ = run(t, t.TempDir(), "plugin", "test", hello, "--format", "junit")
	var suite struct {
		XMLName         xml.Name `xml:"testsuite"`
		Tests, Failures int      `xml:",attr"`
		Cases           []struct {
			Name string `xml:"name,attr"`
		} `xml:"testcase"`
	}
	if err := xml.Unmarshal([]byte(stdout), &suite); err != nil || len(suite.Cases) != 21 || suite.Cases[0].Name != "start" {
		t.Errorf("got %+v, %v of %s", suite, err, stdout)
	}
}

func TestPluginThatFailsIsToldByTheExitCode(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := run(t, t.TempDir(), "plugin", "test", filepath.Join(built, "stripedouble"))
	if code != 1 || !strings.Contains(stdout, "start              failed") || !strings.Contains(stderr, "1 of 21 checks failed") {
		t.Errorf("exit code %d: %s%s", code, stdout, stderr)
	}
	for name, args := range map[string][]string{
		"no argument":              {},
		"no such format":           {"x", "--format", "xml"},
		"a time that is none":      {"x", "--timeout", "0s"},
		"a host with a path":       {"x", "--allowed-hosts", "a.example/b"},
		"a variable without value": {"x", "--env", "A"},
	} {
		if code, stdout, stderr := run(t, t.TempDir(), append([]string{"plugin", "test"}, args...)...); code != 2 || stdout != "" {
			t.Errorf("%s: exit code %d: %s%s", name, code, stdout, stderr)
		}
	}
	if code, _, stderr := run(t, t.TempDir(), "plugin", "test", filepath.Join(built, "backflow-plugin-hello"), "--config", "[]"); code != 1 || !strings.Contains(stderr, "--config: not a JSON object") {
		t.Errorf("exit code %d: %s", code, stderr)
	}
}
