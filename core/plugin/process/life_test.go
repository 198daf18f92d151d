package process_test

import (
	"errors"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin/plugintest"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestPluginThatIsKilledUnderLoadComesBack(t *testing.T) {
	p := startReady(t, fixture(""))
	const callers, kills = 16, 5
	var stop atomic.Bool
	var answered, failed atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for !stop.Load() {
				_, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))})
				answered.Add(1)
				if err == nil {
					continue
				}
				failed.Add(1)
				var e *sdk.Error
				if !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || !e.Retryable {
					t.Errorf("got %#v", err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	last := 0
	back := func() bool {
		result, err := p.Execute(t.Context(), action.Call{Action: "pid", Params: value.TrustedDoc([]byte(`{}`))})
		pid, _ := strconv.Atoi(string(result.Body))
		if err != nil || pid == last {
			return false
		}
		last = pid
		return true
	}
	for range kills {
		eventually(t, "the plugin is back", back)
		if err := syscall.Kill(last, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "the plugin is back", back)
	stop.Store(true)
	wg.Wait()
	if failed.Load() == 0 {
		t.Error("no call noticed that the plugin was killed")
	}
	t.Logf("%d calls answered, %d of them with an error", answered.Load(), failed.Load())
	// TestMain checks that the five dead instances left no goroutine.
}

func TestCrashIsReportedWithItsCause(t *testing.T) {
	cases := map[string]struct{ action, message, reason string }{
		"exit":  {"exit", "the plugin ended during exit: exit status 5", "it ended: exit status 5"},
		"panic": {"crash", "the plugin ended during crash: exit status 2", "it ended: exit status 2: panic: crashed on purpose"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			p, output := start(t, fixture(""))
			_, err := p.Execute(t.Context(), action.Call{Action: c.action, Params: value.TrustedDoc([]byte(`{}`))})
			var e *sdk.Error
			if !errors.As(err, &e) || e.Message != c.message || e.Outcome != sdk.OutcomeUnknown || !e.Retryable {
				t.Errorf("got %#v", err)
			}
			eventually(t, "the reason in the log", func() bool { return strings.Contains(output.String(), c.reason) })
		})
	}
}

func TestCrashesLeaveNothingOpen(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts files in /proc")
	}
	p := startReady(t, fixture(""))
	open := func() int {
		files, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(files)
	}
	call(t, p, "echo", `{}`)
	before := open()
	for range 30 {
		_, err := p.Execute(t.Context(), action.Call{Action: "exit", Params: value.TrustedDoc([]byte(`{}`))})
		if err == nil {
			t.Fatal("it did not end")
		}
		eventually(t, "the plugin is back", func() bool {
			_, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))})
			return err == nil
		})
	}
	eventually(t, "no more files are open than before", func() bool { return open() <= before })
}

func TestPrintingAndFloodingHarmNobody(t *testing.T) {
	p, output := start(t, fixture(""))
	pid := call(t, p, "pid", `{}`)
	if got := call(t, p, "print", `{}`); got != `"printed"` {
		t.Errorf("got %s", got)
	}
	if got := call(t, p, "flood", `{}`); got != `"flooded"` {
		t.Errorf("got %s", got)
	}
	if after := call(t, p, "pid", `{}`); after != pid {
		t.Error("the plugin was started again")
	}
	eventually(t, "what it printed is in the log", func() bool { return strings.Contains(output.String(), "1|1|tcp|127.0.0.1:1|grpc|") })
	if size := len(output.String()); size > 64<<20 {
		t.Errorf("the log has %d bytes", size)
	}
}

func TestLogsCarryThePluginAndHideSecrets(t *testing.T) {
	p, output := start(t, fixture(""))
	_, err := p.Execute(t.Context(), action.Call{Action: "log", Params: value.TrustedDoc([]byte(plugintest.Credentials)), RequestID: "req_1"})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log line", func() bool { return strings.Contains(output.String(), "a warning") })
	if got := output.String(); !strings.Contains(got, `level=WARN msg="a warning" plugin=fixture action=log params="{\"key\":\"***\"}" requestId=req_1`) {
		t.Errorf("got %s", got)
	}
}
