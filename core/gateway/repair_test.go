package gateway

import (
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// failing is a flow whose only step is refused for good.
const failing = `"steps":[{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":1}}]`

func refuse(h *harness) {
	h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted})
}

func TestARunIsRunAgainOnceForItsKeyAndBothNameTheOther(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	refuse(h)
	h.define(failing)
	id := h.start()
	h.is(id, workflow.RunFailed)
	h.integration.succeeds(`{"id":"pay_1"}`)
	rec := h.send("POST", "/runs/"+id+"/rerun?wait=10s", "", "Idempotency-Key: k")
	wantStatus(t, rec, 200)
	doc := fields(t, rec.Body.Bytes())
	again := doc["id"].(string)
	if doc["rerunOf"] != id || doc["status"] != "succeeded" || rec.Header().Get("Location") != "/runs/"+again {
		t.Errorf("%v %s", rec.Header(), rec.Body)
	}
	repeated := h.send("POST", "/runs/"+id+"/rerun?wait=10s", "", "Idempotency-Key: k")
	wantStatus(t, repeated, 200)
	if fields(t, repeated.Body.Bytes())["id"] != again || repeated.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%v %s", repeated.Header(), repeated.Body)
	}
	if doc := fields(t, h.send("GET", "/runs/"+id, "").Body.Bytes()); doc["rerunAs"] != again || doc["status"] != "failed" {
		t.Errorf("%v", doc)
	}
	for _, what := range []string{"retry", "rerun"} {
		rec := h.send("POST", "/runs/"+id+"/"+what, "")
		wantCode(t, rec, 409, sdk.CodeConflict)
		if !strings.Contains(rec.Body.String(), "was replaced by run "+again) {
			t.Errorf("%s", rec.Body)
		}
	}
	started := h.send("POST", "/runs/"+again+"/rerun", "{}")
	wantStatus(t, started, 202)
	if doc := fields(t, started.Body.Bytes()); doc["rerunOf"] != again || doc["workflow"] != "flow" {
		t.Errorf("%s", started.Body)
	}
	wantCode(t, h.send("POST", "/runs/"+again+"/rerun", `{"input":{}}`), 422, sdk.CodeInvalidParams)
	wantCode(t, h.send("POST", "/runs/nope/rerun", ""), 404, sdk.CodeNotFound)
}

func TestARerunNeedsTheScopeOfItsWorkflow(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) {
		o.Routes.Tokens[1].Scopes = scopes(t, "runs:write", "workflows:other:run")
	})
	refuse(h)
	h.define(failing)
	id := h.start()
	h.is(id, workflow.RunFailed)
	rec := h.send("POST", "/runs/"+id+"/rerun", "", "Authorization: Bearer "+narrowToken)
	wantCode(t, rec, 403, sdk.CodeForbidden)
	if !strings.Contains(rec.Body.String(), "workflows:flow:run") {
		t.Errorf("%s", rec.Body)
	}
	wantStatus(t, h.send("POST", "/runs/"+id+"/retry", "", "Authorization: Bearer "+narrowToken), 202)
}

func TestARetryByThePresentDefinitionShowsWhatDiffers(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const flow = `"steps":[{"id":"first","type":"set","values":{"n":1}},{"id":"pay","type":"shop","action":"createPayment","params":{"amount":1}}]`
	refuse(h)
	h.define(flow)
	id := h.start()
	h.is(id, workflow.RunFailed)
	h.define(strings.Replace(flow, `"n":1`, `"n":2`, 1))
	rec := h.send("POST", "/runs/"+id+"/retry", `{"latest":true}`)
	wantCode(t, rec, 409, sdk.CodeConflict)
	first := fields(t, rec.Body.Bytes())["errors"].([]any)[0].(map[string]any)
	if first["pointer"] != "/steps/0/values/n" || !strings.Contains(first["message"].(string), "step first: it is done") {
		t.Errorf("%s", rec.Body)
	}
	h.define(strings.Replace(flow, `"amount":1`, `"amount":2`, 1))
	h.integration.succeeds(`{"id":"pay_1"}`)
	done := h.send("POST", "/runs/"+id+"/retry?wait=10s", `{"latest":true}`)
	wantStatus(t, done, 200)
	calls := h.integration.called()
	if fields(t, done.Body.Bytes())["status"] != "succeeded" || string(calls[len(calls)-1].Params) != `{"amount":2}` {
		t.Errorf("%s after %s", done.Body, calls[len(calls)-1].Params)
	}
}

func TestWhileAnOutcomeIsUnknownNothingIsDoneUnderOtherKeys(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.fails(sdk.Error{Code: sdk.CodeTimeout, Message: "lost", Retryable: true})
	h.define(`"steps":[{"id":"mail","type":"shop","action":"sendMail","params":{}}]`)
	id := h.start()
	h.is(id, workflow.RunFailed)
	wantCode(t, h.send("POST", "/runs/"+id+"/rerun", ""), 409, sdk.CodeOutcomeUnknown)
	wantCode(t, h.send("POST", "/runs/"+id+"/retry", `{"latest":true}`), 409, sdk.CodeOutcomeUnknown)
	wantStatus(t, h.send("POST", "/runs/"+id+"/retry", `{"latest":false}`), 202)
}

func TestTheNextAttemptIsMadeNow(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.fails(sdk.Error{Code: sdk.CodeUnavailable, Message: "down", Retryable: true, Outcome: sdk.OutcomeNotExecuted})
	h.define(`"steps":[{"id":"pay","type":"shop","action":"createPayment","params":{"amount":1},"retry":{"initialInterval":"24h","maxInterval":"24h"}}]`)
	id := h.start()
	h.is(id, workflow.RunWaiting)
	rec := h.send("POST", "/runs/"+id+"/retry", "")
	wantCode(t, rec, 409, sdk.CodeConflict)
	h.integration.succeeds(`{"id":"pay_1"}`)
	testkit.Eventually(t, 10*time.Second, "the run is waiting in the store", func() bool {
		return h.send("POST", "/runs/"+id+"/retry", `{"now":true}`, "Idempotency-Key: now").Code == 202
	})
	h.is(id, workflow.RunSucceeded)
	wantCode(t, h.send("POST", "/runs/"+id+"/retry", `{"now":true}`), 409, sdk.CodeConflict)
	for body, pointer := range map[string]string{`{"nwo":true}`: `did you mean \"now\"`, `{"now":"yes"}`: `"/now"`, `{"now":true,"latest":true}`: "give now or latest", `[]`: "object"} {
		rec := h.send("POST", "/runs/"+id+"/retry", body)
		wantCode(t, rec, 422, sdk.CodeInvalidParams)
		if !strings.Contains(rec.Body.String(), pointer) {
			t.Errorf("%s: %s", body, rec.Body)
		}
	}
}
