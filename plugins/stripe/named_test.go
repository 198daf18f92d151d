package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/plugins/stripe/internal/catalog"
	"github.com/backflow/backflow/plugins/stripe/internal/form"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/schema"
)

// TestANamedActionIsItsOperation: each sends what its row says and nothing else, with
// the id in its place.
func TestANamedActionIsItsOperation(t *testing.T) {
	t.Parallel()
	p, asked := recorded(t)
	description, err := embeddedDescription()
	if err != nil {
		t.Fatal(err)
	}
	for _, action := range catalog.Actions() {
		if action.Name == "cancelSubscription" {
			continue // it is another one, unless it ends the subscription now
		}
		operation := description.Operation(action.Operation)
		params := string(action.Example)
		if action.ID != "" {
			params = strings.Replace(params, `"`+action.ID+`":"`, `"`+action.ID+`":"x`, 1)
		}
		if _, failed := executed(t.Context(), p, action.Name, params, "k"); failed != nil {
			t.Errorf("%s: %+v", action.Name, failed)
		}
		came := asked()
		if len(came) != 1 {
			t.Errorf("%s: %q", action.Name, came)
			continue
		}
		method, target, _ := strings.Cut(came[0], " ")
		path, _, _ := strings.Cut(strings.Split(target, " ")[0], "?")
		var given map[string]any
		if err := json.Unmarshal([]byte(params), &given); err != nil {
			t.Fatal(err)
		}
		want := operation.Path()
		if action.ID != "" {
			want = strings.Replace(want, "{"+action.PathID+"}", given[action.ID].(string), 1)
		}
		if method != operation.Method() || path != want {
			t.Errorf("%s is %s %s, want %s %s", action.Name, method, path, operation.Method(), want)
		}
	}
}

func TestOptionsAreTakenOnEveryAction(t *testing.T) {
	t.Parallel()
	for _, action := range catalog.Actions() {
		compiled, err := schema.Compile(action.Params)
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]string{"stripeAccount": `"acct_1"`, "stripeContext": `"acct_1"`, "expand": `["x"]`, "timeout": `"5s"`, "metadata": `{"a":"b","n":1}`} {
			params, err := form.Parse(action.Example)
			if err != nil {
				t.Fatal(err)
			}
			params.Take(name)
			params.Set(name, json.RawMessage(value))
			faults, err := compiled.Check(params.Object())
			if err != nil {
				t.Fatal(err)
			}
			noPlace := action.Name == "createPortalSession" || action.Name == "expireCheckoutSession"
			if want := noPlace && name == "metadata"; want != (len(faults) > 0) {
				t.Errorf("%s %s: %v", action.Name, name, faults)
			}
		}
	}
}

func TestMetadataIsWrittenBeforeWhatTakesNone(t *testing.T) {
	t.Parallel()
	p, asked := recorded(t)
	for _, test := range []struct {
		action, params string
		want           []string
	}{
		{"confirmPaymentIntent", `{"paymentIntentId":"pi_1","payment_method":"pm_1","metadata":{"n":1}}`, []string{"POST /v1/payment_intents/pi_1 metadata[n]=1", "POST /v1/payment_intents/pi_1/confirm payment_method=pm_1"}},
		{"resumeSubscription", `{"subscriptionId":"sub_1","metadata":{"a":"b"},"stripeAccount":"acct_1"}`, []string{"POST /v1/subscriptions/sub_1 metadata[a]=b acct_1", "POST /v1/subscriptions/sub_1/resume  acct_1"}},
		{"voidInvoice", `{"invoiceId":"in_1","metadata":null}`, []string{"POST /v1/invoices/in_1 metadata=", "POST /v1/invoices/in_1/void"}},
		{"deleteCustomer", `{"customerId":"cus_1","metadata":{"a":"b"},"expand":["x"]}`, []string{"POST /v1/customers/cus_1 metadata[a]=b", "DELETE /v1/customers/cus_1"}},
		{"capturePaymentIntent", `{"paymentIntentId":"pi_1","metadata":{"a":"b"}}`, []string{"POST /v1/payment_intents/pi_1/capture metadata[a]=b"}},
		{"getCharge", `{"chargeId":"ch_1","metadata":{"a":"b"},"expand":["customer"]}`, []string{"GET /v1/charges/ch_1?expand[0]=customer"}},
		{"deleteCoupon", `{"couponId":"25 % off"}`, []string{"DELETE /v1/coupons/25%20%25%20off"}},
	} {
		if _, failed := executed(t.Context(), p, test.action, test.params, "k"); failed != nil {
			t.Errorf("%s: %+v", test.action, failed)
		}
		if diff := cmp.Diff(test.want, asked()); diff != "" {
			t.Errorf("%s %s:\n%s", test.action, test.params, diff)
		}
	}
}

// TestTheTwoRequestsOfOneActionHaveKeysOfTheirOwn: Stripe takes a key for one request
// alone. Both are the same when the action is repeated.
func TestTheTwoRequestsOfOneActionHaveKeysOfTheirOwn(t *testing.T) {
	t.Parallel()
	var keys []string
	fail := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if fail && strings.HasSuffix(r.URL.Path, "/confirm") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","message":"No"}}`)
			return
		}
		_, _ = io.WriteString(w, `{"id":"pi_1"}`)
	}))
	t.Cleanup(server.Close)
	p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
	const params = `{"paymentIntentId":"pi_1","metadata":{"a":"b"}}`
	for range 2 {
		if _, failed := executed(t.Context(), p, "confirmPaymentIntent", params, "k"); failed != nil {
			t.Fatalf("%+v", failed)
		}
	}
	if len(keys) != 4 || keys[1] != "k" || keys[0] == "k" || keys[0] == "" || keys[0] != keys[2] || keys[1] != keys[3] {
		t.Errorf("the keys are %q", keys)
	}
	// A refusal stays definite, so that the next try may have another key.
	fail = true
	if _, failed := executed(t.Context(), p, "confirmPaymentIntent", params, "k"); failed == nil || failed.Code != sdk.CodeRejected || failed.Outcome != sdk.OutcomeNotExecuted {
		t.Errorf("%+v", failed)
	}
}
