package gateway

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
)

// only returns some fields of a document.
func only(doc map[string]any, names ...string) map[string]any {
	some := map[string]any{}
	for _, name := range names {
		if v, there := doc[name]; there {
			some[name] = v
		}
	}
	return some
}

// listed returns a run as the list of runs shows it.
func (h *harness) listed(id string) map[string]any {
	h.t.Helper()
	for _, run := range fields(h.t, h.send("GET", "/runs", "").Body.Bytes())["data"].([]any) {
		if doc := run.(map[string]any); doc["id"] == id {
			return doc
		}
	}
	h.t.Fatalf("no run %s in the list", id)
	return nil
}

func TestARunThatFailsAgainAndAgainDoesNotLookHealthy(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"each","type":"foreach","items":["a"],"steps":[` + payStep + `,"retry":{"initialInterval":"1h","maxInterval":"1h","maxAttempts":5}}]}]`)
	h.integration.fails(sdk.Error{Code: sdk.CodeUnavailable, Message: "busy with ***", Retryable: true, Outcome: sdk.OutcomeNotExecuted, Details: json.RawMessage(`{"queue":7}`)})
	id := h.start()
	h.is(id, workflow.RunWaiting)
	shown := fields(t, h.send("GET", "/runs/"+id, "").Body.Bytes())
	step := shown["steps"].([]any)[1].(map[string]any)
	for what, doc := range map[string]map[string]any{"run": shown, "step": step, "listed": h.listed(id)} {
		at, err := time.Parse(time.RFC3339, doc["retryAt"].(string))
		if until := time.Until(at); err != nil || until < 25*time.Minute || until > time.Hour || doc["waitingUntil"] != doc["retryAt"] {
			t.Errorf("%s: the next attempt is at %v, it waits until %v", what, doc["retryAt"], doc["waitingUntil"])
		}
		got := only(doc, "status", "waitingFor", "attempt", "maxAttempts")
		if want := map[string]any{"status": "waiting", "waitingFor": "retry", "attempt": 1.0, "maxAttempts": 5.0}; !cmp.Equal(got, want) {
			t.Errorf("%s: %v", what, got)
		}
		got = only(doc["error"].(map[string]any), "code", "detail", "step", "shop")
		if want := map[string]any{"code": "unavailable", "detail": "busy with ***", "step": "each[0].pay", "shop": map[string]any{"queue": 7.0}}; !cmp.Equal(got, want) {
			t.Errorf("%s: error %v", what, got)
		}
	}
}

func TestARunAndItsListSayWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for want, steps := range map[string]string{
		"timer":  `{"id":"w","type":"wait","duration":"1h"}`,
		"signal": `{"id":"w","type":"waitForEvent","event":"go","timeout":"1h"}`,
	} {
		h.define(`"steps":[` + steps + `]`)
		id := h.start()
		h.is(id, workflow.RunWaiting)
		shown := fields(t, h.send("GET", "/runs/"+id, "").Body.Bytes())
		if name := shown["steps"].([]any)[0].(map[string]any)["signal"]; (want == "signal") != (name == "go") {
			t.Errorf("a step that waits for a %s names the signal %v", want, name)
		}
		for what, doc := range map[string]map[string]any{"run": shown, "step": shown["steps"].([]any)[0].(map[string]any), "listed": h.listed(id)} {
			until, err := time.Parse(time.RFC3339, doc["waitingUntil"].(string))
			if left := time.Until(until); doc["waitingFor"] != want || err != nil || left < 50*time.Minute || left > time.Hour {
				t.Errorf("%s waits for %v until %v, want %s", what, doc["waitingFor"], doc["waitingUntil"], want)
			}
			for _, name := range []string{"retryAt", "attempt", "maxAttempts"} {
				if doc[name] != nil {
					t.Errorf("%s has %s %v", what, name, doc[name])
				}
			}
		}
	}
}

func TestARunNamesWhatStartedItAndWhatRetriedIt(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	child, err := workflow.Parse([]byte(`{"id":"child","steps":[`+payStep+`}]}`), []string{"input", "steps", "run"})
	must(t, err)
	parent, err := workflow.Parse([]byte(`{"id":"flow","steps":[{"id":"c","type":"workflow","workflow":"child"}]}`), []string{"input", "steps", "run"})
	must(t, err)
	must(t, h.engine.SetDefinitions(t.Context(), []*workflow.Definition{child, parent}))
	h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted, Details: json.RawMessage(`{"declineCode":"lost_card"}`)})
	id := h.start()
	h.is(id, workflow.RunFailed)
	shown := fields(t, h.send("GET", "/runs/"+id, "").Body.Bytes())
	failure := shown["error"].(map[string]any)
	inner := failure["child"].(map[string]any)
	if failure["step"] != "c" || inner["step"] != "pay" || failure["shop"].(map[string]any)["declineCode"] != "lost_card" {
		t.Errorf("error %v", failure)
	}
	for _, doc := range []map[string]any{shown, h.listed(id)} {
		if by := doc["startedBy"]; !cmp.Equal(by, map[string]any{"token": "full"}) || doc["retriedBy"] != nil {
			t.Errorf("started by %v, retried by %v", by, doc["retriedBy"])
		}
	}
	if by := h.listed(inner["id"].(string))["startedBy"]; !cmp.Equal(by, map[string]any{"parent": id}) {
		t.Errorf("the child was started by %v", by)
	}

	wantStatus(t, h.send("POST", "/runs/"+id+"/retry", ""), 202)
	testkit.Eventually(t, 10*time.Second, "the run is failed again", func() bool {
		doc := h.listed(id)
		return doc["status"] == "failed" && cmp.Equal(doc["retriedBy"], map[string]any{"token": "full"})
	})
}

func TestSensitiveMembersOfResultsAreShownInNoStep(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	const secret = "pay_1_secret_4kT/9x"
	h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		return sdk.Result{Body: []byte(`{"id":"pay_1","client_secret":"pay_1_secret_4kT\/9x"}`)}, nil
	})
	// A step and the output read it: it is kept, and only the output shows it.
	h.define(`"output":{"toBrowser":"{{steps.pay.result.client_secret}}"},"steps":[` + payStep + `},
		{"id":"link","type":"set","values":{"url":"https://shop.example/?s={{steps.pay.result.client_secret}}"}}]`)
	read := h.start()
	h.is(read, workflow.RunSucceeded)
	doc := fields(t, h.send("GET", "/runs/"+read, "").Body.Bytes())
	if output := doc["output"].(map[string]any); output["toBrowser"] != secret {
		t.Errorf("output %v", output)
	}
	shown, err := json.Marshal(doc["steps"])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(shown), `"client_secret":"***"`) || !strings.Contains(string(shown), `https://shop.example/?s=***`) {
		t.Errorf("steps %s", shown)
	}
	for _, event := range h.stream(read, 0) {
		if event.event != "ended" && strings.Contains(event.data, "secret_4kT") {
			t.Errorf("the stream shows %s", event.data)
		}
	}

	if rec := h.send("GET", "/runs/"+read+"/steps/link/result", ""); rec.Code != 200 || strings.Contains(rec.Body.String(), "secret_4kT") {
		t.Errorf("result %d %s", rec.Code, rec.Body)
	}

	// Nothing reads it: it is not kept.
	h.define(`"output":{"id":"{{steps.pay.result.id}}"},"steps":[` + payStep + `}]`)
	unread := h.start()
	h.is(unread, workflow.RunSucceeded)
	if rec := h.send("GET", "/runs/"+unread, ""); !strings.Contains(rec.Body.String(), `"result":{"id":"pay_1"}`) {
		t.Errorf("run %s", rec.Body)
	}

	// A call returns it: a browser needs it.
	if rec := h.send("POST", paymentsPath, `{"amount":1}`); !strings.Contains(rec.Body.String(), "secret_4kT") {
		t.Errorf("call %s", rec.Body)
	}
}

// A declined payment holds the intent, with the secret of the browser.
func TestSensitiveMembersOfErrorsAreKeptInNoRun(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted,
		Details: json.RawMessage(`{"code":"card_declined","paymentIntent":{"id":"pi_1","client_secret":"pi_1_secret_4kT"}}`)})
	h.define(`"output":"{{steps.pay.error.details}}","steps":[{"id":"pay","type":"shop","action":"createPayment","params":{"amount":1},"onError":"continue"}]`)
	id := h.start()
	h.is(id, workflow.RunSucceeded)
	shown := h.send("GET", "/runs/"+id, "").Body.String()
	if strings.Contains(shown, "secret_4kT") || !strings.Contains(shown, `"paymentIntent":{"id":"pi_1"}`) {
		t.Errorf("run %s", shown)
	}
	for _, event := range h.stream(id, 0) {
		if strings.Contains(event.data, "secret_4kT") {
			t.Errorf("the stream shows %s", event.data)
		}
	}
	// A call returns it: a browser tries again with another card.
	if rec := h.send("POST", paymentsPath, `{"amount":1}`); rec.Code != 402 || !strings.Contains(rec.Body.String(), "secret_4kT") {
		t.Errorf("call %s", rec.Body)
	}
}
