package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// TestRowsAreReadByURLs: the queries that REST users write, over the real programs.
func TestRowsAreReadByURLs(t *testing.T) {
	t.Parallel()
	s := &shop{harness: &harness{Site: program.NewSite(t, binaries)}}
	s.file = filepath.Join(s.Dir, "shop", "app.db")
	s.migration(t, "00001_shop.sql", `CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT NOT NULL, amount INTEGER NOT NULL, created TIMESTAMP NOT NULL, "limit" TEXT);
INSERT INTO orders VALUES (1, 'paid', 200, '2026-11-23T10:00:00Z', 'a,b'), (2, 'pending', 100, '2026-11-23 12:00:00', 'b'), (3, 'paid', 600, '2026-11-23T12:30:00+02:00', 'c'), (4, 'paid', 100, '2026-11-23T10:00:00Z', NULL);
CREATE VIEW totals AS SELECT status, sum(amount) AS total FROM orders GROUP BY status;`)
	hash := sha256.Sum256([]byte(apiToken))
	s.WriteConfig("shop.json", `{
  "auth": { "tokens": [{ "name": "shop", "hash": "sha256:`+hex.EncodeToString(hash[:])+`", "scopes": ["*"] }] },
  "credentials": { "database": { "url": "sqlite://../shop/app.db", "migrations": "../shop-migrations", "queries": {
    "byStatus": { "sql": "SELECT id, created FROM orders WHERE status = :status ORDER BY id" },
    "pay": { "sql": "UPDATE orders SET status = 'paid' WHERE id = :id AND status <> 'paid'", "write": true }
  } } },
  "pluginDirs": ["`+s.Plugins+`"]
}`)
	s.Gateway = s.Serve(apiToken)
	const tables = "/integrations/database/tables/"
	for query, want := range map[string]string{
		"orders?status=eq.paid&amount=gte.100&amount=lt.500&order=created.desc,id&limit=20&select=id,status": `{"data":[{"id":1,"status":"paid"},{"id":4,"status":"paid"}],"nextCursor":null}`,
		"orders?created=gt.2026-11-23T10:00:00Z&order=created&select=id,created":                             `{"data":[{"id":3,"created":"2026-11-23T10:30:00Z"},{"id":2,"created":"2026-11-23T12:00:00Z"}],"nextCursor":null}`,
		"orders?%22limit%22=in.(%22a,b%22,c)&select=id":                                                      `{"data":[{"id":1},{"id":3}],"nextCursor":null}`,
		"orders?%22limit%22=is.null&select=id":                                                               `{"data":[{"id":4}],"nextCursor":null}`,
		"orders?status=not.like.p%25d&select=id":                                                             `{"data":[{"id":2}],"nextCursor":null}`,
		"totals?order=total.desc":                                                                            `{"data":[{"status":"paid","total":900},{"status":"pending","total":100}],"nextCursor":null}`,
	} {
		if got := program.Want(t, 200, s.Get(tables+query)); strings.TrimSpace(string(got.Body)) != want {
			t.Errorf("%s: %s\nwant %s", query, got.Body, want)
		}
	}
	for query, pointer := range map[string]string{
		"orders?status=paid": "/where/status/0", "orders?statsu=eq.paid": "/where/statsu/0", "orders?amount=eq.x": "/where/amount/0", "orders?limit=0": "/limit",
		"orders?cursor=x": "/cursor", "orders?order=nothing": "/order", "ordres": "/table", "backflow_keys": "/table",
	} {
		status := 422
		if query == "backflow_keys" {
			status = 403
		}
		if got := s.Get(tables + query); got.Status != status || got.Text("errors.0.pointer") != pointer {
			t.Errorf("%s: %d %s", query, got.Status, got.Body)
		}
	}
	var ids, cursor string
	for range 4 {
		page := program.Want(t, 200, s.Get(tables+"orders?order=amount.desc&select=id&limit=1"+cursor))
		ids += fmt.Sprint(page.Field("data.0.id"), " ")
		cursor = "&cursor=" + url.QueryEscape(page.Text("nextCursor"))
		if page.Field("nextCursor") == nil {
			break
		}
	}
	if ids != "3 1 4 2 " {
		t.Errorf("in pages: %s", ids)
	}
	query := func(name, body string) program.Response {
		return s.Do(program.Request{Method: http.MethodPost, Path: "/integrations/database/queries/" + name, Body: body, Token: apiToken, Header: map[string]string{"Idempotency-Key": "k"}})
	}
	if got := query("byStatus", `{"status":"pending"}`); got.Status != 200 || strings.TrimSpace(string(got.Body)) != `{"data":[{"id":2,"created":"2026-11-23T12:00:00Z"}]}` {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	for range 2 {
		if got := query("pay", `{"id":2}`); got.Status != 200 || fmt.Sprint(got.Field("affected")) != "1" {
			t.Errorf("%d %s", got.Status, got.Body)
		}
	}
	if got := query("pay", `{"di":2}`); got.Status != 422 {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}
