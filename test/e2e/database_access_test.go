package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/test/program"
)

// newGuarded writes the config of a database of which tables say what is open, with
// further members of the credentials and workflows.
func newGuarded(t *testing.T, credentials, workflows string) *shop {
	t.Helper()
	s := &shop{harness: &harness{Site: program.NewSite(t, binaries)}}
	s.file = filepath.Join(s.Dir, "shop", "app.db")
	s.migration(t, "00001_shop.sql", `CREATE TABLE orders (id INTEGER PRIMARY KEY, status TEXT NOT NULL, secret TEXT DEFAULT 'hunter2', made TIMESTAMP);
CREATE TABLE staff (id INTEGER PRIMARY KEY, password TEXT);`)
	hash := sha256.Sum256([]byte(apiToken))
	s.WriteConfig("shop.json", `{
  "auth": { "tokens": [ { "name": "shop", "hash": "sha256:`+hex.EncodeToString(hash[:])+`", "scopes": ["*"] } ] },
  "credentials": { "database": { "url": "sqlite://../shop/app.db", "migrations": "../shop-migrations",
`+credentials+`
  } },
  "workflows": [`+workflows+`],
  "pluginDirs": ["`+s.Plugins+`"]
}`)
	return s
}

const guardedTables = `"tables": { "orders": { "operations": ["insert", "get", "select", "update"], "exclude": ["secret"] } },
    "queries": { "open": { "sql": "SELECT count(*) AS n FROM orders WHERE status = :status" } }, "numbers": "string"`

// TestWhatTheConfigClosesOfADatabaseIsNotThereOverHTTP: neither in a result, nor to write
// or to search by, nor in what is said of it.
func TestWhatTheConfigClosesOfADatabaseIsNotThereOverHTTP(t *testing.T) {
	t.Parallel()
	s := newGuarded(t, guardedTables, "")
	s.Gateway = s.Serve(apiToken)
	const tables = "/integrations/database/tables/"
	if got := string(program.Want(t, 200, s.Post(tables+"orders", `{"status":"new","made":"2026-11-23T12:00:00+02:00"}`)).Body); got != `{"id":"1","status":"new","made":"2026-11-23T10:00:00Z"}` {
		t.Errorf("inserted %s", got)
	}
	for _, c := range []struct {
		method, path, body string
		status             int
		pointer            string
	}{
		{http.MethodGet, tables + "orders?made=lte.2026-11-23T11:00:00%2B01:00&status=eq.new", "", 200, ""},
		{http.MethodGet, tables + "orders/1", "", 200, ""},
		{http.MethodPatch, tables + "orders/1?status=eq.new", `{"status":"paid"}`, 200, ""},
		{http.MethodPost, "/integrations/database/queries/open", `{"status":"paid"}`, 200, ""},
		{http.MethodGet, tables + "orders?secret=eq.hunter2", "", 422, "/where/secret/0"},
		{http.MethodGet, tables + "orders?order=secret", "", 422, "/order"},
		{http.MethodGet, tables + "orders?select=id,secret", "", 422, "/select"},
		{http.MethodPost, tables + "orders", `{"status":"new","secret":"x"}`, 422, "/data/secret"},
		{http.MethodPatch, tables + "orders/1?secret=eq.hunter2", `{"status":"new"}`, 422, "/where/secret/0"},
		{http.MethodDelete, tables + "orders/1", "", 403, "/table"},
		{http.MethodGet, tables + "staff", "", 403, "/table"},
		{http.MethodGet, tables + "nothing", "", 403, "/table"},
		{http.MethodGet, tables + "backflow_keys", "", 403, "/table"},
		{http.MethodGet, tables + "GOOSE_db_version", "", 403, "/table"},
		{http.MethodPost, "/integrations/database/actions/transaction", `{"operations":[{"action":"count","params":{"table":"orders"}}]}`, 403, "/operations/0/params/table"},
	} {
		r := s.Do(program.Request{Method: c.method, Path: c.path, Body: c.body, Token: apiToken})
		if r.Status != c.status || r.Text("errors.0.pointer") != c.pointer {
			t.Errorf("%s %s: %d %s, want %d at %q", c.method, c.path, r.Status, r.Body, c.status, c.pointer)
		}
		if strings.Contains(string(r.Body), "hunter2") || strings.Contains(string(r.Body), "password") {
			t.Errorf("%s %s: %s", c.method, c.path, r.Body)
		}
	}
	of := func(table string) string {
		return strings.ReplaceAll(s.Get(tables+table).Text("detail"), table, "…")
	}
	if there, absent := of("staff"), of("absen"); there != absent {
		t.Errorf("a table that is there: %s\none that is not: %s", there, absent)
	}
}

// TestDBCheckFindsWhatDoesNotFitTheLiveDatabase: at its place, before and after the
// migrations, and without a change.
func TestDBCheckFindsWhatDoesNotFitTheLiveDatabase(t *testing.T) {
	t.Parallel()
	s := newGuarded(t, strings.Replace(guardedTables, `"exclude": ["secret"]`, `"exclude": ["secert"]`, 1), `{ "id": "order", "steps": [
    { "id": "a", "type": "database", "action": "insert", "params": { "table": "orders", "data": { "status": "{{input.status}}" } } },
    { "id": "b", "type": "database", "action": "delete", "params": { "table": "staff", "key": "{{input.id}}" } },
    { "id": "c", "type": "database", "action": "query", "params": { "name": "opne", "params": { "status": "{{input.status}}" } } }
  ] }`)
	if code, stdout, _ := s.Run("db", "check", "-c", s.Config()); code != 1 || !strings.Contains(stdout, "credentials.database.url: the database is not there yet") {
		t.Errorf("before the first start: %d %s", code, stdout)
	}
	s.Gateway = s.Serve(apiToken)
	s.Ready()
	code, stdout, stderr := s.Run("db", "check", "-c", s.Config())
	want := []string{
		`credentials.database.tables.orders.exclude.0: table "orders" has no column "secert", and is closed until that is mended; did you mean "secret"?`,
		`table "orders" is closed: what is to be excluded of it names a column that it does not have`,
		`table "staff" is closed: "tables" of the database's credentials does not name it`,
		`there is no query "opne"; did you mean "open"?`,
	}
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	found := slices.ContainsFunc(want, func(text string) bool {
		return !slices.ContainsFunc(lines, func(line string) bool {
			return strings.Contains(line, "shop.json:") && strings.HasSuffix(line, text)
		})
	})
	if code != 1 || found || len(lines) != len(want)+1 {
		t.Errorf("exit %d\n%s%s\nwant %s", code, stdout, stderr, strings.Join(want, "\n"))
	}
}
