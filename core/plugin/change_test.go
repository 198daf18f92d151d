package plugin_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

func named(name string) plugin.Member {
	return plugin.Member{Spec: plugin.Spec{Name: name, Path: "/" + name}}
}

// selfNamed makes instances that are called like the plugin, of a version.
func selfNamed(version string) func(plugin.Spec) (*instance, error) {
	return func(spec plugin.Spec) (*instance, error) { return &instance{name: spec.Name, version: version}, nil }
}

func prepare(t *testing.T, host *plugin.Host, members ...plugin.Member) *plugin.Change {
	t.Helper()
	change, err := host.Prepare(t.Context(), members, nil)
	if err != nil {
		t.Fatal(err)
	}
	return change
}

func TestAChangeStartsWhatIsNewSwapsWhatChangedAndStopsWhatIsGone(t *testing.T) {
	l := newLauncher(0)
	l.setMake(selfNamed("1.0.0"))
	host := startHost(t, l, plugin.Options{}, named("changed"), named("gone"), named("kept"))
	kept, gone := getPlugin(t, host, "kept"), getPlugin(t, host, "gone")
	instances := []*instance{<-l.instances, <-l.instances, <-l.instances}

	l.setMake(selfNamed("2.0.0"))
	changed := named("changed")
	changed.Config.Credentials = json.RawMessage(`{}`)
	change := prepare(t, host, named("kept"), changed, named("fresh"))
	if p := getPlugin(t, host, "changed"); p.Manifest().Version != "1.0.0" || change.Manifest(p).Version != "2.0.0" {
		t.Error("a change is in force before it is committed, or cannot be looked at")
	}
	if _, there := host.Plugin("fresh"); there {
		t.Error("a new plugin is there before the change is committed")
	}
	change.Commit()
	for name, version := range map[string]string{"kept": "1.0.0", "changed": "2.0.0", "fresh": "2.0.0"} {
		p := getPlugin(t, host, name)
		waitFor(t, func() bool { return p.Status().State == action.StateReady && p.Manifest().Version == version })
		if _, err := p.Execute(t.Context(), echo); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if getPlugin(t, host, "kept") != kept || len(l.instances) != 2 {
		t.Error("a plugin of which nothing changed was started again")
	}
	waitFor(t, func() bool { return strings.Contains(gone.Status().Reason, "removed from the config") })
	_, err := gone.Execute(t.Context(), echo)
	var e *sdk.Error
	if !errors.As(err, &e) || e.Code != sdk.CodeUnavailable || e.Outcome != sdk.OutcomeNotExecuted {
		t.Errorf("a call of a removed plugin: %v", err)
	}
	ended := func() (n int) {
		for _, i := range instances {
			select {
			case <-i.Done():
				n++
			default:
			}
		}
		return n
	}
	waitFor(t, func() bool { return ended() == 2 })
}

func TestAChangeIsAllOrNothing(t *testing.T) {
	l := newLauncher(0)
	l.setMake(selfNamed("1.0.0"))
	host := startHost(t, l, plugin.Options{}, named("one"), named("two"))
	<-l.instances
	<-l.instances
	l.setMake(func(spec plugin.Spec) (*instance, error) {
		if spec.Name == "two" {
			return nil, errors.New("no such file")
		}
		return &instance{name: spec.Name, version: "2.0.0"}, nil
	})
	one, two := named("one"), named("two")
	one.Spec.Timeout, two.Spec.Timeout = time.Second, time.Second
	if _, err := host.Prepare(t.Context(), []plugin.Member{one, two}, nil); err == nil || err.Error() != "plugin two: no such file" {
		t.Errorf("got %v", err)
	}
	select {
	case <-(<-l.instances).Done():
	default:
		t.Error("what had been started for the change goes on")
	}
	l.setMake(selfNamed("3.0.0"))
	prepare(t, host, one, two).Discard()
	for _, name := range []string{"one", "two"} {
		if p := getPlugin(t, host, name); p.Manifest().Version != "1.0.0" || p.Status().State != action.StateReady {
			t.Errorf("%s is %+v", name, p.Status())
		}
	}
}

func TestNoCallFailsWhileChangesComeIntoForce(t *testing.T) {
	l := newLauncher(0)
	host := startHost(t, l, plugin.Options{}, fake())
	p := getPlugin(t, host, "fake")
	var stop atomic.Bool
	var calls atomic.Int64
	var callers sync.WaitGroup
	for range 16 {
		callers.Go(func() {
			for !stop.Load() {
				if _, err := p.Execute(t.Context(), echo); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for i := range 90 {
		member := fake()
		member.Spec.MaxConcurrency = 4 + i%32 // room for all callers to run or wait
		prepare(t, host, member).Commit()
	}
	before := calls.Load()
	waitFor(t, func() bool { return calls.Load() > before+1000 })
	stop.Store(true)
	callers.Wait()
}

func TestMetricsTellWhatHappensToEachPlugin(t *testing.T) {
	l, c := newLauncher(0), newClock()
	calls := action.NewMetrics()
	host := startHost(t, l, plugin.Options{Timing: c.timing(), Metrics: calls}, fake())
	p := getPlugin(t, host, "fake")
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	for range 3 {
		if _, err := p.Execute(t.Context(), echo); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Execute(t.Context(), action.Call{Action: "nope"}); err == nil {
		t.Fatal("an unknown action was called")
	}
	(<-l.instances).die()
	c.endPause()
	waitFor(t, func() bool { return p.Status().State == action.StateReady })
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(host, calls)
	scrape := func() string {
		answer := httptest.NewRecorder()
		promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		return answer.Body.String()
	}
	all := scrape()
	for _, line := range []string{
		`backflow_plugin_restarts_total{plugin="fake"} 1`,
		`backflow_plugin_kills_total{plugin="fake"} 0`,
		`backflow_plugin_state{plugin="fake",state="failed"} 0`,
		`backflow_plugin_state{plugin="fake",state="ready"} 1`,
		`backflow_plugin_calls_in_flight{plugin="fake"} 0`,
		`backflow_plugin_calls_total{code="ok",plugin="fake"} 3`,
		`backflow_plugin_calls_total{code="unknown_action",plugin="fake"} 1`,
		`backflow_plugin_call_duration_seconds_count{plugin="fake"} 4`,
	} {
		if !strings.Contains(all, line+"\n") {
			t.Errorf("no %s in\n%s", line, all)
		}
	}
	prepare(t, host).Commit()
	waitFor(t, func() bool { return scrape() == "" })
}
