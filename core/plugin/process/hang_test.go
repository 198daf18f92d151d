package process_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// frequentChecks checks plugins often. A machine under load may need its
// ProbeTimeout for a response.
func frequentChecks() plugin.Checks {
	return plugin.Checks{Interval: 10 * time.Millisecond, ProbeInterval: 50 * time.Millisecond, ProbeTimeout: 2 * time.Second}
}

// startWatched is startReady with a host that checks its plugin often.
func startWatched(t *testing.T, member plugin.Member) *plugin.Plugin {
	t.Helper()
	watched := transport
	watched.Checks = frequentChecks()
	return watched.StartReady(t, member)
}

func pidOf(t testing.TB, p *plugin.Plugin) int {
	t.Helper()
	pid, err := strconv.Atoi(call(t, p, "pid", `{}`))
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

func TestAPluginThatHangsIsKilledWithWhatItStartedAndComesBack(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("looks into /proc")
	}
	p := startWatched(t, fixture(""))
	pid, child := pidOf(t, p), call(t, p, "spawn", `{}`)
	file := filepath.Join(t.TempDir(), "ended")
	answered := make(chan error, 1)
	go func() {
		_, err := p.Execute(t.Context(), action.Call{Action: "awaitEnd", Params: value.TrustedDoc([]byte(`{"File":` + strconv.Quote(file) + `}`))})
		answered <- err
	}()
	eventually(t, "the call is in progress", func() bool { _, err := os.Stat(file + ".begun"); return err == nil })
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var e *sdk.Error
	if err := <-answered; !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || e.Outcome != sdk.OutcomeUnknown || !e.Retryable {
		t.Errorf("the call in progress: %#v", err)
	} else if !strings.Contains(e.Message, "it gave no sign of life for 2s and was killed") {
		t.Errorf("it does not say why: %s", e.Message)
	}
	eventually(t, "it is back", func() bool {
		result, err := p.Execute(t.Context(), action.Call{Action: "pid", Params: value.TrustedDoc([]byte(`{}`))})
		return err == nil && string(result.Body) != strconv.Itoa(pid)
	})
	if restarts := p.Status().Restarts; restarts != 1 {
		t.Errorf("%d restarts", restarts)
	}
	for _, pid := range []string{strconv.Itoa(pid), child} {
		eventually(t, "process "+pid+" ends", func() bool { return !alive(pid) })
	}
}

// Every call hangs, but the plugin is healthy.
func TestAPluginWhoseCallsHangIsLeftAlone(t *testing.T) {
	t.Parallel()
	member := fixture("")
	member.Spec.MaxConcurrency, member.Spec.Timeout = 4, 3*time.Second
	p := startWatched(t, member)
	pid := pidOf(t, p)
	codes := make(chan error, 4)
	for range 4 {
		go func() {
			_, err := p.Execute(t.Context(), action.Call{Action: "sleep", Params: value.TrustedDoc([]byte(`{}`))})
			codes <- err
		}()
	}
	for range 4 {
		if err := <-codes; !errors.Is(err, &sdk.Error{Code: sdk.CodeTimeout}) {
			t.Errorf("got %v", err)
		}
	}
	if after := pidOf(t, p); after != pid {
		t.Error("it was started again")
	}
}

func TestAPluginThatLeaksIsKilledAndComesBack(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the memory of a process is measured on Linux only")
	}
	member := fixture("")
	member.Spec.MemoryLimitMiB = 200
	p := startWatched(t, member)
	pid := pidOf(t, p)
	for i := 0; ; i++ {
		_, err := p.Execute(t.Context(), action.Call{Action: "hold", Params: value.TrustedDoc([]byte(`{"MiB":16}`))})
		if err != nil {
			break
		}
		if i > 1000 {
			t.Fatal("it holds 16 GiB")
		}
	}
	eventually(t, "it is back", func() bool {
		result, err := p.Execute(t.Context(), action.Call{Action: "pid", Params: value.TrustedDoc([]byte(`{}`))})
		return err == nil && string(result.Body) != strconv.Itoa(pid)
	})
}
