package gateway

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

const payStep = `{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":1}`

// define replaces the workflows of the harness by one named flow.
func (h *harness) define(rest string) {
	h.t.Helper()
	flow, err := workflow.Parse([]byte(`{"id":"flow",`+rest+`}`), []string{"input", "steps", "run"})
	must(h.t, err)
	must(h.t, h.engine.SetDefinitions(h.t.Context(), []*workflow.Definition{flow}))
}

// start starts the flow and returns the run's id.
func (h *harness) start() string {
	h.t.Helper()
	rec := h.send("POST", "/workflows/flow/runs", "{}")
	wantStatus(h.t, rec, 202)
	return fields(h.t, rec.Body.Bytes())["id"].(string)
}

// is waits until the run has a status.
func (h *harness) is(id string, status workflow.RunStatus) {
	h.t.Helper()
	testkit.Eventually(h.t, 10*time.Second, "the run is "+string(status), func() bool {
		rec := h.send("GET", "/runs/"+id, "")
		wantStatus(h.t, rec, 200)
		return fields(h.t, rec.Body.Bytes())["status"] == string(status)
	})
}

// blocks makes the calls of an action wait until leave is closed, and others
// succeed. Inside is sent to when a call waits.
func (s *fakeIntegration) blocks(action string) (inside, leave chan struct{}) {
	inside, leave = make(chan struct{}, 100), make(chan struct{})
	s.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		if call.Action == action {
			inside <- struct{}{}
			<-leave
		}
		return sdk.Result{Body: []byte(`{"id":"pay_1"}`)}, nil
	})
	return inside, leave
}

func TestAnInputThatFailsTheSchemaIsToldWithEveryFault(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"input":{"type":"object","required":["email"],"properties":{"items":{"type":"array","items":{"type":"integer"}}}},"steps":[` + payStep + `}]`)
	rec := h.send("POST", "/workflows/flow/runs", `{"items":[1,"two",3,"four"]}`, "Idempotency-Key: k")
	wantCode(t, rec, 422, sdk.CodeInvalidParams)
	pointers := map[string]bool{}
	for _, fault := range fields(t, rec.Body.Bytes())["errors"].([]any) {
		pointers[fault.(map[string]any)["pointer"].(string)] = true
	}
	if !pointers["/email"] || !pointers["/items/1"] || !pointers["/items/3"] || len(pointers) != 3 {
		t.Errorf("%s", rec.Body)
	}
	if rec := h.send("GET", "/runs", ""); len(fields(t, rec.Body.Bytes())["data"].([]any)) != 0 {
		t.Errorf("%s", rec.Body)
	}
	// The key is as free as before.
	wantStatus(t, h.send("POST", "/workflows/flow/runs?wait=10s", `{"email":"a@b.c"}`, "Idempotency-Key: k"), 200)
}

func TestSignalsAreKeptForTheirWaitAndTakenOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[` + payStep + `},{"id":"a","type":"waitForEvent","event":"ann: go"},{"id":"b","type":"waitForEvent","event":"ann: go"},{"id":"c","type":"waitForEvent","event":"other"}]`)
	inside, leave := h.integration.blocks("createPayment")
	id := h.start()
	<-inside
	for _, body := range []string{`{"n":12345678901234567890}`, ``} { // before any step waits
		rec := h.send("POST", "/runs/"+id+"/signals/ann:%20go", body)
		wantStatus(t, rec, 202)
		if doc := fields(t, rec.Body.Bytes()); doc["id"] != id || doc["workflow"] != "flow" || doc["status"] != "running" || rec.Header().Get("Location") != "/runs/"+id {
			t.Errorf("%v %s", rec.Header(), rec.Body)
		}
	}
	close(leave)
	h.is(id, workflow.RunWaiting)
	testkit.Eventually(t, 10*time.Second, "both signals are taken", func() bool {
		return strings.Count(h.send("GET", "/runs/"+id, "").Body.String(), `"status":"succeeded"`) == 3
	})
	doc := h.send("GET", "/runs/"+id, "").Body.String()
	if !strings.Contains(doc, `"result":{"n":12345678901234567890}`) || !strings.Contains(doc, `"result":null`) {
		t.Errorf("%s", doc)
	}
	wantStatus(t, h.send("POST", "/runs/"+id+"/signals/other", `"x"`), 202)
	h.is(id, workflow.RunSucceeded)
	wantCode(t, h.send("POST", "/runs/"+id+"/signals/other", `"x"`), 409, sdk.CodeConflict)
}

func TestARunIsCancelledInEveryState(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	cancel := func(id, query string) *httptest.ResponseRecorder {
		t.Helper()
		return h.send("POST", "/runs/"+id+"/cancel"+query, "")
	}
	wantCancelled := func(rec *httptest.ResponseRecorder) {
		t.Helper()
		wantStatus(t, rec, 200)
		doc := fields(t, rec.Body.Bytes())
		if failure := doc["error"].(map[string]any); doc["status"] != "cancelled" || failure["code"] != "cancelled" || failure["status"] != 409.0 || doc["steps"] == nil {
			t.Errorf("%s", rec.Body)
		}
	}

	// Queued, behind one that waits.
	h.define(`"concurrency":{"limit":1},"steps":[{"id":"wait","type":"waitForEvent","event":"go"}]`)
	first, second := h.start(), h.start()
	h.is(first, workflow.RunWaiting)
	h.is(second, workflow.RunQueued)
	wantCancelled(cancel(second, "?wait=10s"))
	// Waiting.
	wantCancelled(cancel(first, "?wait=10s"))

	// Running: the call is waited for.
	h.define(`"steps":[` + payStep + `},{"id":"wait","type":"waitForEvent","event":"go"}]`)
	inside, leave := h.integration.blocks("createPayment")
	id := h.start()
	<-inside
	rec := cancel(id, "")
	wantStatus(t, rec, 202)
	if doc := fields(t, rec.Body.Bytes()); doc["status"] != "running" || rec.Header().Get("Location") != "/runs/"+id {
		t.Errorf("%s", rec.Body)
	}
	wantStatus(t, cancel(id, "?wait=1ms"), 202) // again, while it ends
	close(leave)
	h.is(id, workflow.RunCancelled)

	// Compensating: it ends as it would have.
	h.define(`"steps":[` + payStep + `,"compensate":[{"id":"undo","type":"integration","integration":"shop","action":"cancelPayment","params":{"id":"x"}}]},
		{"id":"stop","type":"fail","message":"sold out","code":"out_of_stock"}]`)
	inside, leave = h.integration.blocks("cancelPayment")
	id = h.start()
	<-inside
	h.is(id, workflow.RunCompensating)
	if list := h.send("GET", "/runs?status=compensating", ""); !strings.Contains(list.Body.String(), id) {
		t.Errorf("%s", list.Body)
	}
	wantStatus(t, cancel(id, ""), 202)
	close(leave)
	h.is(id, workflow.RunFailed)
	failure := fields(t, h.send("GET", "/runs/"+id, "").Body.Bytes())["error"].(map[string]any)
	if failure["code"] != "out_of_stock" || failure["status"] != 422.0 || failure["type"] != typePrefix+"failed" || failure["detail"] != "sold out" {
		t.Errorf("%v", failure)
	}

	// Ended.
	wantCode(t, cancel(id, ""), 409, sdk.CodeConflict)
	wantCode(t, cancel(first, "?wait=10s"), 409, sdk.CodeConflict)
	list := h.send("GET", "/runs?status=cancelled", "")
	if n := len(fields(t, list.Body.Bytes())["data"].([]any)); n != 3 {
		t.Errorf("%d runs are listed as cancelled: %s", n, list.Body)
	}
}

func TestARetryGoesOnFromTheFailedStep(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"mail","type":"integration","integration":"shop","action":"sendMail"},` + payStep + `}]`)
	decline := sdk.Error{Code: sdk.CodeDeclined, Message: "declined", Final: true, Outcome: sdk.OutcomeNotExecuted}
	h.integration.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		if call.Action == "createPayment" {
			return sdk.Result{}, &decline
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	id := h.start()
	h.is(id, workflow.RunFailed)
	h.integration.succeeds(`{"id":"pay_2"}`)
	rec := h.send("POST", "/runs/"+id+"/retry?wait=10s", "{}")
	wantStatus(t, rec, 200)
	if doc := fields(t, rec.Body.Bytes()); doc["status"] != "succeeded" || doc["error"] != nil {
		t.Errorf("%s", rec.Body)
	}
	calls := h.integration.called()
	if len(calls) != 3 || calls[1].Action != "createPayment" || calls[1].IdempotencyKey == calls[2].IdempotencyKey {
		t.Errorf("%+v", calls)
	}
	wantCode(t, h.send("POST", "/runs/"+id+"/retry", ""), 409, sdk.CodeConflict)
}

// manyAtOnce sends one request twenty times at once under one key, and checks
// that the response to each is the run.
func (h *harness) manyAtOnce(target, body, id string) {
	h.t.Helper()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			rec := h.send("POST", target, body, "Idempotency-Key: k")
			if rec.Code != 202 || !strings.Contains(rec.Body.String(), `"id":"`+id+`"`) {
				h.t.Errorf("%d: %s", rec.Code, rec.Body)
			}
		})
	}
	wg.Wait()
	rec := h.send("POST", target, body, "Idempotency-Key: k")
	wantStatus(h.t, rec, 202)
	if rec.Header().Get(replayedHeader) != "true" {
		h.t.Error("a repeat is not marked")
	}
	wantCode(h.t, h.send("POST", target, "{ }", "Idempotency-Key: k"), 422, codeKeyReused)
}

func TestACancelWithAKeyCancelsOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[` + payStep + `,"compensate":[{"id":"undo","type":"integration","integration":"shop","action":"cancelPayment","params":{"id":"x"}}]},
		{"id":"wait","type":"waitForEvent","event":"go"}]`)
	id := h.start()
	h.is(id, workflow.RunWaiting)
	h.manyAtOnce("/runs/"+id+"/cancel", "", id)
	h.is(id, workflow.RunCancelled)
	h.wantCalls(2)
	// Also when the run has ended, which would forbid it by now.
	rec := h.send("POST", "/runs/"+id+"/cancel?wait=10s", "", "Idempotency-Key: k")
	wantStatus(t, rec, 200)
	if doc := fields(t, rec.Body.Bytes()); doc["status"] != "cancelled" || rec.Header().Get(replayedHeader) != "true" {
		t.Errorf("%s", rec.Body)
	}
	wantCode(t, h.send("POST", "/runs/"+id+"/cancel", "", "Idempotency-Key: k2"), 409, sdk.CodeConflict)
}

func TestARetryWithAKeyRetriesOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[` + payStep + `}]`)
	h.integration.fails(sdk.Error{Code: sdk.CodeDeclined, Final: true, Outcome: sdk.OutcomeNotExecuted})
	id := h.start()
	h.is(id, workflow.RunFailed)
	h.manyAtOnce("/runs/"+id+"/retry", "", id) // to be declined again
	h.is(id, workflow.RunFailed)
	h.wantCalls(2)
}

func TestASignalWithAKeyIsSentOnce(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.define(`"steps":[{"id":"a","type":"waitForEvent","event":"go"},{"id":"b","type":"waitForEvent","event":"go"}]`)
	id := h.start()
	h.manyAtOnce("/runs/"+id+"/signals/go", `{"by":"Ann"}`, id)
	testkit.Eventually(t, 10*time.Second, "the signal is taken", func() bool {
		return strings.Contains(h.send("GET", "/runs/"+id, "").Body.String(), `"result":{"by":"Ann"}`)
	})
	h.is(id, workflow.RunWaiting)
	// The same key for another signal is another path.
	wantStatus(t, h.send("POST", "/runs/"+id+"/signals/other", `{"by":"Ann"}`, "Idempotency-Key: k"), 202)
	wantStatus(t, h.send("POST", "/runs/"+id+"/signals/go", `{"by":"Bob"}`), 202)
	h.is(id, workflow.RunSucceeded)
	if doc := h.send("GET", "/runs/"+id, "").Body.String(); !strings.Contains(doc, `"result":{"by":"Bob"}`) {
		t.Errorf("%s", doc)
	}
}

func TestChangesOfRunsThatAreRefused(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) { o.Routes.MaxBodyBytes = 2 << 20 })
	h.define(`"steps":[{"id":"a","type":"waitForEvent","event":"go"}]`)
	id := h.start()
	for _, c := range []struct {
		target, body string
		status       int
		code         sdk.Code
	}{
		{"/runs/none/cancel", "", 404, sdk.CodeNotFound},
		{"/runs/none/retry", "", 404, sdk.CodeNotFound},
		{"/runs/none/signals/go", "", 404, sdk.CodeNotFound},
		{"/runs/" + id + "/cancel", `{"reason":"x"}`, 422, sdk.CodeInvalidParams},
		{"/runs/" + id + "/cancel", `null`, 422, sdk.CodeInvalidParams},
		{"/runs/" + id + "/retry", ``, 409, sdk.CodeConflict},
		{"/runs/" + id + "/retry?wait=11m", ``, 400, codeBadRequest},
		{"/runs/" + id + "/signals/go?wait=1s", ``, 400, codeBadRequest},
		{"/runs/" + id + "/signals/go", `{`, 400, codeInvalidJSON},
		{"/runs/" + id + "/signals/a%2Fb", ``, 400, codeBadRequest},
		{"/runs/" + id + "/signals/a%0Ab", ``, 400, codeBadRequest},
		{"/runs/" + id + "/signals/", ``, 404, sdk.CodeNotFound},
		{"/runs/" + id + "/signals/" + strings.Repeat("x", workflow.MaxSignalName+1), ``, 400, codeBadRequest},
		{"/runs/" + id + "/signals/go", `"` + strings.Repeat("x", engine.MaxInput) + `"`, 413, codeTooLarge},
	} {
		for _, key := range []string{"", "k"} {
			rec := h.send("POST", c.target, c.body, "Idempotency-Key: "+key)
			wantCode(t, rec, c.status, c.code)
		}
	}
	wantStatus(t, h.send("POST", "/runs/"+id+"/signals/"+strings.Repeat("x", workflow.MaxSignalName), "", "Idempotency-Key: k"), 202)
	wantCode(t, h.send("GET", "/runs/"+id+"/cancel", ""), 405, codeMethodNotAllowed)
	h.is(id, workflow.RunWaiting)
	for _, target := range []string{"/cancel", "/retry", "/signals/go"} {
		h.store.down.Store(true)
		wantCode(t, h.send("POST", "/runs/"+id+target, "", "Idempotency-Key: k"), 503, sdk.CodeUnavailable)
		h.store.down.Store(false)
	}
	wantStatus(t, h.send("POST", "/runs/"+id+"/signals/go", "", "Idempotency-Key: k"), 202)
	h.is(id, workflow.RunSucceeded)
}

func (s scriptedRuns) Cancel(_ context.Context, id string, once engine.Once) (engine.Run, error) {
	return s.start(engine.StartRequest{ID: id, Once: once})
}

func TestWhatTheEngineRefusesIsToldAsWhatItIs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err        error
		status     int
		code       sdk.Code
		detail     string
		retryAfter string
	}{
		{fmt.Errorf("%w: run r1 is failed", engine.ErrEnded), 409, sdk.CodeConflict, "the run has ended: run r1 is failed", ""},
		{fmt.Errorf("%w: 5 bytes are more than 4", engine.ErrTooLarge), 413, codeTooLarge, "too large: 5 bytes are more than 4", ""},
		{fmt.Errorf("%w: concurrency.key: input.customer is missing", engine.ErrBadInput), 422, sdk.CodeInvalidParams, "bad input: concurrency.key: input.customer is missing", ""},
		{engine.ErrFull, 429, engine.CodeLimitReached, "as many runs of the workflow as may be are under way, and it drops further ones", "1"},
		{fmt.Errorf("%w: run r1", engine.ErrBusy), 409, sdk.CodeConflict, "the run is being changed by another request, try again", "1"},
		{engine.ErrOverloaded, 503, codeOverloaded, "too many runs are being started, try again", "1"},
	} {
		h := newHarness(t, func(o *Options) {
			o.Runs = scriptedRuns{Runs: o.Runs, start: func(engine.StartRequest) (engine.Run, error) { return engine.Run{}, c.err }}
		})
		for _, target := range []string{startPath, "/runs/r1/cancel"} {
			rec := h.send("POST", target, "", "Idempotency-Key: k")
			wantCode(t, rec, c.status, c.code)
			if detail := fields(t, rec.Body.Bytes())["detail"]; detail != c.detail || rec.Header().Get("Retry-After") != c.retryAfter {
				t.Errorf("%v: %q, Retry-After %q", c.err, detail, rec.Header().Get("Retry-After"))
			}
		}
	}
}

// TestARequestThatLosesTheRaceIsAnsweredWithTheRun: the winner under the same
// key may have made the run into one that forbids the change.
func TestARequestThatLosesTheRaceIsAnsweredWithTheRun(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) {
		real := o.Runs
		o.Runs = scriptedRuns{Runs: real, start: func(r engine.StartRequest) (engine.Run, error) {
			// The winner comes between the look at the ledger and the write.
			if _, err := real.Cancel(context.Background(), r.ID, r.Once); err != nil {
				return engine.Run{}, err
			}
			return engine.Run{}, engine.ErrEnded
		}}
	})
	h.define(`"steps":[{"id":"a","type":"waitForEvent","event":"go"}]`)
	run, err := h.engine.Start(t.Context(), engine.StartRequest{Workflow: "flow", Roots: map[string]value.Doc{"input": value.TrustedDoc([]byte("{}"))}})
	must(t, err)
	rec := h.send("POST", "/runs/"+run.ID+"/cancel", "", "Idempotency-Key: k")
	wantStatus(t, rec, 202)
	if doc := fields(t, rec.Body.Bytes()); doc["id"] != run.ID || rec.Header().Get(replayedHeader) != "true" {
		t.Errorf("%s", rec.Body)
	}
	h.is(run.ID, workflow.RunCancelled)
}
