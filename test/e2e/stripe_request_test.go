package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

const stripeCall = "/integrations/stripe/call"

// read is the body of a call that reads a customer.
func readCustomer(t *testing.T, id string) string {
	t.Helper()
	quoted, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	return `{"operationId":"GetCustomersCustomer","params":{"customer":` + string(quoted) + `}}`
}

// An id of the caller's is a segment of a path at Stripe: it must not become another
// path, a query, or another object's id.
func TestAnIDNeverLeavesItsPlace(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	for _, id := range []string{
		"", ".", "..", "../charges", "a/b", "/", "%2F", "%2f..", "%2e%2e", "%252e", "%", "%zz", `\`, `..\charges`, "\x00", "a\r\nHost: x", "\u0085", "a?limit=1", "?", "#", "a#b",
		";", "a;b", "a b", "+", "&a=b", "=", "@", ":", "é", "日本", "\u202e", "🙂", "...", "~", `"`, strings.Repeat("a", 255), strings.Repeat("a", 256), strings.Repeat("a", 300), strings.Repeat("é", 255),
	} {
		for path, r := range map[string]program.Request{
			"call":    {Method: "POST", Path: stripeCall, Body: readCustomer(t, id)},
			"read":    {Method: "POST", Path: "/integrations/stripe/read", Body: readCustomer(t, id)},
			"binding": {Method: "GET", Path: "/integrations/stripe/customers/" + strings.ReplaceAll(url.PathEscape(id), ".", "%2E")},
		} {
			if path == "binding" && id == "" {
				continue // the list of customers, which was asked for
			}
			before := len(h.stripe.asked())
			answer := g.Do(r)
			asked := h.stripe.asked()[before:]
			switch {
			case len(asked) == 0:
				inPath := path == "binding" && (answer.Status == 400 || answer.Status == 404) // the gateway's own rules of paths
				if !inPath && (answer.Status != 422 || !strings.Contains(answer.Text("errors.0.pointer"), "/customer")) {
					t.Errorf("%s of %.20q: %d %s", path, id, answer.Status, answer.Body)
				}
			case len(asked) > 1:
				t.Errorf("%s of %.20q: asked %d times", path, id, len(asked))
			default:
				segment, found := strings.CutPrefix(asked[0].operation, "GET /v1/customers/")
				got, err := url.PathUnescape(segment)
				if !found || strings.Contains(segment, "/") || err != nil || got != id || len(asked[0].form) > 0 {
					t.Errorf("%s of %.20q: Stripe was asked %s %v", path, id, asked[0].operation, asked[0].form)
				}
				if id == "" || id == "." || id == ".." || strings.ContainsAny(id, "/\\\x00\r\n") || len([]rune(id)) > 255 {
					t.Errorf("%s of %.20q was sent", path, id)
				}
			}
		}
	}
}

func TestAFileGoesToStripeAndAPDFComesBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	pdf := "%PDF-1.7\n" + strings.Repeat("\x00\xff\r\n", 5000) + "%%EOF"
	for _, fault := range []stripedouble.Fault{
		{Kind: stripedouble.Answer, Operation: "POST /v1/files", Status: 200, Body: `{"id":"file_1","object":"file"}`},
		{Kind: stripedouble.Answer, Operation: "GET /v1/quotes/qt_1/pdf", Status: 200, Header: map[string]string{"Content-Type": "application/pdf"}, Body: pdf},
	} {
		if err := h.stripe.Script(fault); err != nil {
			t.Fatal(err)
		}
	}
	made := program.Want(t, 200, g.Post(stripeCall, `{"operationId":"PostFiles","params":{"purpose":"dispute_evidence","file":{"name":"Beleg é.pdf","contentType":"application/pdf","base64":"JVBERgD/"}}}`))
	if made.Text("id") != "file_1" {
		t.Errorf("%s", made.Body)
	}
	asked := h.stripe.asked()
	sent := asked[0].body
	for _, part := range []string{
		"name=\"purpose\"\r\n\r\ndispute_evidence\r\n",
		"name=\"file\"; filename=\"Beleg é.pdf\"\r\nContent-Type: application/pdf\r\n\r\n%PDF\x00\xff\r\n",
	} {
		if !bytes.Contains(sent, []byte(part)) {
			t.Errorf("no %q in %q", part, sent)
		}
	}
	answer := program.Want(t, 200, g.Post("/integrations/stripe/read", `{"operationId":"GetQuotesQuotePdf","params":{"quote":"qt_1"}}`))
	if got := answer.Header.Get("Content-Type"); got != "application/pdf" || string(answer.Body) != pdf {
		t.Errorf("%s of %d bytes", got, len(answer.Body))
	}
	for params, pointer := range map[string]string{
		`{"purpose":"dispute_evidence","file":{"name":"a\r\nX: y","base64":""}}`: "/params/file/name",
		`{"purpose":"dispute_evidence","file":{"base64":"*"}}`:                   "/params/file/base64",
		`{"purpose":"dispute_evidence","file":{"name":"a"}}`:                     "/params/file/base64",
		`{"purpose":"dispute_evidence","file":1}`:                                "/params/file",
	} {
		refused := program.Want(t, 422, g.Post(stripeCall, `{"operationId":"PostFiles","params":`+params+`}`))
		if got := refused.Text("errors.0.pointer"); got != pointer {
			t.Errorf("%s: %s, want %s", params, refused.Body, pointer)
		}
	}
	if n := len(h.stripe.asked()); n != 2 {
		t.Errorf("Stripe was asked %d times", n)
	}
}

// declineError is the error object of a payment that is declined when it is confirmed.
const declineError = `{"advice_code":"try_again_later","charge":"ch_1","code":"card_declined","decline_code":"insufficient_funds","doc_url":"https://stripe.com/docs/error-codes/card-declined",` +
	`"message":"Your card has insufficient funds.","network_decline_code":"51","newer_than_us":{"inner_name":[1.50,12345678901234567890]},"param":"","payment_intent":{"id":"pi_1","amount":12345678901234567890,"client_secret":"pi_1_secret_e2eOfTheBrowser"},` +
	`"payment_method":{"id":"pm_1"},"request_log_url":"https://dashboard.stripe.com/test/logs/req_1","setup_intent":null,"type":"card_error"}`

func TestEveryFieldOfStripesErrorIsShown(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	fault := stripedouble.Fault{Kind: stripedouble.Answer, Operation: "POST /v1/payment_intents", Times: 2, Status: 402, Header: map[string]string{"Request-Id": "req_1"}, Body: `{"error":` + declineError + `}`}
	if err := h.stripe.Script(fault); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer("advice_code", "adviceCode", `"decline_code`, `"declineCode`, "doc_url", "docUrl", "network_decline_code", "networkDeclineCode", "newer_than_us", "newerThanUs",
		"payment_intent", "paymentIntent", "payment_method", "paymentMethod", "request_log_url", "requestLogUrl", "setup_intent", "setupIntent").Replace(declineError)
	want = `{"requestId":"req_1",` + want[1:]

	direct := program.Want(t, 402, g.Post(intents, goodIntent))
	if !strings.Contains(string(direct.Body), `"stripe":`+want) {
		t.Errorf("the answer holds\n%s\nand not\n%s", direct.Body, want)
	}
	if direct.Text("detail") != "Your card has insufficient funds." || direct.Text("code") != "declined" {
		t.Errorf("%s", direct.Body)
	}

	// In a run the same, but for the secret of the browser.
	run := program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", order))
	kept := strings.Replace(want, `,"client_secret":"pi_1_secret_e2eOfTheBrowser"`, "", 1)
	var doc struct {
		Error struct{ Stripe json.RawMessage }
		Steps []struct {
			Error struct{ Stripe json.RawMessage }
		}
	}
	if err := json.Unmarshal(run.Body, &doc); err != nil {
		t.Fatal(err)
	}
	for where, got := range map[string]json.RawMessage{"run": doc.Error.Stripe, "step": doc.Steps[1].Error.Stripe} {
		if diff := cmp.Diff(kept, string(got)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", where, diff)
		}
	}
	if code := g.Stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	// It was answered, and kept nowhere.
	_, log := g.Output()
	if strings.Contains(log, "secret_e2eOfTheBrowser") {
		t.Error("the log holds the client secret")
	}
	files, err := filepath.Glob(filepath.Join(h.Dir, "*", "data", "state.db*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no state: %v, %v", files, err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(raw, []byte("secret_e2eOfTheBrowser")) {
			t.Errorf("%s holds the client secret", file)
		}
	}
}

func TestARefusedAmountIsExplainedForItsCurrency(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	for currency, want := range map[string]string{
		"jpy": "without decimals: 500 is 500 JPY (https://docs.stripe.com/currencies#zero-decimal)",
		"kwd": "three decimals, of which the last is 0: 5120 is 5.120 KWD (https://docs.stripe.com/currencies#three-decimal)",
		"eur": "in the smallest unit: 1999 is 19.99 EUR (https://docs.stripe.com/currencies)",
	} {
		fault := stripedouble.Fault{
			Kind: stripedouble.Answer, Operation: "POST /v1/payment_intents", Status: 400,
			Body: `{"error":{"type":"invalid_request_error","code":"amount_too_small","param":"amount","message":"The amount is too small."}}`,
		}
		if err := h.stripe.Script(fault); err != nil {
			t.Fatal(err)
		}
		refused := program.Want(t, 400, g.Post(intents, fmt.Sprintf(`{"amount":1,"currency":%q}`, currency)))
		if !strings.HasSuffix(refused.Text("detail"), want) || !strings.HasSuffix(refused.Text("errors.0.message"), want) || refused.Text("errors.0.pointer") != "/amount" {
			t.Errorf("%s: %s", currency, refused.Body)
		}
	}
	refused := program.Want(t, 422, g.Post(intents, `{"amount":19.99,"currency":"usd"}`))
	if !strings.Contains(refused.Text("errors.0.message"), "19.99 USD is 1999") {
		t.Errorf("%s", refused.Body)
	}
}
