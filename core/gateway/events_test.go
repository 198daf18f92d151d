package gateway

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// deliver sends an event to the webhook of the harness.
func (h *harness) deliver(id string) map[string]any {
	h.t.Helper()
	rec := h.send("POST", "/webhooks/shop", `{"amount":1}`, "X-Signature: good", "X-Event: "+id)
	wantStatus(h.t, rec, 200)
	return fields(h.t, rec.Body.Bytes())
}

// event waits until an event has a status, and returns all of it.
func (h *harness) event(id, status string) map[string]any {
	h.t.Helper()
	var shown map[string]any
	testkit.Eventually(h.t, 10*time.Second, "event "+id+" is "+status, func() bool {
		rec := h.send("GET", "/events/"+url.PathEscape(id), "")
		wantStatus(h.t, rec, 200)
		shown = fields(h.t, rec.Body.Bytes())
		return shown["status"] == status
	})
	return shown
}

// defineActions replaces the actions of the webhook.
func (h *harness) defineActions(actions string) {
	h.t.Helper()
	d, err := workflow.ParseActions("webhook:events", workflow.Actions{Steps: []byte(actions)}, workflow.EventRoots)
	must(h.t, err)
	must(h.t, h.engine.SetDefinitions(h.t.Context(), []*workflow.Definition{d}))
}

const declined = `the card was declined`

// declines makes every call fail for certain.
func (h *harness) declines() {
	h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Message: declined, Final: true, Outcome: sdk.OutcomeNotExecuted})
}

func TestAnEventIsShownByTheSendersIdAndByItsOwn(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, id := range []string{"evt_1", "a/b", "Zahlung ü/%2F?#", "ev_0_0000000000000000", strings.Repeat("x", 512)} {
		h.deliver(id)
		shown := h.event(id, "processed")
		uid := shown["uid"].(string)
		if shown["id"] != id || shown["webhook"] != "events" || shown["type"] != "paid" || shown["source"] != "webhook" || shown["run"] == nil ||
			shown["payload"].(map[string]any)["amount"] != 1.0 || shown["headers"].(map[string]any)["x-event"] != id || shown["error"] != nil {
			t.Errorf("%s is shown as %v", id, shown)
		}
		if verdict := shown["verdict"].(map[string]any); verdict["verified"] != true || verdict["provider"] != "shop" || verdict["at"] != shown["receivedAt"] {
			t.Errorf("the verdict on %s is %v", id, verdict)
		}
		if again := h.event(uid, "processed"); again["id"] != id {
			t.Errorf("by its uid %s is %v", id, again)
		}
		at, _ := time.Parse(time.RFC3339, shown["receivedAt"].(string))
		if want := fmt.Sprintf("ev_%x_", at.UnixMilli()); !strings.HasPrefix(uid, want) || len(uid) != len(want)+16 {
			t.Errorf("its uid is %s, received at %s", uid, at)
		}
	}
	for _, id := range []string{"evt_2", "ev_19ad0000000_0123456789abcdef", "ev_"} {
		wantProblem(t, h.send("GET", "/events/"+id, ""), 404, "not_found")
	}
	wantStatus(t, h.send("GET", "/runs/a%2Fb", ""), 400)
}

func TestAnIdThatTwoWebhooksHaveIsAskedBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	d, err := workflow.ParseActions("webhook:others", workflow.Actions{Steps: []byte(`[]`)}, workflow.EventRoots)
	must(t, err)
	must(t, h.engine.SetDefinitions(t.Context(), []*workflow.Definition{d}))
	intake, err := webhook.NewIntake(webhook.IntakeOptions{Webhook: "others", Provider: "shop", Events: event.NewLog(h.store), Starter: h.engine})
	must(t, err)
	if _, err := intake.Take(t.Context(), webhook.Arrival{Event: event.Event{ID: "evt_1", Type: "paid"}, Payload: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	d, err = workflow.ParseActions("webhook:events", workflow.Actions{Steps: []byte(`[]`)}, workflow.EventRoots)
	must(t, err)
	must(t, h.engine.SetDefinitions(t.Context(), []*workflow.Definition{d})) // the other webhook is not in the config any more
	h.deliver("evt_1")
	refused := wantProblem(t, h.send("GET", "/events/evt_1", ""), 409, "conflict")
	wantProblem(t, h.send("POST", "/events/evt_1/replay", `{}`), 409, "conflict")
	for _, webhook := range []string{"events", "others"} {
		rec := h.send("GET", "/events/evt_1?webhook="+webhook, "")
		wantStatus(t, rec, 200)
		shown := fields(t, rec.Body.Bytes())
		if shown["webhook"] != webhook || !strings.Contains(refused["detail"].(string), shown["uid"].(string)) {
			t.Errorf("of %s it is %v, and %v was said before", webhook, shown, refused["detail"])
		}
		if by := h.event(shown["uid"].(string), "processed"); by["webhook"] != webhook {
			t.Errorf("its uid leads to %v", by)
		}
	}
	wantProblem(t, h.send("GET", "/events/evt_1?webhook=none", ""), 404, "not_found")
}

func TestEventsAreListedNewestFirstInPages(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	var want []string
	for i := range 1000 {
		id := fmt.Sprintf("evt/%04d ü", i)
		h.deliver(id)
		want = append(want, id)
	}
	slices.Reverse(want)
	all := func(query string) (ids []string) {
		t.Helper()
		for cursor, pages := "", 0; ; pages++ {
			rec := h.send("GET", "/events?"+query+"&cursor="+url.QueryEscape(cursor), "")
			wantStatus(t, rec, 200)
			page := fields(t, rec.Body.Bytes())
			for _, each := range page["data"].([]any) {
				ids = append(ids, each.(map[string]any)["id"].(string))
			}
			if page["nextCursor"] == nil {
				return ids
			}
			if cursor = page["nextCursor"].(string); pages > 50 {
				t.Fatal("the list does not end")
			}
		}
	}
	for _, query := range []string{"", "limit=200", "limit=97&webhook=events", "type=pa*d", "status=received,processed,failed", "source=webhook"} {
		if got := all(query); !slices.Equal(got, want) {
			t.Errorf("%s: %d events, not all 1000 in order", query, len(got))
		}
	}
	for _, query := range []string{"webhook=none", "type=paid.*", "status=failed", "status=filtered", "flag=odd", "source=reconciled", "until=2026-01-01T00:00:00Z", "since=2100-01-01T00:00:00Z"} {
		if got := all(query); len(got) != 0 {
			t.Errorf("%s: %d events", query, len(got))
		}
	}
	middle := h.event(want[500], "processed")["receivedAt"].(string)
	before, after := all("until="+middle), all("since="+middle)
	if len(before)+len(after) != 1000 || !slices.Contains(after, want[500]) || !slices.Equal(append(after, before...), want) {
		t.Errorf("%d events before %s, and %d after", len(before), middle, len(after))
	}
	for _, query := range []string{"status=lost", "source=lost", "since=yesterday", "limit=201", "cursor=!", "cursor=YWJj", "cursor=YS9i", "cursor=YS9i&status=failed", "webhok=x"} {
		wantStatus(t, h.send("GET", "/events?"+query, ""), 400)
	}
}

func TestFailedEventsAreFoundAmongMany(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.declines()
	for _, id := range []string{"bad_1", "bad_2"} {
		h.deliver(id)
		h.event(id, "failed")
	}
	h.integration.succeeds(`{}`)
	for i := range 900 { // more than a page looks through
		h.deliver(fmt.Sprint("good_", i))
	}
	testkit.Eventually(t, 30*time.Second, "all are processed", func() bool {
		return strings.HasPrefix(h.send("GET", "/events?status=received", "").Body.String(), `{"data":[]`)
	})
	h.defineActions(`[{"id":"w","type":"waitForEvent","event":"go"}]`)
	h.deliver("slow")
	for query, want := range map[string][]string{"status=failed": {"bad_2", "bad_1"}, "status=received": {"slow"}, "status=failed,received&webhook=events": {"slow", "bad_2", "bad_1"}} {
		rec := h.send("GET", "/events?"+query, "")
		wantStatus(t, rec, 200)
		page := fields(t, rec.Body.Bytes())
		var got []string
		for _, each := range page["data"].([]any) {
			got = append(got, each.(map[string]any)["id"].(string))
		}
		if !slices.Equal(got, want) || page["nextCursor"] != nil {
			t.Errorf("%s: %v on the first page, and then %v", query, got, page["nextCursor"])
		}
	}
	if failed := h.event("bad_1", "failed"); failed["error"].(map[string]any)["detail"] != declined {
		t.Errorf("its error is %v", failed["error"])
	}
}

func TestAReplayRunsWhatHadNotSucceededByThePresentDefinition(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	refuse := func(action string) {
		h.integration.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
			if call.Action == action {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Message: declined, Final: true, Outcome: sdk.OutcomeNotExecuted}
			}
			return sdk.Result{Body: []byte(`{"id":"7"}`)}, nil
		})
	}
	actions := func() (list []string) {
		for _, call := range h.integration.called() {
			list = append(list, call.Action)
		}
		return list
	}
	refuse("sendMail")
	const first = `[{"id":"pay","type":"shop","action":"createPayment","params":{"amount":1}},{"id":"mail","type":"shop","action":"sendMail","params":{}}]`
	h.defineActions(first)
	h.deliver("evt_1")
	failed := h.event("evt_1", "failed")

	// By the same definition the run itself goes on.
	rec := h.send("POST", "/events/evt_1/replay?wait=10s", `{}`)
	wantStatus(t, rec, 200)
	again := fields(t, rec.Body.Bytes())
	if again["id"] != "evt_1" || again["run"] != failed["run"] || again["status"] != "failed" || again["rerunOf"] != nil {
		t.Errorf("replayed as %s", rec.Body)
	}
	if got := actions(); !slices.Equal(got, []string{"createPayment", "sendMail", "sendMail"}) {
		t.Errorf("calls %v", got)
	}

	// By another one a run takes its place, and what had succeeded is taken over.
	h.defineActions(`[{"id":"pay","type":"shop","action":"createPayment","params":{"amount":2}},{"id":"cancel","type":"shop","action":"cancelPayment","params":{"id":"{{steps.pay.result.id}}"}}]`)
	rec = h.send("POST", "/events/evt_1/replay?wait=10s", `{}`, "Idempotency-Key: k1")
	wantStatus(t, rec, 200)
	replayed := fields(t, rec.Body.Bytes())
	if replayed["status"] != "processed" || replayed["run"] == failed["run"] || replayed["rerunOf"] != failed["run"] {
		t.Errorf("replayed as %s", rec.Body)
	}
	run := fields(t, h.send("GET", "/runs/"+replayed["run"].(string), "").Body.Bytes())
	if run["status"] != "succeeded" || run["rerunOf"] != failed["run"] ||
		run["startedBy"].(map[string]any)["event"] != "evt_1" || run["retriedBy"].(map[string]any)["token"] != "full" {
		t.Errorf("the run is %v", run)
	}
	calls := h.integration.called()
	if last := calls[len(calls)-1]; len(calls) != 4 || last.Action != "cancelPayment" || string(last.Params) != `{"id":"7"}` {
		t.Errorf("calls %v, the last with %s", actions(), last.Params)
	}
	old := fields(t, h.send("GET", "/runs/"+failed["run"].(string), "").Body.Bytes())
	if old["rerunAs"] != run["id"] {
		t.Errorf("the run that was replaced is %v", old)
	}
	shown := h.event("evt_1", "processed")
	if shown["run"] != run["id"] || !slices.Equal(shown["previousRuns"].([]any), []any{failed["run"]}) {
		t.Errorf("the event is %v", shown)
	}
	// A repeat of the request is the same replay.
	rec = h.send("POST", "/events/evt_1/replay", `{}`, "Idempotency-Key: k1")
	wantStatus(t, rec, 202)
	if rec.Header().Get("Idempotent-Replayed") != "true" || fields(t, rec.Body.Bytes())["run"] != run["id"] {
		t.Errorf("repeated: %s", rec.Body)
	}

	// Nothing is left to be done; from the start everything is.
	wantDetail(t, wantProblem(t, h.send("POST", "/events/evt_1/replay", `{}`), 409, "conflict"), "fromStart")
	rec = h.send("POST", "/events/evt_1/replay?wait=10s", `{"fromStart":true}`)
	wantStatus(t, rec, 200)
	if got := actions()[4:]; !slices.Equal(got, []string{"createPayment", "cancelPayment"}) {
		t.Errorf("from the start: calls %v", got)
	}
	wantStatus(t, h.send("POST", "/events/evt_1/replay", `{"from":1}`), 422)
	wantProblem(t, h.send("POST", "/events/evt_2/replay", `{}`), 404, "not_found")
}

// wantProblem expects a refusal with a status and a code, and returns its fields.
func wantProblem(t *testing.T, rec *httptest.ResponseRecorder, status int, code sdk.Code) map[string]any {
	t.Helper()
	wantCode(t, rec, status, code)
	return fields(t, rec.Body.Bytes())
}

func wantDetail(t *testing.T, problem map[string]any, part string) {
	t.Helper()
	if detail, _ := problem["detail"].(string); !strings.Contains(detail, part) {
		t.Errorf("refused with %q, want %q", detail, part)
	}
}

func TestWhatCannotBeReplayedSaysWhy(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		switch call.Action {
		case "sendMail":
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: "lost", Outcome: sdk.OutcomeUnknown, Retryable: true}
		case "cancelPayment":
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Message: declined, Final: true, Outcome: sdk.OutcomeNotExecuted}
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	h.deliver("unknown")
	h.event("unknown", "failed")
	for _, body := range []string{`{}`, `{"fromStart":true}`} {
		wantProblem(t, h.send("POST", "/events/unknown/replay", body), 409, "outcome_unknown")
	}
	h.defineActions(`[{"id":"pay","type":"shop","action":"createPayment","params":{"amount":1}},{"id":"no","type":"shop","action":"cancelPayment","params":{"id":"x"}}]`)
	h.deliver("moved")
	h.event("moved", "failed")
	h.defineActions(`[{"id":"charge","type":"shop","action":"createPayment","params":{"amount":1}}]`)
	refused := wantProblem(t, h.send("POST", "/events/moved/replay", `{}`), 409, "conflict")
	wantDetail(t, refused, "step pay had succeeded")
	wantDetail(t, refused, "fromStart")
	h.defineActions(`[{"id":"w","type":"waitForEvent","event":"go"}]`)
	h.deliver("waits")
	wantDetail(t, wantProblem(t, h.send("POST", "/events/waits/replay", `{}`), 409, "conflict"), "only one that has ended")
	must(t, h.engine.SetDefinitions(t.Context(), nil))
	wantDetail(t, wantProblem(t, h.send("POST", "/events/moved/replay", `{"fromStart":true}`), 409, "conflict"), "no workflow webhook:events any more")
}

func TestARedeliveryOfAFailedEventResumesItsRun(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.declines()
	if first := h.deliver("evt_1"); first["duplicate"] != nil || first["resumed"] != nil {
		t.Errorf("the first is %v", first)
	}
	run := h.event("evt_1", "failed")["run"]
	resumed := 0
	for i := range 14 { // at most once in 10 s, and ten times
		if again := h.deliver("evt_1"); again["duplicate"] != true {
			t.Errorf("redelivered: %v", again)
		} else if again["resumed"] == true {
			resumed++
		}
		h.event("evt_1", "failed")
		if again := h.deliver("evt_1"); again["resumed"] != nil {
			t.Errorf("redelivered at once: %v", again)
		}
		if i == 2 {
			if calls := len(h.integration.called()); calls != 4 {
				t.Errorf("%d calls, want 4", calls)
			}
		}
		h.clock.Add(11)
	}
	shown := h.event("evt_1", "failed")
	if resumed != 10 || shown["redeliveries"] != 10.0 || shown["run"] != run || len(h.integration.called()) != 11 {
		t.Errorf("resumed %d times, %d calls, shown as %v", resumed, len(h.integration.called()), shown)
	}
	h.deliver("evt_2")
	h.event("evt_2", "failed")
	h.integration.succeeds(`{}`)
	if again := h.deliver("evt_2"); again["resumed"] != true || again["id"] != "evt_2" {
		t.Errorf("redelivered: %v", again)
	}
	h.event("evt_2", "processed")
	h.clock.Add(11)
	if again := h.deliver("evt_2"); again["duplicate"] != true || again["resumed"] != nil {
		t.Errorf("redelivered when it was processed: %v", again)
	}
}

func TestManyEventsAreReplayedAsABulk(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.declines()
	for i := range 300 {
		h.deliver(fmt.Sprintf("evt/%03d", i))
	}
	h.deliver("other")
	testkit.Eventually(t, 30*time.Second, "all have failed", func() bool {
		return strings.HasPrefix(h.send("GET", "/events?status=received,processed", "").Body.String(), `{"data":[]`)
	})
	h.integration.succeeds(`{}`)
	wantStatus(t, h.send("POST", "/bulk", `{"action":"replay","filter":{}}`), 422)
	wantStatus(t, h.send("POST", "/bulk", `{"action":"replay","filter":{"status":"received"}}`), 422)
	wantStatus(t, h.send("POST", "/bulk", `{"action":"replay","filter":{"workflow":"w"}}`), 422)
	wantStatus(t, h.send("POST", "/bulk", `{"action":"retry","filter":{"webhook":"events"}}`), 422)
	rec := h.send("POST", "/bulk", `{"action":"replay","filter":{"ids":["other"]}}`)
	wantStatus(t, rec, 202)
	if other := h.event("other", "processed"); other["run"] == nil {
		t.Errorf("it is %v", other)
	}
	preview := fields(t, func() []byte {
		rec := h.send("POST", "/bulk", `{"action":"replay","filter":{"webhook":"events","type":"pa*","status":"failed"},"dryRun":true}`)
		wantStatus(t, rec, 200)
		return rec.Body.Bytes()
	}())
	if counts := preview["counts"].(map[string]any); counts["total"] != 300.0 || len(preview["sampleEvents"].([]any)) != 10 {
		t.Errorf("the preview is %v", preview)
	}
	h.deliver("late") // the items are fixed
	wantStatus(t, h.send("POST", "/bulk/"+preview["id"].(string)+"/resume", ""), 202)
	var done map[string]any
	testkit.Eventually(t, 60*time.Second, "the bulk has ended", func() bool {
		done = fields(t, h.send("GET", "/bulk/"+preview["id"].(string), "").Body.Bytes())
		return done["status"] == "finished"
	})
	if counts := done["counts"].(map[string]any); counts["done"] != 300.0 || counts["failed"] != 0.0 {
		t.Errorf("the bulk is %v", done)
	}
	h.event("evt/299", "processed")
	items := h.send("GET", "/bulk/"+preview["id"].(string)+"/items?limit=1", "").Body.String()
	if !strings.Contains(items, `"event":"ev_`) || !strings.Contains(items, `"result":"done"`) {
		t.Errorf("the items are %s", items)
	}
}
