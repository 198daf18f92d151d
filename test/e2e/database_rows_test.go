package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// TestRowsAreReadAndChangedOverHTTP: each row is a resource, and the names of a query are
// what it must be before it is changed.
func TestRowsAreReadAndChangedOverHTTP(t *testing.T) {
	t.Parallel()
	s := newShop(t, `CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT NOT NULL DEFAULT 'pending', amount INTEGER);
CREATE TABLE prices (currency TEXT, sku TEXT, amount INTEGER, "key" TEXT, PRIMARY KEY (currency, sku));
CREATE TABLE log (line TEXT);`, "")
	const tables = "/integrations/database/tables"
	for _, c := range []struct {
		method, path, body, key string
		status                  int
		says                    string
	}{
		{http.MethodPost, "/orders", `{"amount":2000}`, "", 200, `{"id":1,"status":"pending","amount":2000}`},
		{http.MethodPost, "/orders", `{"amount":2000,"colour":"red"}`, "", 422, `"pointer":"/data/colour"`},
		{http.MethodPost, "/orders", `[]`, "", 422, `"pointer":"/data"`},
		{http.MethodGet, "/orders/1", "", "", 200, `{"id":1,"status":"pending","amount":2000}`},
		{http.MethodGet, "/orders/1?select=status,id", "", "", 200, `{"status":"pending","id":1}`},
		{http.MethodGet, "/orders/2", "", "", 404, `"code":"not_found"`},
		{http.MethodGet, "/orders/one", "", "", 422, `"pointer":"/key"`},
		{http.MethodGet, "/nothing/1", "", "", 422, `"pointer":"/table"`},
		{http.MethodPatch, "/orders/1?status=eq.pending&amount=gte.2000", `{"status":"paid"}`, "", 200, `{"affected":1,"data":[{"id":1,"status":"paid","amount":2000}]}`},
		{http.MethodPatch, "/orders/1?status=eq.pending", `{"status":"paid"}`, "k1", 412, `"columns":["status"]`},
		{http.MethodPatch, "/orders/2?status=eq.pending", `{"status":"paid"}`, "", 404, `"code":"not_found"`},
		{http.MethodPatch, "/orders/1", `{}`, "", 422, `"pointer":"/data"`},
		{http.MethodPatch, "/orders/1", "", "", 422, `"pointer":"/data"`},
		{http.MethodPatch, "/orders", `{"status":"paid"}`, "", 405, `"code":"method_not_allowed"`},
		{http.MethodDelete, "/orders", "", "", 405, `"code":"method_not_allowed"`},
		// A refusal is kept under no key, and a result is.
		{http.MethodPatch, "/orders/1?status=eq.paid", `{"amount":5}`, "k2", 200, `{"affected":1,"data":[{"id":1,"status":"paid","amount":5}]}`},
		{http.MethodDelete, "/orders/1?status=eq.pending", "", "k3", 412, `"code":"precondition_failed"`},
		{http.MethodPatch, "/orders/1", `{"status":"pending"}`, "", 200, `"status":"pending"`},
		{http.MethodDelete, "/orders/1?status=eq.pending", "", "k3", 200, `{"affected":1}`},
		{http.MethodDelete, "/orders/1?status=eq.pending", "", "k3", 200, `{"affected":1}`},
		{http.MethodDelete, "/orders/1?status=eq.pending", "", "k4", 404, `"code":"not_found"`},
		{http.MethodPatch, "/orders/1?status=eq.paid", `{"amount":5}`, "k2", 200, `{"affected":1,"data":[{"id":1,"status":"paid","amount":5}]}`},
		// Keys of several columns, and columns that are called like params.
		{http.MethodPost, "/prices", `{"currency":"eur","sku":"a,\"b\"","amount":7,"key":"x"}`, "", 200, `"amount":7`},
		{http.MethodGet, `/prices/eur,%22a,%5C%22b%5C%22%22`, "", "", 200, `{"currency":"eur","sku":"a,\"b\"","amount":7,"key":"x"}`},
		{http.MethodGet, `/prices/eur`, "", "", 422, `"pointer":"/key"`},
		{http.MethodPatch, `/prices/eur,%22a,%5C%22b%5C%22%22?%22key%22=eq.x`, `{"key":null}`, "", 200, `"key":null`},
		{http.MethodDelete, `/prices/eur,%22a,%5C%22b%5C%22%22?%22key%22=eq.x`, "", "", 412, `"columns":["key"]`},
		{http.MethodGet, "/log/1", "", "", 422, "has no primary key"},
	} {
		r := program.Request{Method: c.method, Path: tables + c.path, Body: c.body, Header: map[string]string{}}
		if c.key != "" {
			r.Header["Idempotency-Key"] = c.key
		}
		got := s.Do(r)
		if got.Status != c.status || !strings.Contains(string(got.Body), c.says) {
			t.Errorf("%s %s %s: %d %s, want %d with %s", c.method, c.path, c.body, got.Status, got.Body, c.status, c.says)
		}
	}
}
