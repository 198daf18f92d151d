package plugintest

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Transport is a way to run plugins, which Exercise tests.
type Transport struct {
	// Launcher returns a launcher that is closed at the test's end.
	Launcher func(t testing.TB) plugin.Launcher
	// Path returns the built file of a plugin, "fixture" or "hello".
	Path func(name string) string
	// Checks are how often plugins are checked.
	Checks plugin.Checks
	// Timing is Quick if it is left out.
	Timing plugin.Timing
}

// Credentials satisfy the fixture.
const Credentials = `{"key":"key_s3cr3t/\"x"}`

// Fixture returns a member that works.
func (tr Transport) Fixture() plugin.Member {
	return plugin.Member{
		Spec:   plugin.Spec{Name: "fixture", Path: tr.Path("fixture")},
		Config: sdk.Config{Credentials: json.RawMessage(Credentials)},
	}
}

// Quick is real time, but restarts of plugins wait only a hundredth of theirs.
func Quick() plugin.Timing {
	return plugin.Timing{
		Now:    time.Now,
		After:  func(d time.Duration) <-chan time.Time { return time.After(d / 100) },
		Random: func() float64 { return 0 },
	}
}

// Start starts a host with one plugin and stops both at the test's end.
func (tr Transport) Start(t testing.TB, member plugin.Member) (*plugin.Plugin, *Logs) {
	t.Helper()
	output, timing := &Logs{}, tr.Timing
	if timing.Now == nil {
		timing = Quick()
	}
	host, err := plugin.NewHost(plugin.Options{
		Launcher: tr.Launcher(t),
		Logger:   slog.New(slog.NewTextHandler(output, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Timing:   timing,
		Checks:   tr.Checks,
	}, []plugin.Member{member})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		if err := host.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	ready, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := host.Ready(ready); err != nil {
		t.Fatal(err)
	}
	p, _ := host.Plugin(member.Spec.Name)
	return p, output
}

// StartReady is Start for a plugin that must be ready.
func (tr Transport) StartReady(t testing.TB, member plugin.Member) *plugin.Plugin {
	t.Helper()
	p, _ := tr.Start(t, member)
	if status := p.Status(); status.State != action.StateReady {
		t.Fatalf("status %+v", status)
	}
	return p
}

// Call executes an action and returns its body as text.
func Call(t testing.TB, p *plugin.Plugin, name, params string) string {
	t.Helper()
	result, err := p.Execute(t.Context(), action.Call{Action: name, Params: value.TrustedDoc([]byte(params))})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(result.Body)
}

// Eventually is testkit.Eventually for conditions that take up to two minutes on a
// busy machine.
func Eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	testkit.Eventually(t, 2*time.Minute, what, condition)
}

// Logs collects a log. It is safe for concurrent use.
type Logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// Write adds to the log.
func (l *Logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

// String returns the log.
func (l *Logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
