package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// inspecting is a plugin that looks only, at the database of a fixture.
func inspecting(t *testing.T, f *fixture, credentials string) served {
	t.Helper()
	plugin := newServed(f.clock.now)
	must(t, plugin.Configure(t.Context(), sdk.Config{Credentials: json.RawMessage(credentials), Inspect: true, BaseDir: f.dir, DataDir: filepath.Join(f.dir, "own")}))
	t.Cleanup(func() { must(t, plugin.Close()) })
	return plugin
}

// found are the faults of uses, as "pointer message".
func found(ctx context.Context, t *testing.T, plugin served, uses ...sdk.Use) []string {
	t.Helper()
	faults, err := plugin.CheckUses(ctx, uses)
	must(t, err)
	var said []string
	for _, fault := range faults {
		said = append(said, fault.Pointer+" "+fault.Message)
	}
	return said
}

func use(action, params string, open ...string) sdk.Use {
	return sdk.Use{Action: action, Params: json.RawMessage(params), Open: open}
}

// checkedDDL has a table of each kind of fault.
var checkedDDL = []string{
	paymentsDDL,
	`CREATE TABLE orders (a INTEGER, b TEXT, n INTEGER NOT NULL, twice INTEGER GENERATED ALWAYS AS (n * 2), secret TEXT, meta JSON, PRIMARY KEY (a, b), UNIQUE (n))`,
	`CREATE VIEW shown AS SELECT stripe_id FROM payments`,
}

const checkedCredentials = `{"url":"sqlite://data/app.db","migrations":"migrations",
  "tables":{"payments":{},"orders":{"operations":["insert","upsert","update","get","select"],"exclude":["secret"]},"shown":{}}}`

func TestAUseThatDoesNotFitTheDatabaseIsFoundAtItsPlace(t *testing.T) {
	f := newFixture(t, checkedDDL...)
	plugin := inspecting(t, f, checkedCredentials)
	before := f.rows()
	for _, c := range []struct {
		use  sdk.Use
		want []string // "pointer part of the message"
	}{
		{use("insert", `{"table":"payments","data":{"stripe_id":"{{input.id}}","amount":5}}`, "/data/stripe_id"), nil},
		{use("insert", `{"table":"paymets","data":{}}`), []string{`/table closed`}},
		{use("insert", `{"table":"{{input.t}}","data":{"x":1}}`, "/table"), nil},
		{use("insert", `{"table":"payments","data":"{{input}}"}`, "/data"), nil},
		{use("insert", `{"table":"orders","data":{"n":"{{input.n}}","secret":1,"twice":"{{input.x}}","N":"{{input.x}}"}}`, "/data/n", "/data/twice", "/data/N"), []string{
			`/data/N has no column "N"; did you mean "n"?`, `/data/secret has no column "secret"`, `/data/twice is computed by the database`}},
		{use("insert", `{"table":"payments","data":{"amount":"much","stripe_id":{"a":"{{input.x}}"}}}`, "/data/stripe_id/a"), []string{
			`/data/amount takes an integer`, `/data/stripe_id declare the column as JSON`}},
		{use("insert", `{"table":"orders","data":{"meta":{"a":["{{input.x}}"]},"n":1}}`, "/data/meta/a/0"), nil},
		{use("insert", `{"table":"shown","data":{"stripe_id":"x"}}`), []string{`/table is a view`}},
		{use("insertMany", `{"table":"payments","rows":[{"amount":"{{input.a}}"},{"amonut":1}]}`, "/rows/0/amount"), []string{`/rows/1/amonut did you mean "amount"?`}},
		{use("insertMany", `{"table":"payments","rows":"{{input.rows}}"}`, "/rows"), nil},
		{use("upsert", `{"table":"orders","data":{"n":1},"onConflict":["n"]}`), nil},
		{use("upsert", `{"table":"orders","data":"{{input}}","onConflict":["b","a"]}`, "/data"), nil},
		{use("upsert", `{"table":"orders","data":"{{input}}","onConflict":["a"]}`, "/data"), []string{`/onConflict must be the columns of one unique key`}},
		{use("upsert", `{"table":"orders","data":{"n":1},"onConflict":"{{input.by}}"}`, "/onConflict"), nil},
		{use("update", `{"table":"orders","key":"{{input.id}}","data":{"n":"{{input.n}}"},"if":{"m":1}}`, "/key", "/data/n"), []string{`/if/m has no column "m"`}},
		{use("update", `{"table":"orders","key":"5","data":{"n":1}}`), []string{`/key must have 2 values`}},
		{use("update", `{"table":"payments","key":"{{input.id}}","data":"{{input}}","maxAffected":"{{input.most}}","if":"{{input.if}}"}`, "/key", "/data", "/maxAffected", "/if"), nil},
		{use("update", `{"table":"payments","filters":"{{input.f}}","data":{"amount":"x"}}`, "/filters"), []string{`/data/amount takes an integer`}},
		{use("update", `{"table":"payments","filters":[{"column":"id","operator":"in","value":"{{input.ids}}"},{"column":"idd","operator":"eq","value":1}],"data":{"amount":1}}`, "/filters/0/value"), []string{
			`/filters/1/column did you mean "id"?`}},
		{use("delete", `{"table":"orders","key":"1,x"}`), []string{`/table closed to delete`}},
		{use("delete", `{"table":"payments","filters":[{"column":"amount","operator":"like","value":"{{input.x}}"}]}`, "/filters/0/value"), []string{`/filters/0 is no text`}},
		{use("get", `{"table":"shown","key":"x"}`), []string{`/key has no primary key`}},
		{use("select", `{"table":"orders","columns":["a","secret"],"filters":"{{input.f}}","order":[{"column":"{{input.by}}"},{"column":"z"}],"limit":"{{input.limit}}"}`, "/filters", "/order/0/column", "/limit"), []string{
			`/columns/1 has no column "secret"`, `/order/1/column has no column "z"`}},
		{use("count", `{"table":"payments","filters":[{"or":[{"column":"amount","operator":"eq","value":"{{input.a}}"},{"not":{"column":"amount","operator":"gt","value":"x"}}]}]}`, "/filters/0/or/0/value"), []string{
			`/filters/0/or/1/not/value takes an integer`}},
		{use("transaction", `{"operations":[
      {"action":"insert","params":{"table":"payments","data":{"stripe_id":"a","amount":"{{input.a}}"}}},
      {"action":"insert","params":{"table":"orders","data":{"n":"{{results[0].id}}","nn":"{{results[0].id}}"}}},
      {"action":"count","params":{"table":"orders"}}]}`, "/operations/0/params/data/amount"), []string{
			`/operations/1/params/data/nn has no column "nn"`, `/operations/2/params/table closed to count`}},
	} {
		said := found(t.Context(), t, plugin, c.use)
		slices.Sort(said)
		ok := len(said) == len(c.want)
		for i := 0; ok && i < len(said); i++ {
			pointer, says, _ := strings.Cut(c.want[i], " ")
			ok = strings.HasPrefix(said[i], pointer+" ") && strings.Contains(said[i], says)
		}
		if !ok {
			t.Errorf("%s %s: found\n%s\nwant\n%s", c.use.Action, c.use.Params, strings.Join(said, "\n"), strings.Join(c.want, "\n"))
		}
	}
	if after := f.rows(); after != before {
		t.Errorf("the check changed rows from %s to %s", before, after)
	}
}

func TestCredentialsThatDoNotFitTheDatabaseAreFound(t *testing.T) {
	f := newFixture(t, checkedDDL...)
	plugin := inspecting(t, f, `{"url":"sqlite://data/app.db","tables":{"payment":{},"orders":{"exclude":["Secret","sceret"]}}}`)
	want := []string{
		`/tables/orders/exclude/1 table "orders" has no column "sceret", and is closed until that is mended; did you mean "secret"?`,
		`/tables/payment there is no table "payment"; did you mean "payments"?`,
	}
	if said := found(t.Context(), t, plugin); !slices.Equal(said, want) {
		t.Errorf("found %q, want %q", said, want)
	}
	for query, says := range map[string]string{
		`SELECT nosuch FROM payments`:     "no such column",
		`SELECT * FROM`:                   "incomplete input",
		`DELETE FROM payments`:            "line 1, column 1: DELETE",
		`SELECT * FROM \"Backflow_Keys\"`: "belongs to Backflow itself",
	} {
		plugin := inspecting(t, f, `{"url":"sqlite://data/app.db","queries":{"fine":{"sql":"SELECT id FROM payments WHERE id = :id"},"a/b":{"sql":"`+query+`"}}}`)
		if said := found(t.Context(), t, plugin); len(said) != 1 || !strings.HasPrefix(said[0], "/queries/a~1b/sql ") || !strings.Contains(said[0], says) {
			t.Errorf("%s: found %q, want %q", query, said, says)
		}
	}
	plugin = inspecting(t, f, `{"url":"sqlite://data/app.db","queries":{"one":{"sql":"SELECT id FROM payments WHERE id = :id"}}}`)
	want = []string{
		`/name there is no query "ones"; did you mean "one"?`,
		`/operations/0/params/params/idd the query has no parameter "idd"; did you mean "id"?`,
		`/operations/0/params/params the parameter "id" of the query is missing`,
	}
	said := found(t.Context(), t, plugin, use("query", `{"name":"one","params":{"id":"{{input.id}}"}}`, "/params/id"), use("query", `{"name":"ones"}`),
		use("transaction", `{"operations":[{"action":"query","params":{"name":"one","params":{"idd":1}}}]}`))
	if !slices.Equal(said, want) {
		t.Errorf("found %q, want %q", said, want)
	}
}

// TestACheckMakesAndChangesNothing: neither a database nor a directory, a table of keys,
// a migration, or the mode of the file's journal.
func TestACheckMakesAndChangesNothing(t *testing.T) {
	var log strings.Builder
	ctx := sdk.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	f := &fixture{t: t, clock: newClock(), dir: t.TempDir()}
	for credentials, at := range map[string]string{`{"url":"sqlite://data/app.db"}`: "/url", `{}`: ""} {
		plugin := inspecting(t, f, credentials)
		if said := found(ctx, t, plugin); len(said) != 1 || !strings.HasPrefix(said[0], at+" ") || !strings.Contains(said[0], "is not there yet") {
			t.Errorf("%s: %q", credentials, said)
		}
	}
	if entries, err := os.ReadDir(f.dir); err != nil || len(entries) > 0 {
		t.Errorf("made %v, %v", entries, err)
	}
	must(t, os.Mkdir(filepath.Join(f.dir, "data"), 0o700))
	f.look = lookAt(t, filepath.Join(f.dir, "data", "app.db"))
	f.exec(`CREATE TABLE payments (id INTEGER PRIMARY KEY)`)
	before, err := os.ReadFile(filepath.Join(f.dir, "data", "app.db"))
	must(t, err)
	writeMigration(t, f.dir, "00001_orders.sql", `CREATE TABLE orders (id INTEGER PRIMARY KEY)`)
	plugin := inspecting(t, f, `{"url":"sqlite://data/app.db","migrations":"migrations"}`)
	said := found(ctx, t, plugin, use("insert", `{"table":"orders","data":{}}`), use("insert", `{"table":"payments","data":{}}`))
	if len(said) != 1 || !strings.Contains(said[0], `/table there is no table "orders"`) {
		t.Errorf("%q", said)
	}
	for _, part := range []string{"00001_orders.sql", "backflow_keys is not there yet"} {
		if !strings.Contains(log.String(), part) {
			t.Errorf("the log lacks %q:\n%s", part, log.String())
		}
	}
	if after, err := os.ReadFile(filepath.Join(f.dir, "data", "app.db")); err != nil || string(after) != string(before) {
		t.Errorf("the file was changed, %v", err)
	}
	if entries, err := os.ReadDir(filepath.Join(f.dir, "data")); err != nil || len(entries) != 1 {
		t.Errorf("made %v, %v", entries, err)
	}
}

func TestWhatOfTheRulesDoesNotFitIsWarnedOfAtTheStart(t *testing.T) {
	var log strings.Builder
	f := newFixture(t, paymentsDDL)
	plugin := newServed(f.clock.now)
	ctx := sdk.WithLogger(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	must(t, plugin.Configure(ctx, sdk.Config{Credentials: json.RawMessage(`{"url":"sqlite://data/app.db","tables":{"payment":{}}}`), BaseDir: f.dir}))
	must(t, plugin.Close())
	if !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), "there is no table") || !strings.Contains(log.String(), "/tables/payment") {
		t.Error(log.String())
	}
}
