package server

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/core/compile"
)

// watched is a watcher over one config file.
func watched(t *testing.T) (w *watcher, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "shop.json")
	write(t, file, "one")
	plan := &compile.Plan{Sources: compile.Sources{Files: []string{file}}}
	plan.Sum = plan.Sources.Sum()
	w, err := newWatcher(plan)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.close(slog.New(slog.DiscardHandler)) })
	return w, file
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Error(err)
	}
}

// busy writes into the directory of a config, faster than it can get quiet,
// until the test ends.
func busy(t *testing.T, file string) {
	t.Helper()
	stop := make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(settleTime / 20):
				write(t, file+".log", "a line")
			}
		}
	})
	t.Cleanup(writing.Wait)
	t.Cleanup(func() { close(stop) })
}

// sees reports whether the watcher sees a change within a time.
func sees(t *testing.T, w *watcher, sighup <-chan os.Signal, within time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return w.wait(ctx, sighup, slog.New(slog.DiscardHandler))
}

func TestAChangeIsSeenInADirectoryThatIsNeverQuiet(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	busy(t, file)
	if sees(t, w, nil, 4*settleTime) {
		t.Error("a change was seen where there was none")
	}
	changing := time.AfterFunc(settleTime, func() { write(t, file, "two") })
	defer changing.Stop()
	if !sees(t, w, nil, 10*time.Second) {
		t.Error("the change was not seen")
	}
}

func TestASignalIsSeenInADirectoryThatIsNeverQuiet(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	busy(t, file)
	sighup := make(chan os.Signal, 1)
	signalling := time.AfterFunc(settleTime, func() { sighup <- syscall.SIGHUP })
	defer signalling.Stop()
	if !sees(t, w, sighup, 10*time.Second) {
		t.Error("the signal was not seen")
	}
}

// Plugins take their time to start, and a reload takes some too.
func TestAChangeSinceTheConfigWasReadIsSeen(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	write(t, file, "two")
	later, err := newWatcher(&compile.Plan{Sources: w.sources, Sum: w.sum})
	if err != nil {
		t.Fatal(err)
	}
	defer later.close(slog.New(slog.DiscardHandler))
	if !sees(t, later, nil, 10*time.Second) {
		t.Error("the change was not seen")
	}
}

// A config may be mended while the log still tells what is wrong with it.
func TestAChangeSinceAConfigWasRefusedIsSeen(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	refused := &compile.Plan{Sources: w.sources}
	write(t, file, "wrong")
	refused.Sum = refused.Sources.Sum()
	w.watchRefused(refused, slog.New(slog.DiscardHandler))
	if sees(t, w, nil, 4*settleTime) {
		t.Error("a change was seen where there was none")
	}
	write(t, file, "mended")
	w.watchRefused(refused, slog.New(slog.DiscardHandler))
	if !sees(t, w, nil, 10*time.Second) {
		t.Error("the change was not seen")
	}
}

func TestAFailureOfTheWatchDoesNotEndIt(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	failing := time.AfterFunc(0, func() {
		for range 3 {
			w.notify.Errors <- errors.New("events were lost")
		}
		write(t, file, "two")
	})
	defer failing.Stop()
	if !sees(t, w, nil, 10*time.Second) {
		t.Error("the change was not seen")
	}
}

func TestWithoutAWatchASignalReloads(t *testing.T) {
	t.Parallel()
	w := &watcher{}
	sighup := make(chan os.Signal, 1)
	sighup <- syscall.SIGHUP
	if !sees(t, w, sighup, 10*time.Second) {
		t.Error("the signal was not seen")
	}
	if sees(t, w, sighup, settleTime/2) {
		t.Error("a change was seen where there was none")
	}
}

// TestFilesThatAPatternMatchesAreSeen: new ones, changed ones and removed ones, but
// not what editors leave beside them.
func TestFilesThatAPatternMatchesAreSeen(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, folder := range []string{"flows", "teams/one"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "shop.json")
	write(t, file, "one")
	sources := compile.Sources{Files: []string{file}, Patterns: []string{filepath.Join(dir, "flows", "*.json"), filepath.Join(dir, "teams", "*", "*")}}
	w, err := newWatcher(&compile.Plan{Sources: sources, Sum: sources.Sum()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.close(slog.New(slog.DiscardHandler)) })
	step := func(what string, change func(), wanted bool) {
		t.Helper()
		within := 10 * time.Second
		if !wanted {
			within = 3 * settleTime
		}
		change()
		if seen := sees(t, w, nil, within); seen != wanted {
			t.Errorf("%s: seen %t, want %t", what, seen, wanted)
		}
	}
	step("litter", func() {
		for _, name := range []string{"flows/._a.json", "flows/.#a.json", "flows/a.json~", "flows/.a.json.swp", "teams/one/4913", "teams/one/#a#", "teams/one/.DS_Store", "teams/one/a.json~"} {
			write(t, filepath.Join(dir, name), "litter")
		}
	}, false)
	step("a new file", func() { write(t, filepath.Join(dir, "flows", "b.json"), "new") }, true)
	step("its next words", func() { write(t, filepath.Join(dir, "flows", "b.json"), "more") }, true)
	step("a file in a folder that a wildcard matches", func() { write(t, filepath.Join(dir, "teams/one/c"), "new") }, true)
	step("a new folder with a file", func() {
		if err := os.Mkdir(filepath.Join(dir, "teams", "two"), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "teams/two/d"), "new")
	}, true)
	step("a file in the new folder", func() { write(t, filepath.Join(dir, "teams/two/e"), "new") }, true)
	step("a removed file", func() {
		if err := os.Remove(filepath.Join(dir, "flows", "b.json")); err != nil {
			t.Fatal(err)
		}
	}, true)
	step("the folder removed", func() {
		if err := os.RemoveAll(filepath.Join(dir, "flows")); err != nil {
			t.Fatal(err)
		}
	}, false)
	step("and there again with a file", func() {
		if err := os.Mkdir(filepath.Join(dir, "flows"), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, "flows", "f.json"), "new")
	}, true)
	step("a file in it", func() { write(t, filepath.Join(dir, "flows", "g.json"), "new") }, true)
}
