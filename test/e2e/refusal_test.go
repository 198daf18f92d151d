package e2e

import (
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// pointers returns where the faults of a problem are.
func pointers(a program.Response) string {
	faults, _ := a.Field("errors").([]any)
	var all []string
	for _, fault := range faults {
		if m, ok := fault.(map[string]any); ok {
			pointer, _ := m["pointer"].(string)
			all = append(all, pointer)
		}
	}
	return strings.Join(all, " ")
}

func TestWhatIsRefusedNeverReachesStripe(t *testing.T) {
	t.Parallel()
	onBothStores(t, func(t *testing.T, h *harness) {
		g := h.serve(t)
		const intents = "/integrations/stripe/payment-intents"
		good := `{"amount":2000,"currency":"usd","customer":"cus_123"}`

		t.Run("without a token 401", func(t *testing.T) {
			for _, token := range []string{"none", "wrong", apiToken + "x", apiToken[:len(apiToken)-1]} {
				for _, r := range []program.Request{
					{Method: "POST", Path: intents, Body: good},
					{Method: "POST", Path: "/integrations/stripe/actions/createCustomer", Body: `{}`},
					{Method: "GET", Path: "/integrations/stripe/subscriptions/sub_789"},
					{Method: "DELETE", Path: "/integrations/stripe/subscriptions/sub_789"},
					{Method: "POST", Path: "/workflows/process-order/runs", Body: order},
					{Method: "GET", Path: "/runs"},
					{Method: "GET", Path: "/integrations"},
				} {
					r.Token = token
					answer := program.Want(t, 401, g.In(t).Do(r))
					if got := answer.Header.Get("Content-Type"); got != "application/problem+json" || answer.Header.Get("WWW-Authenticate") == "" {
						t.Errorf("%s: Content-Type %q, headers %v", r.Path, got, answer.Header)
					}
				}
			}
		})
		t.Run("a bad amount 422", func(t *testing.T) {
			for _, amount := range []string{`-5`, `0`, `20.5`, `"abc"`, `null`, `"2000"`, `true`, `[]`, `1e400`} {
				answer := program.Want(t, 422, g.In(t).Post(intents, `{"amount":`+amount+`,"currency":"usd"}`))
				if got := pointers(answer); got != "/amount" {
					t.Errorf("amount %s: the faults are at %q: %s", amount, got, answer.Body)
				}
			}
			answer := program.Want(t, 422, g.In(t).Post(intents, `{"currency":"usd"}`))
			if !strings.Contains(string(answer.Body), "amount") {
				t.Errorf("amount is not named: %s", answer.Body)
			}
		})
		t.Run("an unknown field 422", func(t *testing.T) {
			answer := program.Want(t, 422, g.In(t).Post(intents, `{"amount":2000,"currency":"usd","ammount":1}`))
			if !strings.Contains(string(answer.Body), "ammount") {
				t.Errorf("the field is not named: %s", answer.Body)
			}
		})
		t.Run("a run with a bad amount", func(t *testing.T) {
			// The first step would be made: here the second alone is asked.
			answer := program.Want(t, 422, g.In(t).Post("/integrations/stripe/actions/createPaymentIntent", `{"amount":"20.5","currency":"usd"}`))
			if got := pointers(answer); got != "/amount" {
				t.Errorf("the faults are at %q", got)
			}
		})
		t.Run("ids that would leave their path", func(t *testing.T) {
			for _, id := range []string{
				"..", ".", "%2e%2e", "%2E%2E", ".%2e", "%2e", "a%2Fb", "a%2fb", "..%2fcustomers", "%2e%2e%2fcustomers", "..%5ccustomers%2f",
				"../customers", "a/b", "",
			} {
				for _, method := range []string{"GET", "DELETE"} {
					answer := g.In(t).Do(program.Request{Method: method, Path: "/integrations/stripe/subscriptions/" + id})
					if answer.Status != 400 && answer.Status != 404 && answer.Status != 405 && answer.Status != 422 {
						t.Errorf("%s of %q: %d %s", method, id, answer.Status, answer.Body)
					}
				}
				if answer := g.In(t).Do(program.Request{Method: "GET", Path: "/runs/" + id + "x/.."}); answer.Status < 400 || answer.Status >= 500 {
					t.Errorf("run %q: %d", id, answer.Status)
				}
			}
			for _, id := range []string{"..", ".", "a/b", "../customers", "a?b", "a#b", ""} {
				answer := g.In(t).Post("/integrations/stripe/actions/getSubscription", `{"subscriptionId":"`+id+`"}`)
				if answer.Status != 422 {
					t.Errorf("param %q: %d %s", id, answer.Status, answer.Body)
				}
			}
		})
		t.Run("bodies that are no params", func(t *testing.T) {
			for body, status := range map[string]int{
				`{`:                                  400,
				`{"amount":1,"amount":2}`:            400,
				`[]`:                                 422,
				`"x"`:                                422,
				`{"amount":2000,"currency":"usd"} x`: 400,
			} {
				answer := g.In(t).Post(intents, body)
				if answer.Status != status {
					t.Errorf("%.40s: %d, want %d: %s", body, answer.Status, status, answer.Body)
				}
			}
			// As curl sends one of that size: it asks before it sends.
			if answer := g.In(t).Post(intents, `{"description":"`+strings.Repeat("x", 1<<20)+`"}`, "Expect", "100-continue"); answer.Status != 413 {
				t.Errorf("more than server.maxBodyBytes: %d %s", answer.Status, answer.Body)
			}
			if answer := g.In(t).Post(intents, good, "Content-Type", "text/plain"); answer.Status != 415 {
				t.Errorf("text/plain: %d", answer.Status)
			}
			if answer := g.In(t).Do(program.Request{Method: "PUT", Path: intents, Body: good}); answer.Status != 405 || answer.Header.Get("Allow") != "GET, HEAD, POST" {
				t.Errorf("PUT: %d, Allow %q", answer.Status, answer.Header.Get("Allow"))
			}
		})
		h.stripe.wantNothing(t)
	})
}

func TestATokenOpensWhatItsScopesSay(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.withStripe(t)
	h.edits = append(h.edits, letIn("integrations:stripe:createCustomer", "runs:read"))
	h.WriteExample(h.store, h.edits...)
	g := h.Serve(apiToken)
	program.Want(t, 200, g.Post("/integrations/stripe/customers", `{}`))
	program.Want(t, 200, g.Get("/runs"))
	program.Want(t, 403, g.Post("/integrations/stripe/payment-intents", `{"amount":2000,"currency":"usd"}`))
	program.Want(t, 403, g.Post("/integrations/database/actions/insert", `{"table":"payments","data":{}}`))
	program.Want(t, 403, g.Post("/workflows/process-order/runs", order))
	if calls := h.stripe.asked(); len(calls) != 1 {
		t.Errorf("Stripe was asked %d times", len(calls))
	}
}
