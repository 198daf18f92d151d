package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/idempotency"
	"github.com/backflow/backflow/sdk"
)

const (
	paymentsPath = "/integrations/shop/payments"
	mailPath     = "/integrations/shop/actions/sendMail"
)

func (h *harness) pay(key string, headers ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.send("POST", paymentsPath, `{"amount":1}`, append([]string{"Idempotency-Key: " + key}, headers...)...)
}

// wantCalls checks how often the integration was called.
func (h *harness) wantCalls(n int) {
	h.t.Helper()
	if got := len(h.integration.called()); got != n {
		h.t.Fatalf("%d calls, want %d", got, n)
	}
}

func TestARepeatIsAnsweredWithTheFirstAnswer(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	body := `{"id":"pay_1", "amount": 10.00,"new_field":12345678901234567890}` + "\n"
	h.integration.succeeds(body)
	first := h.pay("k")
	h.integration.succeeds(`{"id":"pay_2"}`)
	second := h.pay(`"k"`, "X-Request-Id: req-2")
	for i, rec := range []*httptest.ResponseRecorder{first, second} {
		wantStatus(t, rec, 200)
		if rec.Body.String() != body || rec.Header().Get("Content-Type") != "application/json" {
			t.Errorf("response %d: %s %q", i+1, rec.Header(), rec.Body)
		}
	}
	if first.Header().Get(replayedHeader) != "" || second.Header().Get(replayedHeader) != "true" || second.Header().Get("X-Request-Id") != "req-2" {
		t.Errorf("headers %v and %v", first.Header(), second.Header())
	}
	until, err := time.Parse(time.RFC3339, first.Header().Get(expiresHeader))
	if err != nil || time.Until(until).Round(time.Minute) != idempotency.DefaultTTL || second.Header().Get(expiresHeader) != first.Header().Get(expiresHeader) {
		t.Errorf("kept until %q, then %q", first.Header().Get(expiresHeader), second.Header().Get(expiresHeader))
	}
	h.wantCalls(1)
	wantStatus(t, h.pay("k2"), 200)
	wantStatus(t, h.pay(""), 200) // no header
	wantStatus(t, h.pay(""), 200)
	calls := h.integration.called()
	keys := map[string]bool{}
	for _, c := range calls {
		if c.IdempotencyKey == "" || c.RequestID == "" || strings.Contains(c.IdempotencyKey, "k2") {
			t.Errorf("call %+v", c)
		}
		keys[c.IdempotencyKey] = true
	}
	if len(calls) != 4 || len(keys) != 4 {
		t.Errorf("%d calls with %d keys, want 4 and 4", len(calls), len(keys))
	}
}

func TestAKeyBelongsToOneRequestOfOneCaller(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(o *Options) {
		o.Routes.Tokens[1].Scopes = scopes(t, "integrations:*")
	})
	wantStatus(t, h.pay("k"), 200)
	wantCode(t, h.send("POST", paymentsPath, `{"amount":2}`, "Idempotency-Key: k"), 422, codeKeyReused)
	wantCode(t, h.send("POST", paymentsPath, `{"amount":1 }`, "Idempotency-Key: k"), 422, codeKeyReused)
	h.wantCalls(1)
	// Another caller, path or method is another scope.
	wantStatus(t, h.pay("k", "Authorization: Bearer "+narrowToken), 200)
	wantStatus(t, h.send("POST", "/integrations/shop/actions/createPayment", `{"amount":1}`, "Idempotency-Key: k"), 200)
	wantStatus(t, h.send("DELETE", paymentsPath+"/pay_1", ``, "Idempotency-Key: k"), 200)
	h.wantCalls(4)
	// A GET has no effect to guard.
	wantStatus(t, h.send("GET", paymentsPath+"/pay_1", ``, "Idempotency-Key: not a key"), 200)
}

func TestARepeatMayEscapeItsPathOtherwise(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	wantStatus(t, h.pay("k"), 200)
	rec := h.send("POST", "/integrations/%73hop/payments", `{"amount":1}`, "Idempotency-Key: k")
	wantStatus(t, rec, 200)
	if rec.Header().Get(replayedHeader) != "true" {
		t.Error("the repeat was not recognised")
	}
	h.wantCalls(1)
	first := h.send("POST", "/workflows/process-order/runs?wait=10s", `{"amount":1}`, "Idempotency-Key: k")
	wantStatus(t, first, 200)
	second := h.send("POST", "/workflows/process%2Dorder/runs?wait=10s", `{"amount":1}`, "Idempotency-Key: k")
	wantStatus(t, second, 200)
	if one, two := fields(t, first.Body.Bytes())["id"], fields(t, second.Body.Bytes())["id"]; one != two {
		t.Errorf("runs %v and %v, want one", one, two)
	}
}

func TestOneOfManyRequestsWithAKeyActs(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	inside, leave := make(chan struct{}), make(chan struct{})
	h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		close(inside)
		<-leave
		return sdk.Result{Body: []byte(`{}`)}, nil
	})
	var wg sync.WaitGroup
	wg.Go(func() { wantStatus(t, h.pay("k"), 200) })
	<-inside
	for range 20 {
		rec := h.pay("k")
		wantCode(t, rec, 409, codeKeyInProgress)
		if rec.Header().Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	close(leave)
	wg.Wait()
	wantStatus(t, h.pay("k"), 200)
	h.wantCalls(1)
}

// TestWhatIsKeptOfAResponse: after a first response, the same key either replays
// it, acts again with the same or with another upstream key, or fails.
func TestWhatIsKeptOfAResponse(t *testing.T) {
	t.Parallel()
	const (
		replays   = "replays"
		sameKey   = "acts again with the same upstream key"
		newKey    = "acts again with another upstream key"
		isRefused = "is refused"
	)
	decline := sdk.Error{Code: sdk.CodeDeclined, Message: "declined", Final: true, Outcome: sdk.OutcomeNotExecuted}
	for _, c := range []struct {
		name   string
		path   string
		first  sdk.Error
		status int
		then   string
	}{
		{"final refusal", paymentsPath, decline, 402, replays},
		{"final refusal of an action that must not be repeated", mailPath, decline, 402, replays},
		{"final 5xx", paymentsPath, sdk.Error{Code: sdk.CodeUpstream, Final: true}, 502, replays},
		{"effect stands", paymentsPath, *sdk.Executed(sdk.CodeResultTooLarge, "too large"), 502, replays},
		{"effect stands, and another response may come", paymentsPath, sdk.Error{Code: sdk.CodeUpstream, Outcome: sdk.OutcomeExecuted, Retryable: true, RetryAfter: time.Minute}, 502, sameKey},
		{"effect stands of what must not be repeated", mailPath, *sdk.Executed(sdk.CodeInternal, "no JSON"), 500, replays},
		{"effect stands of what must not be repeated, whatever may come", mailPath, sdk.Error{Code: sdk.CodeUpstream, Outcome: sdk.OutcomeExecuted, Retryable: true}, 502, replays},
		{"key in use at the vendor", paymentsPath, sdk.Error{Code: sdk.CodeConflict, Outcome: sdk.OutcomeUnknown, Retryable: true, RetryAfter: time.Minute}, 409, sameKey},
		{"refusal that is not final", paymentsPath, sdk.Error{Code: sdk.CodeRejected, Outcome: sdk.OutcomeNotExecuted}, 400, newKey},
		{"credentials refused", paymentsPath, sdk.Error{Code: sdk.CodeCredentials, Final: true, Outcome: sdk.OutcomeNotExecuted}, 502, newKey},
		{"retryable, not executed", paymentsPath, sdk.Error{Code: sdk.CodeUnavailable, Retryable: true, RetryAfter: time.Minute, Outcome: sdk.OutcomeNotExecuted}, 503, newKey},
		{"retryable, even if final", paymentsPath, sdk.Error{Code: sdk.CodeRateLimited, Retryable: true, RetryAfter: time.Minute, Final: true, Outcome: sdk.OutcomeNotExecuted}, 429, newKey},
		{"params refused, though an attempt before may have acted", paymentsPath, sdk.Error{Code: sdk.CodeInvalidParams, Outcome: sdk.OutcomeUnknown}, 422, sameKey},
		{"unknown outcome of what can be repeated", paymentsPath, sdk.Error{Code: sdk.CodeTimeout}, 504, sameKey},
		{"unknown outcome, idempotent", "DELETE", sdk.Error{Code: sdk.CodeUpstream}, 502, sameKey},
		{"unknown outcome of what must not be repeated", mailPath, sdk.Error{Code: sdk.CodeTimeout}, 504, isRefused},
		{"not executed, though not to be repeated", mailPath, sdk.Error{Code: sdk.CodeUnavailable, RetryAfter: time.Minute, Retryable: true, Outcome: sdk.OutcomeNotExecuted}, 503, newKey},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			h.integration.fails(c.first)
			method, path, body := "POST", c.path, `{"amount":1}`
			if c.path == "DELETE" {
				method, path, body = "DELETE", paymentsPath+"/pay_1", ""
			}
			send := func() *httptest.ResponseRecorder { return h.send(method, path, body, "Idempotency-Key: k") }
			first := send()
			wantStatus(t, first, c.status)
			h.wantCalls(1)
			h.integration.succeeds(`{"id":"second"}`)
			second := send()
			switch c.then {
			case replays:
				if second.Code != first.Code || second.Body.String() != first.Body.String() || second.Header().Get(replayedHeader) != "true" || second.Header().Get("Content-Type") != problemType {
					t.Errorf("got %d %s %s", second.Code, second.Header(), second.Body)
				}
				h.wantCalls(1)
			case isRefused:
				wantCode(t, second, 502, sdk.CodeOutcomeUnknown)
				wantCode(t, send(), 502, sdk.CodeOutcomeUnknown)
				h.wantCalls(1)
			default:
				wantStatus(t, second, 200)
				h.wantCalls(2)
				calls := h.integration.called()
				if same := calls[0].IdempotencyKey == calls[1].IdempotencyKey; same != (c.then == sameKey) {
					t.Errorf("same upstream key: %v", same)
				}
			}
		})
	}
}

func TestAConflictThatPassesSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.fails(sdk.Error{Code: sdk.CodeConflict, Message: "the key is in use", Outcome: sdk.OutcomeUnknown, Retryable: true})
	rec := h.pay("k")
	wantCode(t, rec, 409, sdk.CodeConflict)
	if got := rec.Header().Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After is %q", got)
	}
	h.integration.fails(sdk.Error{Code: sdk.CodeConflict, Message: "it is closed", Outcome: sdk.OutcomeNotExecuted})
	rec = h.pay("k2")
	wantCode(t, rec, 409, sdk.CodeConflict)
	if got := rec.Header().Get("Retry-After"); got != "" {
		t.Errorf("Retry-After of a conflict that stays is %q", got)
	}
}

func TestOwnRefusalsLeaveTheKeyFree(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for _, c := range []struct {
		body   string
		status int
		header string
	}{
		{`{"amount":0}`, 422, ""},
		{`{"amount":`, 400, ""},
		{`{"amount":1}`, 415, "Content-Type: text/plain"},
		{`{"amount":1}`, 401, "Authorization: Bearer nobody"},
		{`{"amount":1}`, 403, "Authorization: Bearer " + narrowToken},
	} {
		headers := []string{"Idempotency-Key: k"}
		if c.header != "" {
			headers = append(headers, c.header)
		}
		wantStatus(t, h.send("POST", paymentsPath, c.body, headers...), c.status)
	}
	h.wantCalls(0)
	rec := h.pay("k")
	wantStatus(t, rec, 200)
	if rec.Header().Get(replayedHeader) != "" {
		t.Error("replayed")
	}
}

func TestNothingIsRepeatedPastTheLifetimeOfItsKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.fails(sdk.Error{Code: sdk.CodeTimeout})
	wantStatus(t, h.pay("k"), 504)
	h.integration.succeeds(`{}`)
	h.clock.Store(int64((24*time.Hour - time.Second) / time.Second))
	// Still honoured by the vendor for a second: another failure keeps it so.
	h.integration.fails(sdk.Error{Code: sdk.CodeTimeout})
	wantStatus(t, h.pay("k"), 504)
	h.wantCalls(2)
	h.clock.Store(int64(24 * time.Hour / time.Second))
	h.integration.succeeds(`{}`)
	wantCode(t, h.pay("k"), 502, sdk.CodeOutcomeUnknown)
	h.wantCalls(2)
}

func TestNothingIsExecutedWithoutARecord(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.store.down.Store(true)
	wantCode(t, h.pay("k"), 503, sdk.CodeUnavailable)
	wantCode(t, h.send("POST", "/workflows/process-order/runs", `{"amount":1}`, "Idempotency-Key: k"), 503, sdk.CodeUnavailable)
	h.wantCalls(0)
	wantStatus(t, h.pay(""), 200) // needs no record
}

func TestAnEffectIsToldThoughItsRecordIsLost(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		h.store.down.Store(true)
		return sdk.Result{Body: []byte(`{"id":"pay_1"}`)}, nil
	})
	wantStatus(t, h.pay("k"), 200)
	if !strings.Contains(h.log.String(), "could not be settled") {
		t.Error("the lost record is not in the log")
	}
	h.store.down.Store(false)
	h.integration.succeeds(`{"id":"pay_2"}`)
	again := h.pay("k")
	wantStatus(t, again, 200)
	if again.Body.String() != `{"id":"pay_1"}` || again.Header().Get(replayedHeader) != "true" {
		t.Errorf("then %v %s", again.Header(), again.Body)
	}
	h.wantCalls(1)
}

func TestAPanicCostsNobodyTheKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) { panic("boom") })
	wantCode(t, h.pay("k"), 500, sdk.CodeInternal)
	h.integration.succeeds(`{}`)
	wantStatus(t, h.pay("k"), 200)
	calls := h.integration.called()
	if len(calls) != 2 || calls[0].IdempotencyKey != calls[1].IdempotencyKey {
		t.Errorf("calls %+v", calls)
	}
}

func TestAWriteOutlivesItsClient(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	ctx, cancel := context.WithCancel(t.Context())
	h.integration.does(func(callCtx context.Context, _ sdk.Call) (sdk.Result, error) {
		cancel()
		if callCtx.Err() != nil {
			return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout}
		}
		return sdk.Result{Body: []byte(`{"id":"pay_1"}`)}, nil
	})
	serve(h, request("POST", paymentsPath, `{"amount":1}`, "Idempotency-Key: k").WithContext(ctx))
	rec := h.pay("k")
	wantStatus(t, rec, 200)
	if rec.Header().Get(replayedHeader) != "true" {
		t.Error("the response was not kept")
	}
}

func TestAStartWithAKeyMakesOneRun(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	start := func(query, body string) *httptest.ResponseRecorder {
		return h.send("POST", "/workflows/process-order/runs"+query, body, "Idempotency-Key: k")
	}
	ids := make([]string, 20)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			rec := start("", `{"amount":1}`)
			if rec.Code != 202 {
				t.Errorf("%d: %s", rec.Code, rec.Body)
				return
			}
			var doc startedJSON
			if err := json.Unmarshal(rec.Body.Bytes(), &doc); err != nil {
				t.Error(err)
			}
			ids[i] = doc.ID
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("runs %v", ids)
		}
	}
	// wait is no part of the fingerprint, and shows the run as it is now.
	rec := start("?wait=10s", `{"amount":1}`)
	wantStatus(t, rec, 200)
	doc := fields(t, rec.Body.Bytes())
	if doc["id"] != ids[0] || doc["status"] != "succeeded" || rec.Header().Get(replayedHeader) != "true" || rec.Header().Get("Location") != "/runs/"+ids[0] {
		t.Errorf("%v %s", rec.Header(), rec.Body)
	}
	h.wantCalls(1)
	wantCode(t, start("", `{"amount":2}`), 422, codeKeyReused)
	// The same key on a call is another path, so another scope.
	wantStatus(t, h.pay("k"), 200)
}

func TestRepeatableFollowsTheManifest(t *testing.T) {
	t.Parallel()
	hour := time.Hour
	for _, c := range []struct {
		treatment sdk.Treatment
		age       time.Duration
		want      bool
	}{
		{sdk.Treatment{}, 1000 * hour, true},
		{sdk.Treatment{KeyLifetime: hour}, 1000 * hour, true},
		{sdk.Treatment{Writes: true, Repeat: sdk.RepeatNone}, 0, false},
		{sdk.Treatment{Writes: true}, 0, false},
		{sdk.Treatment{Writes: true, Repeat: sdk.RepeatIdempotent, KeyLifetime: hour}, 1000 * hour, true},
		{sdk.Treatment{Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: hour}, hour - 1, true},
		{sdk.Treatment{Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: hour}, hour, false},
		{sdk.Treatment{Writes: true, Repeat: sdk.RepeatTransactional}, 1000 * hour, true},
	} {
		if got := repeatable(c.treatment, c.age); got != c.want {
			t.Errorf("%+v after %s: %v", c.treatment, c.age, got)
		}
	}
}

var errOdd = errors.New("odd")

func TestUnknownErrorsTellTheClientNothing(t *testing.T) {
	t.Parallel()
	r := apiErrorOf(fmt.Errorf("dial postgres://user:password@host: %w", errOdd))
	if r.code != sdk.CodeInternal || strings.Contains(r.detail, "password") || !errors.Is(r, errOdd) {
		t.Errorf("%+v", r)
	}
}

func TestAStartUnderAKeySaysUntilWhenTheKeyIsKept(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	start := func() string {
		rec := h.send("POST", "/workflows/process-order/runs", `{"amount":1}`, "Idempotency-Key: k")
		wantStatus(t, rec, 202)
		return rec.Header().Get(expiresHeader)
	}
	first := start()
	until, err := time.Parse(time.RFC3339, first)
	if err != nil || time.Until(until).Round(time.Minute) != idempotency.DefaultTTL {
		t.Errorf("kept until %q", first)
	}
	if again := start(); again != first {
		t.Errorf("kept until %q, then %q", first, again)
	}
}

// TestAKeyIsRepeatedForAsLongAsItsCallSays: an action with many operations says it of
// each.
func TestAKeyIsRepeatedForAsLongAsItsCallSays(t *testing.T) {
	t.Parallel()
	const hours = 3600
	for _, c := range []struct {
		do      string
		after   int64 // seconds
		allowed bool
	}{
		{"postThing", 23 * hours, true},
		{"getThing", 24*hours - 1, true},
		{"longThing", 24*hours - 1, true},
		{"deleteThing", 24*hours - 1, true},
		{"mailThing", 1, false},
	} {
		t.Run(c.do, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t)
			call := func() *httptest.ResponseRecorder {
				return h.send("POST", "/integrations/shop/call", `{"do":"`+c.do+`"}`, "Idempotency-Key: k")
			}
			h.integration.fails(sdk.Error{Code: sdk.CodeTimeout})
			wantStatus(t, call(), 504)
			h.integration.succeeds(`{}`)
			h.clock.Store(c.after)
			if !c.allowed {
				wantCode(t, call(), 502, sdk.CodeOutcomeUnknown)
				h.wantCalls(1)
				return
			}
			wantStatus(t, call(), 200)
			h.wantCalls(2)
			// A read has no effect that a key would guard.
			if calls := h.integration.called(); (calls[0].IdempotencyKey == calls[1].IdempotencyKey) != (c.do != "getThing") {
				t.Error("it was repeated with another key")
			}
		})
	}
}

// TestACallThatReadsEndsWithItsClient: one that writes goes on.
func TestACallThatReadsEndsWithItsClient(t *testing.T) {
	t.Parallel()
	for do, reads := range map[string]bool{"getThing": true, "postThing": false} {
		h := newHarness(t)
		ctx, hangUp := context.WithCancel(t.Context())
		h.integration.does(func(ctx context.Context, _ sdk.Call) (sdk.Result, error) {
			hangUp()
			if (ctx.Err() != nil) != reads {
				t.Errorf("%s: the call has ended: %v", do, ctx.Err())
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		})
		serve(h, request("POST", "/integrations/shop/call", `{"do":"`+do+`"}`).WithContext(ctx))
		h.wantCalls(1)
	}
}
