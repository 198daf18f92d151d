package conformance

import (
	"context"
	"encoding/json"
	"time"

	"github.com/backflow/backflow/sdk"
)

// The events that the suite asks for: those of the last hour, in small pages, and not
// more pages than show whether the cursors lead on.
const (
	listedSpan  = time.Hour
	perPage     = 5
	listedPages = 3
)

func checkEvents(ctx context.Context, s *session, v *verdict) {
	if s.manifest.Webhook == nil || !s.manifest.Webhook.ListsEvents {
		v.skip("it lists no events")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if !s.ready(ctx, v) {
		return
	}
	now := time.Now()
	request := sdk.ListEventsRequest{Since: now.Add(-listedSpan), Until: now, Limit: perPage}
	events := 0
	for range listedPages {
		page, err := s.instance.ListEvents(ctx, request)
		if s.mode == InSandbox && isRefusal(err) {
			v.note("refused in the sandbox: %s", describe(err))
			return
		}
		if err != nil {
			v.fault("%v", s.explain(err))
			return
		}
		if err := request.Check(page); err != nil {
			v.fault("%v", err)
			return
		}
		for _, event := range page.Events {
			if event.CreatedAt.Before(request.Since.Truncate(time.Second)) || !event.CreatedAt.Before(request.Until) {
				v.fault("event %s is of %s, which is not in the span that was asked for", event.ID, event.CreatedAt.Format(time.RFC3339))
			}
		}
		if events += len(page.Events); page.NextCursor == "" {
			break
		}
		request.Cursor = page.NextCursor
	}
	v.note("%d events", events)
}

// checkFetch asks for what the sample of a webhook is about.
func checkFetch(ctx context.Context, s *session, v *verdict) {
	webhook := s.manifest.Webhook
	if webhook == nil || webhook.FetchAction == "" {
		v.skip("it fetches nothing for an event")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	request, event, ok := s.sampleWebhook(ctx, v)
	if !ok {
		return
	}
	payload := event.Payload
	if len(payload) == 0 {
		payload = request.Body
	}
	params, err := json.Marshal(map[string]json.RawMessage{"event": payload})
	if err != nil {
		v.fault("the payload of its sample of %s is not JSON", webhook.EventTypes[0])
		return
	}
	result, err := s.call(ctx, webhook.FetchAction, params, "")
	switch {
	case isRefusal(err):
		v.note("refused: %s", describe(err))
	case err != nil:
		v.fault("%s: %v", webhook.FetchAction, err)
	case result.ContentType != "":
		v.fault("%s: its result is %s, and what an event is about is JSON", webhook.FetchAction, result.ContentType)
	}
}

// The endpoint that the suite asks about, and never has registered.
const (
	plannedWebhook = "backflow-conformance"
	plannedURL     = "https://backflow-conformance.example/webhooks/test"
)

func checkEndpoint(ctx context.Context, s *session, v *verdict) {
	if s.manifest.Webhook == nil || !s.manifest.Webhook.SyncsEndpoints {
		v.skip("it registers no endpoints")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	request := sdk.SyncEndpointRequest{Webhook: plannedWebhook, URL: plannedURL}
	// Asked twice, it says the same: the first question has registered nothing.
	for range 2 {
		if !s.ready(ctx, v) {
			return
		}
		plan, err := s.instance.SyncEndpoint(ctx, request)
		if s.mode == InSandbox && isRefusal(err) {
			v.note("refused in the sandbox: %s", describe(err))
			return
		}
		if err == nil {
			err = request.Check(plan)
		}
		if err != nil {
			v.fault("%v", s.explain(err))
			return
		}
		if plan.Action != sdk.EndpointCreate {
			v.fault("nothing is registered at %s, and it would %s that", plannedURL, plan.Action)
			return
		}
	}
}
