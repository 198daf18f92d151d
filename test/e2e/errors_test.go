package e2e

import (
	"net/http"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

const (
	// eventually is how long something may take that takes moments.
	eventually = 30 * time.Second
	// orphanLimit is how long a plugin may outlive its gateway.
	orphanLimit = 10 * time.Second
)

func TestStripesErrorsKeepTheirMeaning(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	const often = 10 // beyond what the gateway repeats
	for _, c := range []struct {
		name   string
		fault  stripedouble.Fault
		r      program.Request
		status int
		code   string
		fields map[string]string
	}{
		{
			name: "a declined card", r: program.Request{Method: "POST", Path: intents, Body: `{"amount":40002,"currency":"usd"}`}, status: 402, code: "declined",
			fields: map[string]string{"stripe.type": "card_error", "stripe.code": "card_declined", "stripe.declineCode": "generic_decline"},
		},
		{
			name: "a subscription that is not there", r: program.Request{Method: "GET", Path: "/integrations/stripe/subscriptions/sub_none"}, status: 404, code: "not_found",
			fields: map[string]string{"stripe.type": "invalid_request_error", "stripe.code": "resource_missing", "stripe.param": "id"},
		},
		{
			name: "a customer that is not there", r: program.Request{Method: "POST", Path: intents, Body: `{"amount":2000,"currency":"usd","customer":"cus_none"}`}, status: 404, code: "not_found",
			fields: map[string]string{"stripe.param": "customer", "errors.0.pointer": "/customer"},
		},
		{
			name: "too many requests", fault: stripedouble.Fault{Kind: stripedouble.RateLimit, Times: often, RetryAfter: 60},
			r: program.Request{Method: "POST", Path: intents, Body: goodIntent}, status: 429, code: "rate_limited",
		},
		{
			name: "an error of Stripe", fault: stripedouble.Fault{Kind: stripedouble.Error500, Times: often},
			r: program.Request{Method: "POST", Path: intents, Body: goodIntent}, status: 502, code: "upstream_error",
			fields: map[string]string{"stripe.type": "api_error"},
		},
		{
			name: "a proxy's page", fault: stripedouble.Fault{Kind: stripedouble.HTML502, Times: often},
			r: program.Request{Method: "POST", Path: intents, Body: goodIntent}, status: 502, code: "upstream_error",
		},
		{
			name: "connections that break", fault: stripedouble.Fault{Kind: stripedouble.CutBefore, Times: often},
			r: program.Request{Method: "POST", Path: intents, Body: goodIntent}, status: 502, code: "upstream_error",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.fault.Kind != "" {
				if err := h.stripe.Script(c.fault); err != nil {
					t.Fatal(err)
				}
				defer h.stripe.Clear()
			}
			answer := program.Want(t, c.status, g.In(t).Do(c.r))
			if got := answer.Header.Get("Content-Type"); got != "application/problem+json" {
				t.Errorf("Content-Type is %q", got)
			}
			for _, field := range []string{"type", "title", "detail", "requestId"} {
				if answer.Text(field) == "" {
					t.Errorf("no %s: %s", field, answer.Body)
				}
			}
			if got := answer.Text("code"); got != c.code {
				t.Errorf("code is %q, want %q: %s", got, c.code, answer.Body)
			}
			for path, want := range c.fields {
				if got := answer.Text(path); got != want {
					t.Errorf("%s is %q, want %q: %s", path, got, want, answer.Body)
				}
			}
			if got := answer.Header.Get("Retry-After"); c.fault.RetryAfter > 0 && got != "60" {
				t.Errorf("Retry-After is %q", got)
			}
		})
	}
}

func TestABrokenConnectionIsRepeatedWithTheSameKey(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	for _, kind := range []stripedouble.Kind{stripedouble.CutBefore, stripedouble.CutAfter} {
		if err := h.stripe.Script(stripedouble.Fault{Kind: kind}); err != nil {
			t.Fatal(err)
		}
	}
	program.Want(t, 200, g.Post(intents, goodIntent))
	calls := h.stripe.asked()
	if len(calls) != 3 || calls[0].key != calls[1].key || calls[1].key != calls[2].key || calls[0].key == "" {
		t.Errorf("Stripe was asked %+v", calls)
	}
	if got := h.stripe.effects(); got != 1 {
		t.Errorf("%d effects", got)
	}
}

func TestAKeyThatStripeRefusesIsNoFaultOfTheCaller(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.withStripe(t)
	h.Env["STRIPE_SECRET_KEY"] = "sk_notKnownToTheDouble"
	h.edits = append(h.edits, letIn("*"))
	h.WriteExample(h.store, h.edits...)
	g := h.Serve(apiToken)
	answer := program.Want(t, 502, g.Post(intents, goodIntent, "Idempotency-Key", "order-1"))
	if answer.Text("code") != "credentials_refused" {
		t.Errorf("%s", answer.Body)
	}
	if again := g.Post(intents, goodIntent, "Idempotency-Key", "order-1"); again.Header.Get("Idempotent-Replayed") != "" {
		t.Error("our own fault is kept under the caller's key")
	}
}

func TestStripeThatDoesNotAnswerInTimeIs504(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.edits = append(h.edits, program.Edit{Old: `"pluginDirs": ["../bin`, New: `"server": { "requestTimeout": "1s" }, "pluginDirs": ["../bin`})
	g := h.serve(t)
	finish := make(chan struct{})
	defer close(finish)
	if err := h.stripe.Script(stripedouble.Fault{Kind: stripedouble.Slow, Until: finish, Times: 10}); err != nil {
		t.Fatal(err)
	}
	begun := time.Now()
	answer := program.Want(t, 504, g.Post(intents, goodIntent))
	if answer.Text("code") != "timeout" {
		t.Errorf("%s", answer.Body)
	}
	if took := time.Since(begun); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestAPluginThatDiesIs503UntilItIsBack(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	g := h.serve(t)
	var answer program.Response
	pid := 0
	// A call outlasts the first restarts; the pause before them doubles.
	for range 6 {
		pid = g.PluginPID("stripe", pid)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if answer = g.Post(intents, goodIntent); answer.Status == http.StatusServiceUnavailable {
			break
		}
		program.Want(t, 200, answer)
	}
	if answer.Status != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || answer.Text("code") != "unavailable" {
		t.Errorf("while the plugin is away: %d %v %s", answer.Status, answer.Header, answer.Body)
	}
	program.Want(t, 200, g.Get("/readyz"))
	program.Want(t, 200, g.Post("/integrations/database/actions/insert", `{"table":"payments","data":{"stripe_id":"pi_1","amount":1}}`))
	testkit.Eventually(t, time.Minute, "the plugin is back", func() bool { return g.Post(intents, goodIntent).Status == http.StatusOK })
}
