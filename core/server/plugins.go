package server

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync/atomic"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/state/measured"
	"github.com/backflow/backflow/sdk"
)

// actions are those of the integrations in force, for runs: a run finds what it
// calls anew for each step. It is safe for concurrent use.
type actions struct {
	registry atomic.Pointer[action.Registry]
	// deliveries is what the runs of messages to destinations call, and nothing else.
	deliveries *action.Registry
}

// Find returns an action by name.
func (a *actions) Find(integration, name string) (*action.Action, error) {
	if integration == destination.Deliveries {
		return a.deliveries.Find(integration, name)
	}
	return a.registry.Load().Find(integration, name)
}

// startPlugins starts the plugins and waits until each is ready or has failed,
// for a few seconds at most. None is handed its config before it is known that this
// server is to run: what plugins publish fits the plan, and the store is open, which
// another process may have.
func (s *Server) startPlugins(ctx context.Context, plan *compile.Plan) error {
	admit := func() error {
		if err := plan.Check(&s.Actions().Catalog); err != nil {
			return err
		}
		opened, err := s.options.OpenStore(ctx, plan.Config.State)
		if err != nil {
			return err
		}
		s.store = measured.New(opened, s.log)
		return nil
	}
	host, err := plugin.NewHost(plugin.Options{Launcher: s.options.Launcher, Logger: s.log, Metrics: s.calls, Accept: s.accept, Admit: admit, Down: s.pluginDown}, s.members(plan))
	if err != nil {
		return err
	}
	s.host = host
	if err := s.metrics.Register(s.calls, host); err != nil {
		return err
	}
	registry, err := s.newRegistry(plan, host.Plugins())
	if err != nil {
		return err
	}
	s.actions.registry.Store(registry)
	return host.Start(ctx)
}

// members are the plugins of a plan, with the config that each gets.
func (s *Server) members(plan *compile.Plan) []plugin.Member {
	made := s.options.WebhookSecrets(plan)
	members := make([]plugin.Member, 0, len(plan.Plugins))
	for _, spec := range plan.Specs() {
		member := plugin.Member{Spec: spec, Optional: !plan.Names(spec.Name), Config: sdk.Config{
			BaseDir: plan.Config.BaseDir, DataDir: s.options.DataDir, Sandbox: plan.Sandbox[spec.Name], Webhooks: s.webhookTargets(plan, spec.Name, made),
		}}
		if c, ok := plan.Config.Credentials[spec.Name]; ok {
			member.Config.Credentials = c.Reveal()
		}
		members = append(members, member)
	}
	return members
}

// webhookTargets are the webhooks to which the sandbox of a plugin sends its events, at
// the address that this process listens on. A plugin that is not in its sandbox has
// none.
func (s *Server) webhookTargets(plan *compile.Plan, name string, made map[string]string) []sdk.WebhookTarget {
	if s.options.Listener == nil {
		return nil
	}
	var targets []sdk.WebhookTarget
	for _, w := range plan.SandboxWebhooks(name) {
		if secrets := webhookSecrets(plan, w, made); len(secrets) > 0 {
			targets = append(targets, sdk.WebhookTarget{Name: w.Name, URL: localURL(s.options.Listener.Addr()) + w.Path, Secret: secrets[0]})
		}
	}
	return targets
}

// localURL is the base URL of a listener for this machine: one that listens everywhere
// is reached at the loopback address.
func localURL(listening net.Addr) string {
	address := listening.String()
	if tcp, ok := listening.(*net.TCPAddr); ok && tcp.IP.IsUnspecified() {
		host := "127.0.0.1"
		if tcp.IP.To4() == nil {
			host = "::1"
		}
		address = net.JoinHostPort(host, strconv.Itoa(tcp.Port))
	}
	return "http://" + address
}

// newRegistry returns all integrations of a plan.
func (s *Server) newRegistry(plan *compile.Plan, plugins []*plugin.Plugin) (*action.Registry, error) {
	integrations := plan.Integrations()
	for i, integration := range integrations {
		if sender, ok := integration.(*destination.Integration); ok {
			integrations[i] = sender.Through(s.destinations)
		}
	}
	for _, p := range plugins {
		integrations = append(integrations, p)
	}
	registry, err := action.NewRegistry(integrations...)
	if err != nil {
		return nil, err
	}
	registry.LocateCredentials(plan.PlaceOfCredentials)
	return registry, nil
}

// preview describes the integrations of a plan as they are once a change of the
// plugins is in force, to check the config against.
func preview(plan *compile.Plan, change *plugin.Change) *action.Catalog {
	manifests := plan.Manifests()
	for _, p := range change.Plugins() {
		manifests[p.Name()] = change.Manifest(p)
	}
	return action.NewCatalog(manifests)
}

// accept says what of the config in force a plugin whose file was replaced could
// not do any more.
func (s *Server) accept(name string, manifest *sdk.Manifest) error {
	current := s.current.Load()
	if current == nil {
		return nil // nothing has been served yet, and everything is still checked
	}
	if err := current.CheckReplacement(name, manifest); err != nil {
		return errors.Join(errors.New("the config cannot do with it"), err)
	}
	return nil
}
