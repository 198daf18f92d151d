package plugin_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startWithClock starts a host of one plugin in a clock's time.
func startWithClock(t *testing.T, l *launcher, c *clock) *plugin.Plugin {
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

// frequentChecks checks plugins all the time.
var frequentChecks = plugin.Checks{Interval: time.Millisecond, ProbeInterval: time.Nanosecond, ProbeTimeout: 20 * time.Millisecond}

// startHost starts a host of fakes, in real time except for pauses, which do not
// end.
func startHost(t *testing.T, l *launcher, o plugin.Options, members ...plugin.Member) *plugin.Host {
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

func getPlugin(t *testing.T, host *plugin.Host, name string) *plugin.Plugin {
	t.Helper()
	p, ok := host.Plugin(name)
	if !ok {
		t.Fatalf("there is no plugin %s", name)
	}
	return p
}

var echo = action.Call{Action: "echo", Params: value.TrustedDoc([]byte(`{}`))}

// writeFile makes a plugin's file, or replaces it as a careful installer does.
func writeFile(t *testing.T, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return path
}

func waitFor(t *testing.T, condition func() bool) {
	t.Helper()
	testkit.Eventually(t, 10*time.Second, "the condition of this line", condition)
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
	_, err = p.Execute(t.Context(), action.Call{Action: "echo"})
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
