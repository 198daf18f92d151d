package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

const (
	clerkToken = "bf_e2eTokenOfTheClerk" // transaction, insert and nothing else
	tillToken  = "bf_e2eTokenOfTheTill"  // everything of the database, on the table orders
)

// newCounter serves a database with orders and lines, to three tokens, and a workflow that
// inserts one of each in a transaction.
func newCounter(t *testing.T) *shop {
	t.Helper()
	s := &shop{harness: &harness{Site: program.NewSite(t, binaries)}}
	s.file = filepath.Join(s.Dir, "shop", "app.db")
	s.migration(t, "00001_shop.sql", `CREATE TABLE orders (id INTEGER PRIMARY KEY, email TEXT NOT NULL);
CREATE TABLE lines (id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders (id), sku TEXT NOT NULL);`)
	token := func(name, token, more string) string {
		hash := sha256.Sum256([]byte(token))
		return fmt.Sprintf(`{ "name": %q, "hash": "sha256:%s", %s }`, name, hex.EncodeToString(hash[:]), more)
	}
	s.WriteConfig("shop.json", `{
  "auth": { "tokens": [
    `+token("shop", apiToken, `"scopes": ["*"]`)+`,
    `+token("clerk", clerkToken, `"scopes": ["integrations:database:transaction", "integrations:database:insert"]`)+`,
    `+token("till", tillToken, `"scopes": ["integrations:database:*", "integrations:database:transaction", "workflows:order:run", "runs:read"], "tables": ["orders"]`)+`
  ] },
  "credentials": { "database": { "url": "sqlite://../shop/app.db", "migrations": "../shop-migrations" } },
  "workflows": [{ "id": "order", "steps": [
    { "id": "both", "type": "database", "action": "transaction", "params": { "operations": [
      { "action": "insert", "params": { "table": "orders", "data": { "email": "{{input.email}}" } } },
      { "action": "insert", "params": { "table": "lines", "data": { "order_id": "{{results[0].id}}", "sku": "{{input.sku}}" } } }
    ] } }
  ] }],
  "pluginDirs": ["`+s.Plugins+`"]
}`)
	s.Gateway = s.Serve(apiToken)
	return s
}

const (
	ordersOnly = `{"operations":[{"action":"insert","params":{"table":"orders","data":{"email":"a@example.com"}}}]}`
	andCount   = `{"operations":[{"action":"insert","params":{"table":"orders","data":{"email":"a@example.com"}}},{"action":"count","params":{"table":"orders"}}]}`
	andLines   = `{"operations":[{"action":"insert","params":{"table":"orders","data":{"email":"a@example.com"}}},{"action":"insert","params":{"table":"lines","data":{"order_id":"{{results[0].id}}","sku":"A"}}}]}`
)

const transactionPath = "/integrations/database/actions/transaction"

// TestATransactionNeedsTheScopeOfEachOperationAndStaysWithinTheTokensTables: what is
// refused has done nothing, and says which operation it is.
func TestATransactionNeedsTheScopeOfEachOperationAndStaysWithinTheTokensTables(t *testing.T) {
	t.Parallel()
	s := newCounter(t)
	for _, c := range []struct {
		token, path, body string
		status            int
		pointer, detail   string
	}{
		{clerkToken, transactionPath, ordersOnly, 200, "", ""},
		{clerkToken, transactionPath, andCount, 403, "/operations/1", "/operations/1 is a call of count: this needs the scope integrations:database:count, which the token clerk does not have"},
		{clerkToken, transactionPath, strings.Replace(andCount, `"count"`, `"transaction"`, 1), 422, "/operations/1/action", "transaction cannot be called within transaction"},
		{clerkToken, transactionPath, strings.Replace(andCount, `"count"`, `"cuont"`, 1), 422, "/operations/1/action", `integration "database" has no action "cuont" (did you mean "count"?)`},
		{clerkToken, transactionPath, strings.Replace(ordersOnly, `"data"`, `"dta"`, 1), 422, "/operations/0/params/dta", `unknown field "dta"`},
		{clerkToken, transactionPath, andLines, 200, "", ""},
		{tillToken, transactionPath, andCount, 200, "", ""},
		{tillToken, transactionPath, andLines, 403, "/operations/1/params/table", `the token till may touch the tables orders alone, and "lines" is another`},
		{tillToken, insertPath, `{"table":"lines","data":{"order_id":1,"sku":"A"}}`, 403, "/table", "orders alone"},
		{tillToken, insertPath, `{"table":"ORDERS","data":{"email":"x"}}`, 403, "/table", "orders alone"},
	} {
		orders := s.count(t, "orders", "TRUE")
		for range 2 { // under one key: what is refused is kept under none
			request := program.Request{Method: http.MethodPost, Path: c.path, Body: c.body, Token: c.token}
			if c.status != 200 {
				request.Header = map[string]string{"Idempotency-Key": "k"}
			}
			r := s.Do(request)
			if r.Status != c.status || r.Text("errors.0.pointer") != c.pointer || !strings.Contains(r.Text("detail"), c.detail) {
				t.Errorf("%s: %d %s\nwant %d, %s, %s", c.body, r.Status, r.Body, c.status, c.pointer, c.detail)
			}
		}
		if n := s.count(t, "orders", "TRUE"); c.status != 200 && n != orders {
			t.Errorf("%s: refused, and %d orders were inserted", c.body, n-orders)
		}
	}
	if n := s.count(t, "lines", "order_id NOT IN (SELECT id FROM orders)"); n != 0 {
		t.Errorf("%d lines are of no order", n)
	}
}

// TestEveryActionOfTheDatabaseSaysWhichTablesItTouches: else a token's tables would not
// bound it.
func TestEveryActionOfTheDatabaseSaysWhichTablesItTouches(t *testing.T) {
	t.Parallel()
	s := newCounter(t)
	actions, _ := program.Want(t, 200, s.Get("/integrations/database")).Field("actions").([]any)
	for _, a := range actions {
		shown, _ := a.(map[string]any)
		if shown["tables"] == nil && shown["inner"] == nil {
			t.Errorf("%v says nothing of tables", shown["name"])
		}
	}
	if len(actions) == 0 {
		t.Error("there are no actions")
	}
}

// TestAWorkflowsTransactionReadsWhatItMadeAndNeverWhatDataSays: the line is that of the
// order, and an email that reads like a result is no result.
func TestAWorkflowsTransactionReadsWhatItMadeAndNeverWhatDataSays(t *testing.T) {
	t.Parallel()
	s := newCounter(t)
	// What a workflow does is the config's, whatever the tables of who starts it.
	run := program.Want(t, 200, s.Do(program.Request{Method: http.MethodPost, Path: "/workflows/order/runs?wait=20s", Body: `{"email":"see {{results[0].id}}","sku":"A"}`, Token: tillToken}))
	if run.Text("status") != "succeeded" || run.Text("steps.0.result.results.0.email") != "see {{results[0].id}}" {
		t.Errorf("the run: %s", run.Body)
	}
	if n := s.count(t, "lines", "order_id = (SELECT max(id) FROM orders)"); n != 1 {
		t.Errorf("%d lines are of the order", n)
	}
	orders := s.count(t, "orders", "TRUE")
	for _, sku := range []string{"{{results[0].email}}", "{{ results[0] }}", "{{results}}"} {
		run := program.Want(t, 200, s.Post("/workflows/order/runs?wait=20s", `{"email":"a@example.com","sku":"`+sku+`"}`))
		if run.Text("status") != "failed" || run.Text("error.code") != "invalid_params" || run.Text("error.errors.0.pointer") != "/operations/1/params/data/sku" {
			t.Errorf("%s: %s", sku, run.Body)
		}
	}
	if n := s.count(t, "orders", "TRUE"); n != orders {
		t.Errorf("%d orders were inserted", n-orders)
	}
}
