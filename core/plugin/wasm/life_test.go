package wasm_test

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// reloads is how often a plugin is loaded anew: 50 times, or as often as
// BACKFLOW_RELOADS says.
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
	reload := func() {
		i, err := launcher.Launch(t.Context(), plugin.Spec{Name: "hello", Path: path("hello")}, discard)
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
	for range n / 4 {
		reload()
	}
	before, goroutines := resident(t), runtime.NumGoroutine()
	for range n - n/4 {
		reload()
	}
	after := resident(t)
	t.Logf("resident after %d reloads: %d MiB, after %d: %d MiB", n/4, before>>20, n, after>>20)
	if after > before+before/4+16<<20 {
		t.Errorf("resident memory grew from %d to %d MiB", before>>20, after>>20)
	}
	if now := runtime.NumGoroutine(); now > goroutines {
		t.Errorf("%d goroutines became %d", goroutines, now)
	}
}

// resident answers the process's resident memory once the garbage is gone.
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
		"no WASM at all":   {"#!/bin/sh\n", "compile: invalid magic number"},
		"empty module":     {"\x00asm\x01\x00\x00\x00", "exports no function backflow_abi"},
		"no file":          {"", "no such file"},
		"a torn module":    {"\x00asm\x01\x00\x00\x00\x01\xff", "compile: "},
		"another function": {"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x07\x10\x01\x0cbackflow_abi\x00\x00\x0a\x04\x01\x02\x00\x0b", "another signature"},
	} {
		file := filepath.Join(t.TempDir(), "x.wasm")
		if c.binary != "" {
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
