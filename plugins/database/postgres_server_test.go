package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/postgrestest"
	"github.com/backflow/backflow/plugins/database/internal/databasetest"
	"github.com/backflow/backflow/sdk"
)

// configureOn returns the error of a plugin's start with a url, and the plugin, which is
// closed with the test.
func configureOn(t *testing.T, dir, url string, more map[string]any) (sdk.Plugin, error) {
	t.Helper()
	entry := map[string]any{"url": url}
	for name, value := range more {
		entry[name] = value
	}
	text, err := json.Marshal(entry)
	must(t, err)
	plugin := newServed(time.Now)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = plugin.Configure(ctx, sdk.Config{Credentials: text, BaseDir: dir, DataDir: dir})
	t.Cleanup(func() { must(t, plugin.Close()) })
	return plugin, err
}

// with returns a url with other parameters.
func with(t *testing.T, text string, parameters ...string) string {
	t.Helper()
	u, err := url.Parse(text)
	must(t, err)
	query := u.Query()
	for i := 0; i < len(parameters); i += 2 {
		if query.Del(parameters[i]); parameters[i+1] != "" {
			query.Set(parameters[i], parameters[i+1])
		}
	}
	u.RawQuery = query.Encode()
	return u.String()
}

// TestAConnectionToPostgreSQLIsEncryptedAsTheUrlSays: to a server that takes no other,
// and to one that takes none.
func TestAConnectionToPostgreSQLIsEncryptedAsTheUrlSays(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t, postgrestest.Options{TLS: true, CertificateFor: []string{"127.0.0.1"}, ClientCertificates: true})
	c := s.Certificates()
	byName, another := s.URL(), strings.Replace(s.URL(), "127.0.0.1", "localhost", 1)
	relative, err := filepath.Rel("/", c.Authority)
	must(t, err)
	client := []string{"sslcert", c.Client, "sslkey", c.ClientKey}
	for name, one := range map[string]struct {
		url  string
		says string
	}{
		"the right authority and name":        {url: with(t, byName, client...)},
		"a path that is relative":             {url: with(t, byName, append(client, "sslrootcert", relative)...)},
		"the wrong authority":                 {url: with(t, byName, append(client, "sslrootcert", c.Other)...), says: "write sslrootcert=FILE"},
		"the authorities of the system":       {url: with(t, byName, append(client, "sslrootcert", "")...), says: "write sslrootcert=FILE"},
		"another name":                        {url: with(t, another, client...), says: "sslmode=verify-ca"},
		"another name, which does not count":  {url: with(t, another, append(client, "sslmode", "verify-ca")...)},
		"nothing verified":                    {url: with(t, s.URL(), append(client, "sslmode", "require", "sslrootcert", "")...)},
		"no certificate of the client":        {url: byName, says: "certificate"},
		"without encryption":                  {url: with(t, byName, "sslmode", "disable", "sslrootcert", ""), says: "no encryption"},
		"without encryption, to this machine": {url: with(t, byName, "sslmode", "", "sslrootcert", ""), says: "no encryption"},
	} {
		_, err := configureOn(t, "/", one.url, nil)
		switch {
		case err == nil && one.says == "":
		case err == nil || one.says == "" || !strings.Contains(err.Error(), one.says):
			t.Errorf("%s: %v", name, err)
		}
	}
	plain := postgrestest.New(t)
	if _, err := configureOn(t, "/", with(t, plain.URL(), "sslmode", "require"), nil); err == nil || !strings.Contains(err.Error(), "TLS") {
		t.Errorf("a server without TLS: %v", err)
	}
}

// TestNothingButTheUrlDecides: pgx would read the environment, and files in HOME.
func TestNothingButTheUrlDecides(t *testing.T) {
	d := postgrestest.New(t)
	db := d.Open()
	home := t.TempDir()
	must(t, os.WriteFile(filepath.Join(home, ".pgpass"), []byte("*:*:*:*:owner-password\n"), 0o600))
	for name, value := range map[string]string{
		"HOME": home, "PGHOST": "192.0.2.1", "PGPORT": "1", "PGUSER": "nobody", "PGPASSWORD": "wrong", "PGDATABASE": "none", "PGSSLMODE": "verify-full", "PGSSLROOTCERT": "/none",
		"PGSERVICE": "shop", "PGSERVICEFILE": "/none", "PGOPTIONS": "-c search_path=none", "PGTZ": "Asia/Tokyo", "PGAPPNAME": "none", "PGCHANNELBINDING": "odd", "PGREQUIREAUTH": "none",
		"PGTARGETSESSIONATTRS": "standby", "PGMINPROTOCOLVERSION": "9.9", "PGCONNECT_TIMEOUT": "x", "PGSSLCERTMODE": "odd", "PGSSLNEGOTIATION": "direct",
	} {
		t.Setenv(name, value)
	}
	plugin, err := configureOn(t, home, d.URL(), nil)
	must(t, err)
	_, err = db.Exec(`CREATE TABLE at (at timestamptz, name text DEFAULT current_setting('application_name'))`)
	must(t, err)
	if got, err := call(plugin, "", "insert", `{"table":"at","data":{"at":"2026-11-23T12:00:00Z"}}`); err != nil || got != `{"at":"2026-11-23T12:00:00Z","name":"backflow"}` {
		t.Errorf("%s %v", got, err)
	}
	without, err := url.Parse(d.URL())
	must(t, err)
	without.User = url.User(without.User.Username())
	if _, err := configureOn(t, home, without.String(), nil); err == nil {
		t.Error("a password came from somewhere")
	}
}

// call calls an action under a key.
func call(plugin sdk.Plugin, key, action, params string) (string, error) {
	result, err := plugin.Execute(context.Background(), sdk.Call{Action: action, Params: json.RawMessage(params), IdempotencyKey: key})
	return string(result.Body), err
}

// TestAUrlOfPostgreSQLIsReadStrictly: no parameter is passed over, and no error has the
// password.
func TestAUrlOfPostgreSQLIsReadStrictly(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	u, err := url.Parse(d.URL())
	must(t, err)
	password, _ := u.User.Password()
	wrong := *u
	wrong.User = url.UserPassword(u.User.Username(), "canary-password")
	absent := *u
	absent.Path = "/absent"
	for says, text := range map[string]string{
		"does not take the parameter pool_max_conns": with(t, d.URL(), "pool_max_conns", "3"),
		"does not take the parameter options":        with(t, d.URL(), "options", "-c fsync=off"),
		"does not take the parameter passfile":       with(t, d.URL(), "passfile", "/etc/passwd"),
		"sslmode=prefer":                             with(t, d.URL(), "sslmode", "prefer"),
		"default_query_exec_mode is":                 with(t, d.URL(), "default_query_exec_mode", "simple_protocol"),
		"target_session_attrs is one of":             with(t, d.URL(), "target_session_attrs", "prefer"),
		"connect_timeout is a number":                with(t, d.URL(), "connect_timeout", "0"),
		"search_path is empty":                       d.URL() + "?search_path=%20",
		"password authentication failed":             wrong.String(),
		`database "absent" does not exist`:           absent.String(),
		"read only":                                  with(t, d.URL(), "target_session_attrs", "standby"),
	} {
		if says == "read only" {
			says = "not in hot standby"
		}
		_, err := configureOn(t, "/", text, nil)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), password) || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", says, err)
		}
	}
	// Of several hosts the first one that does is taken.
	several := *u
	several.Host = "127.0.0.1:1," + u.Host
	plugin, err := configureOn(t, "/", several.String()+"?target_session_attrs=read-write&application_name=shop&search_path=own,public&connect_timeout=3", nil)
	must(t, err)
	db := d.Open()
	for _, statement := range []string{`CREATE SCHEMA own`, `CREATE TABLE own.names (name text DEFAULT current_setting('application_name'))`} {
		_, err = db.Exec(statement)
		must(t, err)
	}
	if got, err := call(plugin, "", "insert", `{"table":"names","data":{}}`); err != nil || got != `{"name":"shop"}` {
		t.Errorf("%s %v", got, err)
	}
}

// TestSettingsThatBreakPromisesAreChangedOrRefused: rows that were acknowledged survive a
// crash, and texts are read as they were written, whatever the role's defaults are.
func TestSettingsThatBreakPromisesAreChangedOrRefused(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	admin := d.OpenAdmin()
	set := func(statement string) {
		t.Helper()
		_, err := admin.Exec(strings.ReplaceAll(statement, "HERE", d.Name))
		must(t, err)
	}
	for _, setting := range []string{
		"synchronous_commit = off", "timezone = 'Asia/Tokyo'", "datestyle = 'SQL, DMY'", "intervalstyle = 'iso_8601'", "bytea_output = 'escape'", "extra_float_digits = 0",
		"standard_conforming_strings = off", "default_transaction_isolation = 'serializable'", "backslash_quote = on",
	} {
		set("ALTER DATABASE HERE SET " + setting)
	}
	f := on(d.URL(), d).New(t, `CREATE TABLE v (id int PRIMARY KEY, at timestamptz, d date, i interval, b bytea, r float8, level text DEFAULT current_setting('transaction_isolation'), sync text DEFAULT current_setting('synchronous_commit'), q text)`)
	row := `{"id":1,"at":"2026-11-23T12:00:00.5Z","d":"2026-11-23","i":"1 day","b":"AAH/","r":0.1,"level":"read committed","sync":"on","q":"\\' \\"}`
	if got := f.Call("k", "insert", `{"table":"v","data":{"id":1,"at":"2026-11-23T12:00:00.5Z","d":"2026-11-23","i":"1 day","b":"AAH/","r":0.1,"q":"\\' \\"}}`); got != row {
		t.Errorf("%s", got)
	}
	if got := f.Call("", "get", `{"table":"v","filters":[{"column":"q","operator":"like","value":"\\\\' \\\\"}]}`); got != row {
		t.Errorf("%s", got)
	}
	// Behind a pooler nothing can be set for a session.
	pooled := with(t, d.URL(), "default_query_exec_mode", "exec")
	for _, setting := range []string{"synchronous_commit", "IntervalStyle", "bytea_output", "extra_float_digits"} {
		if _, err := configureOn(t, "/", pooled, nil); err == nil || !strings.Contains(err.Error(), setting) || !strings.Contains(err.Error(), "ALTER ROLE") {
			t.Errorf("%s: %v", setting, err)
		}
		set("ALTER DATABASE HERE RESET " + setting)
	}
	plugin, err := configureOn(t, "/", pooled, nil)
	must(t, err)
	for range 2 { // the first result is returned again
		if got, err := call(plugin, "k", "insert", `{"table":"v","data":{"id":1,"at":"2026-11-23T12:00:00.5Z","d":"2026-11-23","i":"1 day","b":"AAH/","r":0.1,"q":"\\' \\"}}`); err != nil || got != row {
			t.Errorf("%s %v", got, err)
		}
	}
	if got, err := call(plugin, "k2", "upsert", `{"table":"v","data":{"id":1,"q":null},"onConflict":["id"]}`); err != nil || got != strings.Replace(row, `"\\' \\"`, "null", 1) {
		t.Errorf("%s %v", got, err)
	}
	if got, err := call(plugin, "", "count", `{"table":"v"}`); err != nil || got != `{"count":1}` {
		t.Errorf("%s %v", got, err)
	}
	set(`CREATE DATABASE HERE_ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'`)
	defer set(`DROP DATABASE HERE_ascii`)
	if _, err := configureOn(t, "/", strings.Replace(d.URL(), "/"+d.Name, "/"+d.Name+"_ascii", 1), nil); err == nil || !strings.Contains(err.Error(), "SQL_ASCII") {
		t.Errorf("SQL_ASCII: %v", err)
	}
}

// TestAServerThatRestartsIsFoundAgain: no connection of the pool lives, and no call
// fails for it.
func TestAServerThatRestartsIsFoundAgain(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t, postgrestest.Options{})
	f := on(s.URL(), s.Database).New(t, `CREATE TABLE rows (id int PRIMARY KEY)`)
	insert := func(id int) error {
		_, err := call(f.Plugin, fmt.Sprint("key-", id), "insert", fmt.Sprintf(`{"table":"rows","data":{"id":%d}}`, id))
		return err
	}
	const callers = 12
	together := func(first int) {
		t.Helper()
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				if err := insert(first + i); err != nil {
					t.Errorf("insert %d: %v", first+i, err)
				}
			})
		}
		group.Wait()
	}
	together(0) // as many connections
	for i, end := range []func(){s.Kill, s.Stop} {
		end()
		err := insert(1000)
		if failed, ok := errors.AsType[*sdk.Error](err); !ok || failed.Code != sdk.CodeUnavailable || failed.Outcome != sdk.OutcomeNotExecuted || failed.RetryAfter == 0 || strings.Contains(failed.Error(), "127.0.0.1") {
			t.Errorf("without a server: %v", err)
		}
		s.Restart()
		if i == 0 {
			together(100)
		}
		if got, err := call(f.Plugin, "", "count", `{"table":"rows"}`); err != nil || got != fmt.Sprintf(`{"count":%d}`, 2*callers) {
			t.Errorf("after a restart: %s %v", got, err)
		}
	}
	// A key knows what became of a call, also one that was under way.
	f2 := s.Open()
	_, err := f2.Exec(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'backflow'`)
	must(t, err)
	together(0)
}

// TestAServerWithoutAPlaceForAConnectionIsBusy.
func TestAServerWithoutAPlaceForAConnectionIsBusy(t *testing.T) {
	t.Parallel()
	s := postgrestest.Start(t, postgrestest.Options{MaxConnections: 8}) // three are for superusers
	f := on(s.URL(), s.Database).New(t, `CREATE TABLE rows (id int PRIMARY KEY)`)
	f.DB.SetMaxOpenConns(1)
	testkit.Eventually(t, 10*time.Second, "the connections of the start have ended", func() bool {
		return f.Scalar(`SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backflow'`) == "1"
	})
	blocker, err := f.DB.Conn(t.Context())
	must(t, err)
	_, err = blocker.ExecContext(t.Context(), "BEGIN; LOCK TABLE rows")
	must(t, err)
	pool := s.Open()
	for err == nil { // every other place
		_, err = pool.Conn(t.Context())
	}
	done := make(chan error)
	go func() { _, err := call(f.Plugin, "a", "insert", `{"table":"rows","data":{"id":1}}`); done <- err }()
	testkit.Eventually(t, 5*time.Second, "the first call waits", func() bool {
		var waits bool
		must(t, blocker.QueryRowContext(t.Context(), "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)").Scan(&waits))
		return waits
	})
	_, err = call(f.Plugin, "b", "insert", `{"table":"rows","data":{"id":2}}`)
	if failed, ok := errors.AsType[*sdk.Error](err); !ok || failed.Code != sdk.CodeUnavailable || failed.RetryAfter == 0 || !strings.Contains(failed.Message, "no further connection") {
		t.Errorf("%v", err)
	}
	_, err = blocker.ExecContext(t.Context(), "ROLLBACK")
	must(t, err)
	must(t, <-done)
	must(t, blocker.Close())
}

// TestATableThatIsChangedBesideACallIsReadAnew: what a connection has prepared, and what
// is known of the table, is wrong from one moment to the next.
func TestATableThatIsChangedBesideACallIsReadAnew(t *testing.T) {
	t.Parallel()
	f := onPostgres().New(t, `CREATE TABLE changing (id int PRIMARY KEY, v int)`)
	for i, step := range []struct{ change, sent, want string }{
		{``, `1`, `1`},
		{`ALTER TABLE changing ALTER v TYPE text`, `"2"`, `"2"`},
		{`ALTER TABLE changing ALTER v TYPE numeric(9,2) USING v::numeric`, `3.5`, `3.50`},
		{`DROP TABLE changing; CREATE TABLE changing (id bigint PRIMARY KEY, v jsonb)`, `{"a":4}`, `{"a":4}`},
	} {
		if step.change != "" {
			f.Exec(step.change)
		}
		// The kind of the column may be a second old, but no error comes of what was prepared.
		testkit.Eventually(t, 5*time.Second, "the change is seen", func() bool {
			got, failed := f.Try("", "upsert", fmt.Sprintf(`{"table":"changing","data":{"id":%d,"v":%s},"onConflict":["id"]}`, i, step.sent))
			if failed != nil && failed.Code != sdk.CodeInvalidParams {
				t.Fatalf("%s: %+v", step.change, failed)
			}
			return failed == nil && got == fmt.Sprintf(`{"id":%d,"v":%s}`, i, step.want)
		})
		f.Call("", "select", `{"table":"changing"}`)
		f.Call("", "get", fmt.Sprintf(`{"table":"changing","key":%d}`, i))
	}
}

// TestAColumnThatGetsAnotherTypeRefusesNoCall: neither what is known of the table nor what
// any connection of the pool has prepared is the reason of a refusal, also if it was
// prepared long before.
func TestAColumnThatGetsAnotherTypeRefusesNoCall(t *testing.T) {
	t.Parallel()
	const connections = 4
	f := onPostgres().NewWith(t, map[string]any{
		"pool":    map[string]any{"maxConnections": connections},
		"queries": map[string]any{"set": map[string]any{"sql": "UPDATE changing SET v = :v WHERE id = 0", "write": true}},
	}, `CREATE TABLE changing (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v int)`)
	blocker, err := f.DB.Conn(t.Context())
	must(t, err)
	defer blocker.Close()
	block := func(statement string) {
		t.Helper()
		_, err := blocker.ExecContext(t.Context(), statement)
		must(t, err)
	}
	// together makes as many calls at the same time as there are connections: each of them
	// has one, since all wait for the table.
	together := func(action, params string) {
		t.Helper()
		block("BEGIN; LOCK TABLE changing")
		var group sync.WaitGroup
		for range connections {
			group.Go(func() {
				if _, failed := f.Try("", action, params); failed != nil {
					t.Errorf("%s %s: %+v", action, params, failed)
				}
			})
		}
		testkit.Eventually(t, 5*time.Second, "all calls wait", func() bool {
			return f.Scalar("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'changing'::regclass") == fmt.Sprint(connections)
		})
		block("ROLLBACK")
		group.Wait()
	}
	for _, step := range []struct{ change, value string }{
		{`ALTER TABLE changing ALTER v TYPE text`, `1`},
		{`ALTER TABLE changing ALTER v TYPE int USING v::int`, `2`},
		{`ALTER TABLE changing ALTER v TYPE numeric(9,2)`, `3`},
	} {
		insert, query := `{"table":"changing","data":{"v":`+step.value+`}}`, `{"name":"set","params":{"v":`+step.value+`}}`
		together("insert", insert)
		together("query", query)
		f.Exec(step.change)
		together("insert", insert)
		together("query", query)
	}
}

// TestAServerKeepsFewStatementsPrepared: those of many values are large, and each length
// of a list would be another one.
func TestAServerKeepsFewStatementsPrepared(t *testing.T) {
	t.Parallel()
	f := onPostgres().NewWith(t, map[string]any{"pool": map[string]any{"maxConnections": 1}}, `CREATE TABLE rows (id int PRIMARY KEY)`,
		`CREATE TABLE kept (n int)`, `CREATE FUNCTION count_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.n = (SELECT count(*) FROM pg_prepared_statements WHERE length(statement) > 2000); RETURN NEW; END $$`,
		`CREATE TRIGGER count_kept BEFORE INSERT ON kept FOR EACH ROW EXECUTE FUNCTION count_kept()`)
	id := 0
	for length := 400; length < 404; length++ {
		rows, ids := make([]string, length), make([]string, length)
		for i := range rows {
			id++
			rows[i], ids[i] = fmt.Sprintf(`{"id":%d}`, id), fmt.Sprint(id)
		}
		f.Call("", "insertMany", `{"table":"rows","rows":[`+strings.Join(rows, ",")+`]}`)
		f.Check(databasetest.Case{Action: "count", Params: `{"table":"rows","filters":[{"column":"id","operator":"in","value":[` + strings.Join(ids, ",") + `]}]}`, Want: fmt.Sprintf(`{"count":%d}`, length)})
	}
	f.Check(databasetest.Case{Action: "insert", Params: `{"table":"kept","data":{}}`, Want: `{"n":0}`})
}

// TestReplicasPrepareOneAfterTheOther: also with a migration that waits for every other
// transaction of the database.
func TestReplicasPrepareOneAfterTheOther(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	dir := t.TempDir()
	must(t, os.Mkdir(filepath.Join(dir, "migrations"), 0o700))
	for name, text := range map[string]string{
		"00001_rows.sql":  "-- +goose Up\nCREATE TABLE rows (id int PRIMARY KEY, v int);\n",
		"00002_slow.sql":  "-- +goose Up\nSELECT pg_sleep(0.3);\n",
		"00003_index.sql": "-- +goose NO TRANSACTION\n-- +goose Up\nCREATE INDEX CONCURRENTLY by_v ON rows (v);\n",
	} {
		must(t, os.WriteFile(filepath.Join(dir, "migrations", name), []byte(text), 0o600))
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			plugin := newServed(time.Now)
			entry, _ := json.Marshal(map[string]any{"url": d.URL(), "migrations": "migrations", "timeouts": map[string]any{"statement": "100ms"}})
			if err := plugin.Configure(t.Context(), sdk.Config{Credentials: entry, BaseDir: dir, DataDir: dir}); err != nil {
				t.Errorf("configure: %v", err)
			}
			if err := plugin.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	group.Wait()
}

// asRole returns what runs statements as the administrator, in which APP is a role of the
// test's own with the password app, and that role's url.
func asRole(t *testing.T, d *postgrestest.Database) (exec func(...string), place string) {
	t.Helper()
	admin := d.OpenAdmin()
	role := d.Name + "_app"
	exec = func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			_, err := admin.Exec(strings.NewReplacer("APP", role).Replace(statement))
			must(t, err)
		}
	}
	t.Cleanup(func() { exec(`DROP OWNED BY APP`, `DROP ROLE APP`) })
	u, err := url.Parse(d.URL())
	must(t, err)
	u.User = url.UserPassword(role, "app")
	return exec, u.String()
}

// TestTheRightsOnThePageAreEnough: the statements of docs/database.md let a role read and
// change the rows of a table, each call once.
func TestTheRightsOnThePageAreEnough(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(filepath.Join(testkit.Root(), "docs", "database.md"))
	must(t, err)
	_, rest, _ := strings.Cut(string(page), "### The role and its rights")
	_, rest, _ = strings.Cut(rest, "```sql\n")
	statements, _, found := strings.Cut(rest, "```")
	if !found {
		t.Fatal("the page has no statements")
	}
	exec, place := asRole(t, postgrestest.New(t))
	exec(`CREATE TABLE orders (id bigserial PRIMARY KEY, v text)`, strings.NewReplacer("ROLE shop", "ROLE APP", "TO shop", "TO APP", "'…'", "'app'").Replace(statements))
	plugin, err := configureOn(t, "/", place, nil)
	must(t, err)
	for _, c := range []struct{ action, params, want string }{
		{"insert", `{"table":"orders","data":{"v":"x"}}`, `{"id":1,"v":"x"}`},
		{"upsert", `{"table":"orders","data":{"id":1,"v":"y"},"onConflict":["id"]}`, `{"id":1,"v":"y"}`},
		{"update", `{"table":"orders","key":1,"data":{"v":"z"}}`, `{"affected":1,"data":[{"id":1,"v":"z"}]}`},
		{"get", `{"table":"orders","key":1}`, `{"id":1,"v":"z"}`},
		{"delete", `{"table":"orders","key":1}`, `{"affected":1}`},
	} {
		if got, err := call(plugin, "k-"+c.action, c.action, c.params); err != nil || got != c.want {
			t.Errorf("%s: %s %v", c.action, got, err)
		}
	}
}

// TestARoleThatMayMakeNoTableIsToldWhatToRun: since version 15 no role but the owner may
// make a table in the schema public.
func TestARoleThatMayMakeNoTableIsToldWhatToRun(t *testing.T) {
	t.Parallel()
	exec, place := asRole(t, postgrestest.New(t))
	exec(`CREATE ROLE APP LOGIN PASSWORD 'app'`, `CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, v text)`, `GRANT SELECT, INSERT ON orders TO APP`)
	_, err := configureOn(t, "/", place, nil)
	if err == nil {
		t.Fatal("the table of keys was made without the right to")
	}
	_, ddl, found := strings.Cut(err.Error(), "make it with:\n")
	if !found || !strings.Contains(ddl, "backflow_keys") {
		t.Fatalf("%v", err)
	}
	exec(strings.TrimSpace(ddl))
	exec(`GRANT SELECT, INSERT, UPDATE, DELETE ON backflow_keys TO APP`)
	plugin, err := configureOn(t, "/", place, nil)
	must(t, err)
	for range 2 {
		if got, err := call(plugin, "k", "insert", `{"table":"orders","data":{"v":"x"}}`); err != nil || got != `{"id":1,"v":"x"}` {
			t.Errorf("%s %v", got, err)
		}
	}
}
