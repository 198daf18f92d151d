package plugin

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
)

// makeIn runs a target of a project, with no backflow on the PATH.
func makeIn(t *testing.T, dir, target string) {
	t.Helper()
	var path []string
	for _, place := range filepath.SplitList(os.Getenv("PATH")) {
		if _, err := os.Stat(filepath.Join(place, "backflow")); err != nil {
			path = append(path, place)
		}
	}
	cmd := exec.CommandContext(t.Context(), "make", target)
	cmd.Dir = dir
	for _, variable := range os.Environ() {
		// A make around these tests has flags and variables of its own.
		if name, _, _ := strings.Cut(variable, "="); !slices.Contains([]string{"PATH", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "VERSION"}, name) {
			cmd.Env = append(cmd.Env, variable)
		}
	}
	cmd.Env = append(cmd.Env, "PATH="+strings.Join(path, string(filepath.ListSeparator)))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make %s: %v\n%s", target, err, out)
	}
}

func TestNewProjectPassesItsTestsAndTheConformanceSuite(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, artifact string
		skipped, needs []string
	}{
		{"go-process", "backflow-plugin-acme-2", []string{"repeated-key", "webhook", "events", "fetch", "endpoint", "uses"}, nil},
		{"go-wasm", "acme-2.wasm", []string{"repeated-key", "webhook", "events", "fetch", "endpoint", "uses", "stdout"}, nil},
		{"assemblyscript", "acme-2.wasm", []string{"repeated-key", "webhook", "events", "fetch", "endpoint", "uses", "stdout"}, []string{"node", "npm"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			t.Parallel()
			if c.kind == "assemblyscript" { // npm fetches its compiler
				testkit.Long(t)
			}
			testkit.Need(t, append(c.needs, "make")...)
			at := t.TempDir()
			dir := filepath.Join(at, "deep", "acme")
			code, stdout, stderr := run(t, at, "plugin", "new", "acme-2", "--kind", c.kind, "--dir", "deep/acme", "--sdk", testkit.Root())
			if code != 0 || !strings.Contains(stdout, "acme-2 is in deep/acme") || !strings.Contains(stdout, "bin/"+c.artifact) {
				t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
			}
			makeIn(t, dir, "test")
			makeIn(t, dir, "build")
			entries, err := os.ReadDir(filepath.Join(dir, "bin"))
			if err != nil || len(entries) != 1 || entries[0].Name() != c.artifact {
				t.Fatalf("make build leaves %v, %v", entries, err)
			}
			if r := conform(t, filepath.Join(dir, "bin", c.artifact), c.skipped); r.Plugin != "acme-2" {
				t.Errorf("it calls itself %s", r.Plugin)
			}
			if left, err := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); err != nil || left != nil {
				t.Errorf("left behind: %q, %v", left, err)
			}
		})
	}
}

func TestNewAssemblyScriptProjectNeedsNoCheckout(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	testkit.Need(t, "make", "node", "npm")
	at := t.TempDir()
	if code, stdout, stderr := run(t, at, "plugin", "new", "acme", "--kind", "assemblyscript"); code != 0 {
		t.Fatalf("exit code %d: %s%s", code, stdout, stderr)
	}
	makeIn(t, filepath.Join(at, "acme"), "test")
}

func TestNewRefusesWhatItCannotMake(t *testing.T) {
	t.Parallel()
	root := testkit.Root()
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no name":                 {nil, "accepts 1 arg(s)"},
		"a name with capitals":    {[]string{"Acme", "--sdk", root}, `the name "Acme": lower-case letters`},
		"a name that is a path":   {[]string{"../acme", "--sdk", root}, `the name "../acme"`},
		"a name of a step type":   {[]string{"parallel", "--sdk", root}, "may not be named like a step type"},
		"a kind that is none":     {[]string{"acme", "--kind", "rust", "--sdk", root}, `--kind is one of go-process, go-wasm, assemblyscript, not "rust"`},
		"a directory in use":      {[]string{"acme", "--dir", "used", "--sdk", root}, "--dir used is not empty"},
		"a checkout that is none": {[]string{"acme", "--sdk", "used"}, "--sdk used is no checkout of Backflow"},
		"no published version":    {[]string{"acme"}, "--sdk DIR names a checkout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := t.TempDir()
			if err := os.Mkdir(filepath.Join(at, "used"), 0o755); err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(at, "used", "mine"), "mine", 0o644)
			code, stdout, stderr := run(t, at, append([]string{"plugin", "new"}, c.args...)...)
			if code != 2 || stdout != "" || !strings.Contains(stderr, c.want) {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
			if entries, err := os.ReadDir(at); err != nil || len(entries) != 1 {
				t.Errorf("there is %v now, %v", entries, err)
			}
			if entries, err := os.ReadDir(filepath.Join(at, "used")); err != nil || len(entries) != 1 {
				t.Errorf("there is %v now, %v", entries, err)
			}
		})
	}
}
