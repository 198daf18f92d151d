package plugin_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/backflow/backflow/core/plugin"
)

// TestNoPluginIsConfiguredWhereTheStartIsRefused: each has published its manifest by
// then, and what is refused is not tried again.
func TestNoPluginIsConfiguredWhereTheStartIsRefused(t *testing.T) {
	l := newLauncher(0)
	l.setMake(selfNamed("1.0.0"))
	refused := errors.New("the store is in use")
	var host *plugin.Host
	admit := func() error {
		for _, p := range host.Plugins() {
			if p.Manifest() == nil {
				t.Errorf("%s has published nothing yet", p.Name())
			}
		}
		return refused
	}
	host, err := plugin.NewHost(plugin.Options{Launcher: l, Logger: slog.New(slog.DiscardHandler), Admit: admit}, []plugin.Member{named("one"), named("two")})
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(t.Context()); !errors.Is(err, refused) {
		t.Errorf("got %v", err)
	}
	if err := host.Stop(context.Background()); err != nil {
		t.Error(err)
	}
	if n := len(l.instances); n != 2 {
		t.Errorf("%d instances were started", n)
	}
	for range 2 {
		i := <-l.instances
		if i.configured.Load() {
			t.Error("an instance was configured")
		}
		<-i.Done()
	}
}

// TestAPluginThatFailsKeepsNoOtherFromBeingAdmitted: what has published nothing is not
// waited for once it has failed.
func TestAPluginThatFailsKeepsNoOtherFromBeingAdmitted(t *testing.T) {
	l := newLauncher(0)
	l.setMake(func(spec plugin.Spec) (*instance, error) {
		if spec.Name == "broken" {
			return nil, errors.New("no such file")
		}
		return &instance{name: spec.Name}, nil
	})
	asked := 0
	startHost(t, l, plugin.Options{Admit: func() error { asked++; return nil }}, named("broken"), named("sound"))
	if i := <-l.instances; asked != 1 || !i.configured.Load() {
		t.Errorf("asked %d times, configured %t", asked, i.configured.Load())
	}
}

// TestARefusedChangeConfiguresNothing: neither where the check finds something, nor
// where another plugin fails.
func TestARefusedChangeConfiguresNothing(t *testing.T) {
	l := newLauncher(0)
	l.setMake(selfNamed("1.0.0"))
	host := startHost(t, l, plugin.Options{}, named("one"), named("two"))
	<-l.instances
	<-l.instances
	one, two := named("one"), named("two")
	one.Spec.MaxConcurrency, two.Spec.MaxConcurrency = 3, 3
	refused := errors.New("a fault in the config")
	l.setMake(selfNamed("2.0.0"))
	_, err := host.Prepare(t.Context(), []plugin.Member{one, two}, func(change *plugin.Change) error {
		for _, p := range change.Plugins() {
			if version := change.Manifest(p).Version; version != "2.0.0" {
				t.Errorf("%s: the check sees version %s", p.Name(), version)
			}
		}
		return refused
	})
	if !errors.Is(err, refused) || err.Error() != refused.Error() {
		t.Errorf("got %v", err)
	}
	started := []*instance{<-l.instances, <-l.instances}
	l.setMake(func(spec plugin.Spec) (*instance, error) {
		if spec.Name == "two" {
			return nil, errors.New("no such file")
		}
		return &instance{name: spec.Name}, nil
	})
	if _, err := host.Prepare(t.Context(), []plugin.Member{one, two}, nil); err == nil || err.Error() != "plugin two: no such file" {
		t.Errorf("got %v", err)
	}
	for _, i := range append(started, <-l.instances) {
		<-i.Done()
		if i.configured.Load() {
			t.Error("an instance was configured")
		}
	}
}
