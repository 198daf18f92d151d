package main

import (
	"context"
	"errors"
	"maps"
	"sync/atomic"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/sdk"
)

// actions are those of the integrations in force, for runs: a run finds what it
// calls anew for each step. It is safe for concurrent use.
type actions struct {
	registry atomic.Pointer[action.Registry]
}

// Find answers an action by name.
func (a *actions) Find(integration, name string) (*action.Action, error) {
	return a.registry.Load().Find(integration, name)
}

// members are the plugins of a config, with what each is told.
func (a *app) members(l *loaded, sandbox map[string]bool) []plugin.Member {
	members := make([]plugin.Member, len(l.specs))
	for i, spec := range l.specs {
		member := plugin.Member{Spec: spec, Config: sdk.Config{
			BaseDir: l.config.BaseDir, DataDir: a.settings.dataDir, Sandbox: sandbox[spec.Name],
		}}
		if c, ok := l.config.Credentials[spec.Name]; ok {
			member.Config.Credentials = c.Reveal()
		}
		members[i] = member
	}
	return members
}

// startPlugins starts the plugins and waits until each is ready or has failed,
// for a few seconds at most.
func (a *app) startPlugins(ctx context.Context, l *loaded) error {
	a.launcher = newLaunchers()
	host, err := plugin.NewHost(plugin.Options{Launcher: a.launcher, Logger: a.log, Accept: a.accept}, a.members(l, a.settings.sandbox))
	if err != nil {
		return err
	}
	a.host = host
	if err := a.metrics.Register(host); err != nil {
		return err
	}
	if err := host.Start(ctx); err != nil {
		return err
	}
	registry, err := registryOf(host.Plugins(), l.declared)
	if err != nil {
		return err
	}
	a.actions.registry.Store(registry)
	return nil
}

// registryOf are all integrations of a config.
func registryOf[P action.Integration](plugins []P, declared []*custom.Integration) (*action.Registry, error) {
	integrations := make([]action.Integration, 0, len(plugins)+len(declared))
	for _, p := range plugins {
		integrations = append(integrations, p)
	}
	for _, c := range declared {
		integrations = append(integrations, c)
	}
	return action.NewRegistry(integrations...)
}

// preview are the integrations of a config as they are once a change is in force,
// to hold the config against.
func preview(change *plugin.Change, declared []*custom.Integration) (*action.Registry, error) {
	var plugins []published
	for _, p := range change.Plugins() {
		plugins = append(plugins, published{p.Name(), change.Manifest(p)})
	}
	return registryOf(plugins, declared)
}

// accept says what of the config in force a plugin whose file was replaced could
// not do any more.
func (a *app) accept(name string, manifest *sdk.Manifest) error {
	inForce := a.inForce.Load()
	if inForce == nil {
		return nil // nothing has been served yet, and everything is still checked
	}
	registry, err := action.NewRegistry(published{name, manifest})
	if err != nil {
		return err
	}
	l := *inForce
	l.faults, l.secretFields = nil, maps.Clone(l.secretFields)
	if l.check(registry); l.err() != nil {
		return errors.Join(errors.New("the config cannot do with it"), l.err())
	}
	return nil
}
