package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/internal/testkit/postgrestest"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestWithoutCredentialsTheDatabaseIsInTheDataDirectory(t *testing.T) {
	dir := t.TempDir()
	configured(t, dir, `{}`, newClock())
	for path, mode := range map[string]os.FileMode{"own": 0o700 | os.ModeDir, "own/app.db": 0o600, "own/app.db-wal": 0o600} {
		info, err := os.Stat(filepath.Join(dir, path))
		if err != nil {
			t.Error(err)
		} else if info.Mode() != mode {
			t.Errorf("%s has mode %s, want %s", path, info.Mode(), mode)
		}
	}
}

func TestURLsNameAFile(t *testing.T) {
	dir := t.TempDir()
	for url, file := range map[string]string{
		"sqlite://data/app.db":             "data/app.db",
		"sqlite://" + dir + "/absolute.db": "absolute.db",
		"sqlite://./odd name%20&é.db":      "odd name%20&é.db",
		"sqlite://a/../b/c.db":             "b/c.db",
	} {
		credentials, err := json.Marshal(map[string]string{"url": url})
		if err != nil {
			t.Fatal(err)
		}
		configured(t, dir, string(credentials), newClock())
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func configureError(t *testing.T, dir, credentials string) string {
	t.Helper()
	plugin := newServed(newClock().now)
	err := plugin.Configure(t.Context(), sdk.Config{Credentials: json.RawMessage(credentials), BaseDir: dir, DataDir: filepath.Join(dir, "own")})
	if err == nil {
		t.Errorf("%s: accepted", credentials)
		return errors.Join(plugin.Close(), errors.New("accepted")).Error()
	}
	return err.Error()
}

func TestAWrongConfigurationIsRefusedWithoutItsSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "text.db"), []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for credentials, says := range map[string]string{
		`{"url":"nosuch://shop:hunter2@db/shop"}`:    `the scheme "nosuch" is not supported; this version has sqlite://`,
		`{"url":"no-such+2://shop:hunter2@db/shop"}`: `the scheme "no-such+2" is not supported`,
		`{"url":"shop:hunter2@db/shop"}`:             "no scheme",
		`{"url":""}`:                                 "no scheme",
		`{"url":"sqlite://"}`:                        "names no file",
		`{"url":"sqlite://:memory:"}`:                "in memory",
		`{"url":"sqlite://app.db?password=hunter2"}`: "no options",
		`{"url":"sqlite://data/"}`:                   "names a directory",
		`{"url":"sqlite:///not/there/app.db"}`:       "/not/there is not there",
		`{"url":"sqlite://text.db"}`:                 "not a database",
		`{"url":"sqlite://a.db","migrations":"no"}`:  "no such file",
		`{"migrations":"text.db"}`:                   "is not a folder",
		`{"uri":"sqlite://hunter2"}`:                 `unknown field "uri"`,
		`{"url":5}`:                                  "cannot unmarshal",
	} {
		message := configureError(t, dir, credentials)
		if !strings.Contains(message, says) {
			t.Errorf("%s: says %q, want %q in it", credentials, message, says)
		}
		if strings.Contains(message, "hunter2") {
			t.Errorf("%s: a secret is in the message: %s", credentials, message)
		}
	}
}

func TestDurabilityIsSet(t *testing.T) {
	f := newFixture(t)
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "fullfsync": "1", "busy_timeout": "5000"} {
		var got string
		if err := f.plugin.store.DB().QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %s (%v), want %s", pragma, got, err, want)
		}
	}
}

func TestMigrationsAreAppliedOnceAndInOrder(t *testing.T) {
	dir := t.TempDir()
	const credentials = `{"migrations":"migrations"}`
	writeMigration(t, dir, "00001_a.sql", `CREATE TABLE a (n INTEGER)`)
	writeMigration(t, dir, "00010_c.sql", `INSERT INTO a VALUES (10)`)
	writeMigration(t, dir, "00002_b.sql", `INSERT INTO a VALUES (2)`)
	for range 2 {
		configured(t, dir, credentials, newClock())
	}
	writeMigration(t, dir, "00011_d.sql", `INSERT INTO a VALUES (11)`)
	configured(t, dir, credentials, newClock())
	f := &fixture{t: t, look: lookAt(t, filepath.Join(dir, "own", "app.db"))}
	if got := f.scalar(`SELECT group_concat(n) FROM (SELECT n FROM a ORDER BY rowid)`); got != "2,10,11" {
		t.Errorf("applied %s", got)
	}
}

func TestWhatEditorsLeaveIsNoMigration(t *testing.T) {
	dir := t.TempDir()
	writeMigration(t, dir, "00001_a.sql", `CREATE TABLE a (n INTEGER)`)
	for _, name := range []string{"._00001_a.sql", ".#00002_b.sql", "00002_b.sql~", ".00002_b.sql.swp", "#00002_b.sql#", "4913", ".DS_Store", "00002_b.sql.bak"} {
		writeMigration(t, dir, name, `no SQL`)
	}
	configured(t, dir, `{"migrations":"migrations"}`, newClock())
	f := &fixture{t: t, look: lookAt(t, filepath.Join(dir, "own", "app.db"))}
	if got := f.scalar(`SELECT count(*) FROM a`); got != "0" {
		t.Errorf("the migration was not applied: %s", got)
	}
}

func TestAWrongMigrationIsAnErrorThatNamesIt(t *testing.T) {
	const credentials = `{"migrations":"migrations"}`
	good := func(t *testing.T, dir string) {
		writeMigration(t, dir, "00003_good.sql", `CREATE TABLE a (n INTEGER)`)
	}
	for name, c := range map[string]struct {
		arrange func(t *testing.T, dir string)
		says    string
	}{
		"empty folder": {func(t *testing.T, dir string) { must(t, os.MkdirAll(filepath.Join(dir, "migrations"), 0o700)) }, "holds no migrations"},
		"no number":    {func(t *testing.T, dir string) { good(t, dir); writeMigration(t, dir, "more.sql", `SELECT 1`) }, "more.sql: a migration's name starts with its number"},
		"same number":  {func(t *testing.T, dir string) { good(t, dir); writeMigration(t, dir, "3_same.sql", `SELECT 1`) }, "duplicate"},
		"bad SQL": {func(t *testing.T, dir string) {
			good(t, dir)
			writeMigration(t, dir, "00004_bad.sql", `CREATE TABEL x`)
		}, "00004_bad.sql"},
		"not goose": {func(t *testing.T, dir string) {
			good(t, dir)
			must(t, os.WriteFile(filepath.Join(dir, "migrations", "00004_plain.sql"), []byte("SELECT 1;"), 0o600))
		}, "00004_plain.sql"},
		"out of order": {func(t *testing.T, dir string) {
			good(t, dir)
			configured(t, dir, credentials, newClock())
			writeMigration(t, dir, "00002_late.sql", `SELECT 1`)
		}, "version 2"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			c.arrange(t, dir)
			if message := configureError(t, dir, credentials); !strings.Contains(message, c.says) {
				t.Errorf("says %q, want %q in it", message, c.says)
			}
		})
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAFailedMigrationLeavesNothingOfItself(t *testing.T) {
	dir := t.TempDir()
	writeMigration(t, dir, "00001_a.sql", "CREATE TABLE a (n INTEGER);\nINSERT INTO a VALUES (1, 2, 3)")
	configureError(t, dir, `{"migrations":"migrations"}`)
	writeMigration(t, dir, "00001_a.sql", "CREATE TABLE a (n INTEGER);\nINSERT INTO a VALUES (1)")
	configured(t, dir, `{"migrations":"migrations"}`, newClock())
}

func TestAMigrationsOwnSettingsEndWithIt(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "migrations"), 0o700))
	const text = `-- +goose NO TRANSACTION
-- +goose Up
PRAGMA foreign_keys = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE a (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES a (id));
`
	must(t, os.WriteFile(filepath.Join(dir, "migrations", "00001_a.sql"), []byte(text), 0o600))
	plugin := configured(t, dir, `{"migrations":"migrations"}`, newClock())
	if _, err := insert(plugin, "", `{"table":"a","data":{"parent":5}}`); !errors.Is(err, &sdk.Error{Code: sdk.CodeConflict}) {
		t.Errorf("a row that refers to nothing: %v", err)
	}
}

func TestManyAtOnceMigrateOnce(t *testing.T) {
	dir := t.TempDir()
	writeMigration(t, dir, "00001_a.sql", `CREATE TABLE a (n INTEGER)`)
	for i := range 5 {
		writeMigration(t, dir, fmt.Sprintf("%05d_more.sql", i+2), fmt.Sprintf(`INSERT INTO a VALUES (%d)`, i))
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { configured(t, dir, `{"migrations":"migrations"}`, newClock()) })
	}
	group.Wait()
	f := &fixture{t: t, look: lookAt(t, filepath.Join(dir, "own", "app.db"))}
	if got := f.scalar(`SELECT group_concat(n) FROM a`); got != "0,1,2,3,4" {
		t.Errorf("applied %s", got)
	}
}

func TestTheWaitForAnotherSetupEndsWithTheContext(t *testing.T) {
	f := newFixture(t)
	release, err := f.plugin.store.LockSetup(t.Context())
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err = newServed(f.clock.now).Configure(ctx, sdk.Config{Credentials: json.RawMessage(`{"url":"sqlite://data/app.db"}`), BaseDir: f.dir})
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "another process prepares the database") {
		t.Error(err)
	}
	must(t, release())
}

func TestWhereTheKeysTableCannotBeMadeItsDDLIsTold(t *testing.T) {
	dir := t.TempDir()
	db, err := sql.Open("sqlite", "file://"+filepath.Join(dir, "app.db"))
	must(t, err)
	_, err = db.Exec(`CREATE TABLE backflow_keys (something TEXT)`)
	must(t, errors.Join(err, db.Close()))
	message := configureError(t, dir, `{"url":"sqlite://app.db"}`)
	for _, part := range []string{"CREATE TABLE IF NOT EXISTS backflow_keys", "recorded_at     INTEGER NOT NULL", "CREATE INDEX"} {
		if !strings.Contains(message, part) {
			t.Errorf("says %q, want %q in it", message, part)
		}
	}
}

func TestConfiguringTwiceIsAnError(t *testing.T) {
	f := newFixture(t)
	if err := f.plugin.Configure(t.Context(), sdk.Config{BaseDir: f.dir, DataDir: f.dir}); err == nil {
		t.Error("accepted")
	}
}

func TestTheManifestsSchemasAndExamplesAreValid(t *testing.T) {
	manifest := newServed(newClock().now).Manifest()
	credentials := compile(t, manifest.Credentials)
	for text, valid := range map[string]bool{`{}`: true, `{"url":"sqlite://a.db","migrations":"m"}`: true, `{"url":""}`: false, `{"other":1}`: false,
		`{"pool":{"maxConnections":8,"maxIdle":0,"maxIdleTime":"1m30s","maxLifetime":"1h"},"timeouts":{"connect":"2s","statement":"1.5s","lock":"500ms"}}`: true,
	} {
		if err := credentials.Validate(parse(t, text)); (err == nil) != valid {
			t.Errorf("%s: %v", text, err)
		}
	}
	dir, c := t.TempDir(), newClock()
	writeMigration(t, dir, "00001_payments.sql", paymentsDDL)
	plugin := configured(t, dir, `{"url":"sqlite://app.db","migrations":"migrations",
		"queries":{"large-payments":{"sql":"SELECT id, amount FROM payments WHERE amount >= :amount"}}}`, c)
	for _, action := range manifest.Actions {
		params := compile(t, action.Params)
		for _, example := range action.Examples {
			if err := params.Validate(parse(t, string(example.Params))); err != nil {
				t.Errorf("%s: %v", action.Name, err)
			}
			if _, err := plugin.Execute(t.Context(), sdk.Call{Action: action.Name, Params: example.Params}); err != nil {
				t.Errorf("%s %s: %v", action.Name, example.Params, err)
			}
		}
	}
	if err := compile(t, manifest.Actions[0].Params).Validate(parse(t, `{"table":"a","data":{},"x":1}`)); err == nil {
		t.Error("an unknown param is accepted")
	}
}

// TestADatabaseIsOneRow: schema and errors name every scheme of the table.
func TestADatabaseIsOneRow(t *testing.T) {
	elsewhere := errors.New("located")
	two := append(backends{}, databases[0], backend{
		scheme: "second+x", form: "a host", description: "a host, and a slash",
		locate: func(location, _ string, _ driver.Options) (driver.Database, error) {
			return driver.Database{}, fmt.Errorf("%s: %w", location, elsewhere)
		},
	})
	schema := compile(t, two.credentialsSchema())
	for text, valid := range map[string]bool{
		`{"url":"sqlite://a.db"}`: true, `{"url":"second+x://db/"}`: true, `{"url":"second+x://"}`: false,
		`{"url":"secondx://db/"}`: false, `{"url":"x-sqlite://a.db"}`: false,
	} {
		if err := schema.Validate(parse(t, text)); (err == nil) != valid {
			t.Errorf("%s: %v", text, err)
		}
	}
	if published := string(two.credentialsSchema()); !strings.Contains(published, "app.db; or second+x:// and a host, and a slash.") {
		t.Error(published)
	}
	if _, err := two.locate("second+x://db/", "", driver.Options{}); !errors.Is(err, elsewhere) || !strings.Contains(err.Error(), "db/: ") {
		t.Error(err)
	}
	for url, says := range map[string]string{
		"shop":      "write sqlite:// and the path of a file, or second+x:// and a host",
		"nosuch://": "has sqlite://, second+x:// only",
	} {
		if _, err := two.locate(url, "", driver.Options{}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q in it", url, err, says)
		}
	}
}

func parse(t testing.TB, text string) any {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	must(t, err)
	return value
}

func compile(t testing.TB, schema json.RawMessage) *jsonschema.Schema {
	t.Helper()
	compiler := jsonschema.NewCompiler()
	must(t, compiler.AddResource("schema.json", parse(t, string(schema))))
	compiled, err := compiler.Compile("schema.json")
	must(t, err)
	return compiled
}

// TestAStartSaysWhetherTheDatabaseMayBeThereLater: the gateway tries again soon then, and
// waits long after what stays as it is.
func TestAStartSaysWhetherTheDatabaseMayBeThereLater(t *testing.T) {
	t.Parallel()
	postgres, mariadb := postgrestest.New(t), mariadbtest.New(t)
	wrong := func(text string) string {
		u, err := url.Parse(text)
		must(t, err)
		u.User = url.UserPassword(u.User.Username(), "wrong")
		return u.String()
	}
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	must(t, dead.Close())
	dir := t.TempDir()
	writeMigration(t, dir, "00001_wrong.sql", "INSERT INTO nowhere VALUES (1)")
	for name, one := range map[string]struct {
		url, migrations string
		later           bool
	}{
		"no PostgreSQL": {url: "postgres://app@" + dead.Addr().String() + "/app", later: true},
		"no MariaDB":    {url: "mysql://app@" + dead.Addr().String() + "/app", later: true},
		"a database of PostgreSQL that is not there": {url: strings.Replace(postgres.URL(), postgres.Name, "absent", 1), later: true},
		"another password of PostgreSQL":             {url: wrong(postgres.URL())},
		"another password of MariaDB":                {url: wrong(mariadb.URL())},
		"a wrong migration of PostgreSQL":            {url: postgres.URL(), migrations: "migrations"},
		"a wrong migration of MariaDB":               {url: mariadb.URL(), migrations: "migrations"},
	} {
		more := map[string]any{}
		if one.migrations != "" {
			more["migrations"] = one.migrations
		}
		_, err := configureOn(t, dir, one.url, more)
		failed, ok := errors.AsType[*sdk.Error](err)
		if err == nil || (ok && failed.Code == sdk.CodeUnavailable) != one.later {
			t.Errorf("%s: %v", name, err)
		}
	}
}
