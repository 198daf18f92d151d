package gateway

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/bulk"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// bulkIs waits until a bulk has a status, and returns it.
func (h *harness) bulkIs(id, status string) (doc map[string]any) {
	h.t.Helper()
	testkit.Eventually(h.t, 20*time.Second, "the bulk is "+status, func() bool {
		rec := h.send("GET", "/bulk/"+id, "")
		wantStatus(h.t, rec, 200)
		doc = fields(h.t, rec.Body.Bytes())
		return doc["status"] == status
	})
	return doc
}

// failedRuns makes some failed runs of the flow, whose steps succeed from then on.
func (h *harness) failedRuns(n int) []string {
	h.t.Helper()
	refuse(h)
	h.define(failing)
	var ids []string
	for range n {
		ids = append(ids, h.start())
	}
	for _, id := range ids {
		h.is(id, workflow.RunFailed)
	}
	h.integration.succeeds(`{"id":"pay_1"}`)
	return ids
}

func id(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	return fields(t, rec.Body.Bytes())["id"].(string)
}

func TestAPreviewIsShownAndThenDone(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	runs := h.failedRuns(3)
	const body = `{"action":"retry","filter":{"workflow":"flow","status":"failed","since":"2020-01-01T00:00:00Z","error":"declined"},"dryRun":true}`
	rec := h.send("POST", "/bulk", body, "Idempotency-Key: k")
	wantStatus(t, rec, 200)
	doc := fields(t, rec.Body.Bytes())
	counts := doc["counts"].(map[string]any)
	sample := doc["sample"].([]any)
	if doc["status"] != "previewed" || doc["caller"] != "full" || counts["total"] != 3.0 || counts["pending"] != 3.0 || len(sample) != 3 || sample[0].(map[string]any)["id"] != runs[2] {
		t.Errorf("%s", rec.Body)
	}
	again := h.send("POST", "/bulk", body, "Idempotency-Key: k")
	wantStatus(t, again, 200)
	if id(t, again) != id(t, rec) || again.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v %s", again.Header(), again.Body)
	}
	h.is(runs[0], workflow.RunFailed)
	later := h.start() // succeeds
	h.is(later, workflow.RunSucceeded)
	started := h.send("POST", "/bulk/"+id(t, rec)+"/resume", "", "Idempotency-Key: r")
	wantStatus(t, started, 202)
	if started.Header().Get("Location") != "/bulk/"+id(t, rec) {
		t.Errorf("%v", started.Header())
	}
	done := h.bulkIs(id(t, rec), "finished")
	if counts := done["counts"].(map[string]any); counts["done"] != 3.0 || counts["pending"] != 0.0 || done["finishedAt"] == nil || done["sample"] != nil {
		t.Errorf("%v", done)
	}
	for _, run := range runs {
		h.is(run, workflow.RunSucceeded)
	}
	page := fields(t, h.send("GET", "/bulk/"+id(t, rec)+"/items?limit=2", "").Body.Bytes())
	items := page["data"].([]any)
	if len(items) != 2 || items[0].(map[string]any)["run"] != runs[0] || items[0].(map[string]any)["result"] != "done" || page["nextCursor"] != "2" {
		t.Errorf("%v", page)
	}
	last := fields(t, h.send("GET", "/bulk/"+id(t, rec)+"/items?cursor=2", "").Body.Bytes())
	if len(last["data"].([]any)) != 1 || last["nextCursor"] != nil {
		t.Errorf("%v", last)
	}
	wantCode(t, h.send("POST", "/bulk/"+id(t, rec)+"/cancel", ""), 409, sdk.CodeConflict)
}

func TestAnItemIsDoneWithTheScopesOfTheTokenAsTheConfigHasThemThen(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) {
		o.Routes.Tokens[1].Scopes = scopes(t, "runs:write", "runs:read")
	})
	runs := h.failedRuns(2)
	narrow := "Authorization: Bearer " + narrowToken
	rerun := h.send("POST", "/bulk", `{"action":"rerun","filter":{"workflow":"flow","status":["failed"]}}`, narrow)
	wantStatus(t, rerun, 202)
	if doc := h.bulkIs(id(t, rerun), "finished"); doc["reasons"].(map[string]any)["forbidden"] != 2.0 {
		t.Errorf("%v", doc)
	}
	preview := h.send("POST", "/bulk", `{"action":"retry","filter":{"workflow":"flow"},"dryRun":true}`, narrow)
	wantStatus(t, preview, 200)
	wantCode(t, h.send("POST", "/bulk/"+id(t, preview)+"/resume", ""), 403, sdk.CodeForbidden)
	wantStatus(t, h.send("POST", "/bulk/"+id(t, preview)+"/resume", "", narrow), 202)
	h.bulkIs(id(t, preview), "finished")
	h.is(runs[0], workflow.RunSucceeded)

	// The token is gone from the config by the time that the items are done.
	h.failedRuns(2)
	gone := h.send("POST", "/bulk", `{"action":"retry","filter":{"workflow":"flow","status":"failed"},"dryRun":true}`, narrow)
	wantStatus(t, gone, 200)
	bulk := id(t, gone)
	wantStatus(t, h.send("POST", "/bulk/"+bulk+"/resume", "", narrow), 202)
	routes := h.routes
	routes.Tokens = routes.Tokens[:1]
	must(t, h.Swap(routes))
	doc := h.bulkIs(bulk, "finished")
	if counts := doc["counts"].(map[string]any); counts["done"].(float64)+counts["failed"].(float64) != counts["total"] {
		t.Errorf("%v", doc)
	}
	if h.May("token:narrow", "runs", "write") || !h.May("token:full", "runs", "write") {
		t.Error("the scopes are not those of the present tokens")
	}
}

func TestARequestForABulkIsRefusedWithItsPlaces(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for body, want := range map[string]string{
		``:                               `"/action"`,
		`{"action":"retry"}`:             `"/filter"`,
		`{"action":"retry","filter":{}}`: "an empty filter selects every run",
		`{"action":"undo","filter":{"workflow":"w"}}`:                 "there are retry, cancel, rerun, replay",
		`{"action":"replay","filter":{"workflow":"w","type":"x"}}`:    "workflow and error select runs",
		`{"action":"retry","filter":{"workflow":"w","type":"x"}}`:     "webhook, type and fromStart are for replay alone",
		`{"action":"retry","filter":{"workflwo":"w"}}`:                `did you mean \"workflow\"`,
		`{"action":"retry","filter":{"since":"yesterday"}}`:           "since must be a time of RFC 3339",
		`{"action":"retry","filter":{"status":"succeeded"}}`:          "only to failed, waiting",
		`{"action":"retry","filter":{"ids":["nope"]}}`:                "/filter/ids/0",
		`{"action":"cancel","filter":{"workflow":"w"},"dryrun":true}`: `did you mean \"dryRun\"`,
	} {
		rec := h.send("POST", "/bulk", body)
		wantCode(t, rec, 422, sdk.CodeInvalidParams)
		if !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%s: %s", body, rec.Body)
		}
	}
	missing := engine.NewRunID()
	wantCode(t, h.send("GET", "/bulk/"+missing, ""), 404, sdk.CodeNotFound)
	wantCode(t, h.send("GET", "/bulk/"+missing+"/items", ""), 404, sdk.CodeNotFound)
	wantCode(t, h.send("POST", "/bulk/"+missing+"/pause", ""), 404, sdk.CodeNotFound)
	wantCode(t, h.send("GET", "/bulk/"+missing+"/items?limit=0", ""), 400, codeBadRequest)
}

func TestABulkIsPausedAndCancelledOverHTTP(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"w","type":"waitForEvent","event":"go"}]`)
	var ids []string
	for range 60 {
		ids = append(ids, h.start())
	}
	for _, id := range ids {
		h.is(id, workflow.RunWaiting)
	}
	rec := h.send("POST", "/bulk", `{"action":"cancel","filter":{"workflow":"flow"}}`)
	wantStatus(t, rec, 202)
	wantCode(t, h.send("POST", "/bulk", `{"action":"cancel","filter":{"workflow":"flow"}}`), 409, sdk.CodeConflict)
	wantStatus(t, h.send("POST", "/bulk/"+id(t, rec)+"/pause", "{}"), 202)
	wantCode(t, h.send("POST", "/bulk/"+id(t, rec)+"/pause", `{"x":1}`), 422, sdk.CodeInvalidParams)
	wantStatus(t, h.send("POST", "/bulk/"+id(t, rec)+"/cancel", ""), 202)
	doc := h.bulkIs(id(t, rec), "cancelled")
	if doc["finishedAt"] == nil {
		t.Errorf("%v", doc)
	}
	h.is(ids[59], workflow.RunWaiting)
}

// TestABulkTakesTheScopesOfWhatItChanges: those of runs, of events, or of destinations.
func TestABulkTakesTheScopesOfWhatItChanges(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.declines()
	h.deliver("evt_1")
	h.event("evt_1", "failed")
	runs := h.failedRuns(1)
	bulks := map[string]string{}
	for _, domain := range []string{"runs", "events", "destinations"} {
		for _, right := range []string{"read", "write"} {
			name := domain + " " + right
			h.routes.Tokens = append(h.routes.Tokens, Token{Name: name, Hash: access.HashOf(name), Scopes: scopes(t, domain+":"+right)})
		}
	}
	must(t, h.Swap(h.routes))
	for domain, body := range map[string]string{
		"runs":   `{"action":"retry","filter":{"ids":["` + runs[0] + `"]},"dryRun":true}`,
		"events": `{"action":"replay","filter":{"ids":["evt_1"]},"dryRun":true}`,
	} {
		for _, other := range []string{"runs", "events"} {
			rec := h.send("POST", "/bulk", body, "Authorization: Bearer "+other+" write")
			if other == domain {
				wantStatus(t, rec, 200)
				bulks[domain] = id(t, rec)
			} else {
				wantDetail(t, wantProblem(t, rec, 403, "forbidden"), domain+":write")
			}
		}
		wantStatus(t, h.send("POST", "/bulk", body, "Authorization: Bearer destinations write"), 403)
		wantStatus(t, h.send("POST", "/bulk", body, "Authorization: Bearer "+domain+" read"), 403)
	}
	b, err := h.services.Bulks.Create(t.Context(), bulk.Request{
		ID: engine.NewRunID(), Action: bulk.ActionRetry, Filter: bulk.Filter{IDs: runs}, DryRun: true,
		Caller: bulk.Caller{ID: "token:destinations write", Name: "destinations write"}, Permission: []string{"destinations", "write"},
	})
	must(t, err)
	bulks["destinations"] = b.ID
	for domain, id := range bulks {
		for _, other := range []string{"runs", "events", "destinations"} {
			want := 403
			if other == domain {
				want = 200
			}
			read, write := "Authorization: Bearer "+other+" read", "Authorization: Bearer "+other+" write"
			wantStatus(t, h.send("GET", "/bulk/"+id, "", read), want)
			wantStatus(t, h.send("GET", "/bulk/"+id+"/items", "", read), want)
			wantStatus(t, h.send("GET", "/bulk/"+id, "", write), 403)
			wantStatus(t, h.send("POST", "/bulk/"+id+"/cancel", "", read), 403)
			if other != domain {
				for _, command := range []string{"pause", "resume", "cancel"} {
					wantStatus(t, h.send("POST", "/bulk/"+id+"/"+command, "", write), 403)
				}
			}
		}
		wantStatus(t, h.send("POST", "/bulk/"+id+"/cancel", "", "Authorization: Bearer "+domain+" write"), 202)
	}
}
