package gateway

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/telemetry"
	"github.com/backflow/backflow/sdk"
)

func TestAResultGoesOutByteForByte(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	pdf := "%PDF-1.7\n\x00\xff\xfe"
	h.integration.does(func(context.Context, sdk.Call) (sdk.Result, error) {
		return sdk.Result{Body: []byte(pdf), ContentType: "application/pdf"}, nil
	})
	for range 2 { // the second from the ledger
		rec := h.pay("k")
		wantStatus(t, rec, 200)
		header := rec.Header()
		if rec.Body.String() != pdf || header.Get("Content-Type") != "application/pdf" || header.Get("X-Request-Id") != "req-1" ||
			header.Get("X-Content-Type-Options") != "nosniff" || header.Get("Cache-Control") != "no-store" {
			t.Errorf("%v %q", header, rec.Body)
		}
	}
}

func TestParamsComeFromPathQueryAndBody(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	wantStatus(t, h.send("GET", "/integrations/shop/payments/pay_1?limit=12345678901234567890", ""), 200)
	wantStatus(t, h.send("POST", "/integrations/shop/actions/getPayment", `{"id":"pay_1","limit":1}`), 200)
	wantStatus(t, h.send("POST", mailPath, ""), 200)
	wantStatus(t, h.send("POST", mailPath, `{"a":1.10}`, "Content-Type: application/vnd.x+json; charset=UTF-8"), 200)
	want := []string{`{"id":"pay_1","limit":12345678901234567890}`, `{"id":"pay_1","limit":1}`, `{}`, `{"a":1.10}`}
	for i, call := range h.integration.called() {
		if string(call.Params) != want[i] {
			t.Errorf("call %d: %s, want %s", i+1, call.Params, want[i])
		}
	}
}

func TestABodyThatCannotBeReadIsRefusedBeforeItIsChecked(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	tests := map[string]struct{ method, target, body, detail, pointer, fault string }{
		"huge exponent":  {"POST", paymentsPath, `{"amount":1e999999,"currency":"usd"}`, "", "/amount", "exponent"},
		"a key twice":    {"POST", paymentsPath, `{"amount":1,"amount":2}`, "", "/amount", "duplicate"},
		"cut off":        {"POST", paymentsPath, `{"amount":`, "/amount: at byte 10: } is missing at the end: the object of line 1, column 1 is not closed", "", ""},
		"lone surrogate": {"POST", paymentsPath, `{"amount":"\ud800"}`, `/amount: at byte 11: \ud800 is half of a surrogate pair, and no character (a character beyond U+FFFF is written as both halves, as in \ud83d\ude00)`, "", ""},
		"no comma":       {"POST", paymentsPath, `{"amount":1 "currency":"usd"}`, "at byte 11: a comma is missing before the next key", "", ""},
		"single quotes":  {"POST", paymentsPath, `{'amount':1}`, `at byte 1: keys stand in double quotes (write ")`, "", ""},
		"UTF-16":         {"POST", paymentsPath, "\xff\xfe{\x00}\x00", "at byte 0: encoded in UTF-16 (JSON is UTF-8: save it so)", "", ""},
		"beside a query": {"POST", paymentsPath + "?amount=a", `{`, "at byte 1: } is missing at the end: the object of line 1, column 1 is not closed", "", ""},
		"beside a path":  {"DELETE", "/integrations/shop/payments/pay_1", `{"x":1,"x":2}`, `/x: at byte 7: duplicate key "x"`, "/x", "duplicate"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			rec := h.send(test.method, test.target, test.body)
			if took := time.Since(begin); took > time.Second {
				t.Errorf("the check took %v", took)
			}
			wantCode(t, rec, 400, codeInvalidJSON)
			var problem struct {
				Detail string
				Errors []sdk.Fault
			}
			must(t, json.Unmarshal(rec.Body.Bytes(), &problem))
			if test.detail != "" && problem.Detail != "the body is not valid JSON: "+test.detail {
				t.Errorf("detail is %s", problem.Detail)
			}
			if test.pointer != "" && (len(problem.Errors) != 1 || problem.Errors[0].Pointer != test.pointer || !strings.Contains(problem.Errors[0].Message, test.fault)) {
				t.Errorf("faults are %+v in %s", problem.Errors, rec.Body)
			}
		})
	}
	if calls := h.integration.called(); len(calls) != 0 {
		t.Errorf("%d calls", len(calls))
	}
}

func TestRequestIDsAreTakenIfSane(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	for given, taken := range map[string]bool{
		"trace-1": true, strings.Repeat("x", 128): true, strings.Repeat("x", 129): false, "a b": false, "a\x01": false, "ü": false,
	} {
		r := request("GET", "/integrations/shop/payments/pay_1", "")
		r.Header.Set("X-Request-Id", given)
		got := serve(h, r).Header().Get("X-Request-Id")
		if (got == given) != taken || !telemetry.ValidRequestID(got) {
			t.Errorf("%q became %q", given, got)
		}
		calls := h.integration.called()
		if calls[len(calls)-1].RequestID != got {
			t.Errorf("the call has %q, the response %q", calls[len(calls)-1].RequestID, got)
		}
		if !strings.Contains(h.log.String(), `"requestId":"`+got+`"`) {
			t.Errorf("%q is not in the log", got)
		}
	}
}

func TestTheAccessLogHoldsNothingPrivate(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	h.send("GET", "/integrations/shop/payments/pay_1?limit=77177", "")
	h.send("POST", paymentsPath, `{"amount":66166}`, "Idempotency-Key: key-55155")
	h.send("GET", "/healthz", "")
	log := h.log.String()
	for _, private := range []string{fullToken, "77177", "66166", "55155", "Bearer"} {
		if strings.Contains(log, private) {
			t.Errorf("%s is in the log:\n%s", private, log)
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(log), "\n") {
		entry := fields(t, []byte(line))
		if entry["msg"] == "request" && (entry["status"] != 200.0 || entry["client"] != "192.0.2.1" || entry["path"] == "") {
			t.Errorf("%s", line)
		}
		if entry["path"] == "/healthz" && entry["level"] != "DEBUG" {
			t.Errorf("%s", line)
		}
	}
}

func TestIntegrationsAreDescribed(t *testing.T) {
	t.Parallel()
	h := newHarness(t)
	rec := h.send("GET", "/integrations/shop", "")
	wantStatus(t, rec, 200)
	var d integrationDetail
	must(t, json.Unmarshal(rec.Body.Bytes(), &d))
	first := d.Actions[0]
	if d.Name != "shop" || d.Version != "1.2.3" || d.Status.State != action.StateReady || len(d.Actions) != 5 ||
		first.Name != "createPayment" || first.HTTP.Method != "POST" || first.HTTP.Path != paymentsPath || !first.Writes ||
		first.Repeat != sdk.RepeatNative || first.KeyLifetime != "24h" || string(first.Params) != string(shopManifest.Actions[0].Params) {
		t.Errorf("%s", rec.Body)
	}
	if variants := `"byName":true,"permissions":["Things: Write"],"variants":[` +
		`{"param":"do","pattern":"get.*","writes":false,"permissions":["Things: Read"]},` +
		`{"param":"do","pattern":"long.*","writes":true,"repeat":"native","keyLifetime":"720h"},` +
		`{"param":"do","pattern":"delete.*","writes":true,"repeat":"idempotent"},` +
		`{"param":"do","pattern":"mail.*","writes":true,"repeat":"none"}]`; !strings.Contains(rec.Body.String(), variants) {
		t.Errorf("no %s in %s", variants, rec.Body)
	}
	rec = h.send("GET", "/integrations/shop/actions/createPayment", "")
	wantStatus(t, rec, 200)
	var one action.View
	must(t, json.Unmarshal(rec.Body.Bytes(), &one))
	if diff := cmp.Diff(first, one); diff != "" {
		t.Errorf("one action is shown otherwise than among all:\n%s", diff)
	}
	if rec := h.send("GET", "/integrations/shop/actions/createPaymnt", ""); rec.Code != 404 || !strings.Contains(rec.Body.String(), `"unknown_action"`) || !strings.Contains(rec.Body.String(), "createPayment") {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
	h.integration.mu.Lock()
	h.integration.absent, h.integration.status = true, action.Status{State: action.StateFailed, Reason: "key *** is wrong"}
	h.integration.mu.Unlock()
	want := `"status":{"state":"failed","reason":"key *** is wrong"},"actions":[]}`
	for _, target := range []string{"/integrations", "/integrations/shop"} {
		if rec := h.send("GET", target, ""); rec.Code != 200 || !strings.Contains(rec.Body.String(), want) {
			t.Errorf("%d %s", rec.Code, rec.Body)
		}
	}
}
