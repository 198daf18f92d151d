package telemetry

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// writes notes each write.
type writes struct {
	mu   sync.Mutex
	each []string
	err  error
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return 0, w.err
	}
	w.each = append(w.each, string(p))
	return len(p), nil
}

func (w *writes) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.each
}

func TestALineOfTheLogIsWrittenInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &writes{}
		lines := NewLines(out)
		log := NewLogger(lines, LogOptions{})
		for round := range 3 { // the timer is used again
			log.Info("first")
			time.Sleep(holdFor / 2)
			log.Info("second")
			if n := len(out.all()); n != round {
				t.Fatalf("%d writes before the time was over, want %d", n, round)
			}
			time.Sleep(holdFor/2 + 1)
			synctest.Wait()
			if got := out.all(); len(got) != round+1 || strings.Count(got[round], "\n") != 2 {
				t.Fatalf("written %q", got)
			}
		}
		if err := lines.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestAWarningIsWrittenAtOnceWithWhatCameBefore(t *testing.T) {
	t.Parallel()
	out := &writes{}
	lines := NewLines(out)
	log := NewLogger(lines, LogOptions{})
	log.Info("before")
	log.Warn("warning")
	log.Error("error")
	got := out.all()
	if len(got) != 2 || !strings.Contains(got[0], `"before"`) || !strings.HasSuffix(got[0], `"warning"}`+"\n") || !strings.Contains(got[1], `"error"`) {
		t.Errorf("written %q", got)
	}
	if err := lines.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoLineIsLostAtTheEnd(t *testing.T) {
	t.Parallel()
	out := &writes{}
	lines := NewLines(out)
	log := NewLogger(lines, LogOptions{})
	log.Info("held")
	if err := lines.Close(); err != nil {
		t.Error(err)
	}
	log.Info("late")
	if got := out.all(); len(got) != 2 || !strings.Contains(got[0], "held") || !strings.Contains(got[1], "late") {
		t.Errorf("written %q", got)
	}
	if err := lines.Close(); err != nil {
		t.Error(err)
	}
}

// A write of up to PIPE_BUF bytes is atomic (POSIX, write).
func TestLinesStayWholeInEachWrite(t *testing.T) {
	t.Parallel()
	out := &writes{}
	lines := NewLines(out)
	var callers sync.WaitGroup
	const each = 300
	for caller := range 4 {
		callers.Go(func() {
			for n := range each {
				line := fmt.Sprintf("%d %d %s\n", caller, n, strings.Repeat("x", n))
				if n == each/2 {
					line = fmt.Sprintf("%d %d %s\n", caller, n, strings.Repeat("y", 2*heldBytes))
				}
				if written, err := lines.Write([]byte(line)); err != nil || written != len(line) {
					t.Errorf("%d, %v", written, err)
				}
			}
		})
	}
	callers.Wait()
	if err := lines.Close(); err != nil {
		t.Error(err)
	}
	next := map[int]int{}
	for _, write := range out.all() {
		if len(write) > heldBytes && strings.Count(write, "\n") != 1 || !strings.HasSuffix(write, "\n") {
			t.Errorf("a write of %d bytes", len(write))
		}
		for line := range strings.Lines(write) {
			var caller, n int
			if _, err := fmt.Sscanf(line, "%d %d", &caller, &n); err != nil || n != next[caller] {
				t.Errorf("line %d of caller %d in the place of %d: %v", n, caller, next[caller], err)
			}
			next[caller]++
		}
	}
	for caller := range 4 {
		if next[caller] != each {
			t.Errorf("%d lines of caller %d", next[caller], caller)
		}
	}
	if n := len(out.all()); n > each {
		t.Errorf("%d writes for %d lines", n, 4*each)
	}
}

func TestTheErrorOfAWriteIsToldAndTheNextLineIsTried(t *testing.T) {
	t.Parallel()
	out := &writes{err: errors.New("full")}
	lines := NewLines(out)
	if _, err := lines.Write([]byte("lost\n")); err != nil {
		t.Error(err)
	}
	if err := lines.Flush(); err == nil {
		t.Error("no error")
	}
	if _, err := lines.Write(bytes.Repeat([]byte("x"), heldBytes+1)); err == nil {
		t.Error("no error")
	}
	out.mu.Lock()
	out.err = nil
	out.mu.Unlock()
	if _, err := lines.Write([]byte("written\n")); err != nil {
		t.Error(err)
	}
	if err := lines.Close(); err != nil || len(out.all()) != 1 {
		t.Errorf("%v, written %q", err, out.all())
	}
}
