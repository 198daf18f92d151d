package wasm_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/core/plugin/wasm"
	"github.com/backflow/backflow/sdk"
)

// built is where TestMain leaves the guests, and the cache of compiled modules.
var built string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	built, err = os.MkdirTemp("", "backflow-wasm-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() {
		if err := os.RemoveAll(built); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}()
	for name, source := range map[string]string{"fixture": "../internal/fixture", "hello": "../../../sdk/examples/hello"} {
		build := exec.Command("go", "build", "-buildmode=c-shared", "-o", path(name), source)
		build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0")
		if output, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "build %s: %v\n%s", name, err, output)
			return 1
		}
	}
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

func path(name string) string { return filepath.Join(built, name+plugin.FileSuffix) }

// transport is what the shared suite runs over.
var transport = plugintest.Transport{
	Launcher: func(t testing.TB) plugin.Launcher { return newLauncher(t) },
	Path:     path,
}

// newLauncher answers a launcher that is closed at the test's end, when no
// instance may be left.
func newLauncher(t testing.TB) *wasm.Launcher {
	t.Helper()
	launcher := wasm.NewLauncher(filepath.Join(built, "cache"))
	t.Cleanup(func() {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	})
	return launcher
}

// launch starts an instance of the fixture that is closed at the test's end.
func launch(t testing.TB, launcher *wasm.Launcher, spec plugin.Spec) plugin.Instance {
	t.Helper()
	if spec.Path == "" {
		spec.Path = path("fixture")
	}
	spec.Name = "fixture"
	instance, err := launcher.Launch(t.Context(), spec, discard)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := instance.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if err := instance.Configure(t.Context(), sdk.Config{Credentials: []byte(plugintest.Credentials)}); err != nil {
		t.Fatal(err)
	}
	return instance
}

// hosts reads entries of allowedHosts.
func hosts(t testing.TB, entries ...string) []egress.Host {
	t.Helper()
	var list []egress.Host
	for _, entry := range entries {
		host, err := egress.ParseHost(entry)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, host)
	}
	return list
}
