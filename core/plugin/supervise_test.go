package plugin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

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
		pauses = append(pauses, c.endPause().String())
	}
	got, want := strings.Join(pauses, " "), "100ms 200ms 400ms 800ms 1.6s 3.2s 6.4s 12.8s 25.6s 30s 30s 30s"
	if got != want {
		t.Errorf("pauses %s, want %s", got, want)
	}
	first := <-l.instances
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	// An end after a short life goes on counting, one after a long life does not.
	first.die()
	if d := c.endPause(); d != 30*time.Second {
		t.Errorf("after a short life: %s", d)
	}
	second := <-l.instances
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	c.advance(time.Hour)
	second.die()
	if d := c.endPause(); d != 100*time.Millisecond {
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
	p := startWithClock(t, l, c)
	for range 3 {
		waitFor(t, func() bool { return p.Status().State == action.StateReady })
		(<-l.instances).die()
		last := <-c.pauses
		if status := p.Status(); status.State != action.StateFailed || !strings.HasPrefix(status.Reason, "it ended: exit status 9") {
			t.Errorf("status %+v", status)
		}
		_, err := p.Execute(t.Context(), action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))})
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

func TestAPluginThatGivesNoSignOfLifeIsKilled(t *testing.T) {
	l := newLauncher(0)
	l.setMake(func(plugin.Spec) (*instance, error) {
		return &instance{probe: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}, nil
	})
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, fake())
	p := getPlugin(t, host, "fake")
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
	l.setMake(func(plugin.Spec) (*instance, error) {
		return &instance{
			probe:   func(context.Context) error { probes <- struct{}{}; return nil },
			execute: func(*instance) error { <-release; return nil },
		}, nil
	})
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, fake())
	p := getPlugin(t, host, "fake")
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
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, member)
	p := getPlugin(t, host, "fake")
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
	l.setMake(func(plugin.Spec) (*instance, error) {
		return &instance{execute: func(i *instance) error {
			close(begun)
			<-i.done
			return &sdk.Error{Code: sdk.CodeUnavailable, Message: "it ended", Retryable: true}
		}}, nil
	})
	member := fake()
	member.Spec.MemoryLimitMiB = 1
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, member)
	p := getPlugin(t, host, "fake")
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
			l.setMake(func(plugin.Spec) (*instance, error) { return &instance{configure: c.configure}, nil })
			p := startWithClock(t, l, c2)
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

func TestAReplacedFileIsSwappedInAndTheOldInstanceFinishesItsCalls(t *testing.T) {
	member := fake()
	member.Spec.Path = writeFile(t, filepath.Join(t.TempDir(), "f"), "one")
	begun, release := make(chan struct{}), make(chan struct{})
	l := newLauncher(0)
	l.setMake(func(plugin.Spec) (*instance, error) {
		return &instance{execute: func(*instance) error { close(begun); <-release; return nil }}, nil
	})
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, member)
	p := getPlugin(t, host, "fake")
	old := <-l.instances
	answered := make(chan error, 1)
	go func() { _, err := p.Execute(t.Context(), echo); answered <- err }()
	<-begun

	l.setMake(func(plugin.Spec) (*instance, error) { return &instance{version: "2.0.0"}, nil })
	writeFile(t, member.Spec.Path, "two")
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
			member.Spec.Path = writeFile(t, filepath.Join(t.TempDir(), "f"), "one")
			l := newLauncher(0)
			host := startHost(t, l, plugin.Options{Checks: frequentChecks, Accept: c.accept}, member)
			p := getPlugin(t, host, "fake")
			<-l.instances
			l.setMake(c.next)
			writeFile(t, member.Spec.Path, "two")
			waitFor(t, func() bool { return p.Status().Rejected != "" })
			status := p.Status()
			if status.State != action.StateReady || !strings.HasPrefix(status.Rejected, "the file was replaced, and the one before stays in force: ") || !strings.Contains(status.Rejected, c.reason) {
				t.Errorf("%+v", status)
			}
			if _, err := p.Execute(t.Context(), echo); err != nil || p.Manifest().Version != "1.0.0" {
				t.Errorf("the old one does not work: %v", err)
			}
			// Once the file is replaced by a good one, that one is in force.
			l.setMake(func(plugin.Spec) (*instance, error) { return &instance{version: "3.0.0"}, nil })
			if c.accept == nil {
				writeFile(t, member.Spec.Path, "three")
				waitFor(t, func() bool { return p.Manifest().Version == "3.0.0" && p.Status().Rejected == "" })
			}
		})
	}
}

// TestAPluginIsStartedAnewWhenAFolderOfItsCredentialsChanges: what a folder holds,
// such as migrations, is read when a plugin is configured.
func TestAPluginIsStartedAnewWhenAFolderOfItsCredentialsChanges(t *testing.T) {
	base := t.TempDir()
	folder := filepath.Join(base, "migrations")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	first := writeFile(t, filepath.Join(folder, "1.sql"), "one")
	member := fake()
	member.Spec.Path = writeFile(t, filepath.Join(base, "f"), "program")
	member.Config.BaseDir, member.Config.Credentials = base, json.RawMessage(`{"migrations":"migrations"}`)
	l, looks, quiet := newLauncher(0), make(chan struct{}), make(chan struct{})
	started := 0
	configured := func(refusal error) func(plugin.Spec) (*instance, error) {
		return func(plugin.Spec) (*instance, error) {
			started++
			return &instance{
				version:     fmt.Sprintf("1.0.%d", started),
				credentials: json.RawMessage(`{"properties":{"migrations":{"type":"string","format":"directory-path"}}}`),
				configure:   refusal,
				probe: func(context.Context) error {
					select {
					case looks <- struct{}{}:
					case <-quiet:
					}
					return nil
				},
			}, nil
		}
	}
	l.setMake(configured(nil))
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, member)
	p := getPlugin(t, host, "fake")
	<-l.instances
	for _, name := range []string{"._2.sql", ".#2.sql", "2.sql~", ".2.sql.swp", "4913", "#2.sql#", ".DS_Store"} {
		// In one step, because the other name that writeFile uses is no litter.
		if err := os.WriteFile(filepath.Join(folder, name), []byte("litter"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for range 20 { // each is asked for in another look
		<-looks
	}
	if len(l.instances) != 0 {
		t.Fatalf("litter started it %d times", len(l.instances))
	}
	close(quiet)
	replaced := func(change func()) {
		t.Helper()
		before := p.Manifest().Version
		change()
		waitFor(t, func() bool { return p.Manifest().Version != before })
	}
	second := filepath.Join(folder, "2.sql")
	replaced(func() { writeFile(t, second, "two") })
	replaced(func() { writeFile(t, first, "changed") })
	replaced(func() {
		if err := os.Remove(second); err != nil {
			t.Fatal(err)
		}
	})
	l.setMake(configured(&sdk.Error{Message: "a wrong migration"}))
	writeFile(t, filepath.Join(folder, "3.sql"), "wrong")
	waitFor(t, func() bool { return strings.Contains(p.Status().Rejected, "a wrong migration") })
	if status := p.Status(); status.State != action.StateReady || !strings.Contains(status.Rejected, "a folder of its credentials") {
		t.Errorf("%+v", status)
	}
	if _, err := p.Execute(t.Context(), echo); err != nil {
		t.Errorf("the instance of before does not work: %v", err)
	}
}

func TestAFailedPluginIsStartedAtOnceWhenItsFileIsReplaced(t *testing.T) {
	member := fake()
	member.Spec.Path = writeFile(t, filepath.Join(t.TempDir(), "f"), "one")
	l := newLauncher(1)
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, member)
	p := getPlugin(t, host, "fake")
	if p.Status().State != action.StateFailed {
		t.Fatalf("%+v", p.Status())
	}
	writeFile(t, member.Spec.Path, "two")
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
}

func TestAFileWithTheSameContentOrThatThePinDoesNotFitIsNotStarted(t *testing.T) {
	member := fake()
	member.Spec.Path = writeFile(t, filepath.Join(t.TempDir(), "f"), "one")
	member.Spec.SHA256, _ = plugin.Checksum(member.Spec.Path)
	l, looks, quiet := newLauncher(0), make(chan struct{}), make(chan struct{})
	l.setMake(func(plugin.Spec) (*instance, error) {
		return &instance{probe: func(context.Context) error {
			select {
			case looks <- struct{}{}:
			case <-quiet:
			}
			return nil
		}}, nil
	})
	host := startHost(t, l, plugin.Options{Checks: frequentChecks}, member)
	<-l.instances
	for range 3 {
		writeFile(t, member.Spec.Path, "one")
		for range 20 { // each is asked for in another look
			<-looks
		}
	}
	close(quiet)
	writeFile(t, member.Spec.Path, "two")
	waitFor(t, func() bool { return strings.Contains(getPlugin(t, host, "fake").Status().Rejected, "another checksum") })
	if len(l.instances) != 0 {
		t.Errorf("%d starts", len(l.instances))
	}
}

// The refusal of a caller that finds no instance says why, never that the plugin is
// ready.
func TestARefusalNeverSaysThatThePluginIsReady(t *testing.T) {
	l := newLauncher(0)
	host := startHost(t, l, plugin.Options{Timing: plugin.Timing{Now: time.Now, After: func(time.Duration) <-chan time.Time { return time.After(time.Microsecond) }, Random: func() float64 { return 0 }}}, fake())
	p := getPlugin(t, host, "fake")
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

// TestAPluginThatSaysItIsUnwellIsShownAsFailed: it runs and takes calls, and is shown
// as ready again when it says so.
func TestAPluginThatSaysItIsUnwellIsShownAsFailed(t *testing.T) {
	l := newLauncher(0)
	p := getPlugin(t, startHost(t, l, plugin.Options{Checks: frequentChecks}, fake()), "fake")
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	running := <-l.instances
	for range 2 {
		running.health.Store(&sdk.Error{Code: sdk.CodeUnavailable, Message: "the file is gone"})
		waitFor(t, func() bool { return p.Status().State == action.StateFailed })
		if status := p.Status(); status.Reason != "the file is gone" || status.Restarts != 0 || !status.RetryAt.IsZero() {
			t.Errorf("%+v", status)
		}
		if _, err := p.Execute(t.Context(), echo); err != nil {
			t.Errorf("a call does not reach it: %v", err)
		}
		running.health.Store(&sdk.Error{Code: sdk.CodeUnavailable, Message: "another file is gone"})
		waitFor(t, func() bool { return p.Status().Reason == "another file is gone" })
		running.health.Store(nil)
		waitFor(t, func() bool { return p.Status().State == action.StateReady })
		if status := p.Status(); status.Reason != "" {
			t.Errorf("%+v", status)
		}
	}
	running.health.Store(&sdk.Error{Code: sdk.CodeUnavailable, Message: "the file is gone"})
	waitFor(t, func() bool { return p.Status().State == action.StateFailed })
	running.die()
	waitFor(t, func() bool { return strings.HasPrefix(p.Status().Reason, "it ended") })
}
