package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/notice"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state/measured"
	"github.com/backflow/backflow/core/telemetry/metrics"
	"github.com/backflow/backflow/core/webhook"
)

// How long the parts of a stop may take: requests under way, then runs, then
// plugins.
const (
	drainTimeout      = 20 * time.Second
	handoverTimeout   = 10 * time.Second
	pluginStopTimeout = 10 * time.Second
)

// errLeaseLost ends a gateway that must not write any more.
var errLeaseLost = errors.New("the lease of this gateway was taken away: it gave no sign of life for too long, or another process runs at the same place")

// Server is a running gateway with all its parts. Its methods are safe for
// concurrent use, but for Serve and Stop: Serve is called once at most, and Stop
// only where Serve is not.
type Server struct {
	options      Options
	log          *slog.Logger
	listener     net.Listener // nil once Serve has it
	host         *plugin.Host
	store        *measured.Store // nil before it is opened
	lease        *lease.Lease
	engine       *engine.Engine
	ledger       *idempotency.Ledger
	schedule     *schedule.Scheduler
	bulks        *bulk.Manager
	destinations *destination.Service
	notices      *notice.Notices
	inbox        *event.Events
	compares     *reconcile.Reconciler
	gateway      *gateway.Gateway
	metrics      *metrics.Registry
	calls        *action.Metrics  // of integrations
	events       *webhook.Metrics // of webhooks
	refusals     *webhook.Refusals
	actions      actions

	applying     sync.Mutex                   // held while another plan is put in force; guards custom
	custom       []*custom.Integration        // of the current plan
	current      atomic.Pointer[compile.Plan] // nil before one is in force
	noticing     atomic.Bool                  // notices take what is raised
	pluginsReady atomic.Bool                  // each plugin was ready once or is reported as failed
}

// Start builds and starts everything, but serves no request yet. The error is
// config.Faults if what the plugins publish does not fit the plan. After an
// error, everything that was started is stopped again. ctx bounds the start.
func Start(ctx context.Context, plan *compile.Plan, o Options) (_ *Server, err error) {
	s := &Server{listener: o.Listener}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := o.complete(); err != nil {
		return nil, err
	}
	s.options, s.log, s.metrics = o, o.Logger, metrics.New(o.Version, o.Logger)
	s.calls, s.events, s.refusals = action.NewMetrics(), webhook.NewMetrics(), webhook.NewRefusals()
	s.destinations = destination.New(destination.Options{Logger: o.Logger, Now: o.Now, Transport: o.Deliveries})
	if s.actions.deliveries, err = action.NewRegistry(s.destinations.Deliverer()); err != nil {
		return nil, err
	}
	if err := s.startPlugins(ctx, plan); err != nil {
		return nil, err
	}
	logFaults(o.Logger, slog.LevelWarn, "warning about the config", plan.Warnings)
	// The address is ours: a process that listened there before has ended.
	if s.lease, err = lease.Acquire(ctx, s.store, lease.Options{Node: o.Node, TTL: o.LeaseTTL, Logger: o.Logger}); err != nil {
		return nil, err
	}
	retention := plan.Config.State.Retention
	s.engine = engine.New(engine.Options{
		Store: s.store, Lease: s.lease, Actions: &s.actions, Logger: o.Logger, Now: o.Now,
		MaxRunBytes: plan.Config.State.MaxRunBytes, MaxRunSteps: plan.Config.State.MaxRunSteps,
		Retention: engine.Retention{Succeeded: retention.Succeeded, Failed: retention.Failed, MaxRuns: retention.MaxRuns},
		Removing:  event.Removing(o.Now), MaxRunning: o.MaxRunning, CallTimeout: o.CallTimeout,
	})
	s.inbox = event.New(event.Options{Store: s.store, Runs: s.engine, Retention: retention.Events, Now: o.Now})
	s.destinations.Use(s.store, s.lease, s.engine)
	s.ledger = idempotency.New(s.store, s.lease, idempotency.Options{Now: o.Now, NewID: o.NewLedgerID})
	s.schedule = schedule.New(schedule.Options{Store: s.store, Lease: s.lease, Starter: s.engine, Logger: o.Logger, Now: o.Now})
	s.bulks = bulk.New(bulk.Options{
		Store: s.store, Lease: s.lease, Runs: s.engine, Events: s.inbox, Logger: o.Logger, Now: o.Now,
		May: func(callerID string, permission ...string) bool { return s.gateway.May(callerID, permission...) },
	})
	s.notices = notice.New(notice.Options{Store: s.store, Lease: s.lease, Runs: s.engine, Logger: o.Logger, Now: o.Now})
	s.compares = reconcile.New(reconcile.Options{Store: s.store, Lease: s.lease, Events: event.NewLog(s.store), Logger: o.Logger, Now: o.Now})
	if err := s.apply(ctx, plan, s.Actions()); err != nil {
		return nil, err
	}
	if err := s.metrics.Register(s.store, s.engine, s.schedule, s.compares, s.events, s.notices, s.destinations, s.gateway); err != nil {
		return nil, err
	}
	s.engine.Run()
	s.schedule.Run()
	s.bulks.Run()
	s.notices.Run()
	s.raiseDown()
	s.destinations.Run()
	s.compares.Run()
	return s, nil
}

// Addr returns the address of the listener.
func (s *Server) Addr() net.Addr { return s.options.Listener.Addr() }

// Actions returns the integrations in force.
func (s *Server) Actions() *action.Registry { return s.actions.registry.Load() }

// Lease returns the lease of this process.
func (s *Server) Lease() *lease.Lease { return s.lease }

// ServeHTTP responds to one request, also without Serve.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.gateway.ServeHTTP(w, r) }

// Serve responds to requests of the listener until ctx ends, and reloads the
// config when it changes. Then it stops everything: first it takes no more
// requests and lets those under way finish, then it hands its runs over, then it
// ends the plugins.
func (s *Server) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var watching sync.WaitGroup
	watching.Go(func() { s.reloadOnChange(ctx) })
	watching.Go(func() {
		if s.host.Ready(ctx) == nil {
			s.pluginsReady.Store(true)
		}
		select {
		case <-s.lease.Lost():
			cancel(errLeaseLost)
		case <-ctx.Done():
		}
	})
	err := s.gateway.Serve(ctx, s.listener)
	s.log.Info("stopping: no more requests are taken, runs are handed over")
	s.listener = nil // closed by Serve
	cancel(nil)
	watching.Wait()
	if errors.Is(context.Cause(ctx), errLeaseLost) {
		err = errors.Join(err, errLeaseLost)
	}
	// The context of the program has ended; a stop has its own time.
	if err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))); err == nil {
		s.log.Info("stopped")
	}
	return err
}

// Stop stops what was started, dependents first. Each part has a time limit of
// its own; if ctx has ended, Stop waits for nothing and calls in progress are
// abandoned.
func (s *Server) Stop(ctx context.Context) error {
	var errs []error
	within := func(d time.Duration, stop func(context.Context) error) {
		ctx, cancel := context.WithTimeout(ctx, d)
		defer cancel()
		errs = append(errs, stop(ctx))
	}
	if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.notices != nil {
		s.notices.Stop()
	}
	if s.bulks != nil {
		s.bulks.Stop()
	}
	if s.compares != nil {
		s.compares.Stop()
	}
	if s.schedule != nil {
		s.schedule.Stop()
	}
	if s.destinations != nil {
		s.destinations.Stop()
	}
	if s.engine != nil {
		within(handoverTimeout, s.engine.Stop)
	}
	if s.ledger != nil {
		s.ledger.Close()
	}
	if s.lease != nil {
		within(handoverTimeout, s.lease.Release)
	}
	if s.host != nil {
		within(pluginStopTimeout, s.host.Stop)
	}
	s.applying.Lock()
	for _, c := range s.custom {
		c.Close()
	}
	s.applying.Unlock()
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
