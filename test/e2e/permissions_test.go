package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
	"github.com/backflow/backflow/test/stripedouble"
)

// lineOf returns file:line of the first line of the config with a text.
func (h *harness) lineOf(t *testing.T, text string) string {
	t.Helper()
	config, err := os.ReadFile(h.Config())
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(config), text)
	if !found {
		t.Fatalf("there is no %s in the config", text)
	}
	return fmt.Sprintf("%s:%d:", h.Config(), 1+strings.Count(before, "\n"))
}

// TestAKeyThatMayNotIsToldWithActionConfigLineAndRight: to callers, and in runs. The
// key itself is told nowhere.
func TestAKeyThatMayNotIsToldWithActionConfigLineAndRight(t *testing.T) {
	t.Parallel()
	const restrictedKey = "rk_test_e2eKeyThatMayLittle"
	h := newHarness(t, "stripe.json")
	h.withStripe(t)
	h.Env["STRIPE_SECRET_KEY"] = restrictedKey
	h.edits = append(h.edits, letIn("*"))
	h.WriteExample(h.store, h.edits...)
	g := h.Serve(apiToken)
	at := h.lineOf(t, `"secretKey"`)
	fails := func(status int, message string) {
		t.Helper()
		body := fmt.Sprintf(`{"error":{"type":"invalid_request_error","message":%q}}`, message)
		if err := h.stripe.Script(stripedouble.Fault{Kind: stripedouble.Answer, Status: status, Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	named := func(where, detail, action, says, right string) {
		t.Helper()
		if !strings.HasPrefix(detail, "stripe."+action+": ") || !strings.Contains(detail, says) || !strings.Contains(detail, " (the credentials are credentials.stripe.secretKey, "+at) {
			t.Errorf("%s: %s", where, detail)
		}
		if strings.Contains(detail, "The key lacks the right") != (right != "") || !strings.Contains(detail, right) {
			t.Errorf("%s: %s, want the right %q", where, detail, right)
		}
	}
	const refused = "The provided key 'rk_test_***' does not have the required permissions for this endpoint on account 'acct_1'."
	const having = " Having the 'rak_charge_write' permission would allow this request to continue."

	fails(403, refused+having)
	answer := program.Want(t, 502, g.Post("/integrations/stripe/customers", `{"email":"ada@example.com"}`))
	named("named by Stripe", answer.Text("detail"), "createCustomer", refused, "The key lacks the right Charges and Refunds: Write")
	if answer.Text("code") != "credentials_refused" || answer.Text("stripe.permissions.0") != "Charges and Refunds: Write" {
		t.Errorf("answered %s", answer.Body)
	}
	fails(403, refused)
	answer = program.Want(t, 502, g.Post("/integrations/stripe/call", `{"operationId":"GetInvoices"}`))
	named("not named by Stripe", answer.Text("detail"), "call", refused, "The key lacks the right Invoices: Read")
	fails(401, "Invalid API Key provided: "+restrictedKey)
	answer = program.Want(t, 502, g.Post("/integrations/stripe/customers", `{"email":"ada@example.com"}`))
	named("no key at all", answer.Text("detail"), "createCustomer", "Invalid API Key provided", "")

	fails(403, refused)
	run := program.Want(t, 200, g.Post("/workflows/process-order/runs?wait=30s", order))
	if run.Text("status") != "failed" || run.Text("error.code") != "credentials_refused" {
		t.Fatalf("the run is %s", run.Body)
	}
	named("a run", run.Text("error.detail"), "createCustomer", refused, "The key lacks the right Customers: Write")

	stdout, stderr := g.Output()
	if strings.Contains(stdout+stderr+string(run.Body)+string(answer.Body), restrictedKey) {
		t.Error("the key shows")
	}
}

// TestThePermissionsOfAConfigArePrinted: with the places that need each, and without a
// secret at hand.
func TestThePermissionsOfAConfigArePrinted(t *testing.T) {
	t.Parallel()
	h := newHarness(t, "stripe.json")
	h.WriteExample(h.store, letIn("integrations:stripe:listInvoices", "integrations:stripe:call"),
		program.Edit{Old: `"action": "createPaymentIntent"`, New: `"action": "call"`},
		program.Edit{Old: `"customer": "{{steps.create-customer.result.id}}",`, New: `"operationId": "PostPaymentIntents", "params": { "customer": "{{steps.create-customer.result.id}}",`},
		program.Edit{Old: `"currency": "usd"`, New: `"currency": "usd" }`})
	code, table, stderr := h.Run("stripe", "permissions", "-c", h.Config())
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	for _, want := range []string{"Customers: Write", "PaymentIntents: Write", "Invoices: Read", h.Config() + ":", `workflow "process-order", step "create-payment": call`, `token "shop", scope integrations:stripe:call: call, whose operationId the caller chooses`} {
		if !strings.Contains(table, want) {
			t.Errorf("no %s in\n%s", want, table)
		}
	}
	code, printed, _ := h.Run("stripe", "permissions", "-c", h.Config(), "-o", "json")
	var view struct {
		Integration string
		Permissions []struct {
			Permission string
			Uses       []struct {
				File         string
				Line, Column int
				Use          string
			}
		}
		Unknown []struct{ Use string }
	}
	if err := json.Unmarshal([]byte(printed), &view); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, printed)
	}
	got := map[string]int{}
	for _, right := range view.Permissions {
		got[right.Permission] = len(right.Uses)
		if use := right.Uses[0]; use.File != h.Config() || use.Line == 0 || use.Column == 0 || use.Use == "" {
			t.Errorf("%s: %+v", right.Permission, use)
		}
	}
	if want := map[string]int{"Customers: Write": 1, "PaymentIntents: Write": 1, "Invoices: Read": 1}; fmt.Sprint(got) != fmt.Sprint(want) || view.Integration != "stripe" || len(view.Unknown) != 1 {
		t.Errorf("printed is %s", printed)
	}
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"an integration without rights": {[]string{"database", "permissions", "-c", h.Config()}, 1, `integration "database" says nothing of the rights`},
		"none":                          {[]string{"stirpe", "permissions", "-c", h.Config()}, 1, `there is no integration "stirpe" (did you mean "stripe"?)`},
		"another command":               {[]string{"stripe", "charge"}, 2, `there is no command "backflow stripe"`},
	} {
		if code, _, stderr := h.Run(c.args...); code != c.code || !strings.Contains(stderr, c.says) {
			t.Errorf("%s: exit code %d: %s", name, code, stderr)
		}
	}
}

// TestACallOfAnyOperationIsGrantedByNameAndTreatedAsItsOperation: with Stripe's call and
// read, over HTTP and in a run.
func TestACallOfAnyOperationIsGrantedByNameAndTreatedAsItsOperation(t *testing.T) {
	t.Parallel()
	const (
		create = `{"operationId":"PostCustomers","params":{"email":"ada@example.com"}}`
		get    = `{"operationId":"GetSubscriptionsSubscriptionExposedId","params":{"subscription_exposed_id":"sub_none"}}`
	)
	for scope, statuses := range map[string][2]int{ // of call, of read
		"integrations:stripe:*":    {403, 404},
		"integrations:*":           {403, 404},
		"integrations:stripe:read": {403, 404},
		"integrations:stripe:call": {200, 403},
		"integrations:*:call":      {200, 403},
		"admin":                    {200, 404},
	} {
		t.Run(scope, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, "stripe.json")
			h.withStripe(t)
			h.edits = append(h.edits, letIn(scope))
			h.WriteExample(h.store, h.edits...)
			g := h.Serve(apiToken)
			for _, path := range []string{"/integrations/stripe/call", "/integrations/stripe/actions/call"} {
				answer := g.Post(path, create)
				if answer.Status != statuses[0] || answer.Status == 403 && !strings.Contains(answer.Text("detail"), "this needs the scope integrations:stripe:call") {
					t.Errorf("%s: %d %s", path, answer.Status, answer.Body)
				}
			}
			if answer := g.Post("/integrations/stripe/read", get); answer.Status != statuses[1] {
				t.Errorf("read: %d %s", answer.Status, answer.Body)
			}
			if scope != "admin" {
				return
			}
			shown := program.Want(t, 200, g.Get("/integrations/stripe"))
			if !strings.Contains(string(shown.Body), `"byName":true`) || !strings.Contains(string(shown.Body), `"keyLifetime":"720h"`) || !strings.Contains(string(shown.Body), `"permissions":["Customers: Write"]`) {
				t.Errorf("shown is %.2000s", shown.Body)
			}
			// What reads has no effect that could be unknown, and so needs no key.
			cut := func(operation string, times int) {
				t.Helper()
				if err := h.stripe.Script(stripedouble.Fault{Kind: stripedouble.CutAfter, Operation: operation, Times: times}); err != nil {
					t.Fatal(err)
				}
			}
			cut("GET /v1/subscriptions/sub_none", 3)
			program.Want(t, 502, g.Post("/integrations/stripe/call", get, "Idempotency-Key", "read"))
			program.Want(t, 404, g.Post("/integrations/stripe/call", get, "Idempotency-Key", "read"))
			before := len(h.stripe.Effects())
			cut("POST /v1/customers", 3)
			program.Want(t, 502, g.Post("/integrations/stripe/call", create, "Idempotency-Key", "write"))
			first := program.Want(t, 200, g.Post("/integrations/stripe/call", create, "Idempotency-Key", "write"))
			again := program.Want(t, 200, g.Post("/integrations/stripe/call", create, "Idempotency-Key", "write"))
			if string(first.Body) != string(again.Body) || len(h.stripe.Effects()) != before+1 {
				t.Errorf("%d effects; %s, then %s", len(h.stripe.Effects())-before, first.Body, again.Body)
			}
		})
	}
}
