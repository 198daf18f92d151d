package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/test/stripedouble"
)

// The seed page's calls, on Stripe's own mock, which checks names and types of
// all parameters and the version header.
func TestStripesMockTakesEveryExample(t *testing.T) {
	t.Parallel()
	p := onMock(t)
	for _, action := range p.Manifest().Actions {
		for _, example := range action.Examples {
			body := must(t, p, action.Name, string(example.Params), "")
			id, _ := body["id"].(string)
			data, list := body["data"].([]any)
			balance := body["object"] == "balance"
			if id == "" && !(list && len(data) > 0) && !balance && body["operationId"] == nil {
				t.Errorf("%s: %.200v", action.Name, body)
			}
		}
	}
	body := must(t, p, "createPaymentIntent", `{"amount":1e6,"currency":"usd","customer":"cus_123","metadata":{"order":"1"},"expand":["customer"]}`, "k2")
	if body["amount"] != 1e6 {
		t.Errorf("amount %v", body["amount"])
	}
	must(t, p, "createCustomer", `{"address":null,"name":"A","invoice_settings":{"custom_fields":null}}`, "")
	must(t, p, "createSubscription", `{"customer":"cus_1","items":[{"price":"p","quantity":2}],"application_fee_percent":10.50}`, "")
	must(t, p, "cancelSubscription", `{"subscriptionId":"sub_1","immediately":true,"prorate":true,"metadata":{"why":"test"},"expand":["customer"]}`, "")
	must(t, p, "getSubscription", `{"subscriptionId":"sub_1","metadata":{"ignored":"x"},"expand":["customer"],"timeout":"20s"}`, "")
}

func TestTheSandboxListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	p := onSandbox(t)
	if !strings.HasPrefix(p.sandbox.URL(), "http://127.0.0.1:") {
		t.Error(p.sandbox.URL())
	}
	if err := p.sandbox.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// recorded returns a plugin and what its Stripe is asked.
func recorded(t *testing.T) (served, func() []string) {
	t.Helper()
	return recordedBy(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"URL"}`)},
		func(r *http.Request, body string) string {
			return strings.Join([]string{r.Method, r.URL.RequestURI(), body, r.Header.Get("Stripe-Account")}, " ")
		},
		func(*http.Request) string { return `{"id":"x_1","status":"active"}` })
}

// recordedBy returns a plugin with a config, in which URL is the address of its Stripe,
// and what that is asked since it was last read, a line for each request.
func recordedBy(t *testing.T, config sdk.Config, line func(r *http.Request, body string) string, respond func(r *http.Request) string) (served, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var lines []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, strings.TrimSpace(line(r, string(body))))
		_, _ = io.WriteString(w, respond(r))
	}))
	t.Cleanup(server.Close)
	config.Credentials = bytes.ReplaceAll(config.Credentials, []byte("URL"), []byte(server.URL))
	p := configured(t, config)
	return p, func() []string {
		mu.Lock()
		defer mu.Unlock()
		asked := lines
		lines = nil
		return asked
	}
}

func TestWhatReachesStripe(t *testing.T) {
	t.Parallel()
	p, asked := recorded(t)
	for _, test := range []struct {
		action, params string
		want           []string
	}{
		{"createPaymentIntent", `{"amount":1000000,"currency":"usd","customer":"cus_123"}`, []string{"POST /v1/payment_intents amount=1000000&currency=usd&customer=cus_123"}},
		{"createPaymentIntent", `{"amount":1e6,"currency":"usd"}`, []string{"POST /v1/payment_intents amount=1000000&currency=usd"}},
		{"createPaymentIntent", `{"amount":12345678901234567890,"currency":"usd","timeout":"9s","stripeAccount":"acct_1"}`, []string{"POST /v1/payment_intents amount=12345678901234567890&currency=usd acct_1"}},
		{"createCustomer", `{"email":"customer@example.com","name":"John Doe","address":null}`, []string{"POST /v1/customers email=customer%40example.com&name=John+Doe&address="}},
		{"createSubscription", `{"customer":"cus_123","priceId":"price_456"}`, []string{"POST /v1/subscriptions customer=cus_123&items[0][price]=price_456"}},
		{"createSubscription", `{"customer":"cus_123","items":[{"price":"a","quantity":2},{"price":"b"}]}`, []string{"POST /v1/subscriptions customer=cus_123&items[0][price]=a&items[0][quantity]=2&items[1][price]=b"}},
		{"getSubscription", `{"subscriptionId":"sub_789","expand":["customer"],"metadata":{"a":"b"}}`, []string{"GET /v1/subscriptions/sub_789?expand[0]=customer"}},
		{"cancelSubscription", `{"subscriptionId":"sub_789"}`, []string{"POST /v1/subscriptions/sub_789 cancel_at_period_end=true"}},
		{"cancelSubscription", `{"subscriptionId":"sub_789","immediately":false,"metadata":{"a":"b"}}`, []string{"POST /v1/subscriptions/sub_789 metadata[a]=b&cancel_at_period_end=true"}},
		{"cancelSubscription", `{"subscriptionId":"sub_789","immediately":true,"prorate":true}`, []string{"DELETE /v1/subscriptions/sub_789 prorate=true"}},
		{"cancelSubscription", `{"subscriptionId":"sub_789","immediately":true,"metadata":{"a":"b"}}`, []string{"POST /v1/subscriptions/sub_789 metadata[a]=b", "DELETE /v1/subscriptions/sub_789"}},
	} {
		must(t, p, test.action, test.params, "k")
		if diff := cmp.Diff(test.want, asked()); diff != "" {
			t.Errorf("%s %s:\n%s", test.action, test.params, diff)
		}
	}
}

func TestAKeyHasOneEffectHoweverTheConnectionBreaks(t *testing.T) {
	t.Parallel()
	for _, kind := range []stripedouble.Kind{stripedouble.CutBefore, stripedouble.CutAfter, stripedouble.HTML502, stripedouble.HTML502After} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			p, double := onDouble(t, "cus_123")
			if err := double.Script(stripedouble.Fault{Kind: kind}); err != nil {
				t.Fatal(err)
			}
			const params = `{"amount":2000,"currency":"usd","customer":"cus_123"}`
			_, failure := execute(t, p, "createPaymentIntent", params, "k")
			if failure == nil || failure.Code != sdk.CodeUpstream || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown || failure.Final {
				t.Fatalf("%+v", failure)
			}
			if double.Requests() != 1 {
				t.Errorf("%d requests, want 1", double.Requests())
			}
			must(t, p, "createPaymentIntent", params, "k")
			if effects := double.Effects(); len(effects) != 1 || effects[0].Key != "k" {
				t.Errorf("effects %v", effects)
			}
		})
	}
}

func TestErrorsOfTheDouble(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	const pay = `{"amount":2000,"currency":"usd"}`

	_, failure := execute(t, p, "createPaymentIntent", `{"amount":40002,"currency":"usd"}`, "decline")
	if failure == nil || failure.Code != sdk.CodeDeclined || !failure.Final || failure.Retryable || !strings.Contains(string(failure.Details), `"declineCode":"generic_decline"`) {
		t.Errorf("decline: %+v", failure)
	}
	_, failure = execute(t, p, "createPaymentIntent", `{"amount":1,"currency":"usd","customer":"cus_none"}`, "missing")
	if failure == nil || failure.Code != sdk.CodeNotFound || failure.Final {
		t.Errorf("missing: %+v", failure)
	}
	must(t, p, "createPaymentIntent", pay, "other")
	_, failure = execute(t, p, "createPaymentIntent", `{"amount":2001,"currency":"usd"}`, "other")
	if failure == nil || failure.Code != sdk.CodeConflict || failure.Retryable {
		t.Errorf("other params: %+v", failure)
	}
	if err := double.Script(stripedouble.Fault{Kind: stripedouble.RateLimit, RetryAfter: 3}, stripedouble.Fault{Kind: stripedouble.Error500}); err != nil {
		t.Fatal(err)
	}
	_, failure = execute(t, p, "createPaymentIntent", pay, "limited")
	if failure == nil || failure.Code != sdk.CodeRateLimited || failure.RetryAfter != 3*time.Second || failure.Outcome != sdk.OutcomeNotExecuted {
		t.Errorf("limited: %+v", failure)
	}
	_, failure = execute(t, p, "createPaymentIntent", pay, "broken")
	if failure == nil || failure.Code != sdk.CodeUpstream || !failure.Retryable || failure.Final {
		t.Errorf("broken: %+v", failure)
	}
	// The same 5xx as a replay will be the same for as long as the key lives.
	_, failure = execute(t, p, "createPaymentIntent", pay, "broken")
	if failure == nil || failure.Code != sdk.CodeUpstream || failure.Retryable || !failure.Final {
		t.Errorf("broken again: %+v", failure)
	}
}

func TestAConcurrentKeyIsARetryableConflict(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	release := make(chan struct{})
	if err := double.Script(stripedouble.Fault{Kind: stripedouble.Slow, Until: release}); err != nil {
		t.Fatal(err)
	}
	var first sync.WaitGroup
	first.Go(func() {
		if _, err := p.Execute(t.Context(), sdk.Call{Action: "createCustomer", Params: json.RawMessage(`{"name":"A"}`), IdempotencyKey: "k"}); err != nil {
			t.Error(err)
		}
	})
	testkit.Eventually(t, 10*time.Second, "the first call is at the double", func() bool { return double.UnderWay("k") })
	_, failure := execute(t, p, "createCustomer", `{"name":"A"}`, "k")
	close(release)
	first.Wait()
	if failure == nil || failure.Code != sdk.CodeConflict || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
		t.Errorf("%+v", failure)
	}
}

func TestTheTimeoutOptionShortensTheCall(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t)
	release := make(chan struct{})
	defer close(release)
	if err := double.Script(stripedouble.Fault{Kind: stripedouble.Slow, Until: release}); err != nil {
		t.Fatal(err)
	}
	_, failure := execute(t, p, "createCustomer", `{"name":"A","timeout":"50ms"}`, "k")
	if failure == nil || failure.Code != sdk.CodeTimeout || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
		t.Errorf("%+v", failure)
	}
}

func subscribed(t *testing.T, p served) string {
	t.Helper()
	id, ok := must(t, p, "createSubscription", `{"customer":"cus_123","priceId":"price_1"}`, "sub")["id"].(string)
	if !ok {
		t.Fatal("no id")
	}
	return id
}

func TestCancellingAgainAnswersTheCancelledSubscription(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ first, again string }{
		{`true`, `true`}, {`true`, `false`}, {`false`, `true`},
	} {
		p, double := onDouble(t, "cus_123")
		id := subscribed(t, p)
		cancel := func(immediately string) string {
			return `{"subscriptionId":"` + id + `","immediately":` + immediately + `,"expand":["customer"]}`
		}
		if err := double.Script(stripedouble.Fault{Kind: stripedouble.CutAfter}); err != nil {
			t.Fatal(err)
		}
		if _, failure := execute(t, p, "cancelSubscription", cancel(test.first), "k"); failure == nil || failure.Outcome != sdk.OutcomeUnknown {
			t.Fatalf("%+v", failure)
		}
		if body := must(t, p, "cancelSubscription", cancel(test.again), "k2"); body["status"] != "canceled" || body["id"] != id {
			t.Errorf("%v: %v %v", test, body["id"], body["status"])
		}
	}
}

func TestWhetherItIsCancelledMayBeUnknownStill(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t, "cus_123")
	id := subscribed(t, p)
	params := `{"subscriptionId":"` + id + `","immediately":true}`
	must(t, p, "cancelSubscription", params, "k")
	if err := double.Script(stripedouble.Fault{Kind: stripedouble.CutBefore, Operation: "GET /v1/subscriptions/" + id}); err != nil {
		t.Fatal(err)
	}
	if _, failure := execute(t, p, "cancelSubscription", params, "k"); failure == nil || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
		t.Errorf("%+v", failure)
	}
	if body := must(t, p, "cancelSubscription", params, "k"); body["status"] != "canceled" {
		t.Error(body["status"])
	}
}

func TestCancellingWhatDoesNotExistIsNotFound(t *testing.T) {
	t.Parallel()
	p, _ := onDouble(t)
	for _, immediately := range []string{"true", "false"} {
		_, failure := execute(t, p, "cancelSubscription", `{"subscriptionId":"sub_none","immediately":`+immediately+`}`, "k")
		if failure == nil || failure.Code != sdk.CodeNotFound || failure.Retryable {
			t.Errorf("%s: %+v", immediately, failure)
		}
	}
}

func TestMetadataOfAnImmediateCancelIsKept(t *testing.T) {
	t.Parallel()
	p, double := onDouble(t, "cus_123")
	id := subscribed(t, p)
	params := `{"subscriptionId":"` + id + `","immediately":true,"metadata":{"why":"moved"}}`
	if err := double.Script(stripedouble.Fault{Kind: stripedouble.CutBefore, Operation: "DELETE /v1/subscriptions/" + id}); err != nil {
		t.Fatal(err)
	}
	if _, failure := execute(t, p, "cancelSubscription", params, "k"); failure == nil || !failure.Retryable || failure.Outcome != sdk.OutcomeUnknown {
		t.Fatalf("%+v", failure)
	}
	body := must(t, p, "cancelSubscription", params, "k")
	if diff := cmp.Diff(map[string]any{"why": "moved"}, body["metadata"]); diff != "" || body["status"] != "canceled" {
		t.Errorf("%v %s", body["status"], diff)
	}
	var count int
	for _, effect := range double.Effects() {
		if effect.ID == id && effect.Key != "sub" {
			count++
		}
	}
	if count != 2 {
		t.Errorf("%d effects, want the metadata and the end", count)
	}
}

// TestAFaultIsAtTheCallersParam: Stripe's own name for it stays in the details.
func TestAFaultIsAtTheCallersParam(t *testing.T) {
	t.Parallel()
	var said atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"`+said.Load().(string)+`","message":"No such thing"}}`)
	}))
	t.Cleanup(server.Close)
	p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
	for _, c := range []struct{ action, params, param, want string }{
		{"createSubscription", `{"customer":"c","priceId":"p"}`, "items[0][price]", "/priceId"},
		{"createSubscription", `{"customer":"c","priceId":"p"}`, "items[0]", "/priceId"},
		{"createSubscription", `{"customer":"c","priceId":"p"}`, "items", "/priceId"},
		{"createSubscription", `{"customer":"c","priceId":"p"}`, "customer", "/customer"},
		{"createSubscription", `{"customer":"c","items":[{"price":"p"}]}`, "items[0][price]", "/items/0/price"},
		{"createSubscription", `{"customer":"c","priceId":"p","expand":["x"]}`, "expand[]", "/expand"},
		{"createSubscription", `{"customer":"c","priceId":"p","stripeAccount":"acct_1"}`, "stripe_account", "/stripeAccount"},
		{"getSubscription", `{"subscriptionId":"sub_1"}`, "id", "/subscriptionId"},
		{"getSubscription", `{"subscriptionId":"sub_1"}`, "subscription_exposed_id", "/subscriptionId"},
		{"cancelSubscription", `{"subscriptionId":"sub_1"}`, "id", "/subscriptionId"},
		{"cancelSubscription", `{"subscriptionId":"sub_1"}`, "cancel_at_period_end", "/immediately"},
		{"cancelSubscription", `{"subscriptionId":"sub_1","immediately":true}`, "id", "/subscriptionId"},
		{"cancelSubscription", `{"subscriptionId":"sub_1","immediately":true,"metadata":{"a":"b"}}`, "metadata[a]", "/metadata/a"},
		{"createPaymentIntent", `{"amount":1,"currency":"usd","customer":"c"}`, "id", "/id"},
		{"createPaymentIntent", `{"amount":1,"currency":"usd","shipping":{"name":"a","address":{"line1":"b"}}}`, "shipping[address][line1]", "/shipping/address/line1"},
	} {
		said.Store(c.param)
		_, failure := execute(t, p, c.action, c.params, "")
		if failure == nil || len(failure.Faults) != 1 || failure.Faults[0].Pointer != c.want || !strings.Contains(string(failure.Details), `"param":"`+c.param+`"`) {
			t.Errorf("%s %s: %+v, want a fault at %s", c.action, c.params, failure, c.want)
		}
	}
}
