package wasm_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/egress"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/core/plugin/wasm"
	"github.com/backflow/backflow/sdk"
)

// built is where the guests are, and their machine code, for all tests. A guest is
// built for the first test that asks for it.
var (
	built  string
	guests = map[string]func() error{
		"fixture":   sync.OnceValue(func() error { return build("fixture", "../internal/fixture") }),
		"fetcher":   sync.OnceValue(func() error { return build("fetcher", "../internal/fetcher") }),
		"hello":     sync.OnceValue(func() error { return build("hello", "../../../sdk/examples/hello") }),
		"jsonbench": sync.OnceValue(func() error { return build("jsonbench", "../internal/jsonbench") }),
		"plain":     sync.OnceValue(func() error { return build("plain", "../../../sdk/examples/plain") }),
	}
)

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
	code := m.Run()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
	}
	return code
}

// build builds a guest and compiles it.
func build(name, source string) error {
	file := filepath.Join(built, name+plugin.FileSuffix)
	err := goTool([]string{"GOOS=wasip1", "GOARCH=wasm"}, "build", "-buildmode=c-shared", "-ldflags=-s -w", "-o", file, source)
	if err != nil {
		return err
	}
	return precompile(file)
}

// precompile puts a guest's machine code into the tests' cache, by a program that
// has no race detector: under it compiling takes a minute.
func precompile(file string) error {
	// The program of a test does not know the version of wazero, by which machine
	// code is kept.
	const version = "-ldflags=-X=github.com/tetratelabs/wazero/internal/version.version=dev"
	return goTool(nil, "run", version, "../internal/precompile", filepath.Join(built, "cache"), file)
}

func goTool(env []string, args ...string) error {
	command := exec.Command("go", args...)
	command.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, output)
	}
	return nil
}

// path answers the file of a guest.
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
