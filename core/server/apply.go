package server

import (
	"context"
	"fmt"
	"slices"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/gateway"
	"github.com/backflow/backflow/core/webhook"
)

// apply activates a checked plan, with the integrations of its registry, for runs
// and requests that begin from then on.
func (s *Server) apply(ctx context.Context, plan *compile.Plan, registry *action.Registry) (err error) {
	s.options.Redactor.Add(plan.Config.SecretValues()...)
	routes, err := s.routes(plan, registry)
	if err != nil {
		return err
	}
	for _, c := range plan.Custom {
		c.Measure(s.calls)
	}
	before := s.actions.registry.Swap(registry)
	defer func() {
		if err != nil {
			s.actions.registry.Store(before)
		}
	}()
	if err := s.engine.SetDefinitions(ctx, plan.Workflows()); err != nil {
		return err
	}
	if err := s.schedule.Set(ctx, plan.Schedules); err != nil {
		return err
	}
	hooks, err := s.hooks(plan)
	if err != nil {
		return err
	}
	s.destinations.Set(plan.Destinations, plan.Egress)
	reconciled, err := s.reconciled(plan, registry)
	if err != nil {
		return err
	}
	if err := s.compares.Set(ctx, reconciled); err != nil {
		return err
	}
	if s.gateway != nil {
		err = s.gateway.Swap(routes)
	} else {
		s.gateway, err = gateway.New(gateway.Options{
			Services: gateway.Services{
				Runs: s.engine, Events: s.inbox, Bulks: s.bulks, Destinations: s.destinations, Reconciles: s.compares, Ledger: s.ledger, Ready: s.ready, Store: s.lease,
			},
			Routes: routes, Mounts: []gateway.Mount{gateway.Metrics(s.metrics.Handler())},
			Logger: s.log, Now: s.options.Now, Limits: gateway.Limits{DrainTimeout: drainTimeout},
		})
	}
	if err != nil {
		return err
	}
	for _, c := range s.custom {
		c.Close() // only idle connections: calls under way finish
		s.calls.Remove(c)
	}
	names := make([]string, len(plan.Config.Webhooks))
	for i, w := range plan.Config.Webhooks {
		names[i] = w.Name
	}
	s.events.Keep(names)
	s.notices.Set(hooks)
	s.refusals.Keep(names)
	s.custom = plan.Custom
	if s.options.LogLevel != nil {
		s.options.LogLevel.Set(plan.Config.Server.LogLevel)
	}
	s.current.Store(plan)
	return nil
}

// routes returns what a plan says about requests.
func (s *Server) routes(plan *compile.Plan, registry *action.Registry) (gateway.Routes, error) {
	if err := s.options.Keep(plan); err != nil {
		return gateway.Routes{}, err
	}
	made := s.options.WebhookSecrets(plan)
	server := plan.Config.Server
	routes := gateway.Routes{
		Actions: registry, Tokens: slices.Clone(s.options.Tokens),
		MaxBodyBytes: int(server.MaxBodyBytes), RequestTimeout: server.RequestTimeout,
		TrustedProxies: server.TrustedProxies, PublicURL: server.PublicURL,
	}
	for _, token := range plan.Config.Auth.Tokens {
		routes.Tokens = append(routes.Tokens, gateway.Token{Name: token.Name, Hash: token.Hash, Scopes: token.Scopes, Tables: token.Tables})
	}
	for _, w := range plan.Config.Webhooks {
		if w.Own() {
			continue
		}
		receiver, err := s.receiver(plan, w, registry, webhookSecrets(plan, w, made))
		if err != nil {
			return gateway.Routes{}, fmt.Errorf("%s: %w", w.Pos, err)
		}
		routes.Webhooks = append(routes.Webhooks, receiver)
	}
	return routes, nil
}

// webhookSecrets returns what the events of a webhook are signed with: the secrets that
// the plan has for it, else the one that was made.
func webhookSecrets(plan *compile.Plan, w config.Webhook, made map[string]string) []string {
	secrets := plan.WebhookSecrets(w)
	if secret := made[w.Name]; len(secrets) == 0 && secret != "" {
		secrets = []string{secret}
	}
	return secrets
}

// receiver returns the receiver of a webhook.
func (s *Server) receiver(plan *compile.Plan, w config.Webhook, registry *action.Registry, secrets []string) (*webhook.Receiver, error) {
	integration, _ := registry.Integration(w.Provider)
	provider, ok := plan.WebhookProvider(w, integration)
	if !ok || provider.Verify == nil {
		return nil, fmt.Errorf("there is no integration %s that verifies webhooks", w.Provider)
	}
	intake, err := s.intake(w)
	if err != nil {
		return nil, err
	}
	respond, err := compile.WebhookRespond(w)
	if err != nil {
		return nil, err
	}
	return webhook.NewReceiver(webhook.Options{
		Intake: intake, Path: w.Path, Provider: provider, Secrets: secrets,
		MaxBodyBytes: int(plan.Config.Server.MaxBodyBytes), Now: s.options.Now, Logger: s.log, Metrics: s.events,
		Respond: respond, Refusals: s.refusals, KeepRefused: w.KeepRefused,
	})
}

// intake returns what takes in the events of a webhook.
func (s *Server) intake(w config.Webhook) (*webhook.Intake, error) {
	filter, err := compile.WebhookFilter(w)
	if err != nil {
		return nil, err
	}
	return webhook.NewIntake(webhook.IntakeOptions{
		Webhook: w.Name, Provider: w.Provider, Starter: s.engine, Events: event.NewLog(s.store), Filter: filter, Redelivered: s.inbox.Redelivered, Now: s.options.Now, Logger: s.log,
	})
}
