package process_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// startWithShortBackoff starts the fixture in a host that starts it again at once,
// however often it has failed.
func startWithShortBackoff(t *testing.T) *plugin.Plugin {
	t.Helper()
	quick := transport
	quick.Timing = plugintest.Quick()
	quick.Timing.After = func(time.Duration) <-chan time.Time { return time.After(time.Millisecond) }
	return quick.StartReady(t, fixture(""))
}

// usage is what the process uses once garbage is collected; resident is in bytes.
type usage struct{ resident, goroutines, files int }

func measure(t *testing.T) usage {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return usage{pages * os.Getpagesize(), runtime.NumGoroutine(), len(files)}
}

// wantNoMore waits until no more is used than before, except for some MiB, which the
// runtime sometimes keeps for itself.
func wantNoMore(t *testing.T, before usage) {
	t.Helper()
	const slack = 8 << 20
	var now usage
	eventually(t, "as much is used as before", func() bool {
		now = measure(t)
		return now.resident <= before.resident+slack && now.goroutines <= before.goroutines && now.files <= before.files
	})
	t.Logf("resident %d KiB, then %d KiB; goroutines %d, then %d; files %d, then %d",
		before.resident>>10, now.resident>>10, before.goroutines, now.goroutines, before.files, now.files)
}

// zombies counts children that were not waited for.
func zombies(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, entry := range entries {
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // no process, or not any more
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if fields := strings.Fields(rest); len(fields) > 1 && fields[0] == "Z" && fields[1] == strconv.Itoa(os.Getpid()) {
			n++
		}
	}
	return n
}

func TestAPluginKilledAHundredTimesUnderLoadHarmsNobody(t *testing.T) {
	testkit.Long(t)
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	const callers, kills, timeout = 64, 100, 5 * time.Second
	p := startWithShortBackoff(t)
	var calls, failures, late atomic.Int64
	// load has 64 callers call the plugin until done returns.
	load := func(done func()) {
		var stop atomic.Bool
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for !stop.Load() {
					ctx, cancel := context.WithTimeout(t.Context(), timeout)
					_, err := p.Execute(ctx, action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{"id":"x"}`))})
					if ctx.Err() != nil {
						late.Add(1)
					}
					cancel()
					calls.Add(1)
					var e *sdk.Error
					switch {
					case err == nil:
					case errors.As(err, &e) && e.Code == sdk.CodeUnavailable && e.Retryable:
						failures.Add(1)
						time.Sleep(time.Millisecond) // as a caller would
					default:
						t.Errorf("got %#v", err)
						return
					}
				}
			})
		}
		done()
		stop.Store(true)
		wg.Wait()
	}
	var pids []string
	kill := func(times int) func() {
		return func() {
			for range times {
				last := ""
				eventually(t, "the plugin is back", func() bool {
					result, err := p.Execute(t.Context(), action.Call{Action: "pid", Params: value.TrustedDoc([]byte(`{}`))})
					last = string(result.Body)
					return err == nil && (len(pids) == 0 || last != pids[len(pids)-1])
				})
				pids = append(pids, last)
				pid, err := strconv.Atoi(last)
				if err != nil {
					t.Fatal(err)
				}
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	quiet := func() usage {
		eventually(t, "the plugin is back", func() bool {
			_, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))})
			return err == nil
		})
		return measure(t)
	}
	load(kill(5)) // for what is allocated only once, such as the stacks of callers
	before := quiet()
	load(kill(kills))
	quiet()
	wantNoMore(t, before)
	if failures.Load() == 0 || late.Load() > 0 {
		t.Errorf("%d of %d calls failed, %d did not return in time", failures.Load(), calls.Load(), late.Load())
	}
	t.Logf("%d calls, %d of them with an error", calls.Load(), failures.Load())
	eventually(t, "no zombie is left", func() bool { return zombies(t) == 0 })
	for _, pid := range pids {
		if alive(pid) {
			t.Errorf("process %s lives on", pid)
		}
	}
}

func TestCrashesOfAPluginLeaveTheMemoryFlat(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	crashes := 50
	if os.Getenv("BACKFLOW_PLUGINS_LONG") != "" { // make test-plugins-long
		crashes = 1000
	}
	p := startWithShortBackoff(t)
	crash := func(times int) {
		for range times {
			if _, err := p.Execute(t.Context(), action.Call{Action: "exit", Params: value.TrustedDoc([]byte(`{}`))}); err == nil {
				t.Fatal("it did not end")
			}
			eventually(t, "the plugin is back", func() bool {
				_, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))})
				return err == nil
			})
		}
	}
	crash(10)
	before := measure(t)
	crash(crashes)
	wantNoMore(t, before)
	if zombies := zombies(t); zombies > 0 {
		t.Errorf("%d zombies", zombies)
	}
}
