package plugintest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk"
)

func webhookVerdictsCross(t *testing.T, tr Transport) {
	p := tr.StartReady(t, tr.Fixture())
	request := sdk.WebhookRequest{
		Method: "GET", URL: "https://example.org/hook?a=b", Headers: map[string][]string{"Signature": {"full"}}, Secrets: []string{"whsec_1"},
	}
	got, err := p.VerifyWebhook(t.Context(), request)
	want := sdk.WebhookEvent{
		ID: "evt_full", IDUnsigned: true, Type: "GET https://example.org/hook?a=b", Payload: json.RawMessage(`{"n":1.50}`),
		Reply: &sdk.WebhookReply{ContentType: "text/plain", Body: []byte("hub\xff")},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for body, want := range map[string]string{
		"payload": "the payload of its event is not JSON",
		"reply":   "its reply to the sender has 65537 bytes",
		"type":    "the content type of its reply to the sender is not valid",
	} {
		request.Body = []byte(body)
		_, err := p.VerifyWebhook(t.Context(), request)
		var got *sdk.Error
		if !errors.As(err, &got) || got.Code != sdk.CodeInternal || !strings.Contains(got.Message, want) {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func listsOfEventsCross(t *testing.T, tr Transport) {
	p := tr.StartReady(t, tr.Fixture())
	since := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	request := sdk.ListEventsRequest{Since: since, Until: since.Add(time.Hour), Types: []string{"a.*", "b"}, Cursor: "c", Limit: 7}
	got, err := p.ListEvents(t.Context(), request)
	live := false
	want := sdk.EventPage{NextCursor: "more", Events: []sdk.ListedEvent{{
		WebhookEvent: sdk.WebhookEvent{
			ID: "evt_1", IDUnsigned: true, Type: "a.b", Livemode: &live, Flags: []string{"odd"}, Payload: json.RawMessage(
				`{"cursor":"c","key":"{\"key\":\"***\"}","limit":7,"since":"2026-01-02T03:04:05.000000006Z","types":["a.*","b"],"until":"2026-01-02T04:04:05.000000006Z"}`),
		},
		CreatedAt: since.Add(time.Nanosecond),
	}}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	got, err = p.ListEvents(t.Context(), sdk.ListEventsRequest{Since: since, Limit: 1})
	if err != nil || !strings.Contains(string(got.Events[0].Payload), `"until":"0001-01-01T00:00:00Z"`) {
		t.Errorf("without an end: %v, %+v", err, got)
	}
	request.Cursor = "odd"
	got, err = p.ListEvents(t.Context(), request)
	odd := `internal: the plugin's list of events: event "{\"key\":\"***\"}" has no type`
	if !errors.As(err, new(*provider.UnreadableError)) || err.Error() != odd || len(got.Events) != 1 || got.Events[0].Type != "a.b" || got.NextCursor != "more" {
		t.Errorf("one that is no event beside another: %+v, %v", got, err)
	}
	for cursor, want := range map[string]sdk.Error{
		"down":  {Code: sdk.CodeRateLimited, Message: `slow down, {"key":"***"}`, Retryable: true, RetryAfter: 7 * time.Second, Outcome: sdk.OutcomeNotExecuted},
		"stays": {Code: sdk.CodeInternal, Message: `the plugin's list of events: its next page is the page itself: the cursor stays "stays"`, Outcome: sdk.OutcomeNotExecuted},
		"many":  {Code: sdk.CodeInternal, Message: "the plugin's list of events: 7 events were asked for, and it has 8", Outcome: sdk.OutcomeNotExecuted},
	} {
		request.Cursor = cursor
		_, err := p.ListEvents(t.Context(), request)
		var got *sdk.Error
		if !errors.As(err, &got) {
			t.Errorf("%s: got %v", cursor, err)
		} else if diff := cmp.Diff(want, *got); diff != "" {
			t.Errorf("%s: %s", cursor, diff)
		}
	}
}

func endpointsCross(t *testing.T, tr Transport) {
	p := tr.StartReady(t, tr.Fixture())
	request := sdk.SyncEndpointRequest{Webhook: "events", URL: "https://example.org/hook", Types: []string{"a.*"}}
	want := sdk.EndpointSync{
		Action: sdk.EndpointUpdate, ID: "we_1", URL: request.URL, Types: request.Types, Version: "2026-01-01",
		Changes: []sdk.EndpointChange{{Field: "enabled_events", From: "a", To: "b"}}, Notes: []string{"events", ""},
	}
	got, err := p.SyncEndpoint(t.Context(), request)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	request.Apply, request.IdempotencyKey = true, "key_7"
	want.Secret, want.Notes = "whsec_n3w", []string{"events", "key_7", "it signs with ***"}
	got, err = p.SyncEndpoint(t.Context(), request)
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for webhook, want := range map[string]string{
		"elsewhere": "internal: the plugin's endpoint: its address is not the one that was asked for",
		"forbidden": `forbidden: not with {"key":"***"}`,
	} {
		request.Webhook = webhook
		if _, err := p.SyncEndpoint(t.Context(), request); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", webhook, err, want)
		}
	}
}
