package wasm_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/sdk"
)

// reloads is how often a plugin is loaded: 50 times, or as often as BACKFLOW_RELOADS
// says.
func reloads(t *testing.T) int {
	t.Helper()
	n := 50
	if text := os.Getenv("BACKFLOW_RELOADS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

func TestReloadsLeaveNothingBehind(t *testing.T) {
	launcher := newLauncher(t)
	reload := func(n int) {
		spec := plugin.Spec{Name: "hello", Path: path("hello")}
		if n%2 == 1 {
			spec.WASM.Deadline = plugin.DeadlineSoft
		}
		i, err := launcher.Launch(t.Context(), spec, discard)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := i.Execute(t.Context(), time.Time{}, sdk.Call{Action: "greet", Params: []byte(`{"name":"Ada"}`)}); err != nil {
			t.Fatal(err)
		}
		if err := i.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	n := reloads(t)
	before := usage{}
	for round := range n {
		if round == n/4 {
			before = measure(t)
		}
		reload(round)
	}
	before.compare(t, n-n/4)
}

func TestHundredCrashesUnderLoadHarmNoOther(t *testing.T) {
	i := launch(t, newLauncher(t), plugin.Spec{})
	load := func(crashes int) {
		const callers = 64
		var left atomic.Int64
		left.Store(int64(crashes))
		var group sync.WaitGroup
		for range callers {
			group.Go(func() {
				for left.Add(-1) >= 0 {
					_, err := i.Execute(t.Context(), time.Time{}, sdk.Call{Action: "crash"})
					var e *sdk.Error
					if !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || !e.Retryable || e.Outcome != sdk.OutcomeUnknown {
						t.Errorf("a crash: got %v", err)
					}
					for range 5 {
						result, err := i.Execute(t.Context(), time.Time{}, sdk.Call{Action: "echo", Params: []byte(`{"a":1}`)})
						if err != nil || string(result.Body) != `{"a":1}` {
							t.Errorf("another call: got %s, %v", result.Body, err)
						}
					}
				}
			})
		}
		group.Wait()
	}
	load(20)
	before := measure(t)
	load(100)
	before.compare(t, 100)
}

// usage is what must not grow. resident is in bytes.
type usage struct{ resident, goroutines int }

func measure(t *testing.T) usage {
	t.Helper()
	return usage{resident(t), runtime.NumGoroutine()}
}

// compare waits until no more is used than before, except for what an allocator
// keeps.
func (before usage) compare(t *testing.T, times int) {
	t.Helper()
	plugintest.Eventually(t, "the goroutines have ended", func() bool { return runtime.NumGoroutine() <= before.goroutines })
	after := resident(t)
	t.Logf("resident before: %d MiB, %d times later: %d MiB", before.resident>>20, times, after>>20)
	if after > before.resident+before.resident/4+16<<20 {
		t.Errorf("resident memory grew from %d to %d MiB", before.resident>>20, after>>20)
	}
}

// resident returns the process's resident memory, in bytes, once garbage is collected.
func resident(t *testing.T) int {
	t.Helper()
	debug.FreeOSMemory()
	status, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.Sys - m.HeapReleased)
	}
	pages, err := strconv.Atoi(strings.Fields(string(status))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

func TestManyCallersShareFewGuests(t *testing.T) {
	i := launch(t, newLauncher(t), plugin.Spec{WASM: plugin.WASM{Instances: 3}})
	var callers sync.WaitGroup
	for range 32 {
		callers.Go(func() {
			for range 20 {
				result, err := i.Execute(t.Context(), time.Now().Add(time.Minute), sdk.Call{Action: "echo", Params: []byte(`{"a":1}`)})
				if err != nil || string(result.Body) != `{"a":1}` {
					t.Errorf("got %s, %v", result.Body, err)
					return
				}
			}
		})
	}
	callers.Wait()
}

func TestWhatIsNoPluginIsRefusedWithTheReason(t *testing.T) {
	launcher := newLauncher(t)
	for name, c := range map[string]struct {
		binary string
		want   string
	}{
		"no WASM at all":    {"hello\n", "compile: invalid magic number: the file is no WASM module"},
		"a program":         {"#!/bin/sh\n", "the file is no WASM module but a program: name it backflow-plugin-NAME"},
		"empty module":      {"\x00asm\x01\x00\x00\x00", "exports no function backflow_abi"},
		"a component":       {"\x00asm\x0d\x00\x01\x00", "is a WASM component, and a plugin is a core module"},
		"a newer version":   {"\x00asm\x02\x00\x00\x00", "of another version of WASM than 1"},
		"only a beginning":  {"\x00asm", "cut off"},
		"no file":           {"", "no such file"},
		"an empty file":     {"", "the file is empty"},
		"a foreign import":  {"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x0b\x01\x03env\x03foo\x00\x00", "imports the function foo of env: a plugin imports functions of wasi_snapshot_preview1 and of backflow alone"},
		"an import to come": {"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x02\x10\x01\x08backflow\x03foo\x00\x00", "imports the function foo of backflow, which this gateway does not have"},
		"a torn module":     {"\x00asm\x01\x00\x00\x00\x01\xff", "compile: "},
		"another function":  {"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x10\x01\x0cbackflow_abi\x00\x00\x0a\x04\x01\x02\x00\x0b", "another signature"},
	} {
		file := filepath.Join(t.TempDir(), "x.wasm")
		if name != "no file" {
			if err := os.WriteFile(file, []byte(c.binary), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		_, err := launcher.Launch(t.Context(), plugin.Spec{Name: "x", Path: file}, discard)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
