package gateway

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// listEvents is the list of the vendor of the webhook "events": an event that never
// arrived.
func (h *harness) listEvents(_ context.Context, request sdk.ListEventsRequest) (page sdk.EventPage, err error) {
	lost := sdk.ListedEvent{
		WebhookEvent: sdk.WebhookEvent{ID: "evt_lost", Type: "order.paid", Payload: json.RawMessage(`{"id":"evt_lost"}`)},
		CreatedAt:    time.Now().Add(-30 * time.Minute),
	}
	if lost.CreatedAt.After(request.Since) && (request.Until.IsZero() || lost.CreatedAt.Before(request.Until)) {
		page.Events = append(page.Events, lost)
	}
	return page, nil
}

func TestAWebhookIsComparedWithItsVendorOnRequest(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	none := h.send("GET", "/webhooks/events/reconcile", "")
	wantStatus(t, none, 200)
	if doc := fields(t, none.Body.Bytes()); doc["webhook"] != "events" || doc["every"] != nil || doc["lookback"] != "72h" || doc["pass"] != nil || doc["watermark"] != nil {
		t.Errorf("before the first: %s", none.Body)
	}
	accepted := h.send("POST", "/webhooks/events/reconcile", "")
	wantStatus(t, accepted, 202)
	var pass map[string]any
	testkit.Eventually(t, 20*time.Second, "the pass has ended", func() bool {
		rec := h.send("GET", "/webhooks/events/reconcile", "")
		wantStatus(t, rec, 200)
		pass, _ = fields(t, rec.Body.Bytes())["pass"].(map[string]any)
		return pass["status"] == "succeeded"
	})
	if pass["id"] != id(t, accepted) || pass["requestedBy"] != "full" || pass["missing"] != 1.0 || pass["taken"] != 1.0 || pass["error"] != nil ||
		pass["events"].([]any)[0].(map[string]any)["result"] != "taken" {
		t.Errorf("%v", pass)
	}
	shown := h.send("GET", "/events/evt_lost", "")
	wantStatus(t, shown, 200)
	if event := fields(t, shown.Body.Bytes()); event["source"] != "reconciled" || event["type"] != "order.paid" {
		t.Errorf("%s", shown.Body)
	}

	asked := h.send("POST", "/webhooks/events/reconcile?wait=30s", `{"since":"1h","dryRun":true}`, "Idempotency-Key: k")
	wantStatus(t, asked, 200)
	doc := fields(t, asked.Body.Bytes())
	location := asked.Header().Get("Location")
	if doc["status"] != "succeeded" || doc["requestedBy"] != "full" || doc["dryRun"] != true || doc["listed"] != 1.0 || doc["missing"] != 0.0 ||
		location != "/webhooks/events/reconcile?pass="+doc["id"].(string) {
		t.Errorf("%s, %s", location, asked.Body)
	}
	again := h.send("POST", "/webhooks/events/reconcile", `{"since":"1h","dryRun":true}`, "Idempotency-Key: k")
	wantStatus(t, again, 202)
	if fields(t, again.Body.Bytes())["id"] != doc["id"] || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v %s", again.Header(), again.Body)
	}
	found := h.send("GET", location, "")
	wantStatus(t, found, 200)
	if pass := fields(t, found.Body.Bytes())["pass"].(map[string]any); pass["id"] != doc["id"] {
		t.Errorf("%s", found.Body)
	}
}

func TestARequestToCompareIsChecked(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, test := range []struct {
		path, body string
		status     int
		detail     string
	}{
		{"/webhooks/none/reconcile", `{}`, 404, "no such webhook"},
		{"/webhooks/events/reconcile", `{"since":"yesterday"}`, 422, "72h"},
		{"/webhooks/events/reconcile", `{"since":"-1h"}`, 422, "72h"},
		{"/webhooks/events/reconcile", `{"since":"2999-01-01T00:00:00Z"}`, 422, "not in the past"},
		{"/webhooks/events/reconcile", `{"since":"1000h"}`, 422, "720h"},
		{"/webhooks/events/reconcile", `{"since":72}`, 422, ""},
		{"/webhooks/events/reconcile", `{"dry":true}`, 422, ""},
		{"/webhooks/events/reconcile?wait=soon", `{}`, 400, "wait"},
	} {
		rec := h.send("POST", test.path, test.body)
		wantStatus(t, rec, test.status)
		if !strings.Contains(rec.Body.String(), test.detail) {
			t.Errorf("%s %s: %s", test.path, test.body, rec.Body)
		}
	}
	wantStatus(t, h.send("GET", "/webhooks/none/reconcile", ""), 404)
	wantStatus(t, h.send("GET", "/webhooks/events/reconcile?pass=none", ""), 404)
}
