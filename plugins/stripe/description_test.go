package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

// described returns a plugin with the description in testdata, and what its Stripe is
// asked: the request line, the headers that matter, and the body.
func described(t *testing.T) (served, func() []string) {
	t.Helper()
	base, err := filepath.Abs("testdata")
	if err != nil {
		t.Fatal(err)
	}
	config := sdk.Config{BaseDir: base, Credentials: json.RawMessage(`{"secretKey":"sk_test_1","apiBase":"URL","apiDescription":"v2.json","apiVersion":"2026-09-30.endive"}`)}
	return recordedBy(t, config,
		func(r *http.Request, body string) string {
			line := r.Method + " " + r.URL.RequestURI()
			for _, name := range []string{"Stripe-Version", "Content-Type", "Idempotency-Key", "Stripe-Account", "Stripe-Context"} {
				if value := r.Header.Get(name); value != "" && value != "application/x-www-form-urlencoded" {
					line += " | " + value
				}
			}
			return line + " " + body
		},
		func(r *http.Request) string {
			if r.URL.Path != "/v2/core/accounts" || r.Method != http.MethodGet {
				return `{"id":"x_1"}`
			}
			page, next := r.URL.Query().Get("page"), `"/v2/core/accounts?limit=100&page=p2"`
			if page == "p2" {
				next = "null"
			}
			return `{"data":[{"id":"acct_` + page + `"}],"next_page_url":` + next + `,"previous_page_url":null}`
		})
}

const version = "2026-09-30.endive"

func TestADescriptionOfTheConfigIsWhatCounts(t *testing.T) {
	t.Parallel()
	p, asked := described(t)
	for _, test := range []struct{ action, params, want string }{
		{"call", `{"operationId":"PostCustomers","params":{"business_name":"Shop","email":"a@b.c"}}`, "POST /v1/customers | " + version + " | k business_name=Shop&email=a%40b.c"},
		{"createCustomer", `{"email":"a@b.c"}`, "POST /v1/customers | " + version + " | k email=a%40b.c"},
		{"getSubscription", `{"subscriptionId":"sub_1","expand":["customer"]}`, "GET /v1/subscriptions/sub_1?expand[0]=customer | " + version},
		{"call", `{"operationId":"PostV2CoreAccounts","params":{"contact_email":"a@b.c","include":["identity"],"identity":{"country":"de","parent":{"parent":{"country":"fr"}},"business_details":{"annual_revenue":{"amount":{"value":12345678901234567890,"currency":"eur"}}}}},"stripeContext":"acct_1/acct_2"}`,
			"POST /v2/core/accounts | " + version + ` | application/json | k | acct_1/acct_2 {"contact_email":"a@b.c","include":["identity"],"identity":{"country":"de","parent":{"parent":{"country":"fr"}},"business_details":{"annual_revenue":{"amount":{"value":12345678901234567890,"currency":"eur"}}}}}`},
		{"call", `{"operationId":"PostV2CoreAccounts","params":{"metadata":{"a":1.50,"b":true,"c":null,"d":"x"}}}`, "POST /v2/core/accounts | " + version + ` | application/json | k {"metadata":{"a":"1.50","b":"true","c":null,"d":"x"}}`},
		{"call", `{"operationId":"DeleteV2CoreEventDestinationsId","params":{"id":"ed_1"}}`, "DELETE /v2/core/event_destinations/ed_1 | " + version + " | application/json | k"},
		{"call", `{"operationId":"PostV2CoreAccounts"}`, "POST /v2/core/accounts | " + version + " | application/json | k"},
		{"read", `{"operationId":"GetV2CoreAccountsId","params":{"id":"acct_1","include":["identity","defaults"]},"stripeContext":"acct_2"}`, "GET /v2/core/accounts/acct_1?include=identity&include=defaults | " + version + " | application/json | acct_2"},
	} {
		if _, failed := executed(t.Context(), p, test.action, test.params, "k"); failed != nil {
			t.Errorf("%s: %+v", test.params, failed)
		}
		// Below /v1 the content type of a request without a body is that of a form.
		if diff := cmp.Diff([]string{test.want}, asked()); diff != "" {
			t.Errorf("%s:\n%s", test.params, diff)
		}
	}
	result, failed := executed(t.Context(), p, "read", `{"operationId":"GetV2CoreAccounts","params":{"applied_configurations":["customer","merchant"]},"all":true}`, "")
	if failed != nil || string(result.Body) != `{"data":[{"id":"acct_"},{"id":"acct_p2"}],"next_page_url":null,"previous_page_url":null}` {
		t.Errorf("%s %+v", result.Body, failed)
	}
	const first = "GET /v2/core/accounts?applied_configurations=customer&applied_configurations=merchant&limit=100"
	if diff := cmp.Diff([]string{first + " | " + version + " | application/json", first + "&page=p2 | " + version + " | application/json"}, asked()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatADescriptionOfTheConfigDoesNotHaveIsRefused(t *testing.T) {
	t.Parallel()
	p, asked := described(t)
	for _, test := range []struct {
		action, params string
		code           sdk.Code
		pointer, text  string
	}{
		{"call", `{"operationId":"PostCustomers","params":{"phone":"1"}}`, sdk.CodeInvalidParams, "/params/phone", ""},
		{"createCustomer", `{"phone":"1"}`, sdk.CodeInvalidParams, "/phone", "phone"},
		{"getSubscription", `{"subscriptionId":"sub_1","expand":["latest_invoice"]}`, sdk.CodeInvalidParams, "/expand/0", ""},
		{"createPaymentIntent", `{"amount":1,"currency":"usd"}`, sdk.CodeRejected, "", "has no operation PostPaymentIntents, which createPaymentIntent is"},
		{"call", `{"operationId":"PostPaymentIntents"}`, sdk.CodeInvalidParams, "/operationId", "of version " + version + " has no operation"},
		{"call", `{"operationId":"PostPrices","params":{"currency":"usd"}}`, sdk.CodeInvalidParams, "/operationId", "ofAKindThatIsNew: unknown keyword"},
		{"createPrice", `{"currency":"usd"}`, sdk.CodeRejected, "", "ofAKindThatIsNew"},
		{"call", `{"operationId":"PostFiles","params":{"file":"x"}}`, sdk.CodeInvalidParams, "/operationId", "no key is sent"},
		{"read", `{"operationId":"GetEventsAll"}`, sdk.CodeInvalidParams, "/operationId", "it is a POST"},
		{"call", `{"operationId":"GetEventsAll"}`, sdk.CodeInvalidParams, "/operationId", `does not begin with "Post"`},
		{"call", `{"operationId":"PostV2CoreAccounts","params":{"identity":{"parent":{"parent":{"nmae":1}}}}}`, sdk.CodeInvalidParams, "/params/identity/parent/parent/nmae", ""},
		{"call", `{"operationId":"PostV2CoreAccounts","params":{"metadata":{"a":{}}}}`, sdk.CodeInvalidParams, "/params/metadata/a", ""},
		{"read", `{"operationId":"GetV2CoreAccountsId","params":{"id":"..","include":["identity"]}}`, sdk.CodeInvalidParams, "/params/id", "is not an id"},
		{"read", `{"operationId":"GetV2CoreAccounts","stripeContext":"a b"}`, sdk.CodeInvalidParams, "/stripeContext", ""},
	} {
		_, failed := executed(t.Context(), p, test.action, test.params, "k")
		if failed == nil || failed.Code != test.code || failed.Outcome != sdk.OutcomeNotExecuted || !strings.Contains(failed.Message, test.text) {
			t.Errorf("%s %s: %+v", test.action, test.params, failed)
			continue
		}
		if test.pointer != "" && (len(failed.Faults) == 0 || failed.Faults[0].Pointer != test.pointer) {
			t.Errorf("%s %s: %+v", test.action, test.params, failed.Faults)
		}
	}
	if came := asked(); len(came) > 0 {
		t.Errorf("Stripe was asked %q", came)
	}
}

func TestADescriptionThatCannotBeUsedIsAFaultOfItsField(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("testdata/v2.json")
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, replacement string) string {
		changed := strings.Replace(string(good), old, replacement, 1)
		if changed == string(good) {
			t.Fatalf("the description has no %s", old)
		}
		return changed
	}
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ file, content, more, want string }{
		"as it should be":         {"a.json", string(good), "", ""},
		"its version, said twice": {"b.json", string(good), `,"apiVersion":"2026-09-30.endive"`, ""},
		"a missing file":          {"", "", `,"apiDescription":"missing.json"`, "no such file"},
		"a folder":                {"", "", `,"apiDescription":"."`, "is not a file"},
		"a pipe without a writer": {"", "", `,"apiDescription":"pipe"`, "is not a file"},
		"another version":         {"c.json", string(good), `,"apiVersion":"2023-10-16"`, `credentials.stripe.apiVersion is "2023-10-16"`},
		"a version by itself":     {"", "", `,"apiVersion":"2026-09-30.endive"`, "credentials.stripe.apiVersion is"},
		"the version without one": {"", "", `,"apiVersion":"2023-10-16"`, ""},
		"no JSON":                 {"d.json", "openapi: 3.0.0\n", "", "d.json: at byte 0"},
		"an empty file":           {"e.json", "", "", "e.json: "},
		"two in one":              {"f.json", string(good) + "{}", "", "f.json: "},
		"not OpenAPI":             {"g.json", `{"swagger":"2.0","info":{"version":"1"},"paths":{}}`, "", "not an OpenAPI 3 description"},
		"no version":              {"h.json", change(`"version": "2026-09-30.endive",`, ""), "", "it is of no version"},
		"a version with a break":  {"i.json", change(`"2026-09-30.endive",`, `"2026\r\nX: y",`), "", "cannot be sent in a header"},
		"no operations":           {"j.json", `{"openapi":"3.0.0","info":{"version":"1"},"paths":{}}`, "", "has no operations"},
		"paths that are a list":   {"k.json", `{"openapi":"3.0.0","info":{"version":"1"},"paths":[]}`, "", "paths: it is not a JSON object"},
		"an id twice":             {"l.json", change(`"operationId": "PostPrices"`, `"operationId": "PostCustomers"`), "", `"PostCustomers" is that of`},
		"nested without end":      {"m.json", change(`"title": "Stripe API"`, `"title": `+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)), "", "nested"},
		"a name twice":            {"n.json", change(`"title": "Stripe API"`, `"title": "a", "title": "b"`), "", "title"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			field := test.more
			if test.file != "" {
				if err := os.WriteFile(filepath.Join(dir, test.file), []byte(test.content), 0o600); err != nil {
					t.Fatal(err)
				}
				field += `,"apiDescription":"` + test.file + `"`
			}
			p := newServed()
			err := p.Configure(t.Context(), sdk.Config{BaseDir: dir, Credentials: json.RawMessage(`{"secretKey":"sk_test_hidden"` + field + `}`)})
			if closing := p.Close(); closing != nil {
				t.Error(closing)
			}
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "credentials.stripe.api")):
				t.Errorf("got %v, want …%s…", err, test.want)
			case err != nil && strings.Contains(err.Error(), "hidden"):
				t.Errorf("the key is in the error: %v", err)
			}
		})
	}
}

func TestTheSandboxSaysThatItReadsNoDescription(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	ctx := sdk.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	p := newServed()
	if err := p.Configure(ctx, sdk.Config{Sandbox: true, DataDir: t.TempDir(), Credentials: json.RawMessage(`{"secretKey":"","apiDescription":"missing.json"}`)}); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "apiDescription=missing.json") {
		t.Errorf("the log is %s", &log)
	}
}
