package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/core/telemetry/metrics"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/core/workflow"
)

// How long the parts of a stop may take: requests that are under way, then
// runs, then plugins.
const (
	drainTime   = 20 * time.Second
	handOver    = 10 * time.Second
	pluginsStop = 10 * time.Second
)

// errLeaseLost ends a gateway that must not write any more.
var errLeaseLost = errors.New("the lease of this gateway was taken away: it gave no sign of life for too long, or another process runs at the same place")

// settings is what a gateway is made of beside its config.
type settings struct {
	listen    string         // over server.listen
	statePath string         // of the SQLite file, where the config has no state
	dataDir   string         // of plugins
	options   config.Options // that the config is read with
	sandbox   map[string]bool
	// sandboxes answers anew which integrations run in their sandbox; nil where
	// none ever does. It is asked at each reload.
	sandboxes func(context.Context, *loaded) (map[string]bool, error)
	tokens    []gateway.Token // beside those of the config
	hangups   <-chan os.Signal
	// secrets answers secrets for webhooks that have none, by the webhook's
	// name; nil where there are none to be had. It is asked at each load.
	secrets  func(*loaded) (map[string]string, error)
	log      *slog.Logger
	redactor *telemetry.Redactor
}

// app is a running gateway with all its parts.
type app struct {
	settings settings
	log      *slog.Logger
	listener net.Listener
	launcher *launchers
	host     *plugin.Host
	declared []*custom.Integration
	store    state.Store
	lease    *lease.Lease
	engine   *engine.Engine
	ledger   *idempotency.Ledger
	gateway  *gateway.Gateway
	schedule *schedule.Scheduler
	actions  actions
	metrics  *metrics.Registry
	inForce  atomic.Pointer[loaded] // the config; nil before there is one
	settled  atomic.Bool            // each plugin was ready once or is reported as failed
}

// newApp builds and starts everything but the answering of requests. What a
// fault of the config leaves started, it stops again.
func newApp(ctx context.Context, l *loaded, s settings) (_ *app, err error) {
	a := &app{settings: s, log: s.log, metrics: metrics.New(version, s.log)}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.Close())
		}
	}()
	if s.listen == "" {
		s.listen = l.config.Server.Listen
	}
	var lc net.ListenConfig
	if a.listener, err = lc.Listen(ctx, "tcp", s.listen); err != nil {
		return nil, fmt.Errorf("%w (--listen chooses another address)", err)
	}
	if err := a.startPlugins(ctx, l); err != nil {
		return nil, err
	}
	if l.check(a.actions.registry.Load()); l.err() != nil {
		return nil, l.err()
	}
	if a.store, err = openStore(ctx, l.config.State, s.statePath, s.log); err != nil {
		return nil, err
	}
	// The listener is bound: whoever had this address before is gone.
	if a.lease, err = lease.Acquire(ctx, a.store, lease.Options{Node: nodeName(a.listener.Addr()), Logger: s.log}); err != nil {
		return nil, err
	}
	a.engine = engine.New(engine.Options{
		Store: a.store, Lease: a.lease, Actions: &a.actions, Logger: s.log, Retention: engine.Retention(l.config.State.Retention),
	})
	a.ledger = idempotency.New(a.store, a.lease, idempotency.Options{})
	a.schedule = schedule.New(schedule.Options{Store: a.store, Lease: a.lease, Starter: a.engine, Logger: s.log})
	if err := a.apply(ctx, l, a.host.Plugins()); err != nil {
		return nil, err
	}
	a.engine.Run()
	a.schedule.Run()
	return a, nil
}

// apply puts a checked config in force, for runs and requests that begin from
// then on.
func (a *app) apply(ctx context.Context, l *loaded, plugins []*plugin.Plugin) (err error) {
	a.settings.redactor.Add(l.config.SecretValues()...)
	registry, err := registryOf(plugins, l.declared)
	if err != nil {
		return err
	}
	routes, err := a.routes(l, registry, plugins)
	if err != nil {
		return err
	}
	before := a.actions.registry.Swap(registry)
	defer func() {
		if err != nil {
			a.actions.registry.Store(before)
		}
	}()
	definitions := make([]*workflow.Definition, len(l.definitions))
	for i, d := range l.definitions {
		definitions[i] = d.Definition
	}
	if err := a.engine.SetDefinitions(ctx, definitions); err != nil {
		return err
	}
	if err := a.schedule.Set(ctx, l.schedules); err != nil {
		return err
	}
	if a.gateway != nil {
		err = a.gateway.Swap(routes)
	} else {
		a.gateway, err = gateway.New(gateway.Options{
			Runs: a.engine, Ledger: a.ledger, Routes: routes,
			Ready: a.ready, Metrics: a.metrics.Handler(), Logger: a.log, Redactor: a.settings.redactor, Limits: gateway.Limits{DrainTimeout: drainTime},
		})
	}
	if err != nil {
		return err
	}
	for _, c := range a.declared {
		c.Close() // only idle connections: calls under way finish
	}
	a.declared = l.declared
	a.inForce.Store(l)
	return nil
}

// routes are what the config says about requests.
func (a *app) routes(l *loaded, registry *action.Registry, plugins []*plugin.Plugin) (gateway.Routes, error) {
	var made map[string]string
	if a.settings.secrets != nil {
		var err error
		if made, err = a.settings.secrets(l); err != nil {
			return gateway.Routes{}, err
		}
	}
	server := l.config.Server
	routes := gateway.Routes{
		Actions: registry, Tokens: slices.Clone(a.settings.tokens),
		MaxBodyBytes: int(server.MaxBodyBytes), RequestTimeout: server.RequestTimeout,
		TrustedProxies: server.TrustedProxies, PublicURL: server.PublicURL,
	}
	for _, token := range l.config.Auth.Tokens {
		routes.Tokens = append(routes.Tokens, gateway.Token{Name: token.Name, Hash: token.Hash, Scopes: token.Scopes})
	}
	for _, w := range l.config.Webhooks {
		provider := slices.IndexFunc(plugins, func(p *plugin.Plugin) bool { return p.Name() == w.Provider })
		if provider < 0 {
			return gateway.Routes{}, fmt.Errorf("%s: there is no integration %s", w.Pos, w.Provider)
		}
		secrets := l.configuredSecrets(w)
		if secret := made[w.Name]; len(secrets) == 0 && secret != "" {
			secrets = []string{secret}
		}
		receiver, err := webhook.NewReceiver(webhook.Options{
			Name: w.Name, Path: w.Path, Provider: w.Provider, Verifier: plugins[provider],
			Secrets: secrets, Events: event.NewLog(a.store), Starter: a.engine, MaxBodyBytes: int(server.MaxBodyBytes), Logger: a.log,
		})
		if err != nil {
			return gateway.Routes{}, fmt.Errorf("%s: %w", w.Pos, err)
		}
		routes.Webhooks = append(routes.Webhooks, receiver)
	}
	return routes, nil
}

// serve answers requests until ctx ends, then stops everything: first it takes
// no more requests and lets those under way finish, then it hands its runs
// over, then it ends the plugins.
func (a *app) serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	watching.Go(func() { a.reloads(ctx) })
	watching.Go(func() {
		if a.host.Ready(ctx) == nil {
			a.settled.Store(true)
		}
		select {
		case <-a.lease.Lost():
			cancel(errLeaseLost)
		case <-ctx.Done():
		}
	})
	err := a.gateway.Serve(ctx, a.listener)
	a.log.Info("stopping: no more requests are taken, runs are handed over")
	a.listener = nil // closed by Serve
	cancel(nil)
	watching.Wait()
	if errors.Is(context.Cause(ctx), errLeaseLost) {
		err = errors.Join(err, errLeaseLost)
	}
	if err = errors.Join(err, a.Close()); err == nil {
		a.log.Info("stopped")
	}
	return err
}

// Close stops what was started, in the order in which things depend on each
// other. Its contexts are its own: the one that the program ran under has ended.
func (a *app) Close() error {
	var errs []error
	if a.listener != nil {
		errs = append(errs, a.listener.Close())
	}
	if a.schedule != nil {
		a.schedule.Stop()
	}
	if a.engine != nil {
		ctx, cancel := context.WithTimeout(context.Background(), handOver)
		errs = append(errs, a.engine.Stop(ctx))
		cancel()
	}
	if a.ledger != nil {
		a.ledger.Close()
	}
	if a.lease != nil {
		ctx, cancel := context.WithTimeout(context.Background(), handOver)
		errs = append(errs, a.lease.Release(ctx))
		cancel()
	}
	if a.host != nil {
		ctx, cancel := context.WithTimeout(context.Background(), pluginsStop)
		errs = append(errs, a.host.Stop(ctx))
		cancel()
	}
	if a.launcher != nil {
		errs = append(errs, a.launcher.Close())
	}
	for _, c := range a.declared {
		c.Close()
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// ready is what /readyz shows: 200 once each plugin was ready or is reported
// as failed, as long as the state store takes heartbeats: without it nothing is
// accepted.
func (a *app) ready() (bool, any) {
	integrations := map[string]action.Status{}
	for _, p := range a.host.Plugins() {
		// Everybody may read this, and a reason holds the last output of a
		// plugin: it is for those who may see the integration.
		status := p.Status()
		status.Reason, status.Rejected = "", ""
		integrations[p.Name()] = status
	}
	ready, status := true, "ready"
	switch {
	case !a.settled.Load():
		ready, status = false, "starting"
	case !a.lease.Fresh():
		ready, status = false, "state store unavailable"
	}
	return ready, struct {
		Status       string                   `json:"status"`
		Integrations map[string]action.Status `json:"integrations"`
	}{status, integrations}
}
