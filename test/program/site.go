package program

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
)

// Site is a directory in which a gateway runs: a config with its migrations,
// and plugins of its own, so that their processes can be told from those of
// other tests.
type Site struct {
	// Dir is the working directory of the programs, Plugins that of the plugins.
	Dir, Plugins string
	// Env is the whole environment of the programs beside PATH and HOME.
	Env map[string]string
	// Listen is the address that gateways listen on.
	Listen string

	t        testing.TB
	binaries *Binaries
	config   string
}

// NewSite makes a site that lives as long as the test.
func NewSite(t testing.TB, b *Binaries) *Site {
	t.Helper()
	// The kernel tells the path of a program without symbolic links.
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s := &Site{
		Dir: dir, Plugins: filepath.Join(dir, "plugins"),
		Env:    map[string]string{"XDG_CACHE_HOME": testkit.MachineCode("programs")},
		Listen: "127.0.0.1:0", t: t, binaries: b,
	}
	for _, sub := range []string{"plugins", "configs"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, path := range b.plugins {
		if err := os.Link(path, filepath.Join(s.Plugins, name)); err != nil {
			t.Fatal(err)
		}
	}
	migrations := filepath.Join(testkit.Root(), "configs", "migrations")
	if err := os.CopyFS(filepath.Join(dir, "configs", "migrations"), os.DirFS(migrations)); err != nil {
		t.Fatal(err)
	}
	// Runs after the gateways have ended: nothing may be left of them, also
	// because it would write into a directory that is about to be removed.
	t.Cleanup(func() {
		for _, pids := range Processes(t, s.Plugins) {
			for _, pid := range pids {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
					t.Errorf("kill plugin %d: %v", pid, err)
				}
			}
		}
		s.PluginsGone(time.Minute)
	})
	return s
}

// Edit is a change of a config's text.
type Edit struct{ Old, New string }

// WriteExample makes the site's config from one of the repository's examples,
// with the site's plugins, and with edits, of which each must apply once.
func (s *Site) WriteExample(name string, edits ...Edit) {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(testkit.Root(), "configs", name))
	if err != nil {
		s.t.Fatal(err)
	}
	edited := string(text)
	for _, edit := range append(edits, Edit{`"../bin/plugins"`, `"` + s.Plugins + `"`}) {
		if n := strings.Count(edited, edit.Old); n != 1 {
			s.t.Fatalf("configs/%s holds %q %d times, not once", name, edit.Old, n)
		}
		edited = strings.Replace(edited, edit.Old, edit.New, 1)
	}
	s.WriteConfig(name, edited)
}

// WriteConfig makes the site's config.
func (s *Site) WriteConfig(name, text string) {
	s.t.Helper()
	s.config = filepath.Join(s.Dir, "configs", name)
	if err := os.WriteFile(s.config, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// Config is the path of the config.
func (s *Site) Config() string { return s.config }

// command is a call of backflow at the site.
func (s *Site) command(args ...string) *exec.Cmd {
	cmd := exec.Command(s.binaries.Backflow, args...)
	cmd.Dir = s.Dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.Dir}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		cmd.Env = append(cmd.Env, name+"="+s.Env[name])
	}
	return cmd
}

// Run runs a command of backflow to its end, and returns its exit code and what
// it printed.
func (s *Site) Run(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	cmd := s.command(args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &out, &errs, 5*time.Second
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() }) // seen in the exit code
	defer timer.Stop()
	if err := cmd.Wait(); err != nil && cmd.ProcessState == nil {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// Start begins a command of backflow, which runs until it or the test ends.
func (s *Site) Start(args ...string) *Child {
	s.t.Helper()
	return Start(s.t, s.command(args...))
}

// PluginsGone waits until no plugin of the site runs any more, and fails the
// test when one outlives the limit.
func (s *Site) PluginsGone(limit time.Duration) {
	s.t.Helper()
	testkit.Eventually(s.t, limit, "no plugin process is left", func() bool { return len(Processes(s.t, s.Plugins)) == 0 })
}

// StableAddress returns a free address of 127.0.0.1 that stays free while
// nobody listens there: its port is below those that the system hands out.
func StableAddress(t testing.TB) string {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 15000+rand.IntN(15000)))
		if err != nil {
			continue // taken
		}
		address := l.Addr().String()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return address
	}
	t.Fatal("no free port found")
	return ""
}
