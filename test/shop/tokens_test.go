package shop

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// tokens are those of docs/shop.md, each the text that lets in and its name.
var tokens = []map[string]any{
	{"name": "website", "scopes": []string{"workflows:checkout:run"}},
	{"name": "staff", "scopes": []string{"workflows:refund:run", "runs:read", "runs:write", "integrations:database:get", "integrations:database:select"}},
	{"name": "warehouse", "scopes": []string{"integrations:database:get", "integrations:database:select"}, "tables": []string{"orders"}},
	{"name": "bookkeeping", "scopes": []string{"integrations:database:query"}},
}

// letIn adds tokens to the config.
func letIn(t *testing.T) program.Edit {
	t.Helper()
	var entries []map[string]any
	for _, token := range tokens {
		hash := sha256.Sum256([]byte("bf_of_" + token["name"].(string)))
		entry := map[string]any{"hash": "sha256:" + hex.EncodeToString(hash[:])}
		for key, value := range token {
			entry[key] = value
		}
		entries = append(entries, entry)
	}
	text, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	return program.Edit{Old: `"credentials": {`, New: `"auth": { "tokens": ` + string(text) + ` }, "credentials": {`}
}

func eachTokenMayDoWhatItsHolderNeeds(s *shop) {
	order, _ := s.checkout()
	const database = "/integrations/database"
	for _, c := range []struct {
		what, method, path, body string
		may                      []string
	}{
		{"take an order", "POST", "/workflows/checkout/runs?wait=1m", `{"email":"` + s.email + `","amount":700,"currency":"usd","paymentMethod":"pm_card_visa"}`, []string{"website"}},
		{"refund an order", "POST", "/workflows/refund/runs?wait=1m", `{"order":"` + order + `","amount":1}`, []string{"staff"}},
		{"see runs", "GET", "/runs", "", []string{"staff"}},
		{"see an order", "GET", database + "/tables/orders/" + order, "", []string{"staff", "warehouse"}},
		{"see orders", "GET", database + "/tables/orders?status=eq.paid", "", []string{"staff", "warehouse"}},
		{"see customers", "GET", database + "/tables/customers", "", []string{"staff"}},
		{"see the revenue", "POST", database + "/actions/query", `{"name":"revenue","params":{"since":"2026-01-01"}}`, []string{"bookkeeping"}},
		{"settle an order", "POST", "/workflows/settle/runs", `{"order":"` + order + `","payment":"pi_1","paid":1}`, nil},
		{"reconcile", "POST", "/workflows/reconcile/runs", `{}`, nil},
		{"change an order", "PATCH", database + "/tables/orders/" + order, `{"paid":1}`, nil},
		{"charge a card", "POST", "/integrations/stripe/payment-intents", `{"amount":700,"currency":"usd"}`, nil},
	} {
		for _, token := range tokens {
			name := token["name"].(string)
			want := http.StatusForbidden
			for _, one := range c.may {
				if one == name {
					want = http.StatusOK
				}
			}
			got := s.Do(program.Request{Method: c.method, Path: c.path, Body: c.body, Token: "bf_of_" + name})
			if got.Status != want {
				s.t.Errorf("that the token of %s may %s: %d, not %d: %s", name, c.what, got.Status, want, got.Body)
			}
		}
	}
}

func nobodyDoesWhatTheTablesOfTheConfigDoNotName(s *shop) {
	order, payment := s.checkout()
	for what, request := range map[string]program.Request{
		"delete an order":         {Method: "DELETE", Path: "/integrations/database/tables/orders/" + order},
		"insert a customer":       {Method: "POST", Path: "/integrations/database/tables/customers", Body: `{"email":"bob@example.com"}`},
		"see the keys":            {Method: "GET", Path: "/integrations/database/tables/backflow_keys"},
		"see the migrations":      {Method: "GET", Path: "/integrations/database/tables/goose_db_version"},
		"delete in a transaction": {Method: "POST", Path: "/integrations/database/actions/transaction", Body: `{"operations":[{"action":"delete","params":{"table":"payments","key":"` + payment + `"}}]}`},
	} {
		if got := s.Do(request); got.Status != http.StatusForbidden || got.Text("code") != "forbidden" {
			s.t.Errorf("%s: %d %s", what, got.Status, got.Body)
		}
	}
	s.is(s.row("payments", payment), "status", "succeeded")
}
