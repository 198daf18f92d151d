package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/sdk"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestProblemsAreAsDocumented holds every error that a client can meet
// against a golden file: status, headers and document.
func TestProblemsAreAsDocumented(t *testing.T) {
	t.Parallel()
	const payments = "/integrations/shop/payments"
	cases := []struct {
		name           string
		method, target string
		body           string
		headers        []string
		fails          *sdk.Error
		prepare        func(h *harness)
		options        func(o *Options)
	}{
		{name: "bad path", method: "GET", target: "/runs/a%2Fb"},
		{name: "bad query", method: "GET", target: "/runs?limit=%zz"},
		{name: "unknown query name", method: "GET", target: "/runs?state=failed"},
		{name: "query name given twice", method: "GET", target: "/runs?limit=1&limit=2"},
		{name: "bad limit", method: "GET", target: "/runs?limit=0"},
		{name: "bad status", method: "GET", target: "/runs?status=done"},
		{name: "bad since", method: "GET", target: "/runs?since=yesterday"},
		{name: "bad cursor", method: "GET", target: "/runs?cursor=!"},
		{name: "bad wait", method: "POST", target: "/workflows/process-order/runs?wait=1d"},
		{name: "body is not JSON", method: "POST", target: payments, body: `{"amount":`},
		{name: "duplicate key", method: "POST", target: payments, body: `{"amount":1,"amount":2}`},
		{name: "body is no object", method: "POST", target: payments, body: `[1]`},
		{name: "param in path and body", method: "DELETE", target: payments + "/pay_1", body: `{"id":"pay_2"}`},
		{name: "empty idempotency key", method: "POST", target: payments, body: `{"amount":1}`, headers: []string{`Idempotency-Key: ""`}},
		{name: "no token", method: "POST", target: payments, body: `{"amount":1}`, headers: []string{"Authorization:"}},
		{name: "unknown token", method: "GET", target: "/nothing", headers: []string{"Authorization: Bearer nobody"}},
		{name: "scope missing", method: "POST", target: "/integrations/shop/actions/createPayment", body: `{"amount":1}`, headers: []string{"Authorization: Bearer " + narrowToken}},
		{name: "declined", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{
			Code: sdk.CodeDeclined, Message: "Your card was declined.", Final: true, Outcome: sdk.OutcomeNotExecuted,
			Details: json.RawMessage(`{"type":"card_error","code":"card_declined","declineCode":"generic_decline","requestId":"req_vendor"}`),
		}},
		{name: "rejected by the vendor", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{
			Code: sdk.CodeRejected, Message: "No such currency: 'xyz'", Final: true, Details: json.RawMessage(`{"param":"currency"}`),
		}},
		{name: "no such path", method: "GET", target: "/nothing"},
		{name: "no such integration", method: "GET", target: "/integrations/shopp"},
		{name: "no such integration to call", method: "POST", target: "/integrations/shopp/payments", body: `{}`},
		{name: "no such endpoint", method: "POST", target: "/integrations/shop/payment", body: `{}`},
		{name: "no such action", method: "POST", target: "/integrations/shop/actions/createPaymnt", body: `{}`},
		{name: "no such workflow", method: "POST", target: "/workflows/none/runs"},
		{name: "no such run", method: "GET", target: "/runs/none"},
		{name: "no such run to cancel", method: "POST", target: "/runs/none/cancel"},
		{name: "no such run to follow", method: "GET", target: "/runs/none/stream"},
		{name: "bad last event", method: "GET", target: "/runs/none/stream", headers: []string{"Last-Event-ID: first"}},
		{name: "a body that means nothing", method: "POST", target: "/runs/none/cancel", body: `{"reason":"mistake"}`},
		{name: "name of a signal too long", method: "POST", target: "/runs/none/signals/" + strings.Repeat("x", 256)},
		{name: "query that means nothing", method: "POST", target: "/runs/none/signals/go?wait=1s"},
		{name: "scope for a list missing", method: "GET", target: "/workflows", headers: []string{"Authorization: Bearer " + noneToken}},
		{name: "scope to change runs missing", method: "POST", target: "/runs/none/retry", headers: []string{"Authorization: Bearer " + narrowToken}},
		{name: "too many follow runs", method: "GET", target: "/runs/none/stream", prepare: func(h *harness) { h.streaming.tryAcquire("another") }, options: func(o *Options) { o.Limits.MaxStreams = 1 }},
		{name: "limit of the workflow", method: "POST", target: startPath, options: func(o *Options) {
			o.Runs = scriptedRuns{Runs: o.Runs, start: func(engine.StartRequest) (engine.Run, error) { return engine.Run{}, engine.ErrFull }}
		}},
		{name: "object not found by the vendor", method: "GET", target: payments + "/pay_9", fails: &sdk.Error{Code: sdk.CodeNotFound, Message: "No such payment: pay_9", Final: true}},
		{name: "wrong method", method: "PATCH", target: "/workflows"},
		{name: "wrong method of a binding", method: "PUT", target: payments + "/pay_1"},
		{name: "conflict", method: "DELETE", target: payments + "/pay_1", fails: &sdk.Error{Code: sdk.CodeConflict, Message: "The payment is captured.", Final: true}},
		{name: "too many rows", method: "DELETE", target: payments + "/pay_1", fails: &sdk.Error{Code: sdk.CodeTooManyRows, Message: "3 rows, and 1 may be changed.", Outcome: sdk.OutcomeNotExecuted, Details: json.RawMessage(`{"count":3}`)}},
		{name: "precondition failed", method: "DELETE", target: payments + "/pay_1", fails: &sdk.Error{Code: sdk.CodePreconditionFailed, Message: "The payment is not open.", Outcome: sdk.OutcomeNotExecuted}},
		{name: "body too large", method: "POST", target: payments, body: strings.Repeat(" ", 1<<20+1)},
		{name: "wrong content type", method: "POST", target: payments, body: `amount=1`, headers: []string{"Content-Type: application/x-www-form-urlencoded"}},
		{name: "no content type", method: "POST", target: payments, body: `{"amount":1}`, headers: []string{"Content-Type:"}},
		{name: "compressed body", method: "POST", target: payments, body: `{"amount":1}`, headers: []string{"Content-Encoding: gzip"}},
		{name: "invalid params", method: "POST", target: payments, body: `{"amount":0,"curency":"usd"}`},
		{name: "rate limited by the vendor", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{
			Code: sdk.CodeRateLimited, Message: "Too many requests.", Retryable: true, RetryAfter: 90500 * time.Millisecond, Outcome: sdk.OutcomeNotExecuted,
		}},
		{name: "unknown code", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{Code: "odd", Message: "odd"}},
		{name: "credentials refused", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{Code: sdk.CodeCredentials, Message: "Invalid API key provided: ***", Outcome: sdk.OutcomeNotExecuted,
			Details: json.RawMessage(`{"key":"***"}`), Faults: []sdk.Fault{{Pointer: "/key", Message: "***"}}}},
		{name: "upstream failed", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{Code: sdk.CodeUpstream, Message: "The vendor answered 500."}},
		{name: "outcome unknown", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{Code: sdk.CodeOutcomeUnknown, Message: "The plugin ended during the call."}},
		{name: "result too large", method: "POST", target: payments, body: `{"amount":1}`, fails: &sdk.Error{Code: sdk.CodeResultTooLarge, Message: "The result is too large."}},
		{name: "integration not ready", method: "POST", target: payments, body: `{"amount":1}`, prepare: func(h *harness) {
			h.integration.absent, h.integration.status = true, action.Status{State: action.StateFailed, Reason: "checksum does not match"}
		}},
		{name: "store down", method: "POST", target: "/workflows/process-order/runs", body: `{"amount":1}`, prepare: func(h *harness) { h.store.down.Store(true) }},
		{name: "overloaded", method: "GET", target: "/runs", prepare: func(h *harness) { h.working.tryAcquire("another") }, options: func(o *Options) { o.Limits.MaxConcurrent = 1 }},
		{name: "no answer in time", method: "GET", target: payments + "/pay_1", options: func(o *Options) { o.Routes.RequestTimeout = time.Millisecond }, prepare: func(h *harness) {
			h.integration.does(func(ctx context.Context, _ sdk.Call) (sdk.Result, error) {
				<-ctx.Done()
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: "No answer from the vendor in time.", Outcome: sdk.OutcomeUnknown}
			})
		}},
		{name: "webhook refused", method: "POST", target: "/webhooks/shop", body: `{}`, headers: []string{"X-Signature: bad"}},
		{name: "webhook cannot be checked", method: "POST", target: "/webhooks/shop", body: `{}`, headers: []string{"X-Signature: unknown"}},
	}
	var golden bytes.Buffer
	seen := map[int]bool{}
	for _, c := range cases {
		var options []func(*Options)
		if c.options != nil {
			options = append(options, c.options)
		}
		h := newHarness(t, options...)
		if c.fails != nil {
			h.integration.fails(*c.fails)
		}
		if c.prepare != nil {
			c.prepare(h)
		}
		rec := h.send(c.method, c.target, c.body, c.headers...)
		seen[rec.Code] = true
		fmt.Fprintf(&golden, "== %s: %s %s\n%d\n", c.name, c.method, c.target, rec.Code)
		for _, name := range []string{"Content-Type", "Allow", "Accept", "Retry-After", "WWW-Authenticate", "Connection"} {
			if v := rec.Header().Get(name); v != "" {
				fmt.Fprintf(&golden, "%s: %s\n", name, v)
			}
		}
		var doc bytes.Buffer
		if err := json.Indent(&doc, rec.Body.Bytes(), "", "  "); err != nil {
			t.Errorf("%s: %v in %s", c.name, err, rec.Body)
		}
		fmt.Fprintf(&golden, "%s\n\n", doc.Bytes())
	}
	for _, status := range []int{400, 401, 402, 403, 404, 405, 409, 413, 415, 422, 429, 500, 502, 503, 504} {
		if !seen[status] {
			t.Errorf("no case for %d %s", status, http.StatusText(status))
		}
	}
	compareGolden(t, "problems.txt", golden.Bytes())
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		must(t, os.MkdirAll("testdata", 0o755))
		must(t, os.WriteFile(path, got, 0o644))
	}
	want, err := os.ReadFile(path)
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs from what was sent (go test -update writes it anew):\n%s", path, firstDifference(string(got), string(want)))
	}
}

// firstDifference shows the section in which two golden texts part.
func firstDifference(got, want string) string {
	g, w := strings.Split(got, "== "), strings.Split(want, "== ")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			return "got:\n" + g[i] + "\nwant:\n" + w[i]
		}
	}
	return "one has more sections than the other"
}

func TestProblemKeepsTheFieldsOfAnIntegrationApart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		integration, details, want string
	}{
		{"shop", `{"code":"a<b"}`, `"shop":{"code":"a<b"}`},
		{"destination:", `{"status":500}`, `"destination":{"status":500}`},
		{"shop", `[1]`, ""},
		{"shop", `{broken`, ""},
		{"shop", ``, ""},
		{"", `{"a":1}`, ""},
		{"detail", `{"a":1}`, ""},
	} {
		doc, err := marshal(newProblem(fromSDKError(&sdk.Error{Code: sdk.CodeDeclined, Message: "x", Details: json.RawMessage(c.details)}, c.integration), ""))
		if err != nil {
			t.Fatal(err)
		}
		base := `{"type":"https://github.com/backflow/backflow/blob/main/docs/errors.md#declined","title":"Declined","status":402,"detail":"x","code":"declined"`
		want := base + "}"
		if c.want != "" {
			want = base + "," + c.want + "}"
		}
		if string(doc) != want {
			t.Errorf("%q %q: %s, want %s", c.integration, c.details, doc, want)
		}
	}
}
