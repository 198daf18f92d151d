package server

import (
	"context"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/sdk"
)

// reconciled returns the webhooks of a plan whose events are compared with what their
// vendors list: of their own accord where the config says so, and where a caller asks for
// it those too whose provider has a list.
func (s *Server) reconciled(plan *compile.Plan, registry *action.Registry) ([]reconcile.Webhook, error) {
	var webhooks []reconcile.Webhook
	for _, w := range plan.Config.Webhooks {
		integration, _ := registry.Integration(w.Provider)
		provider, ok := plan.WebhookProvider(w, integration)
		if !w.Reconcile.Given && !(ok && provider.ListsEvents) {
			continue
		}
		intake, err := s.intake(w)
		if err != nil {
			return nil, err
		}
		list, err := s.list(plan, w)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.At("/reconcile/from"), err)
		}
		hook := reconcile.Webhook{Name: w.Name, Intake: intake, List: list, Types: w.Filter.Types}
		if r := w.Reconcile; r.Given {
			hook.Every, hook.Lookback, hook.Grace, hook.Partial = r.Every, r.Lookback, r.Grace, !r.Complete
			hook.Pace = r.Rate.Per / time.Duration(r.Rate.Count)
		}
		webhooks = append(webhooks, hook)
	}
	return webhooks, nil
}

// list returns the list of the events of a webhook: what is in force is found anew for
// each call, as an integration may come up later.
func (s *Server) list(plan *compile.Plan, w config.Webhook) (reconcile.List, error) {
	if from := w.Reconcile.From; from.Given {
		list, err := compile.ReconcileFrom(from)
		if err != nil {
			return nil, err
		}
		list.Now = s.options.Now
		list.Find = func() (*action.Action, error) { return s.actions.Find(from.Integration, from.Action) }
		return list.List, nil
	}
	return func(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
		var found provider.Provider
		if integration, _ := s.Actions().Integration(w.Provider); integration != nil {
			found, _ = plan.WebhookProvider(w, integration)
		}
		if found.List == nil {
			return sdk.EventPage{}, &sdk.Error{Code: sdk.CodeUnavailable, Message: fmt.Sprintf("%s lists no events now", w.Provider), Retryable: true}
		}
		return found.List(ctx, request)
	}, nil
}
