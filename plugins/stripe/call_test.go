package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

// executed runs an action without looking at its schema first.
func executed(ctx context.Context, p served, action, params, key string) (sdk.Result, *sdk.Error) {
	result, err := p.Execute(ctx, sdk.Call{Action: action, Params: json.RawMessage(params), IdempotencyKey: key})
	var failed *sdk.Error
	if err != nil && !errors.As(err, &failed) {
		failed = sdk.Fail(sdk.CodeInternal, "no *sdk.Error: %v", err)
	}
	return result, failed
}

func TestCallSendsTheOperation(t *testing.T) {
	t.Parallel()
	p, asked := recorded(t)
	for _, test := range []struct{ action, params, want string }{
		{"call", `{"operationId":"PostCustomers"}`, "POST /v1/customers"},
		{"call", `{"operationId":"PostCustomers","params":{}}`, "POST /v1/customers"},
		{"call", `{"operationId":"PostCustomersCustomer","params":{"customer":"cus_1","name":"A","address":null,"preferred_locales":[]}}`, "POST /v1/customers/cus_1 name=A&address=&preferred_locales="},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":12345678901234567890,"currency":"usd"},"stripeAccount":"acct_1"}`, "POST /v1/payment_intents amount=12345678901234567890&currency=usd acct_1"},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":1e6,"currency":"usd","metadata":{"n":1e3,"t":true,"s":"x"}}}`, "POST /v1/payment_intents amount=1000000&currency=usd&metadata[n]=1e3&metadata[t]=true&metadata[s]=x"},
		{"call", `{"operationId":"PostSubscriptions","params":{"customer":"c","items":[{"price":"a","tax_rates":["x","y"]},{"price":"b"}]}}`, "POST /v1/subscriptions customer=c&items[0][price]=a&items[0][tax_rates][0]=x&items[0][tax_rates][1]=y&items[1][price]=b"},
		{"call", `{"operationId":"PostPrices","params":{"currency":"usd","currency_options":{"eur":{"unit_amount":100},"jpy":{"unit_amount_decimal":"1.5"}}}}`, "POST /v1/prices currency=usd&currency_options[eur][unit_amount]=100&currency_options[jpy][unit_amount_decimal]=1.5"},
		{"call", `{"operationId":"DeleteSubscriptionsSubscriptionExposedId","params":{"subscription_exposed_id":"sub_1","prorate":true}}`, "DELETE /v1/subscriptions/sub_1 prorate=true"},
		{"call", `{"operationId":"DeleteCustomersCustomerTaxIdsId","params":{"id":"txi_1","customer":"cus_1"}}`, "DELETE /v1/customers/cus_1/tax_ids/txi_1"},
		{"call", `{"operationId":"GetCustomersCustomer","params":{"customer":"cus_1","expand":["sources","tax_ids"]}}`, "GET /v1/customers/cus_1?expand[0]=sources&expand[1]=tax_ids"},
		{"read", `{"operationId":"GetCustomers","params":{"limit":3,"created":{"gte":1600000000,"lt":1700000000}}}`, "GET /v1/customers?limit=3&created[gte]=1600000000&created[lt]=1700000000"},
		{"read", `{"operationId":"GetCouponsCoupon","params":{"coupon":"25 % off?#ü"}}`, "GET /v1/coupons/25%20%25%20off%3F%23%C3%BC"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"a%2Fb"}}`, "GET /v1/customers/a%252Fb"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"..."}}`, "GET /v1/customers/..."},
	} {
		if _, failed := executed(t.Context(), p, test.action, test.params, "k"); failed != nil {
			t.Errorf("%s: %+v", test.params, failed)
		}
		if diff := cmp.Diff([]string{test.want}, asked()); diff != "" {
			t.Errorf("%s:\n%s", test.params, diff)
		}
	}
}

func TestWhatCallDoesNotTakeIsRefusedAtItsPlace(t *testing.T) {
	t.Parallel()
	p, asked := recorded(t)
	long := strings.Repeat("x", 300)
	for _, test := range []struct{ action, params, pointer, message string }{
		{"call", `{"operationId":"PostCustomer"}`, "/operationId", `did you mean "PostCustomers"?`},
		{"call", `{"operationId":"postcustomers"}`, "/operationId", `did you mean "PostCustomers"?`},
		{"call", `{"operationId":"Sneeze"}`, "/operationId", "has no operation of this id"},
		{"call", `{"operationId":5}`, "/operationId", "is not a string"},
		{"call", `{"operationId":"PostV2CoreAccounts"}`, "/operationId", "credentials.stripe.apiDescription"},
		{"read", `{"operationId":"PostCustomers","params":{}}`, "/operationId", "PostCustomers writes: it is a POST. read is for what reads; call does this one"},
		{"read", `{"operationId":"DeleteCustomersCustomer","params":{"customer":"c"}}`, "/operationId", "it is a DELETE"},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":1,"currency":"usd","amuont":1}}`, "/params/amuont", `did you mean "amount"`},
		{"call", `{"operationId":"PostPaymentIntents","params":{"currency":"usd"}}`, "/params/amount", `"amount" is required`},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":"1","currency":"usd"}}`, "/params/amount", "must be an integer"},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":0,"currency":"usd"}}`, "/params/amount", "at least 1"},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":null,"currency":"usd"}}`, "/params/amount", ""},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":1,"currency":"usd","shipping":{"name":"x","address":{"lin1":"y"}}}}`, "/params/shipping/address/lin1", `did you mean "line1"`},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":1,"currency":"usd","metadata":{"a":["b"]}}}`, "/params/metadata/a", ""},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":1,"currency":"usd","metadata":{"a][b":"c"}}}`, "/params/metadata/a][b", "square brackets"},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":1,"currency":"usd","capture_method":"someday"}}`, "/params/capture_method", ""},
		{"call", `{"operationId":"PostPaymentIntents","params":{"amount":1,"amount":2,"currency":"usd"}}`, "/params/amount", "twice"},
		{"call", `{"operationId":"DeleteCustomersCustomer","params":{"customer":"c","expand":["x"]}}`, "/params/expand", ""},
		{"call", `{"operationId":"PostPaymentIntents","params":[]}`, "/params", "an object"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{}}`, "/params/customer", `"customer" is required`},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":""}}`, "/params/customer", ""},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":".."}}`, "/params/customer", "is not an id"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"a/b"}}`, "/params/customer", "slash"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"a\\b"}}`, "/params/customer", "backslash"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"a\nb"}}`, "/params/customer", "control character"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"` + long + `"}}`, "/params/customer", "255"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":5}}`, "/params/customer", "must be a string"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"c"},"all":true}`, "/all", "returns no list"},
		{"read", `{"operationId":"GetCustomers","params":{"ending_before":"c"},"all":true}`, "/params/ending_before", "goes forward"},
		{"read", `{"operationId":"GetCustomers","params":{"all":"true"}}`, "/params/all", "neither true nor false"},
		{"read", `{"operationId":"GetCustomersCustomer","params":{"customer":"c","all":true}}`, "/params/all", "unknown field"},
		{"read", `{"operationId":"GetCustomers","timeout":"0s"}`, "/timeout", "above zero"},
		{"read", `{"operationId":"GetCustomers","stripeAccount":"a b"}`, "/stripeAccount", ""},
		{"call", `{"operationId":"PostFiles","params":{"purpose":"dispute_evidence"}}`, "/params/file", `"file" is required`},
		{"call", `{"operationId":"PostFiles","params":{"purpose":"dispute_evidence","file":{"base64":"!"}}}`, "/params/file/base64", "base64"},
		{"call", `{"operationId":"PostFiles","params":{"purpose":"dispute_evidence","file":{"name":"a/b","base64":""}}}`, "/params/file/name", "name of a file"},
	} {
		_, failed := executed(t.Context(), p, test.action, test.params, "k")
		if failed == nil || failed.Code != sdk.CodeInvalidParams || failed.Outcome != sdk.OutcomeNotExecuted || len(failed.Faults) == 0 ||
			failed.Faults[0].Pointer != test.pointer || !strings.Contains(failed.Faults[0].Message, test.message) {
			t.Errorf("%s %.120s: %+v", test.action, test.params, failed)
		}
	}
	if came := asked(); len(came) > 0 {
		t.Errorf("Stripe was asked %q", came)
	}
}

func TestARefusalOfACallIsAtTheCallersParam(t *testing.T) {
	t.Parallel()
	var param string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"`+param+`","message":"No such thing"}}`)
	}))
	t.Cleanup(server.Close)
	p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
	for _, test := range []struct{ params, param, want string }{
		{`{"operationId":"PostSubscriptions","params":{"customer":"c","items":[{"price":"p"}]}}`, "items[0][price]", "/params/items/0/price"},
		{`{"operationId":"GetCustomersCustomer","params":{"customer":"c"}}`, "id", "/params/customer"},
		{`{"operationId":"GetCustomersCustomer","params":{"customer":"c"}}`, "customer", "/params/customer"},
		{`{"operationId":"DeleteCustomersCustomerTaxIdsId","params":{"id":"txi_1","customer":"cus_1"}}`, "id", "/params/id"},
		{`{"operationId":"GetCustomersCustomer","params":{"customer":"c"},"stripeAccount":"acct_1"}`, "stripe_account", "/stripeAccount"},
	} {
		param = test.param
		_, failed := executed(t.Context(), p, "call", test.params, "")
		if failed == nil || len(failed.Faults) != 1 || failed.Faults[0].Pointer != test.want {
			t.Errorf("%s, %s: %+v, want %s", test.params, test.param, failed, test.want)
		}
	}
}

func TestHowACallIsRepeatedBelongsToItsOperation(t *testing.T) {
	t.Parallel()
	specs := map[string]sdk.ActionSpec{}
	for _, spec := range newServed().Manifest().Actions {
		specs[spec.Name] = spec
	}
	native := func(lifetime time.Duration, rights ...string) sdk.Treatment {
		return sdk.Treatment{Writes: true, Repeat: sdk.RepeatNative, KeyLifetime: lifetime, Permissions: rights}
	}
	for _, test := range []struct {
		action, operation string
		want              sdk.Treatment
	}{
		{"call", "PostPaymentIntents", native(24*time.Hour, "PaymentIntents: Write")},
		{"call", "PostSomethingNewer", native(24 * time.Hour)},
		{"call", "PostV2CoreAccounts", native(30 * 24 * time.Hour)},
		{"call", "DeleteV2CoreEventDestinationsId", native(30 * 24 * time.Hour)},
		{"call", "DeleteCustomersCustomer", sdk.Treatment{Writes: true, Repeat: sdk.RepeatIdempotent, Permissions: []string{"Customers: Write"}}},
		{"call", "DeleteSomethingNewer", sdk.Treatment{Writes: true, Repeat: sdk.RepeatIdempotent}},
		{"call", "GetCustomersCustomer", sdk.Treatment{Permissions: []string{"Customers: Read"}}},
		{"call", "GetV2CoreAccounts", sdk.Treatment{}},
		{"read", "GetCustomersCustomer", sdk.Treatment{Permissions: []string{"Customers: Read"}}},
		{"read", "PostCustomers", sdk.Treatment{}},
	} {
		spec := specs[test.action]
		if diff := cmp.Diff(test.want, spec.For(json.RawMessage(`{"operationId":"`+test.operation+`"}`))); diff != "" {
			t.Errorf("%s %s:\n%s", test.action, test.operation, diff)
		}
	}
	if call := specs["call"]; !call.ByName || specs["read"].ByName || specs["read"].Writes {
		t.Errorf("call by name %v; read by name %v, writes %v", call.ByName, specs["read"].ByName, specs["read"].Writes)
	}
}

func TestAFileGoesOutAndAPDFComesBack(t *testing.T) {
	t.Parallel()
	const pdf = "%PDF-1.7\n\x00\xff\xfe"
	var content, name, kind, purpose string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/v1/quotes/qt_1/pdf" {
			w.Header().Set("Content-Type", "application/pdf")
			_, _ = io.WriteString(w, pdf)
			return
		}
		if r.URL.Path != "/v1/files" || r.Header.Get("Idempotency-Key") != "k" {
			t.Errorf("%s %s, key %q", r.Method, r.URL, r.Header.Get("Idempotency-Key"))
		}
		file, header, err := r.FormFile("file")
		if err != nil {
			t.Error(err)
			return
		}
		raw, err := io.ReadAll(file)
		if err != nil {
			t.Error(err)
		}
		content, name, kind, purpose = string(raw), header.Filename, header.Header.Get("Content-Type"), r.FormValue("purpose")
		_, _ = io.WriteString(w, `{"id":"file_1"}`)
	}))
	t.Cleanup(server.Close)
	p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
	if _, failed := executed(t.Context(), p, "call", `{"operationId":"PostFiles","params":{"purpose":"dispute_evidence","file":{"name":"scan.png","contentType":"image/png","base64":"iVBORwD/"}}}`, "k"); failed != nil {
		t.Fatalf("%+v", failed)
	}
	if content != "\x89PNG\x00\xff" || name != "scan.png" || kind != "image/png" || purpose != "dispute_evidence" {
		t.Errorf("%q %q %q %q", content, name, kind, purpose)
	}
	result, failed := executed(t.Context(), p, "read", `{"operationId":"GetQuotesQuotePdf","params":{"quote":"qt_1"}}`, "")
	if failed != nil || string(result.Body) != pdf || result.ContentType != "application/pdf" {
		t.Errorf("%q %s %+v", result.Body, result.ContentType, failed)
	}
}

func TestADeprecatedOperationIsWarnedOfOnce(t *testing.T) {
	t.Parallel()
	p, _ := recorded(t)
	var log strings.Builder
	ctx := sdk.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		for _, id := range []string{"GetCustomersCustomerCards", "GetCustomersCustomerSources"} {
			if _, failed := executed(ctx, p, "read", `{"operationId":"`+id+`","params":{"customer":"c"}}`, ""); failed != nil {
				t.Fatalf("%+v", failed)
			}
		}
	}
	if lines := strings.Count(log.String(), "\n"); lines != 1 || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "operationId=GetCustomersCustomerCards") {
		t.Errorf("%d lines:\n%s", lines, &log)
	}
}

func TestOperationsAreListedAndDescribed(t *testing.T) {
	t.Parallel()
	p, asked := recorded(t)
	list := must(t, p, "listOperations", `{}`, "")
	data, _ := list["data"].([]any)
	if len(data) != 507 || list["apiVersion"] != "2023-10-16" {
		t.Errorf("%d operations of %v", len(data), list["apiVersion"])
	}
	one := must(t, p, "describeOperation", `{"operationId":"GetCustomersCustomerCardsId"}`, "")
	params, _ := one["params"].(map[string]any)
	if one["method"] != "GET" || one["path"] != "/v1/customers/{customer}/cards/{id}" || one["deprecated"] != true || one["paged"] != false ||
		fmt.Sprint(params["required"]) != "[customer id]" || fmt.Sprint(one["permissions"]) == "<nil>" {
		t.Errorf("%v", one)
	}
	_, failed := executed(t.Context(), p, "describeOperation", `{"operationId":"GetCustomer"}`, "")
	if failed == nil || failed.Code != sdk.CodeInvalidParams || len(failed.Faults) != 1 || !strings.Contains(failed.Faults[0].Message, "did you mean") {
		t.Errorf("%+v", failed)
	}
	if came := asked(); len(came) > 0 {
		t.Errorf("Stripe was asked %q", came)
	}
}
