package plugin_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// launcher starts fake instances, or fails as often as it is told to.
type launcher struct {
	mu        sync.Mutex
	failures  int
	launches  int
	instances chan *instance
	// make says how the next instances behave, or why there is none; nil: well.
	make func(plugin.Spec) (*instance, error)
}

func newLauncher(failures int) *launcher {
	return &launcher{failures: failures, instances: make(chan *instance, 100)}
}

func (l *launcher) Launch(_ context.Context, spec plugin.Spec, _ *slog.Logger) (plugin.Instance, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.launches++
	if l.launches <= l.failures {
		return nil, fmt.Errorf("failure %d", l.launches)
	}
	i := &instance{}
	if l.make != nil {
		var err error
		if i, err = l.make(spec); err != nil {
			return nil, err
		}
	}
	i.done = make(chan struct{})
	l.instances <- i
	return i, nil
}

// makes changes how the next instances behave.
func (l *launcher) makes(how func(plugin.Spec) (*instance, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.make = how
}

// instance is a plugin that lives until it is told to die.
type instance struct {
	once sync.Once
	done chan struct{}

	name, version string // "fake" and "1.0.0" where they are empty
	configure     error
	memory        atomic.Int64
	// probe answers a probe, execute a call; nil: at once.
	probe   func(context.Context) error
	execute func(*instance) error
}

func (i *instance) Manifest(context.Context) (*sdk.Manifest, error) {
	return &sdk.Manifest{
		Name: cmp.Or(i.name, "fake"), Version: cmp.Or(i.version, "1.0.0"),
		Actions: []sdk.ActionSpec{{Name: "echo", Params: json.RawMessage(`{}`)}},
	}, nil
}
func (i *instance) Configure(context.Context, sdk.Config) error { return i.configure }
func (i *instance) Execute(_ context.Context, _ time.Time, call sdk.Call) (sdk.Result, error) {
	if i.execute != nil {
		if err := i.execute(i); err != nil {
			return sdk.Result{}, err
		}
	}
	return sdk.Result{Body: call.Params}, nil
}
func (i *instance) ExecuteWithTimeout(ctx context.Context, deadline time.Time, _ time.Duration, call sdk.Call) (sdk.Result, error) {
	return i.Execute(ctx, deadline, call)
}
func (i *instance) Memory() (int64, error) { return i.memory.Load(), nil }
func (i *instance) Probe(ctx context.Context) error {
	if i.probe == nil {
		return nil
	}
	return i.probe(ctx)
}
func (i *instance) VerifyWebhook(context.Context, sdk.WebhookRequest) (sdk.WebhookEvent, error) {
	return sdk.WebhookEvent{}, errors.New("no")
}
func (i *instance) SampleWebhook(context.Context, sdk.SampleRequest) (sdk.Sample, error) {
	return sdk.Sample{}, errors.New("no")
}
func (i *instance) Done() <-chan struct{}       { return i.done }
func (i *instance) Exit() plugin.Exit           { return plugin.Exit{Reason: "exit status 9"} }
func (i *instance) Close(context.Context) error { i.die(); return nil }
func (i *instance) die()                        { i.once.Do(func() { close(i.done) }) }

// clock is time that passes when the test says so. A pause ends when the test
// takes it from pauses and lets it go.
type clock struct {
	mu     sync.Mutex
	now    time.Time
	pauses chan pause
}

type pause struct {
	length time.Duration
	end    chan time.Time
}

func newClock() *clock {
	return &clock{now: time.Unix(1_800_000_000, 0), pauses: make(chan pause)}
}

func (c *clock) timing() plugin.Timing {
	return plugin.Timing{
		Now: func() time.Time {
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.now
		},
		After: func(d time.Duration) <-chan time.Time {
			end := make(chan time.Time, 1)
			c.pauses <- pause{length: d, end: end}
			return end
		},
		Random: func() float64 { return 1 },
	}
}

// pass lets the next pause pass and answers how long it is.
func (c *clock) pass() time.Duration {
	p := <-c.pauses
	c.advance(p.length)
	p.end <- time.Time{}
	return p.length
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func supervised(t *testing.T, l *launcher, c *clock) *plugin.Plugin {
	t.Helper()
	host, err := plugin.NewHost(plugin.Options{Launcher: l, Logger: slog.New(slog.DiscardHandler), Timing: c.timing()},
		[]plugin.Member{{Spec: plugin.Spec{Name: "fake", Path: "/fake"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := host.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	p, _ := host.Plugin("fake")
	return p
}

func TestPausesGrowAndAreBounded(t *testing.T) {
	c := newClock()
	l := newLauncher(12)
	host, err := plugin.NewHost(plugin.Options{Launcher: l, Logger: slog.New(slog.DiscardHandler), Timing: c.timing()},
		[]plugin.Member{{Spec: plugin.Spec{Name: "fake", Path: "/fake"}}})
	if err != nil {
		t.Fatal(err)
	}
	// It settles before its first pause, which nobody lets pass yet.
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, _ := host.Plugin("fake")
	var pauses []string
	for range 12 {
		pauses = append(pauses, c.pass().String())
	}
	got, want := strings.Join(pauses, " "), "100ms 200ms 400ms 800ms 1.6s 3.2s 6.4s 12.8s 25.6s 30s 30s 30s"
	if got != want {
		t.Errorf("pauses %s, want %s", got, want)
	}
	first := <-l.instances
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	// An end after a short life goes on counting, one after a long life does not.
	first.die()
	if d := c.pass(); d != 30*time.Second {
		t.Errorf("after a short life: %s", d)
	}
	second := <-l.instances
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	c.advance(time.Hour)
	second.die()
	if d := c.pass(); d != 100*time.Millisecond {
		t.Errorf("after a long life: %s", d)
	}
	if err := host.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if err := host.Stop(t.Context()); err != nil {
		t.Errorf("stopped twice: %v", err)
	}
}

func TestCrashLoopShowsInStatusAndCalls(t *testing.T) {
	c := newClock()
	l := newLauncher(0)
	p := supervised(t, l, c)
	for range 3 {
		waitFor(t, func() bool { return p.Status().State == action.StateReady })
		(<-l.instances).die()
		last := <-c.pauses
		if status := p.Status(); status.State != action.StateFailed || !strings.HasPrefix(status.Reason, "it ended: exit status 9") {
			t.Errorf("status %+v", status)
		}
		_, err := p.Execute(t.Context(), sdk.Call{Action: "echo", Params: json.RawMessage(`{}`)})
		var e *sdk.Error
		if !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || e.Outcome != sdk.OutcomeNotExecuted || !e.Retryable || e.RetryAfter != last.length {
			t.Errorf("got %#v", err)
		}
		last.end <- time.Time{}
	}
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	(<-l.instances).die()
	<-c.pauses
	if status := p.Status(); !strings.Contains(status.Reason, "(4 times in a row)") {
		t.Errorf("status %+v", status)
	}
}

func TestStoppedHostRefuses(t *testing.T) {
	c := newClock()
	host, err := plugin.NewHost(plugin.Options{Launcher: newLauncher(0), Logger: slog.New(slog.DiscardHandler), Timing: c.timing()},
		[]plugin.Member{{Spec: plugin.Spec{Name: "fake", Path: "/fake"}}})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := host.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	p, _ := host.Plugin("fake")
	_, err = p.Execute(t.Context(), sdk.Call{Action: "echo"})
	if !errors.Is(err, &sdk.Error{Code: sdk.CodeUnavailable}) || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("got %v", err)
	}
	if err := host.Start(t.Context()); err == nil {
		t.Error("a stopped host starts again")
	}
}

func TestTwoPluginsOfOneNameAreRefused(t *testing.T) {
	member := plugin.Member{Spec: plugin.Spec{Name: "fake", Path: "/fake"}}
	if _, err := plugin.NewHost(plugin.Options{Logger: slog.New(slog.DiscardHandler)}, []plugin.Member{member, member}); err == nil {
		t.Error("accepted")
	}
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if condition() {
			return
		}
	}
	t.Fatal("not in time")
}
