package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// restless looks after plugins all the time.
var restless = plugin.Checks{Interval: time.Millisecond, ProbeInterval: time.Nanosecond, ProbeTimeout: 20 * time.Millisecond}

// hosted starts a host over fakes, in real time but for the pauses, which do not
// end by themselves.
func hosted(t *testing.T, l *launcher, o plugin.Options, members ...plugin.Member) *plugin.Host {
	t.Helper()
	o.Launcher, o.Logger = l, slog.New(slog.DiscardHandler)
	if o.Timing.Now == nil {
		o.Timing = plugin.Timing{Now: time.Now, After: func(time.Duration) <-chan time.Time { return nil }, Random: func() float64 { return 1 }}
	}
	host, err := plugin.NewHost(o, members)
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
	return host
}

func fake() plugin.Member { return plugin.Member{Spec: plugin.Spec{Name: "fake", Path: "/fake"}} }

func the(t *testing.T, host *plugin.Host, name string) *plugin.Plugin {
	t.Helper()
	p, ok := host.Plugin(name)
	if !ok {
		t.Fatalf("there is no plugin %s", name)
	}
	return p
}

var echo = sdk.Call{Action: "echo", Params: json.RawMessage(`{}`)}

func TestAPluginThatGivesNoSignOfLifeIsKilled(t *testing.T) {
	l := newLauncher(0)
	l.makes(func(plugin.Spec) (*instance, error) {
		return &instance{probe: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, nil
	})
	host := hosted(t, l, plugin.Options{Checks: restless}, fake())
	p := the(t, host, "fake")
	waitFor(t, func() bool { return p.Status().State == action.StateFailed && !p.Status().RetryAt.IsZero() })
	if reason := p.Status().Reason; !strings.HasPrefix(reason, "it gave no sign of life for 20ms and was killed") {
		t.Errorf("reason %q", reason)
	}
	select {
	case <-(<-l.instances).Done():
	default:
		t.Error("it was not closed")
	}
}

// A slow action is no hang: health is asked apart from calls.
func TestAPluginThatIsOnlySlowIsLeftAlone(t *testing.T) {
	probes := make(chan struct{}, 1000)
	release := make(chan struct{})
	l := newLauncher(0)
	l.makes(func(plugin.Spec) (*instance, error) {
		return &instance{
			probe:   func(context.Context) error { probes <- struct{}{}; return nil },
			execute: func(*instance) error { <-release; return nil },
		}, nil
	})
	host := hosted(t, l, plugin.Options{Checks: restless}, fake())
	p := the(t, host, "fake")
	answered := make(chan error, 1)
	go func() { _, err := p.Execute(t.Context(), echo); answered <- err }()
	for range 20 {
		<-probes
	}
	close(release)
	if err := <-answered; err != nil || p.Status().State != action.StateReady || p.Status().Restarts != 0 {
		t.Errorf("got %v, %+v", err, p.Status())
	}
}

func TestAPluginThatHoldsTooMuchMemoryIsKilledWithTheReason(t *testing.T) {
	l := newLauncher(0)
	member := fake()
	member.Spec.MemoryLimitMiB = 100
	host := hosted(t, l, plugin.Options{Checks: restless}, member)
	p := the(t, host, "fake")
	i := <-l.instances
	i.memory.Store(100 << 20) // as much as it may
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	i.memory.Store(101 << 20)
	waitFor(t, func() bool { return p.Status().State == action.StateFailed })
	if reason := p.Status().Reason; !strings.HasPrefix(reason, "it held 101 MiB of memory, more than the 100 of memoryLimitMiB, and was killed") {
		t.Errorf("reason %q", reason)
	}
}

func TestCallsOfAKilledPluginSayWhyItWasKilled(t *testing.T) {
	begun := make(chan struct{})
	l := newLauncher(0)
	l.makes(func(plugin.Spec) (*instance, error) {
		return &instance{execute: func(i *instance) error {
			close(begun)
			<-i.done
			return &sdk.Error{Code: sdk.CodeUnavailable, Message: "it ended", Retryable: true}
		}}, nil
	})
	member := fake()
	member.Spec.MemoryLimitMiB = 1
	host := hosted(t, l, plugin.Options{Checks: restless}, member)
	p := the(t, host, "fake")
	answered := make(chan error, 1)
	go func() { _, err := p.Execute(t.Context(), echo); answered <- err }()
	<-begun
	(<-l.instances).memory.Store(2 << 20)
	var e *sdk.Error
	if err := <-answered; !errors.As(err, &e) || e.Outcome != sdk.OutcomeUnknown || !e.Retryable || !strings.Contains(e.Message, "more than the 1 of memoryLimitMiB") {
		t.Errorf("got %#v", err)
	}
}

func TestADefiniteRefusalIsTriedAgainSlowly(t *testing.T) {
	for name, c := range map[string]struct {
		configure error
		pauses    []time.Duration
	}{
		"a config that it does not like":   {&sdk.Error{Code: sdk.CodeInvalidParams, Message: "no such region"}, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}},
		"any error that says nothing more": {&sdk.Error{Code: sdk.CodeInternal, Message: "no such region"}, []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second}},
		"a vendor that is down":            {&sdk.Error{Code: sdk.CodeUpstream, Message: "no such region"}, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}},
		"what may pass":                    {&sdk.Error{Code: sdk.CodeInternal, Message: "no such region", Retryable: true}, []time.Duration{100 * time.Millisecond, 200 * time.Millisecond}},
	} {
		t.Run(name, func(t *testing.T) {
			l, c2 := newLauncher(0), newClock()
			l.makes(func(plugin.Spec) (*instance, error) { return &instance{configure: c.configure}, nil })
			p := supervised(t, l, c2)
			for _, want := range c.pauses {
				pause := <-c2.pauses
				status := p.Status()
				if pause.length != want || status.State != action.StateFailed || !strings.HasPrefix(status.Reason, "configure: no such region") {
					t.Errorf("pause %s, want %s; %+v", pause.length, want, status)
				}
				if !status.RetryAt.Equal(time.Unix(1_800_000_000, 0).Add(want)) {
					t.Errorf("the next try is shown for %s", status.RetryAt)
				}
				pause.end <- time.Time{}
			}
			<-c2.pauses
		})
	}
}

// written makes a plugin's file, or replaces it as a careful installer does.
func written(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAReplacedFileIsSwappedInAndTheOldInstanceFinishesItsCalls(t *testing.T) {
	member := fake()
	member.Spec.Path = written(t, filepath.Join(t.TempDir(), "f"), "one")
	begun, release := make(chan struct{}), make(chan struct{})
	l := newLauncher(0)
	l.makes(func(plugin.Spec) (*instance, error) {
		return &instance{execute: func(*instance) error { close(begun); <-release; return nil }}, nil
	})
	host := hosted(t, l, plugin.Options{Checks: restless}, member)
	p := the(t, host, "fake")
	old := <-l.instances
	answered := make(chan error, 1)
	go func() { _, err := p.Execute(t.Context(), echo); answered <- err }()
	<-begun

	l.makes(func(plugin.Spec) (*instance, error) { return &instance{version: "2.0.0"}, nil })
	written(t, member.Spec.Path, "two")
	waitFor(t, func() bool { return p.Manifest().Version == "2.0.0" })
	if _, err := p.Execute(t.Context(), echo); err != nil {
		t.Errorf("a call of now: %v", err)
	}
	select {
	case <-old.Done():
		t.Error("the old instance was closed under its call")
	default:
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the call of before: %v", err)
	}
	waitFor(t, func() bool {
		select {
		case <-old.Done():
			return true
		default:
			return false
		}
	})
	if status := p.Status(); status.State != action.StateReady || status.Restarts != 0 || status.Rejected != "" {
		t.Errorf("%+v", status)
	}
}

func TestAReplacedFileThatFailsLeavesTheOldInstanceInForce(t *testing.T) {
	for name, c := range map[string]struct {
		next   func(plugin.Spec) (*instance, error)
		accept func(string, *sdk.Manifest) error
		reason string
	}{
		"it does not start":    {func(plugin.Spec) (*instance, error) { return nil, plugin.Permanent(errors.New("exec format error")) }, nil, "exec format error"},
		"it is another plugin": {func(plugin.Spec) (*instance, error) { return &instance{name: "other"}, nil }, nil, `the plugin calls itself "other"`},
		"it refuses its config": {func(plugin.Spec) (*instance, error) {
			return &instance{configure: &sdk.Error{Message: "no such region"}}, nil
		}, nil, "configure: no such region"},
		"the config cannot do with it": {
			func(plugin.Spec) (*instance, error) { return &instance{version: "2.0.0"}, nil },
			func(string, *sdk.Manifest) error { return errors.New("a workflow calls echo") }, "a workflow calls echo",
		},
	} {
		t.Run(name, func(t *testing.T) {
			member := fake()
			member.Spec.Path = written(t, filepath.Join(t.TempDir(), "f"), "one")
			l := newLauncher(0)
			host := hosted(t, l, plugin.Options{Checks: restless, Accept: c.accept}, member)
			p := the(t, host, "fake")
			<-l.instances
			l.makes(c.next)
			written(t, member.Spec.Path, "two")
			waitFor(t, func() bool { return p.Status().Rejected != "" })
			status := p.Status()
			if status.State != action.StateReady || !strings.HasPrefix(status.Rejected, "the file was replaced, and the one before stays in force: ") || !strings.Contains(status.Rejected, c.reason) {
				t.Errorf("%+v", status)
			}
			if _, err := p.Execute(t.Context(), echo); err != nil || p.Manifest().Version != "1.0.0" {
				t.Errorf("the old one does not work: %v", err)
			}
			// Once the file is replaced by a good one, that one is in force.
			l.makes(func(plugin.Spec) (*instance, error) { return &instance{version: "3.0.0"}, nil })
			if c.accept == nil {
				written(t, member.Spec.Path, "three")
				waitFor(t, func() bool { return p.Manifest().Version == "3.0.0" && p.Status().Rejected == "" })
			}
		})
	}
}

func TestAFailedPluginIsStartedAtOnceWhenItsFileIsReplaced(t *testing.T) {
	member := fake()
	member.Spec.Path = written(t, filepath.Join(t.TempDir(), "f"), "one")
	l := newLauncher(1)
	host := hosted(t, l, plugin.Options{Checks: restless}, member)
	p := the(t, host, "fake")
	if p.Status().State != action.StateFailed {
		t.Fatalf("%+v", p.Status())
	}
	written(t, member.Spec.Path, "two")
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
}

func TestAFileWithTheSameContentOrThatThePinDoesNotFitIsNotStarted(t *testing.T) {
	member := fake()
	member.Spec.Path = written(t, filepath.Join(t.TempDir(), "f"), "one")
	member.Spec.SHA256, _ = plugin.Checksum(member.Spec.Path)
	l, looks, quiet := newLauncher(0), make(chan struct{}), make(chan struct{})
	l.makes(func(plugin.Spec) (*instance, error) {
		return &instance{probe: func(context.Context) error {
			select {
			case looks <- struct{}{}:
			case <-quiet:
			}
			return nil
		}}, nil
	})
	host := hosted(t, l, plugin.Options{Checks: restless}, member)
	<-l.instances
	for range 3 {
		written(t, member.Spec.Path, "one")
		for range 20 { // each is asked for in another look
			<-looks
		}
	}
	close(quiet)
	written(t, member.Spec.Path, "two")
	waitFor(t, func() bool { return strings.Contains(the(t, host, "fake").Status().Rejected, "another checksum") })
	if len(l.instances) != 0 {
		t.Errorf("%d starts", len(l.instances))
	}
}

// A caller that finds no instance is told why, never that the plugin is ready.
func TestARefusalNeverSaysThatThePluginIsReady(t *testing.T) {
	l := newLauncher(0)
	host := hosted(t, l, plugin.Options{Timing: plugin.Timing{Now: time.Now, After: func(time.Duration) <-chan time.Time { return time.After(time.Microsecond) }, Random: func() float64 { return 0 }}}, fake())
	p := the(t, host, "fake")
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 300 {
			(<-l.instances).die()
		}
	}()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		if _, err := p.Execute(t.Context(), echo); err != nil && strings.Contains(err.Error(), "is ready") {
			t.Fatal(err)
		}
	}
}
