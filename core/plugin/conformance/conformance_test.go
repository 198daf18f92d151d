package conformance_test

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/conformance"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/internal/testkit"
)

// binary is the built fixture.
var binary string

func TestMain(m *testing.M) {
	os.Exit(testkit.Main(m, func(dir string) error {
		binary = filepath.Join(dir, "backflow-plugin-fixture")
		return testkit.Build(dir, map[string]testkit.Program{filepath.Base(binary): {Source: "core/plugin/conformance/internal/fixture"}})
	}))
}

// check runs the suite against the fixture, which does what the mode says.
func check(t *testing.T, mode string, credentials string) *conformance.Report {
	t.Helper()
	launcher := process.NewLauncher()
	t.Cleanup(func() {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	})
	options := conformance.Options{
		Launcher: launcher,
		Spec:     plugin.Spec{Name: "fixture", Path: binary, Env: map[string]string{"FIXTURE": mode}},
		BaseDir:  t.TempDir(), DataDir: t.TempDir(),
		Timeout: 3 * time.Second,
		Logger:  slog.New(slog.DiscardHandler),
	}
	if credentials != "" {
		options.Credentials = json.RawMessage(credentials)
	}
	report, err := conformance.Run(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// with returns the names of the checks that have a status.
func with(report *conformance.Report, status conformance.Status) []string {
	var names []string
	for _, check := range report.Checks {
		if check.Status == status {
			names = append(names, check.Name)
		}
	}
	return names
}

func TestPluginThatKeepsItsPromisesPasses(t *testing.T) {
	t.Parallel()
	report := check(t, "", `{"token":"t0ken"}`)
	if failed, skipped := with(report, conformance.Failed), with(report, conformance.Skipped); failed != nil || skipped != nil {
		t.Errorf("failed %q, skipped %q: %+v", failed, skipped, report.Checks)
	}
	if report.Plugin != "fixture" || report.Version != "1.0.0" || report.Path != binary || report.Ran != conformance.WithCredentials {
		t.Errorf("got %+v", report)
	}
}

func TestEachCheckFindsThePluginThatBreaksItsPromise(t *testing.T) {
	t.Parallel()
	for mode, c := range map[string]struct {
		failed []string
		fault  string
	}{
		"exit-first":           {[]string{"start"}, "exit status 4"},
		"fickle":               {[]string{"manifest"}, "another manifest"},
		"bad-schema":           {[]string{"manifest", "schemas"}, "get: params: "},
		"no-example":           {[]string{"examples"}, "get: it has no example"},
		"wrong-example":        {[]string{"examples"}, `get: example 1: params/txt: unknown field "txt"`},
		"lax-schema":           {[]string{"bad-params"}, `say "type": "object"`},
		"refuse-config":        {[]string{"configure"}, "the vendor does not like"},
		"fail":                 {[]string{"calls"}, "get: internal: it did not work"},
		"hang":                 {[]string{"calls"}, "get: timeout: no answer to get in time"},
		"wrong-result":         {[]string{"calls"}, "get: its result does not meet the schema: /id"},
		"not-json":             {[]string{"calls"}, "get: internal: the result is not JSON"},
		"act-on-anything":      {[]string{"bad-params-called"}, "get: it carried out a call with params that are no object"},
		"die-of-bad-params":    {[]string{"bad-params-called", "big-params"}, "exit status 5: cannot go on"},
		"panic-on-bad-params":  {[]string{"bad-params-called", "big-params"}, "the plugin panicked in get"},
		"know-all":             {[]string{"unknown-action"}, "it answered a result"},
		"ignore-deadline":      {[]string{"deadline"}, "get: it went on for more than 3s after its deadline"},
		"stuck-when-cancelled": {[]string{"cancellation"}, "get: 16 calls were given up, and then the example was answered with timeout"},
		"overwhelmed":          {[]string{"concurrency"}, "get: internal: too many calls are under way"},
		"forget-keys":          {[]string{"repeated-key"}, "put: its repeat is transactional, but two calls with the same key had different results"},
		"choke":                {[]string{"big-params"}, "exit status 5"},
		"believe-all":          {[]string{"webhook"}, "signed with another secret: want a refusal, got a result"},
		"cannot-list":          {[]string{"events"}, "unknown_action: no list"},
		"future":               {[]string{"events"}, "which is not in the span that was asked for"},
		"round-and-round":      {[]string{"events"}, `the cursor stays "2"`},
		"cannot-fetch":         {[]string{"fetch"}, "fetch: internal: it did not work"},
		"fetch-picture":        {[]string{"fetch"}, "its result is image/png"},
		"cannot-register":      {[]string{"endpoint"}, "unknown_action: no endpoints"},
		"register-at-once":     {[]string{"endpoint"}, "it would keep that"},
		"cannot-look":          {[]string{"uses"}, "unavailable: nothing listens"},
		"speechless":           {[]string{"uses"}, `its fault at "/text" says nothing`},
		"astray":               {[]string{"uses"}, "it has a fault of use 3, and was asked about 3"},
		"print":                {[]string{"stdout"}, "bytes to standard output"},
		"linger":               {[]string{"exit"}, "signal: killed"},
		"exit-badly":           {[]string{"exit"}, "exit status 3"},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			report := check(t, mode, `{"token":"t0ken"}`)
			if diff := cmp.Diff(c.failed, with(report, conformance.Failed)); diff != "" {
				t.Errorf("failed checks: %s\n%+v", diff, report.Checks)
			}
			var faults []string
			for _, check := range report.Checks {
				faults = append(faults, check.Faults...)
			}
			if text := strings.Join(faults, "\n"); !strings.Contains(text, c.fault) || strings.Contains(text, "t0ken") {
				t.Errorf("no %q, or a secret, in\n%s", c.fault, text)
			}
		})
	}
}

func TestAnExampleMayBeRefusedInASandboxOnlyAndNotEachOne(t *testing.T) {
	t.Parallel()
	for mode, credentials := range map[string]string{"sandbox-empty": "", "sandbox-without": `{"token":"t0ken"}`} {
		if failed := with(check(t, mode, credentials), conformance.Failed); !slices.Contains(failed, "calls") {
			t.Errorf("%s: failed: %q", mode, failed)
		}
	}
}

func TestAReportStaysShortWhenAPluginQuotesWhatItWasSent(t *testing.T) {
	t.Parallel()
	for _, check := range check(t, "quote-params", `{"token":"t0ken"}`).Checks {
		if check.Name != "big-params" {
			continue
		}
		text := strings.Join(append(check.Faults, check.Notes...), "\n")
		if check.Status != conformance.Passed || !strings.Contains(text, "there is no {") || len(text) > 2<<10 {
			t.Errorf("%s with %d bytes: %.500s", check.Status, len(text), text)
		}
	}
}

func TestActionsAreCalledOnlyWhereThatIsAllowed(t *testing.T) {
	t.Parallel()
	called := []string{"calls", "bad-params-called", "unknown-action", "deadline", "cancellation", "concurrency", "repeated-key", "big-params", "events", "fetch", "endpoint"}
	for name, c := range map[string]struct {
		mode, credentials string
		ran               conformance.Mode
		skipped           []string
	}{
		"credentials are needed":       {"", "", conformance.NotAtAll, slices.Concat([]string{"configure"}, called, []string{"uses"})},
		"none are taken":               {"no-credentials", "", conformance.WithoutCredentials, nil},
		"there is a sandbox":           {"sandbox", "", conformance.InSandbox, []string{"uses"}},
		"it lacks what is asked for":   {"sandbox-without", "", conformance.InSandbox, []string{"uses"}},
		"credentials over the sandbox": {"sandbox", `{"token":"t"}`, conformance.WithCredentials, nil},
		"a repeat may act twice":       {"repeat-none", `{}`, conformance.WithCredentials, []string{"repeated-key"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := check(t, c.mode, c.credentials)
			if report.Ran != c.ran {
				t.Errorf("ran with %q", report.Ran)
			}
			if diff := cmp.Diff(c.skipped, with(report, conformance.Skipped)); diff != "" {
				t.Errorf("skipped checks: %s", diff)
			}
			if failed := with(report, conformance.Failed); failed != nil {
				t.Errorf("failed: %q", failed)
			}
		})
	}
}

func TestCredentialsThatTheSchemaForbidsAreNotHandedOver(t *testing.T) {
	t.Parallel()
	report := check(t, "", `{"tokn":"s3cret"}`)
	if diff := cmp.Diff([]string{"configure"}, with(report, conformance.Failed)); diff != "" {
		t.Error(diff)
	}
}
