package thirdparty

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

// run runs a command to its end.
func run(t *testing.T, dir string, env []string, name string, args ...string) {
	t.Helper()
	if output, err := try(dir, env, name, args...); err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, output)
	}
}

func try(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	output, err := cmd.CombinedOutput()
	return string(output), err
}

// install installs what a project's lock file names, from npm's cache where it is
// there. Where npm or its registry is missing, the test is skipped.
func install(t *testing.T, dir string) {
	t.Helper()
	testkit.Need(t, "node", "npm")
	if output, err := try(dir, nil, "npm", "ci", "--prefer-offline", "--no-audit", "--no-fund"); err != nil {
		testkit.Missing(t, fmt.Sprintf("npm ci in %s: %v\n%s", dir, err, output))
	}
}

// kit returns a copy of the AssemblyScript kit with all that it needs, so that no
// two tests install into the same directory.
func kit(t *testing.T) string {
	t.Helper()
	testkit.Need(t, "node", "npm")
	dir := filepath.Join(t.TempDir(), "assemblyscript")
	copyProject(t, filepath.Join(testkit.Root(), "sdk", "assemblyscript"), dir)
	install(t, dir)
	return dir
}

// copyProject copies a directory as it would be cloned: without what npm has
// installed or built there.
func copyProject(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "node_modules" || entry.Name() == "bin" {
				return filepath.SkipDir
			}
			return os.MkdirAll(filepath.Join(to, relative), 0o700)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, relative), content, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// drop puts a plugin where the gateways of a site find it.
func drop(t *testing.T, s *program.Site, plugin, name string) {
	t.Helper()
	content, err := os.ReadFile(plugin)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.Plugins, name), content, 0o700); err != nil {
		t.Fatal(err)
	}
}

// environment is that of a newcomer's shell: nothing of Backflow is set, and
// nothing of the `make` that this test may run under.
func environment() []string {
	var env []string
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, "BACKFLOW_") && !strings.HasPrefix(name, "MAKE") && name != "MFLAGS" && name != "VERSION" {
			env = append(env, entry)
		}
	}
	return env
}

// endGroup ends what a program has started and left behind.
func endGroup(t *testing.T, c *program.Child) {
	t.Helper()
	if err := syscall.Kill(-c.PID(), syscall.SIGTERM); err != nil && !errors.Is(err, syscall.ESRCH) {
		t.Errorf("end the group of %d: %v", c.PID(), err)
	}
}
