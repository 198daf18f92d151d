package main

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
)

// watched is a watcher over one config file.
func watched(t *testing.T) (w *watcher, file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "shop.json")
	write(t, file, "one")
	l := &loaded{sources: sources{files: []string{file}}}
	l.sum = l.sources.sum()
	w, err := newWatcher(l)
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

// tells reports whether the watcher tells of a change within a time.
func tells(t *testing.T, w *watcher, hup <-chan os.Signal, within time.Duration) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	return w.wait(ctx, hup, slog.New(slog.DiscardHandler))
}

func TestAChangeIsSeenInADirectoryThatIsNeverQuiet(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	busy(t, file)
	if tells(t, w, nil, 4*settleTime) {
		t.Error("a change was told where there was none")
	}
	changing := time.AfterFunc(settleTime, func() { write(t, file, "two") })
	defer changing.Stop()
	if !tells(t, w, nil, 10*time.Second) {
		t.Error("the change was not seen")
	}
}

func TestASignalIsHeardInADirectoryThatIsNeverQuiet(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	busy(t, file)
	hup := make(chan os.Signal, 1)
	signalling := time.AfterFunc(settleTime, func() { hup <- syscall.SIGHUP })
	defer signalling.Stop()
	if !tells(t, w, hup, 10*time.Second) {
		t.Error("the signal was not heard")
	}
}

// Plugins take their time to start, and a reload takes some too.
func TestAChangeSinceTheConfigWasReadIsSeen(t *testing.T) {
	t.Parallel()
	w, file := watched(t)
	write(t, file, "two")
	l := &loaded{sources: w.sources, sum: w.sum}
	later, err := newWatcher(l)
	if err != nil {
		t.Fatal(err)
	}
	defer later.close(slog.New(slog.DiscardHandler))
	if !tells(t, later, nil, 10*time.Second) {
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
	if !tells(t, w, nil, 10*time.Second) {
		t.Error("the change was not seen")
	}
}

func TestWithoutAWatchASignalReloads(t *testing.T) {
	t.Parallel()
	w := &watcher{}
	hup := make(chan os.Signal, 1)
	hup <- syscall.SIGHUP
	if !tells(t, w, hup, 10*time.Second) {
		t.Error("the signal was not heard")
	}
	if tells(t, w, hup, settleTime/2) {
		t.Error("a change was told where there was none")
	}
}
