package sandbox

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

func TestInjectedFaultsHappenOnceAndWithTheirEffect(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	for _, test := range []struct {
		fault   string
		status  int // of the response, 0 where the connection breaks
		code    string
		effects string
		header  map[string]string
	}{
		{`{"kind":"error"}`, 500, "api_error", "0", nil},
		{`{"kind":"error","status":400,"type":"invalid_request_error","code":"x","message":"m","shouldRetry":"true"}`, 400, "x", "0", map[string]string{"Stripe-Should-Retry": "true"}},
		{`{"kind":"error_after","status":503}`, 503, "api_error", "1", nil},
		{`{"kind":"html502"}`, 502, "", "0", map[string]string{"Content-Type": "text/html"}},
		{`{"kind":"html502_after"}`, 502, "", "1", map[string]string{"Content-Type": "text/html"}},
		{`{"kind":"cut"}`, 0, "", "0", nil},
		{`{"kind":"cut_after"}`, 0, "", "1", nil},
		{`{"kind":"rate_limit","retryAfter":"1500ms"}`, 429, "rate_limit", "0", map[string]string{"Retry-After": "2"}},
		{`{"kind":"lock_timeout"}`, 429, "lock_timeout", "0", nil},
		{`{"delay":"1ms"}`, 200, "", "1", nil},
		{`{"kind":"slow_after","delay":"1ms"}`, 200, "", "1", nil},
	} {
		b.do("fault", strings.Replace(test.fault, "{", `{"operation":"PostCustomers",`, 1))
		b.get("/v1/customers/cus_123", "") // another operation is not met
		// With a key, a repeat after a lost response gets what was done.
		email := strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, test.fault)
		r, err := b.try(http.MethodPost, "/v1/customers", "email="+email, "Idempotency-Key", email)
		switch {
		case (err != nil) != (test.status == 0) || err == nil && r.Status != test.status:
			t.Errorf("%s: %d %v", test.fault, r.Status, err)
		case err == nil && test.code != "" && r.code() != test.code:
			t.Errorf("%s: %s", test.fault, r.Raw)
		}
		for name, want := range test.header {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", test.fault, name, got)
			}
		}
		if n := b.get("/v1/customers", "email="+email).text("data.#"); n != test.effects {
			t.Errorf("%s left %s customers", test.fault, n)
		}
		if test.status == 0 || test.status == 502 {
			again := b.post("/v1/customers", "email="+email, "Idempotency-Key", email)
			if (again.Header.Get("Idempotent-Replayed") == "true") != (test.effects == "1") {
				t.Errorf("%s: the repeat is replayed: %q", test.fault, again.Header.Get("Idempotent-Replayed"))
			}
			if n := b.get("/v1/customers", "email="+email).text("data.#"); n != "1" {
				t.Errorf("%s left %s customers after a repeat", test.fault, n)
			}
		}
		b.shows(b.do("status", ""), map[string]string{"faults.#": "0"})
	}
}

func TestFaultsAreListedAndTakenBack(t *testing.T) {
	t.Parallel()
	b := open(t, Options{})
	b.do("fault", `{"kind":"cut","times":3}`)
	b.do("fault", `{"kind":"error","operation":"GetBalance"}`)
	if _, err := b.try(http.MethodGet, "/v1/balance", ""); err == nil {
		t.Error("the first fault was not met")
	}
	b.shows(b.do("status", ""), map[string]string{"faults.#": "2", "faults.0.times": "2", "faults.0.operation": "*", "faults.1.operation": "GetBalance"})
	b.shows(b.do("fault", `{"clear":true}`), map[string]string{"faults.#": "0"})
	b.get("/v1/balance", "")
	b.do("fault", `{"kind":"cut"}`)
	b.do("reset", "")
	b.get("/v1/balance", "")
	for _, params := range []string{
		`{}`, `{"kind":"x"}`, `{"kind":"cut","operation":"PostNothing"}`, `{"kind":"cut","times":-1}`, `{"kind":"slow","delay":"x"}`, `{"kind":"slow","delay":"11m"}`,
		`{"kind":"cut","status":500}`, `{"kind":"error","status":200}`, `{"clear":true,"kind":"cut"}`, `{"kind":"cut","unknown":1}`, `[]`, `{"kind":"error","shouldRetry":"maybe"}`,
	} {
		if _, err := b.Do(t.Context(), "fault", json.RawMessage(params)); err == nil || !strings.Contains(err.Error(), "stripe: ") {
			t.Errorf("%s: %v", params, err)
		}
	}
	if _, err := b.Do(t.Context(), "explode", nil); err == nil || !strings.Contains(err.Error(), "(known: advance, fault, reset, status)") {
		t.Error(err)
	}
}
