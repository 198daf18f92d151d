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
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

const payStep = `{"id":"pay","type":"integration","integration":"shop","action":"createPayment","params":{"amount":1}`

// define replaces the workflows of the world by one named flow.
func (w *world) define(rest string) {
	w.t.Helper()
	flow, err := workflow.Parse([]byte(`{"id":"flow",`+rest+`}`), []string{"input", "steps", "run"})
	must(w.t, err)
	must(w.t, w.engine.SetDefinitions(w.t.Context(), []*workflow.Definition{flow}))
}

// start starts the flow and answers the run's id.
func (w *world) start() string {
	w.t.Helper()
	rec := w.send("POST", "/workflows/flow/runs", "{}")
	wantStatus(w.t, rec, 202)
	return fields(w.t, rec.Body.Bytes())["id"].(string)
}

// is waits until the run has a status.
func (w *world) is(id string, status workflow.RunStatus) {
	w.t.Helper()
	eventually(w.t, "the run is "+string(status), func() bool {
		rec := w.send("GET", "/runs/"+id, "")
		wantStatus(w.t, rec, 200)
		return fields(w.t, rec.Body.Bytes())["status"] == string(status)
	})
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}

// blocks makes the calls of an action wait until leave is closed, and others
// succeed. Inside is sent to when a call waits.
func (s *shop) blocks(action string) (inside, leave chan struct{}) {
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
	w := newWorld(t)
	w.define(`"input":{"type":"object","required":["email"],"properties":{"items":{"type":"array","items":{"type":"integer"}}}},"steps":[` + payStep + `}]`)
	rec := w.send("POST", "/workflows/flow/runs", `{"items":[1,"two",3,"four"]}`, "Idempotency-Key: k")
	wantCode(t, rec, 422, sdk.CodeInvalidParams)
	pointers := map[string]bool{}
	for _, fault := range fields(t, rec.Body.Bytes())["errors"].([]any) {
		pointers[fault.(map[string]any)["pointer"].(string)] = true
	}
	if !pointers["/email"] || !pointers["/items/1"] || !pointers["/items/3"] || len(pointers) != 3 {
		t.Errorf("%s", rec.Body)
	}
	if rec := w.send("GET", "/runs", ""); len(fields(t, rec.Body.Bytes())["data"].([]any)) != 0 {
		t.Errorf("%s", rec.Body)
	}
	// The key is as free as before.
	wantStatus(t, w.send("POST", "/workflows/flow/runs?wait=10s", `{"email":"a@b.c"}`, "Idempotency-Key: k"), 200)
}

func TestSignalsAreKeptForTheirWaitAndTakenOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(`"steps":[` + payStep + `},{"id":"a","type":"waitForEvent","event":"ann: go"},{"id":"b","type":"waitForEvent","event":"ann: go"},{"id":"c","type":"waitForEvent","event":"other"}]`)
	inside, leave := w.shop.blocks("createPayment")
	id := w.start()
	<-inside
	for _, body := range []string{`{"n":12345678901234567890}`, ``} { // before anybody waits
		rec := w.send("POST", "/runs/"+id+"/signals/ann:%20go", body)
		wantStatus(t, rec, 202)
		if doc := fields(t, rec.Body.Bytes()); doc["id"] != id || doc["workflow"] != "flow" || doc["status"] != "running" || rec.Header().Get("Location") != "/runs/"+id {
			t.Errorf("%v %s", rec.Header(), rec.Body)
		}
	}
	close(leave)
	w.is(id, workflow.RunWaiting)
	eventually(t, "both signals are taken", func() bool {
		return strings.Count(w.send("GET", "/runs/"+id, "").Body.String(), `"status":"succeeded"`) == 3
	})
	doc := w.send("GET", "/runs/"+id, "").Body.String()
	if !strings.Contains(doc, `"result":{"n":12345678901234567890}`) || !strings.Contains(doc, `"result":null`) {
		t.Errorf("%s", doc)
	}
	wantStatus(t, w.send("POST", "/runs/"+id+"/signals/other", `"x"`), 202)
	w.is(id, workflow.RunSucceeded)
	wantCode(t, w.send("POST", "/runs/"+id+"/signals/other", `"x"`), 409, sdk.CodeConflict)
}

func TestARunIsCancelledInEveryState(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	cancel := func(id, query string) *httptest.ResponseRecorder {
		t.Helper()
		return w.send("POST", "/runs/"+id+"/cancel"+query, "")
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
	w.define(`"concurrency":{"limit":1},"steps":[{"id":"wait","type":"waitForEvent","event":"go"}]`)
	first, second := w.start(), w.start()
	w.is(first, workflow.RunWaiting)
	w.is(second, workflow.RunQueued)
	wantCancelled(cancel(second, "?wait=10s"))
	// Waiting.
	wantCancelled(cancel(first, "?wait=10s"))

	// Running: the call is waited for.
	w.define(`"steps":[` + payStep + `},{"id":"wait","type":"waitForEvent","event":"go"}]`)
	inside, leave := w.shop.blocks("createPayment")
	id := w.start()
	<-inside
	rec := cancel(id, "")
	wantStatus(t, rec, 202)
	if doc := fields(t, rec.Body.Bytes()); doc["status"] != "running" || rec.Header().Get("Location") != "/runs/"+id {
		t.Errorf("%s", rec.Body)
	}
	wantStatus(t, cancel(id, "?wait=1ms"), 202) // again, while it ends
	close(leave)
	w.is(id, workflow.RunCancelled)

	// Compensating: it ends as it would have.
	w.define(`"steps":[` + payStep + `,"compensate":[{"id":"undo","type":"integration","integration":"shop","action":"cancelPayment","params":{"id":"x"}}]},
		{"id":"stop","type":"fail","message":"sold out","code":"out_of_stock"}]`)
	inside, leave = w.shop.blocks("cancelPayment")
	id = w.start()
	<-inside
	w.is(id, workflow.RunCompensating)
	if list := w.send("GET", "/runs?status=compensating", ""); !strings.Contains(list.Body.String(), id) {
		t.Errorf("%s", list.Body)
	}
	wantStatus(t, cancel(id, ""), 202)
	close(leave)
	w.is(id, workflow.RunFailed)
	failure := fields(t, w.send("GET", "/runs/"+id, "").Body.Bytes())["error"].(map[string]any)
	if failure["code"] != "out_of_stock" || failure["status"] != 422.0 || failure["type"] != typePrefix+"out_of_stock" || failure["detail"] != "sold out" {
		t.Errorf("%v", failure)
	}

	// Ended.
	wantCode(t, cancel(id, ""), 409, sdk.CodeConflict)
	wantCode(t, cancel(first, "?wait=10s"), 409, sdk.CodeConflict)
	list := w.send("GET", "/runs?status=cancelled", "")
	if n := len(fields(t, list.Body.Bytes())["data"].([]any)); n != 3 {
		t.Errorf("%d runs are listed as cancelled: %s", n, list.Body)
	}
}

func TestARetryGoesOnFromTheFailedStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(`"steps":[{"id":"mail","type":"integration","integration":"shop","action":"sendMail"},` + payStep + `}]`)
	decline := sdk.Error{Code: sdk.CodeDeclined, Message: "declined", Final: true, Outcome: sdk.OutcomeNotExecuted}
	w.shop.does(func(_ context.Context, call sdk.Call) (sdk.Result, error) {
		if call.Action == "createPayment" {
			return sdk.Result{}, &decline
		}
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	id := w.start()
	w.is(id, workflow.RunFailed)
	w.shop.succeeds(`{"id":"pay_2"}`)
	rec := w.send("POST", "/runs/"+id+"/retry?wait=10s", "{}")
	wantStatus(t, rec, 200)
	if doc := fields(t, rec.Body.Bytes()); doc["status"] != "succeeded" || doc["error"] != nil {
		t.Errorf("%s", rec.Body)
	}
	calls := w.shop.called()
	if len(calls) != 3 || calls[1].Action != "createPayment" || calls[1].IdempotencyKey == calls[2].IdempotencyKey {
		t.Errorf("%+v", calls)
	}
	wantCode(t, w.send("POST", "/runs/"+id+"/retry", ""), 409, sdk.CodeConflict)
}

// manyAtOnce sends one request twenty times at once under one key, and checks
// that each is answered with the run.
func (w *world) manyAtOnce(target, body, id string) {
	w.t.Helper()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			rec := w.send("POST", target, body, "Idempotency-Key: k")
			if rec.Code != 202 || !strings.Contains(rec.Body.String(), `"id":"`+id+`"`) {
				w.t.Errorf("%d: %s", rec.Code, rec.Body)
			}
		})
	}
	wg.Wait()
	rec := w.send("POST", target, body, "Idempotency-Key: k")
	wantStatus(w.t, rec, 202)
	if rec.Header().Get(replayed) != "true" {
		w.t.Error("a repeat is not marked")
	}
	wantCode(w.t, w.send("POST", target, "{ }", "Idempotency-Key: k"), 422, codeKeyReused)
}

func TestACancelWithAKeyCancelsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(`"steps":[` + payStep + `,"compensate":[{"id":"undo","type":"integration","integration":"shop","action":"cancelPayment","params":{"id":"x"}}]},
		{"id":"wait","type":"waitForEvent","event":"go"}]`)
	id := w.start()
	w.is(id, workflow.RunWaiting)
	w.manyAtOnce("/runs/"+id+"/cancel", "", id)
	w.is(id, workflow.RunCancelled)
	w.wantCalls(2)
	// Also when the run has ended, which would forbid it by now.
	rec := w.send("POST", "/runs/"+id+"/cancel?wait=10s", "", "Idempotency-Key: k")
	wantStatus(t, rec, 200)
	if doc := fields(t, rec.Body.Bytes()); doc["status"] != "cancelled" || rec.Header().Get(replayed) != "true" {
		t.Errorf("%s", rec.Body)
	}
	wantCode(t, w.send("POST", "/runs/"+id+"/cancel", "", "Idempotency-Key: k2"), 409, sdk.CodeConflict)
}

func TestARetryWithAKeyRetriesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(`"steps":[` + payStep + `}]`)
	w.shop.fails(sdk.Error{Code: sdk.CodeDeclined, Final: true, Outcome: sdk.OutcomeNotExecuted})
	id := w.start()
	w.is(id, workflow.RunFailed)
	w.manyAtOnce("/runs/"+id+"/retry", "", id) // to be declined again
	w.is(id, workflow.RunFailed)
	w.wantCalls(2)
}

func TestASignalWithAKeyIsSentOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.define(`"steps":[{"id":"a","type":"waitForEvent","event":"go"},{"id":"b","type":"waitForEvent","event":"go"}]`)
	id := w.start()
	w.manyAtOnce("/runs/"+id+"/signals/go", `{"by":"Ann"}`, id)
	eventually(t, "the signal is taken", func() bool {
		return strings.Contains(w.send("GET", "/runs/"+id, "").Body.String(), `"result":{"by":"Ann"}`)
	})
	w.is(id, workflow.RunWaiting)
	// The same key for another signal is another path.
	wantStatus(t, w.send("POST", "/runs/"+id+"/signals/other", `{"by":"Ann"}`, "Idempotency-Key: k"), 202)
	wantStatus(t, w.send("POST", "/runs/"+id+"/signals/go", `{"by":"Bob"}`), 202)
	w.is(id, workflow.RunSucceeded)
	if doc := w.send("GET", "/runs/"+id, "").Body.String(); !strings.Contains(doc, `"result":{"by":"Bob"}`) {
		t.Errorf("%s", doc)
	}
}

func TestChangesOfRunsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *Options) { o.Routes.MaxBodyBytes = 2 << 20 })
	w.define(`"steps":[{"id":"a","type":"waitForEvent","event":"go"}]`)
	id := w.start()
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
		{"/runs/" + id + "/signals/" + strings.Repeat("x", maxSignalName+1), ``, 400, codeBadRequest},
		{"/runs/" + id + "/signals/go", `"` + strings.Repeat("x", engine.MaxInput) + `"`, 413, codeTooLarge},
	} {
		for _, key := range []string{"", "k"} {
			rec := w.send("POST", c.target, c.body, "Idempotency-Key: "+key)
			wantCode(t, rec, c.status, c.code)
		}
	}
	wantStatus(t, w.send("POST", "/runs/"+id+"/signals/"+strings.Repeat("x", maxSignalName), "", "Idempotency-Key: k"), 202)
	wantCode(t, w.send("GET", "/runs/"+id+"/cancel", ""), 405, codeMethodNotAllowed)
	w.is(id, workflow.RunWaiting)
	for _, target := range []string{"/cancel", "/retry", "/signals/go"} {
		w.store.down.Store(true)
		wantCode(t, w.send("POST", "/runs/"+id+target, "", "Idempotency-Key: k"), 503, sdk.CodeUnavailable)
		w.store.down.Store(false)
	}
	wantStatus(t, w.send("POST", "/runs/"+id+"/signals/go", "", "Idempotency-Key: k"), 202)
	w.is(id, workflow.RunSucceeded)
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
		{engine.ErrFull, 429, codeLimitReached, "as many runs of the workflow as may be are under way, and it drops further ones", "1"},
		{fmt.Errorf("%w: run r1", engine.ErrBusy), 409, sdk.CodeConflict, "the run is being changed by another request, try again", "1"},
		{engine.ErrOverloaded, 503, codeOverloaded, "too many runs are being started, try again", "1"},
	} {
		w := newWorld(t, func(o *Options) {
			o.Runs = scriptedRuns{Runs: o.Runs, start: func(engine.StartRequest) (engine.Run, error) { return engine.Run{}, c.err }}
		})
		for _, target := range []string{startPath, "/runs/r1/cancel"} {
			rec := w.send("POST", target, "", "Idempotency-Key: k")
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
	w := newWorld(t, func(o *Options) {
		real := o.Runs
		o.Runs = scriptedRuns{Runs: real, start: func(r engine.StartRequest) (engine.Run, error) {
			// The winner comes between the look at the ledger and the write.
			if _, err := real.Cancel(context.Background(), r.ID, r.Once); err != nil {
				return engine.Run{}, err
			}
			return engine.Run{}, engine.ErrEnded
		}}
	})
	w.define(`"steps":[{"id":"a","type":"waitForEvent","event":"go"}]`)
	run, err := w.engine.Start(t.Context(), engine.StartRequest{Workflow: "flow", Roots: map[string]value.Doc{"input": value.TrustedDoc([]byte("{}"))}})
	must(t, err)
	rec := w.send("POST", "/runs/"+run.ID+"/cancel", "", "Idempotency-Key: k")
	wantStatus(t, rec, 202)
	if doc := fields(t, rec.Body.Bytes()); doc["id"] != run.ID || rec.Header().Get(replayed) != "true" {
		t.Errorf("%s", rec.Body)
	}
	w.is(run.ID, workflow.RunCancelled)
}
