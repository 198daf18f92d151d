package process_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/core/plugin/process"
	"github.com/backflow/backflow/internal/testkit"
)

// binaries is the directory in which TestMain puts the plugins.
var binaries string

func TestMain(m *testing.M) {
	if os.Getenv("TEST_AS_HOST") != "" {
		runHost()
	}
	os.Exit(testkit.Main(m, func(dir string) error {
		binaries = dir
		return testkit.Build(dir, map[string]testkit.Program{
			plugin.FilePrefix + "fixture": {Source: "core/plugin/internal/fixture"},
			plugin.FilePrefix + "hello":   {Source: "sdk/examples/hello"},
		})
	}))
}

func path(name string) string { return filepath.Join(binaries, plugin.FilePrefix+name) }

// transport is what the shared suite runs over.
var transport = plugintest.Transport{
	Launcher: func(t testing.TB) plugin.Launcher { return newLauncher(t) },
	Path:     path,
}

// fixture returns a member whose plugin behaves as mode says.
func fixture(mode string) plugin.Member {
	member := transport.Fixture()
	member.Spec.Env = map[string]string{}
	if mode != "" {
		member.Spec.Env["FIXTURE"] = mode
	}
	return member
}

// newLauncher returns a launcher that is closed at the test's end.
func newLauncher(t testing.TB) *process.Launcher {
	t.Helper()
	launcher := process.NewLauncher()
	t.Cleanup(func() {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	})
	return launcher
}

func start(t testing.TB, member plugin.Member) (*plugin.Plugin, *plugintest.Logs) {
	t.Helper()
	return transport.Start(t, member)
}

func startReady(t testing.TB, member plugin.Member) *plugin.Plugin {
	t.Helper()
	return transport.StartReady(t, member)
}

func call(t testing.TB, p *plugin.Plugin, name, params string) string {
	t.Helper()
	return plugintest.Call(t, p, name, params)
}

func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	plugintest.Eventually(t, what, condition)
}

// alive reports whether a process exists and is no zombie.
func alive(pid string) bool {
	stat, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// with returns env with more variables.
func with(env map[string]string, more map[string]string) map[string]string {
	env = maps.Clone(env)
	maps.Copy(env, more)
	return env
}
