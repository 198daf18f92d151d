package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/plugins/stripe/internal/sample"
	"github.com/backflow/backflow/sdk"
)

// fetch calls the action that fetches for an event.
func fetch(t *testing.T, p served, event string) (string, *sdk.Error) {
	t.Helper()
	result, failure := executed(t.Context(), p, "fetchEventObject", `{"event":`+event+`}`, "")
	return string(result.Body), failure
}

func TestTheObjectOfAnEventIsFetchedAsItIsNow(t *testing.T) {
	t.Parallel()
	p := onSandbox(t)
	made := must(t, p, "createCustomer", `{"name":"old"}`, "")
	id := made["id"].(string)
	event := `{"object":"event","type":"customer.created","livemode":false,"data":{"object":{"id":"` + id + `","object":"customer","name":"old"}}}`
	must(t, p, "updateCustomer", `{"customerId":"`+id+`","name":"new"}`, "")
	body, failure := fetch(t, p, event)
	var customer struct{ ID, Name string }
	if failure != nil || json.Unmarshal([]byte(body), &customer) != nil || customer.ID != id || customer.Name != "new" {
		t.Errorf("%+v: %s", failure, body)
	}
	must(t, p, "deleteCustomer", `{"customerId":"`+id+`"}`, "")
	body, failure = fetch(t, p, event)
	var gone struct {
		ID      string
		Deleted bool
	}
	if failure != nil || json.Unmarshal([]byte(body), &gone) != nil || gone.ID != id || !gone.Deleted {
		t.Errorf("a deleted one: %+v: %s", failure, body)
	}
	body, failure = fetch(t, p, strings.ReplaceAll(event, id, "cus_never"))
	if failure != nil || body != `{"deleted":true,"id":"cus_never"}` {
		t.Errorf("one that is not there: %+v: %s", failure, body)
	}
}

// pathFor returns the path that an object is read at, "" for none.
func pathFor(t *testing.T, object string) string {
	t.Helper()
	p, asked := recordedBy(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"URL"}`)},
		func(r *http.Request, _ string) string { return r.Method + " " + r.URL.RequestURI() }, func(*http.Request) string { return `{}` })
	body, failure := fetch(t, p, `{"object":"event","data":{"object":`+object+`}}`)
	if failure != nil {
		t.Fatalf("%s: %+v", object, failure)
	}
	lines := asked()
	if (len(lines) == 0) != (body == "null") {
		t.Errorf("%s: asked %q, and returned %s", object, lines, body)
	}
	return strings.Join(lines, "\n")
}

func TestEachKindOfObjectIsReadWhereItIs(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		`{"object":"payment_intent","id":"pi_1","customer":"cus_1"}`:              "GET /v1/payment_intents/pi_1",
		`{"object":"subscription","id":"sub_1","customer":"cus_1"}`:               "GET /v1/subscriptions/sub_1",
		`{"object":"checkout.session","id":"cs_1"}`:                               "GET /v1/checkout/sessions/cs_1",
		`{"object":"dispute","id":"dp_1","charge":"ch_1"}`:                        "GET /v1/disputes/dp_1",
		`{"object":"account","id":"acct_1"}`:                                      "GET /v1/accounts/acct_1",
		`{"object":"person","id":"person_1","account":"acct_1"}`:                  "GET /v1/accounts/acct_1/persons/person_1",
		`{"object":"capability","id":"card_payments","account":"acct_1"}`:         "GET /v1/accounts/acct_1/capabilities/card_payments",
		`{"object":"fee_refund","id":"fr_1","fee":"fee_1"}`:                       "GET /v1/application_fees/fee_1/refunds/fr_1",
		`{"object":"financial_connections.account","id":"fca_1"}`:                 "GET /v1/financial_connections/accounts/fca_1",
		`{"object":"issuing.authorization","id":"iauth_1"}`:                       "GET /v1/issuing/authorizations/iauth_1",
		`{"object":"bank_account","id":"ba_1","account":"acct_1"}`:                "GET /v1/accounts/acct_1/bank_accounts/ba_1",
		`{"object":"card","id":"card_1","customer":"cus_1"}`:                      "GET /v1/customers/cus_1/sources/card_1",
		`{"object":"discount","id":"di_1","customer":"cus_1"}`:                    "GET /v1/customers/cus_1/discount",
		`{"object":"cash_balance","customer":"cus_1"}`:                            "GET /v1/customers/cus_1/cash_balance",
		`{"object":"balance"}`:                                                    "GET /v1/balance",
		`{"object":"tax.settings"}`:                                               "GET /v1/tax/settings",
		`{"object":"invoice","id":"in_1"}`:                                        "GET /v1/invoices/in_1",
		`{"object":"invoice"}`:                                                    "", // one that is still to come has no id
		`{"object":"application","id":"ca_1"}`:                                    "",
		`{"object":"no_such_thing","id":"x_1"}`:                                   "",
		`{"object":"person","id":"person_1"}`:                                     "",
		`{"id":"x_1"}`:                                                            "",
		`{"object":"customer","id":"a/../b"}`:                                     "",
		`{"object":"customer","id":"a%2Fb?c#d"}`:                                  "GET /v1/customers/a%252Fb%3Fc%23d",
		`{"object":"person","id":"p_1","account":"../balance?x="}`:                "",
		`{"object":"customer_cash_balance_transaction","id":"t","customer":"c"}`:  "GET /v1/customers/c/cash_balance_transactions/t",
		`{"object":"radar.early_fraud_warning","id":"issfr_1","charge":"ch_1"}`:   "GET /v1/radar/early_fraud_warnings/issfr_1",
		`{"object":"payment_method","id":"pm_1","customer":"cus_1"}`:              "GET /v1/payment_methods/pm_1",
		`{"object":"subscription_schedule","id":"sub_sched_1","customer":"cus1"}`: "GET /v1/subscription_schedules/sub_sched_1",
	} {
		if got := pathFor(t, object); got != want {
			t.Errorf("%s is read by %q, want %q", object, got, want)
		}
	}
}

// TestWhatMostEventsAreAboutCanBeFetched: those of the samples, which are of all kinds.
func TestWhatMostEventsAreAboutCanBeFetched(t *testing.T) {
	t.Parallel()
	p := onMock(t)
	var not []string
	for _, eventType := range sample.Types() {
		made, err := p.SampleWebhook(t.Context(), sdk.SampleRequest{EventType: eventType, Secret: "whsec_1"})
		if err != nil {
			t.Fatal(err)
		}
		body, failure := fetch(t, p, string(made.Body))
		if failure != nil {
			t.Errorf("%s: %+v", eventType, failure)
		}
		if body == "null" {
			not = append(not, eventType)
		}
	}
	want := []string{
		"account.application.authorized", "account.application.deauthorized", // an application of another's
		"account.external_account.created", "account.external_account.deleted", "account.external_account.updated", // the samples name no account
		"billing_portal.session.created", "invoice.upcoming", "source.mandate_notification", // nothing returns them by an id
	}
	if diff := cmp.Diff(want, not); diff != "" {
		t.Errorf("not fetched: %s", diff)
	}
}

func TestTheObjectOfAConnectedAccountIsReadAsThatAccount(t *testing.T) {
	t.Parallel()
	p, asked := recordedBy(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"URL"}`)},
		func(r *http.Request, _ string) string {
			return r.URL.RequestURI() + " | " + r.Header.Get("Stripe-Account") + " | " + r.Header.Get("Stripe-Context")
		}, func(*http.Request) string { return `{"id":"ch_1"}` })
	for event, want := range map[string]string{
		`{"object":"event","account":"acct_7","data":{"object":{"object":"charge","id":"ch_1"}}}`:                                                                "/v1/charges/ch_1 | acct_7 |",
		`{"object":"v2.core.event","context":"acct_8/acct_9","related_object":{"id":"mtr_1","type":"billing.meter","url":"/v1/billing/meters/mtr_1"}}`:           "/v1/billing/meters/mtr_1 |  | acct_8/acct_9",
		`{"object":"v2.core.event","context":null,"related_object":{"id":"mtr_test_61RCjiqdTDC91zgip4","url":"/v1/billing/meters/mtr_test_61RCjiqdTDC91zgip4"}}`: "/v1/billing/meters/mtr_test_61RCjiqdTDC91zgip4 |  |",
	} {
		if _, failure := fetch(t, p, event); failure != nil {
			t.Errorf("%s: %+v", event, failure)
		}
		if got := asked(); !slices.Equal(got, []string{want}) {
			t.Errorf("%s: asked %q, want %q", event, got, want)
		}
	}
	if body, failure := fetch(t, p, `{"object":"v2.core.event","related_object":null}`); failure != nil || body != "null" {
		t.Errorf("a thin event about nothing: %+v %s", failure, body)
	}
}

// relatedAttacks are addresses that an event must not have read: of another host, or of
// another place than they seem to name.
var relatedAttacks = []string{
	"https://evil.example/v1/x", "//evil.example/v1/x", "http://127.0.0.1/v1/x", "/\\evil.example/v1", "\\\\evil.example\\v1", "@evil.example/v1/x", ".evil.example/v1/x",
	":80@evil.example/v1", "/v1/../v2/core", "/v1/charges/..", "/v1/./charges", "/v1/charges/../../admin", "/v1//evil.example", "/v1/charges/", "/v1", "/", "/v3/charges/ch_1",
	"/v1/%2e%2e/x", "/v1/charges/%2F..%2Fx", "/v1/charges/ch_1%3Fexpand", "/v1/charges/ch_1?expand[]=customer", "/v1/charges/ch_1#x", "/v1/charges/ch_1;x",
	"/v1/charges/ch_1\r\nX-Evil: 1", "/v1/charges/ch_1\n", "/v1/charges/ch 1", "/v1/charges/\u202ech_1", "/v1/charges/ch_1\u0000", "v1/charges/ch_1", " /v1/charges/ch_1", "/V1/charges/ch_1",
	"/v1/charges/.hidden", "/v1/charges/x..y", "/v1/" + strings.Repeat("a/", 1000) + "b", "/v1/charges/ch_1/{x}", "/v1/charges/café", "/v1/charges\\ch_1", "file:///v1/x", "/v1/charges/ch_1@evil.example",
}

func TestNoEventHasAnythingReadButAPathOfStripesAPI(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for", r.URL) }))
	t.Cleanup(server.Close)
	p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
	for _, url := range relatedAttacks {
		quoted, err := json.Marshal(url)
		if err != nil {
			t.Fatal(err)
		}
		_, failure := fetch(t, p, `{"object":"v2.core.event","related_object":{"id":"x","url":`+string(quoted)+`}}`)
		if failure == nil || failure.Code != sdk.CodeInvalidParams || len(failure.Faults) != 1 || failure.Faults[0].Pointer != "/event/related_object/url" {
			t.Errorf("%q: %+v", url, failure)
		}
	}
	for event, pointer := range map[string]string{
		`{"object":"event","account":"acct_1\r\nX: y","data":{"object":{"object":"charge","id":"ch_1"}}}`:   "/event/account",
		`{"object":"event","account":"../x","data":{"object":{"object":"charge","id":"ch_1"}}}`:             "/event/account",
		`{"object":"v2.core.event","context":"a b","related_object":{"id":"x","url":"/v1/charges/ch_1"}}`:   "/event/context",
		`{"object":"v2.core.event","context":"/acct","related_object":{"id":"x","url":"/v1/charges/ch_1"}}`: "/event/context",
		`{"object":"event","data":{}}`:            "/event/data/object",
		`{"object":"event","data":{"object":1}}`:  "/event",
		`{"object":"event","data":{"object":[]}}`: "/event/data/object",
	} {
		_, failure := fetch(t, p, event)
		if failure == nil || failure.Code != sdk.CodeInvalidParams || len(failure.Faults) != 1 || !strings.HasPrefix(failure.Faults[0].Pointer, strings.TrimSuffix(pointer, "/data/object")) {
			t.Errorf("%s: %+v", event, failure)
		}
	}
}

func TestOnlyWhatStripeSaysIsMissingIsDeleted(t *testing.T) {
	t.Parallel()
	const event = `{"object":"event","livemode":false,"data":{"object":{"object":"discount","id":"di_1","customer":"cus_1"}}}`
	for name, c := range map[string]struct {
		status int
		body   string
		want   string
		code   sdk.Code
	}{
		"missing":                     {404, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such discount"}}`, `{"deleted":true,"id":"di_1"}`, ""},
		"missing below v2":            {404, `{"error":{"code":"not_found","message":"Object not found."}}`, `{"deleted":true,"id":"di_1"}`, ""},
		"another in its place":        {200, `{"id":"di_2","object":"discount"}`, `{"deleted":true,"id":"di_1"}`, ""},
		"itself":                      {200, `{"id":"di_1","object":"discount","n":1.50}`, `{"id":"di_1","object":"discount","n":1.50}`, ""},
		"deleted, as Stripe says it":  {200, `{"id":"di_1","object":"discount","deleted":true}`, `{"id":"di_1","object":"discount","deleted":true}`, ""},
		"a path that is not known":    {404, `{"error":{"type":"invalid_request_error","message":"Unrecognized request URL"}}`, "", sdk.CodeNotFound},
		"a page of something else":    {404, `<html>`, "", sdk.CodeUpstream},
		"an account without a right":  {403, `{"error":{"type":"invalid_request_error","code":"account_invalid","message":"no"}}`, "", sdk.CodeCredentials},
		"too many requests":           {429, `{"error":{"type":"invalid_request_error","code":"rate_limit","message":"no"}}`, "", sdk.CodeRateLimited},
		"a failure of Stripe's own":   {500, `{"error":{"type":"api_error","message":"no"}}`, "", sdk.CodeUpstream},
		"a refusal of what was asked": {400, `{"error":{"type":"invalid_request_error","code":"parameter_invalid","message":"no"}}`, "", sdk.CodeRejected},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		}))
		t.Cleanup(server.Close)
		p := configured(t, sdk.Config{Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"` + server.URL + `"}`)})
		body, failure := fetch(t, p, event)
		if body != c.want || (failure == nil) != (c.code == "") || failure != nil && failure.Code != c.code {
			t.Errorf("%s: %s, %+v", name, body, failure)
		}
	}
}

func TestAnEventOfAnotherModeIsNotTakenForOneWhoseObjectIsGone(t *testing.T) {
	t.Parallel()
	_, failure := fetch(t, onMock(t), `{"object":"event","livemode":true,"data":{"object":{"object":"charge","id":"ch_1"}}}`)
	if failure == nil || failure.Code != sdk.CodeRejected || !strings.Contains(failure.Message, "live mode") {
		t.Errorf("got %+v", failure)
	}
}

func FuzzFetchAsksForAPathOfStripesAPIAlone(f *testing.F) {
	for _, url := range relatedAttacks {
		f.Add(url, "acct_1")
	}
	f.Add("/v2/core/accounts/acct_1", "acct_1/acct_2")
	f.Add("/v1/billing/meters/mtr_1", "")
	f.Fuzz(func(t *testing.T, url, context string) {
		if !relatedPattern.MatchString(url) {
			return
		}
		segments := strings.Split(url, "/")
		if segments[0] != "" || segments[1] != "v1" && segments[1] != "v2" || len(segments) < 3 {
			t.Errorf("%q is none of Stripe's", url)
		}
		for _, segment := range segments[2:] {
			if segment == "" || segment == "." || segment == ".." || strings.ContainsAny(segment, "%?#\\:;@ \r\n\x00") {
				t.Errorf("%q has the segment %q", url, segment)
			}
		}
		if contextPattern.MatchString(context) && strings.ContainsAny(context, "\r\n %") {
			t.Errorf("the context %q", context)
		}
	})
}
