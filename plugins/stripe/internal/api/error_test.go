package api

import (
	"encoding/json"
	"net/http"
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
			Details: json.RawMessage(`{"type":"card_error","code":"card_declined","declineCode":"insufficient_funds","requestId":"req_1"}`)}},
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
		"too many requests, not at once":               {429, map[string]string{"Stripe-Should-Retry": "false"}, api, sdk.Error{Code: sdk.CodeRateLimited, Outcome: no, Retryable: true}},
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

func TestDetailsHoldOnlyWhatIsThere(t *testing.T) {
	t.Parallel()
	if got := details(stripeError{}, ""); got != nil {
		t.Errorf("got %s", got)
	}
	if got := string(details(stripeError{Type: "api_error"}, "req_1")); got != `{"type":"api_error","requestId":"req_1"}` {
		t.Errorf("got %s", got)
	}
}

func FuzzParseError(f *testing.F) {
	for _, seed := range []string{`{"error":{"type":"card_error","param":"a[b][0]"}}`, `{"error":null}`, `[]`, `{"error":{"param":"]["}}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		failure := refusal(&exchange{status: 400, header: http.Header{}, body: body}, time.Unix(0, 0))
		if failure.Message == "" || failure.Final != (failure.Code == sdk.CodeDeclined) || failure.Details != nil && !json.Valid(failure.Details) {
			t.Fatalf("%+v", failure)
		}
	})
}
