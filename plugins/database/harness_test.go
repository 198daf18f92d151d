package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"go.uber.org/goleak"
)

// TestMain runs a child of a crash test where the environment says so, and the
// tests otherwise; no goroutine may outlive them.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(runChild(dir))
	}
	goleak.VerifyTestMain(m)
}

const paymentsDDL = `CREATE TABLE payments (
  id        INTEGER PRIMARY KEY,
  stripe_id TEXT NOT NULL UNIQUE,
  amount    INTEGER NOT NULL CHECK (amount > 0)
)`

// clock is a time that tests set.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.nanos.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}
func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

// served is a plugin as the gateway meets it.
type served struct {
	sdk.Plugin
	*plugin
}

func newServed(now func() time.Time) served {
	p := &plugin{now: now}
	return served{Plugin: p.integration(), plugin: p}
}

// CheckUses is that of the plugin's parts.
func (s served) CheckUses(ctx context.Context, uses []sdk.Use) ([]sdk.UseFault, error) {
	return s.Plugin.(sdk.UseChecker).CheckUses(ctx, uses)
}

// fixture is a configured plugin over a file of its own, and a second
// connection to look at the file with.
type fixture struct {
	t      testing.TB
	plugin served
	clock  *clock
	dir    string
	look   *sql.DB
}

// newFixture applies ddl as one migration each.
func newFixture(t testing.TB, ddl ...string) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: newClock(), dir: t.TempDir()}
	for i, statement := range ddl {
		writeMigration(t, f.dir, fmt.Sprintf("%05d_step.sql", i+1), statement)
	}
	credentials := `{"url":"sqlite://data/app.db"}`
	if len(ddl) > 0 {
		credentials = `{"url":"sqlite://data/app.db","migrations":"migrations"}`
	}
	f.plugin = configured(t, f.dir, credentials, f.clock)
	f.look = lookAt(t, filepath.Join(f.dir, "data", "app.db"))
	return f
}

// configured returns a plugin with credentials, which have to be what the
// manifest says.
func configured(t testing.TB, dir, credentials string, c *clock) served {
	t.Helper()
	plugin := newServed(c.now)
	if err := compile(t, plugin.Manifest().Credentials).Validate(parse(t, credentials)); err != nil {
		t.Fatalf("credentials: %v", err)
	}
	if err := plugin.Configure(context.Background(), sdk.Config{Credentials: json.RawMessage(credentials), BaseDir: dir, DataDir: filepath.Join(dir, "own")}); err != nil {
		t.Fatalf("configure: %v", err)
	}
	t.Cleanup(func() {
		if err := plugin.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return plugin
}

func lookAt(t testing.TB, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file://"+path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func writeMigration(t testing.TB, dir, name, statement string) {
	t.Helper()
	folder := filepath.Join(dir, "migrations")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	text := "-- +goose Up\n-- +goose StatementBegin\n" + statement + ";\n-- +goose StatementEnd\n"
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func insert(plugin served, key, params string) (string, error) {
	result, err := plugin.Execute(context.Background(), sdk.Call{Action: "insert", Params: json.RawMessage(params), IdempotencyKey: key})
	return string(result.Body), err
}

// insert returns the row, or fails the test.
func (f *fixture) insert(key, params string) string {
	f.t.Helper()
	body, err := insert(f.plugin, key, params)
	if err != nil {
		f.t.Fatalf("insert %s: %v", params, err)
	}
	return body
}

// refused returns the error of an insert, which must be refused without effect.
func (f *fixture) refused(key, params string) *sdk.Error {
	f.t.Helper()
	before := f.rows()
	body, err := insert(f.plugin, key, params)
	var refusal *sdk.Error
	if !errors.As(err, &refusal) {
		f.t.Fatalf("insert %s: answered %s, %v; want a refusal", params, body, err)
	}
	if refusal.Outcome != sdk.OutcomeNotExecuted {
		f.t.Errorf("insert %s: outcome %q", params, refusal.Outcome)
	}
	if after := f.rows(); after != before {
		f.t.Errorf("insert %s: refused, but rows went from %s to %s", params, before, after)
	}
	return refusal
}

// rows counts the rows of every table.
func (f *fixture) rows() string {
	f.t.Helper()
	var statement sql.NullString
	const build = `SELECT group_concat('SELECT ''' || replace(name, '''', '''''') || ''' AS name, count(*) AS n FROM "' || replace(name, '"', '""') || '"', ' UNION ALL ') FROM sqlite_schema WHERE type = 'table'`
	if err := f.look.QueryRow(build).Scan(&statement); err != nil {
		f.t.Fatal(err)
	}
	return f.scalar("SELECT group_concat(name || '=' || n, ', ') FROM (" + statement.String + ")")
}

// scalar returns the one value of a query as text.
func (f *fixture) scalar(query string, args ...any) string {
	f.t.Helper()
	var value sql.NullString
	if err := f.look.QueryRow(query, args...).Scan(&value); err != nil {
		f.t.Fatalf("%s: %v", query, err)
	}
	if !value.Valid {
		return "NULL"
	}
	return value.String
}

func (f *fixture) exec(statement string, args ...any) {
	f.t.Helper()
	if _, err := f.look.Exec(statement, args...); err != nil {
		f.t.Fatalf("%s: %v", statement, err)
	}
}
