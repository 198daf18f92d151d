package sdktest

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// listing is a plugin with everything that a webhook can have, each of which a test may
// replace.
func listing(webhook sdk.Webhook) sdk.Plugin {
	type about struct {
		Event json.RawMessage `json:"event"`
	}
	h := &hooks{}
	webhook.EventTypes, webhook.Sample, webhook.FetchAction = []string{"a.b"}, h.sample, "whatItIsAbout"
	webhook.Verify = func(ctx context.Context, request sdk.WebhookRequest) (event sdk.WebhookEvent, err error) {
		event, err = h.verify(ctx, request)
		event.Payload = json.RawMessage(`{"type":"a.b"}`)
		return event, err
	}
	return sdk.New(sdk.Info{Name: "listing", Version: "1.0.0"}, webhook,
		sdk.Action[about, sdk.Result]{Name: "whatItIsAbout", Examples: []about{{Event: json.RawMessage("{}")}}, Do: func(_ context.Context, in about) (sdk.Result, error) {
			if !json.Valid(in.Event) {
				return sdk.Result{}, sdk.Refuse(sdk.CodeInvalidParams, "no event")
			}
			return sdk.Result{Body: []byte(`{"deleted":true,"id":"1"}`)}, nil
		}})
}

// pages returns so many pages of events of a minute ago; the text of a cursor counts.
func pages(n int) func(context.Context, sdk.ListEventsRequest) (sdk.EventPage, error) {
	return func(_ context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
		page := sdk.EventPage{NextCursor: request.Cursor + "."}
		if len(page.NextCursor) >= n {
			page.NextCursor = ""
		}
		event := sdk.ListedEvent{CreatedAt: request.Until.Add(-time.Minute)}
		event.ID, event.Type, event.Payload = fmt.Sprint("evt_", len(request.Cursor)), "a.b", json.RawMessage(`{}`)
		page.Events = append(page.Events, event)
		return page, nil
	}
}

func planned(_ context.Context, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
	return sdk.EndpointSync{Action: sdk.EndpointCreate, URL: request.URL}, nil
}

func TestPluginThatListsFetchesAndRegistersPasses(t *testing.T) {
	Check(t, listing(sdk.Webhook{List: pages(5), Sync: planned}))
}

func TestCheckFindsWhatIsWrongWithListsAndEndpoints(t *testing.T) {
	// changed lists one event, and the page is changed before it is returned.
	changed := func(change func(*sdk.EventPage)) sdk.Webhook {
		return sdk.Webhook{Sync: planned, List: func(ctx context.Context, request sdk.ListEventsRequest) (sdk.EventPage, error) {
			page, err := pages(1)(ctx, request)
			change(&page)
			return page, err
		}}
	}
	sync := func(change func(*sdk.EndpointSync)) sdk.Webhook {
		return sdk.Webhook{List: pages(1), Sync: func(ctx context.Context, request sdk.SyncEndpointRequest) (sdk.EndpointSync, error) {
			done, err := planned(ctx, request)
			change(&done)
			return done, err
		}}
	}
	for name, c := range map[string]struct {
		webhook sdk.Webhook
		want    string
	}{
		"a cursor that stays":            {changed(func(p *sdk.EventPage) { p.NextCursor = "same" }), `the cursor stays "same"`},
		"a cursor that is too long":      {changed(func(p *sdk.EventPage) { p.NextCursor = strings.Repeat("c", 4097) }), "its cursor has 4097 bytes"},
		"more events than wanted":        {changed(func(p *sdk.EventPage) { p.Events = make([]sdk.ListedEvent, 6) }), "5 events were asked for, and it has 6"},
		"an event without id":            {changed(func(p *sdk.EventPage) { p.Events[0].ID = "" }), "event 0 has no id"},
		"an event without type":          {changed(func(p *sdk.EventPage) { p.Events[0].Type = "" }), `event "evt_0" has no type`},
		"an event without time":          {changed(func(p *sdk.EventPage) { p.Events[0].CreatedAt = time.Time{} }), "has no time"},
		"an event after the year 9999":   {changed(func(p *sdk.EventPage) { p.Events[0].CreatedAt = time.Unix(1<<40, 0) }), "1 to 9999 are possible"},
		"an event of another time":       {changed(func(p *sdk.EventPage) { p.Events[0].CreatedAt = time.Now().Add(time.Hour) }), "not in the span"},
		"an event without payload":       {changed(func(p *sdk.EventPage) { p.Events[0].Payload = nil }), "is not JSON"},
		"an event with a huge payload":   {changed(func(p *sdk.EventPage) { p.Events[0].Payload = make([]byte, 4<<20+1) }), "4194304 at most"},
		"an event with a reply":          {changed(func(p *sdk.EventPage) { p.Events[0].Reply = &sdk.WebhookReply{} }), "no sender that waits"},
		"an endpoint that is kept":       {sync(func(s *sdk.EndpointSync) { s.Action = sdk.EndpointKeep }), "it would keep that"},
		"an endpoint of another address": {sync(func(s *sdk.EndpointSync) { s.URL = "https://other.example" }), "its address is not the one"},
		"a secret of nothing":            {sync(func(s *sdk.EndpointSync) { s.Secret = "whsec_1" }), "nothing was to be made"},
		"an action of no name":           {sync(func(s *sdk.EndpointSync) { s.Action = "" }), `the action ""`},
	} {
		t.Run(name, func(t *testing.T) {
			var failures []string
			for _, promise := range newChecker(listing(c.webhook), nil).promises() {
				if found := failuresOf(t, promise.check); found != "" {
					failures = append(failures, found)
				}
			}
			if len(failures) != 1 || !strings.Contains(failures[0], c.want) {
				t.Errorf("got %q, want %q", failures, c.want)
			}
		})
	}
}
