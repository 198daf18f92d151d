package wasm_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/core/plugin/wasm"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// built is the directory of the guests for all tests. A guest is built for the first
// test that needs it.
var (
	built  string
	guests = map[string]func() error{
		"fixture":   sync.OnceValue(func() error { return build("fixture", "core/plugin/internal/fixture") }),
		"fetcher":   sync.OnceValue(func() error { return build("fetcher", "core/plugin/internal/fetcher") }),
		"hello":     sync.OnceValue(func() error { return build("hello", "sdk/examples/hello") }),
		"jsonbench": sync.OnceValue(func() error { return build("jsonbench", "core/plugin/internal/jsonbench") }),
		"plain":     sync.OnceValue(func() error { return build("plain", "sdk/examples/plain") }),
	}
)

func TestMain(m *testing.M) {
	os.Exit(testkit.Main(m, func(dir string) error {
		built = dir
		return nil
	}))
}

// machineCode is where the launchers of the tests keep machine code. wazero keeps it by
// its own version, which the program of a test does not know.
var machineCode = testkit.MachineCode("dev")

// build builds a guest and compiles it.
func build(name, source string) error {
	file := name + plugin.FileSuffix
	if err := testkit.Build(built, map[string]testkit.Program{file: {Source: source, Guest: true}}); err != nil {
		return err
	}
	return precompile(filepath.Join(built, file))
}

// precompile puts a guest's machine code into machineCode. It runs a program without
// the race detector, under which compiling takes a minute.
func precompile(file string) error {
	dir, err := os.MkdirTemp(built, "precompile-")
	if err != nil {
		return err
	}
	if err := testkit.Build(dir, map[string]testkit.Program{"precompile": {
		Source: "core/plugin/internal/precompile",
		Flags:  []string{"-ldflags=-X=github.com/tetratelabs/wazero/internal/version.version=dev"},
	}}); err != nil {
		return err
	}
	if output, err := exec.Command(filepath.Join(dir, "precompile"), machineCode, file).CombinedOutput(); err != nil {
		return fmt.Errorf("precompile %s: %w\n%s", file, err, output)
	}
	return nil
}

// path returns the file of a guest.
func path(name string) string {
	if err := guests[name](); err != nil {
		panic(err) // there is nothing to test
	}
	return filepath.Join(built, name+plugin.FileSuffix)
}

// transport is what the shared suite runs over.
var transport = plugintest.Transport{
	Launcher: func(t testing.TB) plugin.Launcher { return newLauncher(t) },
	Path:     path,
}

// newLauncher returns a launcher that is closed at the test's end, when no
// instance may be left.
func newLauncher(t testing.TB) *wasm.Launcher {
	t.Helper()
	launcher := wasm.NewLauncher(machineCode)
	t.Cleanup(func() {
		if err := launcher.Close(); err != nil {
			t.Error(err)
		}
	})
	return launcher
}

// launch starts an instance, of the fixture unless spec names another file, that
// is closed at the test's end.
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
