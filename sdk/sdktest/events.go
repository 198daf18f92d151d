package sdktest

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/internal/outgoing"
)

// ask calls a method of the plugin that is no action, with the network and the time
// that the options give. It reports whether the plugin was refused a network.
func (c *checker) ask(t testing.TB, what string, method func(ctx context.Context) error) (failure *sdk.Error, missed bool) {
	o := options{timeout: 30 * time.Second}
	for _, option := range c.opts {
		option(&o)
	}
	refused := new(atomic.Bool)
	ctx, cancel := context.WithTimeout(t.Context(), o.timeout)
	defer cancel()
	var log logs
	ctx = sdk.WithLogger(ctx, slog.New(slog.NewTextHandler(&log, nil)))
	ctx = outgoing.WithTransport(ctx, network{o.network, refused})
	failure = asError(guarded(what, func() error { return method(ctx) }))
	return failure, refused.Load()
}

// eventsAreListed asks for the events of the last hour, in small pages. A list that
// needs a network where none is passed is let off.
func (c *checker) eventsAreListed(t testing.TB) {
	lister, ok := c.plugin.(sdk.EventLister)
	if !ok {
		t.Fatal("the manifest says that it lists events, and the plugin is no sdk.EventLister")
	}
	const pages, limit = 3, 5
	now := time.Now()
	request := sdk.ListEventsRequest{Since: now.Add(-time.Hour), Until: now, Limit: limit}
	for range pages {
		var page sdk.EventPage
		err, missed := c.ask(t, "ListEvents", func(ctx context.Context) (err error) {
			page, err = lister.ListEvents(ctx, request)
			return err
		})
		if err != nil {
			if !missed {
				t.Errorf("ListEvents: %v", err)
			}
			return
		}
		if err := request.Check(page); err != nil {
			t.Errorf("a page of events: %v", err)
			return
		}
		for _, event := range page.Events {
			if event.CreatedAt.Before(request.Since.Truncate(time.Second)) || !event.CreatedAt.Before(request.Until) {
				t.Errorf("event %s is of %s, which is not in the span that was asked for", event.ID, event.CreatedAt.Format(time.RFC3339))
			}
		}
		if page.NextCursor == "" {
			return
		}
		request.Cursor = page.NextCursor
	}
}

// objectIsFetched asks for what a sample of a webhook is about. That there is no such
// thing is no fault: the sample is none of the vendor's.
func (c *checker) objectIsFetched(t testing.TB) {
	spec, err := find(c.plugin, c.manifest.Webhook.FetchAction)
	if err != nil || spec == nil {
		t.Fatalf("the manifest names %q as the action that fetches, and has no such action", c.manifest.Webhook.FetchAction)
	}
	if _, ok := c.plugin.(sdk.WebhookSampler); !ok {
		return
	}
	for _, eventType := range c.manifest.Webhook.EventTypes {
		sample := Webhook(t, c.plugin, eventType)
		event, err := Verify(t, c.plugin, sample)
		if err != nil {
			t.Errorf("a sample of %s is refused: %v", eventType, err)
			continue
		}
		payload := event.Payload
		if len(payload) == 0 {
			payload = sample.Body
		}
		params, err := json.Marshal(map[string]json.RawMessage{"event": payload})
		if err != nil {
			t.Errorf("the payload of a sample of %s is not JSON", eventType)
			continue
		}
		missed := new(atomic.Bool)
		var log logs
		_, failure := call(t.Context(), c.plugin, spec, params, &log, append(c.opts[:len(c.opts):len(c.opts)], withoutNetwork(missed)))
		if failure != nil && !missed.Load() && failure.Code != sdk.CodeNotFound && failure.Code != sdk.CodeRejected {
			t.Errorf("%s for a sample of %s: %v\n%s", spec.Name, eventType, failure, &log)
		}
	}
}

// endpointIsPlanned asks twice where a webhook would be registered, which registers
// nothing.
func (c *checker) endpointIsPlanned(t testing.TB) {
	syncer, ok := c.plugin.(sdk.EndpointSyncer)
	if !ok {
		t.Fatal("the manifest says that it registers endpoints, and the plugin is no sdk.EndpointSyncer")
	}
	request := sdk.SyncEndpointRequest{Webhook: "sdktest", URL: "https://backflow-sdktest.example/webhooks/test"}
	for range 2 {
		var plan sdk.EndpointSync
		err, missed := c.ask(t, "SyncEndpoint", func(ctx context.Context) (err error) {
			plan, err = syncer.SyncEndpoint(ctx, request)
			return err
		})
		if err != nil {
			if !missed {
				t.Errorf("SyncEndpoint: %v", err)
			}
			return
		}
		if err := request.Check(plan); err != nil {
			t.Errorf("what it would do: %v", err)
		} else if plan.Action != sdk.EndpointCreate {
			t.Errorf("nothing is registered at %s, and it would %s that", request.URL, plan.Action)
		}
	}
}
