package api

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

func TestRefusals(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const (
		api     = `{"error":{"type":"api_error","message":"Oops"}}`
		decline = `{"error":{"type":"card_error","code":"card_declined","decline_code":"insufficient_funds","message":"Declined.","payment_intent":{"newer":[1]}}}`
		missing = `{"error":{"type":"invalid_request_error","code":"resource_missing","param":"customer","message":"No such customer"}}`
		param   = `{"error":{"type":"invalid_request_error","code":"parameter_unknown","param":"items[0][price]","message":"Bad"}}`
		inUse   = `{"error":{"type":"invalid_request_error","code":"idempotency_key_in_use","message":"In use"}}`
		other   = `{"error":{"type":"idempotency_error","message":"Other params"}}`
		lock    = `{"error":{"type":"invalid_request_error","code":"lock_timeout","message":"Locked"}}`
		page    = `<html>`
	)
	paramFault := []sdk.Fault{{Pointer: "/items/0/price", Message: "Bad"}}
	customerFault := []sdk.Fault{{Pointer: "/customer", Message: "No such customer"}}
	no, unknown := sdk.OutcomeNotExecuted, sdk.OutcomeUnknown
	for name, test := range map[string]struct {
		status int
		header map[string]string
		body   string
		want   sdk.Error
	}{
		"a decline is final": {402, nil, decline, sdk.Error{Code: sdk.CodeDeclined, Outcome: no, Final: true, Message: "Declined.",
			Details: json.RawMessage(`{"requestId":"req_1","type":"card_error","code":"card_declined","declineCode":"insufficient_funds","message":"Declined.","paymentIntent":{"newer":[1]}}`)}},
		"a decline is final, whatever the header says": {402, map[string]string{"Stripe-Should-Retry": "true"}, decline, sdk.Error{Code: sdk.CodeDeclined, Outcome: no, Final: true}},
		"a refused param points at itself":             {400, nil, param, sdk.Error{Code: sdk.CodeRejected, Outcome: no, Faults: paramFault}},
		"a refusal that the key replays is final":      {400, map[string]string{"Idempotent-Replayed": "true"}, param, sdk.Error{Code: sdk.CodeRejected, Outcome: no, Final: true, Faults: paramFault}},
		"a refusal that Stripe wants repeated":         {400, map[string]string{"Stripe-Should-Retry": "true"}, param, sdk.Error{Code: sdk.CodeRejected, Outcome: no, Retryable: true, Faults: paramFault}},
		"an unknown object in the path":                {404, nil, missing, sdk.Error{Code: sdk.CodeNotFound, Outcome: no, Faults: customerFault}},
		"an unknown object in a param":                 {400, nil, missing, sdk.Error{Code: sdk.CodeNotFound, Outcome: no, Faults: customerFault}},
		"a refused key":                                {401, nil, api, sdk.Error{Code: sdk.CodeCredentials, Outcome: no}},
		"a key without the permission":                 {403, nil, api, sdk.Error{Code: sdk.CodeCredentials, Outcome: no}},
		"a key in use":                                 {409, nil, inUse, sdk.Error{Code: sdk.CodeConflict, Outcome: unknown, Retryable: true}},
		"a key with other params":                      {400, nil, other, sdk.Error{Code: sdk.CodeConflict, Outcome: unknown}},
		"too many requests":                            {429, map[string]string{"Retry-After": "7"}, api, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true, RetryAfter: 7 * time.Second}},
		"too many requests, not at once":               {429, map[string]string{"Stripe-Should-Retry": "false"}, api, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true, RetryAfter: time.Second}},
		"too many requests, when to come again":        {429, map[string]string{"Stripe-Should-Retry": "false", "Retry-After": "7"}, api, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true, RetryAfter: 7 * time.Second}},
		"a lock that was not to be had":                {429, nil, lock, sdk.Error{Code: sdk.CodeRateLimited, Outcome: unknown, Retryable: true}},
		"a key in use that is not to be repeated":      {409, map[string]string{"Stripe-Should-Retry": "false"}, inUse, sdk.Error{Code: sdk.CodeConflict, Outcome: unknown}},
		"a refusal with a time":                        {400, map[string]string{"Stripe-Should-Retry": "true", "Retry-After": "2"}, param, sdk.Error{Code: sdk.CodeRejected, Outcome: no, Retryable: true, RetryAfter: 2 * time.Second, Faults: paramFault}},
		"too many requests until a date":               {429, map[string]string{"Retry-After": now.Add(90 * time.Second).Format(http.TimeFormat)}, api, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true, RetryAfter: 90 * time.Second}},
		"a date that is past":                          {429, map[string]string{"Retry-After": now.Add(-time.Hour).Format(http.TimeFormat)}, api, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true}},
		"a wait without bound":                         {429, map[string]string{"Retry-After": "2000000000"}, api, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true, RetryAfter: 24 * time.Hour}},
		"a wait that is none":                          {429, map[string]string{"Retry-After": "-1"}, page, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true}},
		"an error of the server":                       {500, nil, api, sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown, Retryable: true}},
		"an error that Stripe wants not repeated":      {500, map[string]string{"Stripe-Should-Retry": "false"}, api, sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown}},
		"a replayed error of the server is final":      {500, map[string]string{"Idempotent-Replayed": "true", "Stripe-Should-Retry": "true"}, api, sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown, Final: true}},
		"trap: an HTML 502 keeps its status":           {502, map[string]string{"Retry-After": "3"}, page, sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown, Retryable: true, RetryAfter: 3 * time.Second, Message: "Stripe answered 502"}},
		"an empty 503":                                 {503, nil, "", sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown, Retryable: true}},
		"a request that took too long to arrive":       {408, nil, "", sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown, Retryable: true}},
		"somebody else's 404":                          {404, nil, page, sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown, Message: "what answered 404 is not Stripe: check apiBase"}},
		"an error whose fields are of other types":     {400, nil, `{"error":{"type":1,"code":{},"param":null,"message":[]}}`, sdk.Error{Code: sdk.CodeRejected, Outcome: no, Message: "Stripe answered 400"}},
		"an error that is a text":                      {400, nil, `{"error":"invalid_grant"}`, sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown}},
		"an error without a message":                   {400, nil, `{"error":{"type":"invalid_request_error","code":"x"}}`, sdk.Error{Code: sdk.CodeRejected, Outcome: no, Message: "Stripe answered 400 (invalid_request_error x)"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{"Request-Id": {"req_1"}}
			for key, value := range test.header {
				header.Set(key, value)
			}
			got := refusal(&exchange{status: test.status, header: header, body: []byte(test.body)}, now)
			if test.want.Message == "" {
				test.want.Message = got.Message
			}
			if test.want.Details == nil {
				test.want.Details = got.Details
			}
			if diff := cmp.Diff(test.want, *got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestStatusComesBeforeTypeBeforeCode: what Stripe says in one place does not hide what
// it says in a more certain one.
func TestStatusComesBeforeTypeBeforeCode(t *testing.T) {
	t.Parallel()
	const no, unknown = sdk.OutcomeNotExecuted, sdk.OutcomeUnknown
	types := []string{"api_error", "card_error", "idempotency_error", "invalid_request_error", "newer_error", ""}
	codes := []string{"card_declined", "idempotency_key_in_use", "lock_timeout", "resource_missing", "newer_code", ""}
	bodies := map[string]string{"page": "<html>", "empty": "", "text": `{"error":"no"}`}
	for _, typ := range types {
		for _, code := range codes {
			bodies[typ+" "+code] = `{"error":{"type":"` + typ + `","code":"` + code + `","message":"So."}}`
		}
	}
	for _, status := range []int{302, 400, 401, 402, 403, 404, 408, 409, 418, 424, 425, 429, 500, 502, 503, 504} {
		for name, body := range bodies {
			typ, code, genuine := strings.Cut(name, " ")
			want := sdk.Error{Outcome: no}
			switch {
			case status == 401 || status == 403:
				want.Code = sdk.CodeCredentials
			case status == 429 && genuine && code == "lock_timeout":
				want = sdk.Error{Code: sdk.CodeRateLimited, Outcome: unknown, Retryable: true}
			case status == 429:
				want = sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true}
			case status == 409 || genuine && code == "idempotency_key_in_use":
				want = sdk.Error{Code: sdk.CodeConflict, Outcome: unknown, Retryable: true}
			case status >= 500 || status == 408 || status == 424 || genuine && typ == "api_error":
				want = sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown, Retryable: true}
			case status == 302 || !genuine:
				want = sdk.Error{Code: sdk.CodeUpstream, Outcome: unknown}
			case typ == "idempotency_error":
				want = sdk.Error{Code: sdk.CodeConflict, Outcome: unknown}
			case status == 402 || typ == "card_error":
				want = sdk.Error{Code: sdk.CodeDeclined, Outcome: no, Final: true}
			case status == 404 || code == "resource_missing":
				want.Code = sdk.CodeNotFound
			default:
				want.Code = sdk.CodeRejected
			}
			for _, replayed := range []bool{false, true} {
				header := http.Header{}
				if replayed { // the key will return the same from now on
					header.Set("Idempotent-Replayed", "true")
					if want.Code != sdk.CodeCredentials && want.Code != sdk.CodeRateLimited {
						want.Retryable, want.Final = false, true
					}
				}
				got := refusal(&exchange{status: status, header: header, body: []byte(body)}, time.Unix(0, 0))
				if got.Code != want.Code || got.Outcome != want.Outcome || got.Retryable != want.Retryable || got.Final != want.Final || got.Message == "" {
					t.Errorf("%d %q, replayed %t: got %+v, want %+v", status, name, replayed, got, want)
				}
			}
		}
	}
}

func detailsOf(t *testing.T, body string) string {
	t.Helper()
	said, ok := parseError([]byte(body))
	if !ok {
		t.Fatalf("%s is no error", body)
	}
	return string(said.details("req_1"))
}

func TestEveryFieldOfAnErrorSurvives(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ error, want string }{
		"nothing": {`{}`, `{"requestId":"req_1"}`},
		"those of a declined payment": {
			`{"advice_code":"do_not_try_again","charge":"ch_1","code":"card_declined","decline_code":"lost_card","doc_url":"https://stripe.com/docs/error-codes/card-declined","message":"No.","network_advice_code":"03","network_decline_code":"43","param":"","payment_intent":{"id":"pi_1","amount":12345678901234567890,"decline_code":1.50,"last_payment_error":{"doc_url":null}},"payment_method":{"id":"pm_1"},"payment_method_type":"card","request_log_url":"https://dashboard.stripe.com/logs/req_1","setup_intent":null,"source":{"a":[]},"type":"card_error"}`,
			`{"requestId":"req_1","adviceCode":"do_not_try_again","charge":"ch_1","code":"card_declined","declineCode":"lost_card","docUrl":"https://stripe.com/docs/error-codes/card-declined","message":"No.","networkAdviceCode":"03","networkDeclineCode":"43","param":"","paymentIntent":{"id":"pi_1","amount":12345678901234567890,"decline_code":1.50,"last_payment_error":{"doc_url":null}},"paymentMethod":{"id":"pm_1"},"paymentMethodType":"card","requestLogUrl":"https://dashboard.stripe.com/logs/req_1","setupIntent":null,"source":{"a":[]},"type":"card_error"}`,
		},
		"those of v2":               {`{"type":"insufficient_funds","code":"outbound_payment_insufficient_funds","message":"m","user_message":"u","extra":{"a_b":1e400}}`, `{"requestId":"req_1","type":"insufficient_funds","code":"outbound_payment_insufficient_funds","message":"m","userMessage":"u","extra":{"a_b":1e400}}`},
		"of other types":            {`{"type":1,"code":{},"param":[1.0],"message":null}`, `{"requestId":"req_1","type":1,"code":{},"param":[1.0],"message":null}`},
		"newer than every library":  {`{"_a":1,"b_":2,"c__d":3,"e_1":4,"F_g":5,"h_I":6,"\u00e9_b":7,"":8}`, `{"requestId":"req_1","_a":1,"b_":2,"c_D":3,"e_1":4,"FG":5,"h_I":6,"éB":7,"":8}`},
		"a name twice, in two ways": {`{"a_b":1,"aB":2,"a_b":3,"request_id":"req_2"}`, `{"requestId":"req_1","aB":1}`},
	} {
		if diff := cmp.Diff(test.want, detailsOf(t, `{"error":`+test.error+`}`)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
	if got := (stripeError{}).details(""); got != nil {
		t.Errorf("got %s", got)
	}
}

// TestTextsOfErrorsHoldNoSecret: logs and runs keep what is said for people. The objects
// in an error are the caller's, whole.
func TestTextsOfErrorsHoldNoSecret(t *testing.T) {
	t.Parallel()
	client := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"type":"invalid_request_error","param":"intent","message":"No such payment_intent: 'pi_1_secret_4f' with `+testKey+`","payment_intent":{"client_secret":"pi_1_secret_4f"}}}`)
	})
	_, err := client.Do(t.Context(), post())
	failure := wantError(t, err)
	const want = "No such payment_intent: 'pi_1_secret_***' with ***"
	if failure.Message != want || len(failure.Faults) != 1 || failure.Faults[0].Message != want {
		t.Errorf("%q, %+v", failure.Message, failure.Faults)
	}
	const details = `{"type":"invalid_request_error","param":"intent","message":"` + want + `","paymentIntent":{"client_secret":"pi_1_secret_4f"}}`
	if diff := cmp.Diff(details, string(failure.Details)); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"seti_1AbC_secret_x9 and cs_test_a1_secret_b2.": "seti_1AbC_secret_*** and cs_test_a1_secret_***.",
		"payment_intent_client_secret is missing":       "payment_intent_client_secret is missing",
		"webhook_secret_key":                            "webhook_secret_key",
		"":                                              "",
	} {
		if got := concealSecrets(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestTheLargestFieldsOfAnErrorAreLeftOutAndNamed(t *testing.T) {
	t.Parallel()
	text := func(n int) string { return `"` + strings.Repeat("x", n) + `"` }
	got := detailsOf(t, `{"error":{"type":"card_error","payment_intent":`+text(60<<10)+`,"charge":`+text(20<<10)+`,"source":{"a":`+text(70<<10)+`},"code":"c"}}`)
	want := `{"requestId":"req_1","type":"card_error","charge":` + text(20<<10) + `,"code":"c","omitted":["source","paymentIntent"]}`
	if got != want {
		t.Errorf("%.100s… of %d bytes, want %d", got, len(got), len(want))
	}
	var many strings.Builder
	many.WriteString(`{"error":{"type":"t"`)
	for i := range 5000 {
		fmt.Fprintf(&many, `,"%d_%s":1`, i, strings.Repeat("n", 1000))
	}
	if got := detailsOf(t, many.String()+`}}`); len(got) > maxDetails+(maxOmitted*(maxOmittedName+3)) || !strings.Contains(got, `"type":"t"`) || !json.Valid([]byte(got)) {
		t.Errorf("%d bytes: %.200s", len(got), got)
	}
}

func TestARefusedAmountIsExplained(t *testing.T) {
	t.Parallel()
	const (
		zero    = "as an integer without decimals: 500 is 500 JPY (https://docs.stripe.com/currencies#zero-decimal)"
		three   = "with three decimals, of which the last is 0: 5120 is 5.120 KWD (https://docs.stripe.com/currencies#three-decimal)"
		special = "with two decimals that are 00: 500 is 5 ISK (https://docs.stripe.com/currencies#special-cases)"
		two     = "in the smallest unit: 1999 is 19.99 EUR (https://docs.stripe.com/currencies)"
		any     = "1999 is 19.99 USD, 500 is 500 JPY, 5120 is 5.120 KWD (https://docs.stripe.com/currencies)"
	)
	for name, test := range map[string]struct{ code, param, sent, want string }{
		"no decimals":                    {"parameter_invalid_integer", "amount", "amount=500.5&currency=jpy", zero},
		"too small for its currency":     {"amount_too_small", "amount", "amount=1&currency=JPY", zero},
		"three decimals":                 {"", "amount", "amount=5124&currency=kwd", three},
		"too large without a param":      {"amount_too_large", "", "amount=99999999999&currency=kwd", three},
		"decimals that must be 00":       {"invalid_charge_amount_no_decimal_compatible", "amount", "amount=4010&currency=isk", special},
		"two decimals":                   {"parameter_invalid_integer", "amount", "amount=19.99&currency=eur", two},
		"an amount in a list":            {"parameter_invalid_integer", "line_items[0][price_data][unit_amount]", "currency=usd&line_items[0][price_data][currency]=eur", two},
		"an amount in a list, by others": {"parameter_invalid_integer", "items[0][amount]", "currency=eur", two},
		"an update without currency":     {"parameter_invalid_integer", "amount", "amount=19.99", any},
		"a currency that is none":        {"parameter_invalid_integer", "amount", "amount=19.99&currency=euros", any},
		"a decimal amount":               {"parameter_invalid_integer", "unit_amount_decimal", "currency=eur", ""},
		"another integer":                {"parameter_invalid_integer", "quantity", "currency=eur", ""},
		"another refusal of an amount":   {"parameter_missing", "amount", "currency=eur", ""},
	} {
		body := `{"error":{"type":"invalid_request_error","code":"` + test.code + `","param":"` + test.param + `","message":"Invalid."}}`
		got := refusal(&exchange{status: 400, header: http.Header{}, body: []byte(body), sent: Body{formType, []byte(test.sent)}}, time.Unix(0, 0))
		if test.want == "" && got.Message != "Invalid." || !strings.HasSuffix(got.Message, test.want) || test.want != "" && !strings.HasPrefix(got.Message, "Invalid. Stripe takes an amount ") {
			t.Errorf("%s: %q", name, got.Message)
		}
		if len(got.Faults) > 0 && got.Faults[0].Message != got.Message {
			t.Errorf("%s: %q", name, got.Faults[0].Message)
		}
		if !strings.Contains(string(got.Details), `"message":"Invalid."`) {
			t.Errorf("%s: %s", name, got.Details)
		}
	}
}

func FuzzParseError(f *testing.F) {
	for _, seed := range []string{`{"error":{"type":"card_error","param":"a[b][0]"}}`, `{"error":null}`, `[]`, `{"error":{"param":"]["}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		failure := refusal(&exchange{status: 400, header: http.Header{}, body: body}, time.Unix(0, 0))
		if failure.Message == "" || len(failure.Details) > maxDetails+maxOmitted*(maxOmittedName+3) || failure.Final != (failure.Code == sdk.CodeDeclined) || failure.Details != nil && !json.Valid(failure.Details) {
			t.Fatalf("%+v", failure)
		}
	})
}

// TestA403NamesTheRightThatLacks: the one that Stripe names, else the one that the
// request needs of a restricted key.
func TestA403NamesTheRightThatLacks(t *testing.T) {
	t.Parallel()
	const text = "The provided key 'rk_test_****1234' does not have the required permissions for this endpoint on account 'acct_1'."
	refused := func(message, code string) string {
		return `{"error":{"type":"invalid_request_error","code":"` + code + `","message":"` + message + `"}}`
	}
	for name, test := range map[string]struct {
		key, body string
		status    int
		message   string
		rights    string // in the details
	}{
		"named by Stripe": {"rk_test_1", refused(text+" Having the 'rak_plan_write' permission would allow this request to continue.", ""), 403,
			text + " Having the 'rak_plan_write' permission would allow this request to continue. The key lacks the right Prices: Write", `"permissions":["Prices: Write"]`},
		"several, of which one will do": {"rk_test_1", refused(text+" Having the 'rak_charge_read', 'rak_x_read' permissions would allow it.", ""), 403,
			text + " Having the 'rak_charge_read', 'rak_x_read' permissions would allow it. The key lacks the right Charges and Refunds: Read, or x_read", `"permissions":["Charges and Refunds: Read","x_read"]`},
		"not named":                    {"rk_test_1", refused(text, ""), 403, text + " The key lacks the right Customers: Write", `"permissions":["Customers: Write"]`},
		"another reason":               {"rk_test_1", refused("No access to account 'acct_2'.", "account_invalid"), 403, "No access to account 'acct_2'.", ""},
		"a key that may do everything": {"sk_test_1", refused("No.", ""), 403, "No.", ""},
		"a key that is none":           {"rk_test_1", refused("Invalid API Key provided: rk_test_1", ""), 401, "Invalid API Key provided: ***", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			t.Cleanup(server.Close)
			client := New(test.key, server.URL)
			t.Cleanup(client.Close)
			_, err := client.Do(t.Context(), post())
			failure := wantError(t, err)
			if failure.Code != sdk.CodeCredentials || failure.Message != test.message || failure.Final || failure.Outcome != sdk.OutcomeNotExecuted {
				t.Errorf("got %+v", failure)
			}
			if said := string(failure.Details); strings.Contains(said, "permissions\":") != (test.rights != "") || !strings.Contains(said, test.rights) {
				t.Errorf("details %s", said)
			}
		})
	}
}
