package e2e

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/test/program"
)

const insertPath = "/integrations/database/actions/insert"

// shop is a gateway with the database plugin alone, whose file it may share.
type shop struct {
	*harness
	*program.Gateway
	file string
}

// newShop makes a config with a database of these tables and a workflow "insert" that
// inserts its input, and serves it. The arguments of more go into the config.
func newShop(t *testing.T, ddl, more string) *shop {
	t.Helper()
	s := &shop{harness: &harness{Site: program.NewSite(t, binaries)}}
	s.file = filepath.Join(s.Dir, "shop", "app.db")
	s.migration(t, "00001_shop.sql", ddl)
	s.WriteConfig("shop.json", s.config(more))
	s.Gateway = s.Serve(apiToken)
	return s
}

func (s *shop) config(more string) string {
	return fmt.Sprintf(`{
  %s
  %s
  "credentials": { "database": { "url": "sqlite://../shop/app.db", "migrations": "../shop-migrations" } },
  "workflows": [{ "id": "insert", "steps": [
    { "id": "row", "type": "database", "action": "insert", "params": { "table": "{{input.table}}", "data": "{{input.data}}" }, "retry": { "maxAttempts": 1 } }
  ] }],
  "pluginDirs": ["%s"]
}`, more, letIn("*").New[:len(letIn("*").New)-len(`"pluginDirs": [`)], s.Plugins)
}

// migration writes a file of the shop's folder of migrations.
func (s *shop) migration(t *testing.T, name, ddl string) {
	t.Helper()
	s.migrationIn(t, "shop-migrations", name, ddl)
}

func (s *shop) migrationIn(t *testing.T, name, file, ddl string) {
	t.Helper()
	folder := filepath.Join(s.Dir, name)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, file), []byte("-- +goose Up\n"+ddl), 0o600); err != nil {
		t.Fatal(err)
	}
}

// open opens the file as another program would.
func (s *shop) open(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+s.file+"?mode=rw&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() }) // again, where a test has closed it
	return db
}

// exec runs a statement as another program would.
func (s *shop) exec(t *testing.T, statement string) {
	t.Helper()
	db := s.open(t)
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// count returns how many rows of a table meet a condition.
func (s *shop) count(t *testing.T, table, where string) int {
	t.Helper()
	db := s.open(t)
	var n int
	if err := db.QueryRow("SELECT count(*) FROM " + table + " WHERE " + where).Scan(&n); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestARefusalOfTheDatabaseIsKeptUnderNoKey: once its cause is mended, the same key
// inserts the row, once; and so does a run that is retried.
func TestARefusalOfTheDatabaseIsKeptUnderNoKey(t *testing.T) {
	t.Parallel()
	const ddl = `CREATE TABLE parents (id INTEGER PRIMARY KEY);
CREATE TABLE children (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parents (id), later INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE emails (id INTEGER PRIMARY KEY, email TEXT UNIQUE);
CREATE TABLE amounts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL);
CREATE TABLE checked (id INTEGER PRIMARY KEY, amount INTEGER CHECK (amount > 0));
CREATE TABLE typed (id INTEGER PRIMARY KEY, n INTEGER) STRICT;
CREATE TABLE passed (id INTEGER PRIMARY KEY, email TEXT UNIQUE ON CONFLICT IGNORE);
CREATE TABLE guarded (id INTEGER PRIMARY KEY, n INTEGER);
INSERT INTO emails VALUES (1, 'a@example.com');
INSERT INTO passed VALUES (1, 'a@example.com');
-- +goose StatementBegin
CREATE TRIGGER guard BEFORE INSERT ON guarded BEGIN SELECT RAISE(ABORT, 'closed on sundays'); END;
-- +goose StatementEnd
`
	s := newShop(t, ddl, "")
	g := s.Gateway
	for i, c := range []struct {
		name, table, data string
		status            int
		code, pointers    string
		mend              string
	}{
		{"foreign key", "children", `{"parent":7}`, 409, "conflict", "", `INSERT INTO parents VALUES (7)`},
		{"deferred foreign key", "children", `{"later":8}`, 409, "conflict", "", `INSERT INTO parents VALUES (8)`},
		{"unique", "emails", `{"email":"a@example.com"}`, 409, "conflict", "/data/email", `DELETE FROM emails WHERE email = 'a@example.com'`},
		{"passed over", "passed", `{"email":"a@example.com"}`, 409, "conflict", "", `DELETE FROM passed WHERE email = 'a@example.com'`},
		{"not null", "amounts", `{}`, 422, "invalid_params", "/data/amount", `DROP TABLE amounts; CREATE TABLE amounts (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL DEFAULT 5)`},
		{"check", "checked", `{"amount":-1}`, 422, "invalid_params", "/data/amount", `DROP TABLE checked; CREATE TABLE checked (id INTEGER PRIMARY KEY, amount INTEGER)`},
		{"type", "typed", `{"n":"seven"}`, 422, "invalid_params", "/data/n", `DROP TABLE typed; CREATE TABLE typed (id INTEGER PRIMARY KEY, n TEXT) STRICT`},
		{"unknown column", "typed", `{"m":1}`, 422, "invalid_params", "/data/m", `ALTER TABLE typed ADD COLUMN m INTEGER`},
		{"unknown table", "absent", `{"n":1}`, 422, "invalid_params", "/table", `CREATE TABLE absent (id INTEGER PRIMARY KEY, n INTEGER)`},
		{"trigger", "guarded", `{"n":1}`, 400, "rejected", "", `DROP TRIGGER guard`},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := g.In(t)
			body := `{"table":"` + c.table + `","data":` + c.data + `}`
			key := []string{"Idempotency-Key", "mend-" + strconv.Itoa(i)}
			run := program.Want(t, 200, g.Post("/workflows/insert/runs?wait=20s", body))
			if run.Text("status") != "failed" || run.Text("error.code") != c.code {
				t.Errorf("the run: %s", run.Body)
			}
			for range 2 {
				refused := program.Want(t, c.status, g.Post(insertPath, body, key...))
				if refused.Text("code") != c.code || pointers(refused) != c.pointers {
					t.Errorf("refused with %s, want the code %s and faults at %q", refused.Body, c.code, c.pointers)
				}
				if header := refused.Header; header.Get("Idempotency-Expires") != "" || header.Get("Idempotent-Replayed") != "" {
					t.Errorf("the refusal is kept: %v", header)
				}
			}
			if n := s.count(t, "backflow_keys", "TRUE"); n != 2*i {
				t.Errorf("%d keys are in the database, want the %d of what was inserted", n, 2*i)
			}
			s.exec(t, c.mend)
			before := s.count(t, c.table, "TRUE")
			inserted := program.Want(t, 200, g.Post(insertPath, body, key...))
			again := program.Want(t, 200, g.Post(insertPath, body, key...))
			if string(again.Body) != string(inserted.Body) || again.Header.Get("Idempotent-Replayed") != "true" {
				t.Errorf("the same key again: %v %s, first %s", again.Header, again.Body, inserted.Body)
			}
			if n := s.count(t, c.table, "TRUE"); n != before+1 {
				t.Errorf("%d rows were inserted", n-before)
			}
			if c.name == "unique" || c.name == "passed over" {
				s.exec(t, `DELETE FROM `+c.table)
			}
			program.Want(t, 202, g.Post("/runs/"+run.Text("id")+"/retry", ""))
			s.ended(t, g, run.Text("id"), "succeeded")
		})
	}
}

// TestAHeldWriteLockIs503ForEveryCaller: another program holds the lock, and many
// callers wait. Each learns of the lock and when to come again; none has an effect,
// and once the lock is free the next call works.
func TestAHeldWriteLockIs503ForEveryCaller(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	s := newShop(t, `CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER);`, `"plugins": [{ "name": "database", "path": "../plugins/backflow-plugin-database", "maxConcurrency": 8 }],`)
	db := s.open(t)
	holder, err := db.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	const callers = 40
	type outcome struct {
		answer program.Response
		took   time.Duration
		err    error
	}
	outcomes := make(chan outcome, callers)
	for i := range callers {
		go func() {
			start := time.Now()
			answer, err := s.Send(program.Request{
				Method: http.MethodPost, Path: insertPath, Body: fmt.Sprintf(`{"table":"log","data":{"n":%d}}`, i),
				Header: map[string]string{"Idempotency-Key": fmt.Sprint("lock-", i)},
			})
			outcomes <- outcome{answer, time.Since(start), err}
		}()
	}
	for range callers {
		o := <-outcomes
		if o.err != nil {
			t.Fatal(o.err)
		}
		detail := o.answer.Text("detail")
		if o.answer.Status != 503 || o.answer.Header.Get("Retry-After") != "2" || detail != "another process has held the database's write lock for longer than 5s" {
			t.Errorf("%d, Retry-After %q: %s", o.answer.Status, o.answer.Header.Get("Retry-After"), o.answer.Body)
		}
		if o.took > 20*time.Second {
			t.Errorf("it took %s", o.took)
		}
	}
	if _, err := holder.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for i := range callers {
		program.Want(t, 200, s.Post(insertPath, fmt.Sprintf(`{"table":"log","data":{"n":%d}}`, i), "Idempotency-Key", fmt.Sprint("lock-", i)))
	}
	if n := s.count(t, "log", "TRUE"); n != callers {
		t.Errorf("%d rows", n)
	}
}

// TestADatabaseThatIsTakenAwayIsMissedWithinASecond: no row is acknowledged that no
// name leads to, /readyz shows the plugin as failed, and a sound database in its
// place is used by itself, with its migrations.
func TestADatabaseThatIsTakenAwayIsMissedWithinASecond(t *testing.T) {
	t.Parallel()
	s := newShop(t, `CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER UNIQUE);`, "")
	n := 0
	insert := func() program.Response {
		n++
		return s.Post(insertPath, fmt.Sprintf(`{"table":"log","data":{"n":%d}}`, n), "Idempotency-Key", fmt.Sprint("log-", n))
	}
	shows := func(state string) {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, "/readyz shows the database as "+state, func() bool {
			return program.Want(t, 200, s.Get("/readyz")).Text("integrations.database.state") == state
		})
	}
	works := func() {
		t.Helper()
		testkit.Eventually(t, 20*time.Second, "a row is inserted", func() bool {
			switch answer := insert(); answer.Status {
			case 200:
				return true
			case 503:
				return false
			default:
				t.Fatalf("%d %s", answer.Status, answer.Body)
				return false
			}
		})
		if s.count(t, "log", fmt.Sprint("n = ", n)) != 1 {
			t.Errorf("row %d was acknowledged, and is not in the file", n)
		}
	}
	rename := func(from, to string) {
		t.Helper()
		if err := os.Rename(from, to); err != nil {
			t.Fatal(err)
		}
	}
	works()
	shows("ready")

	rename(s.file, s.file+".aside")
	refused := program.Want(t, 503, insert())
	if refused.Text("code") != "unavailable" || refused.Header.Get("Retry-After") != "2" || !strings.Contains(refused.Text("detail"), "app.db was removed while in use") {
		t.Errorf("%v %s", refused.Header, refused.Body)
	}
	shows("failed")
	if reason := program.Want(t, 200, s.Get("/integrations/database")).Text("status.reason"); !strings.Contains(reason, "was removed while in use") {
		t.Errorf("the reason is %q", reason)
	}
	program.Want(t, 503, insert())
	rename(s.file+".aside", s.file)
	works()
	shows("ready")

	for _, side := range []string{"-wal", "-shm"} {
		before := s.count(t, "log", "TRUE")
		if err := os.Remove(s.file + side); err != nil {
			t.Fatal(err)
		}
		program.Want(t, 503, insert())
		works()
		if after := s.count(t, "log", "TRUE"); after != before+1 {
			t.Errorf("without %s: %d rows were %d", side, after, before)
		}
	}

	// Another database, from before the migration.
	other, err := sql.Open("sqlite", "file:"+s.file+".other")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.Exec("CREATE TABLE notes (n)"); err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	rename(s.file, s.file+".old")
	rename(s.file+".other", s.file)
	works()
	shows("ready")
	if s.count(t, "log", "TRUE") != 1 {
		t.Error("the other database has rows of the first")
	}
}

// TestARefusedStartHasChangedNothing: whatever it is refused for, the database is as
// it was, though the config brings a migration.
func TestARefusedStartHasChangedNothing(t *testing.T) {
	t.Parallel()
	const shopDDL = `CREATE TABLE log (id INTEGER PRIMARY KEY, n INTEGER);`
	s := newShop(t, shopDDL, "")
	program.Want(t, 200, s.Post(insertPath, `{"table":"log","data":{"n":1}}`))
	content := func() string {
		t.Helper()
		var all string
		for _, suffix := range []string{"", "-wal"} {
			text, err := os.ReadFile(s.file + suffix)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				t.Fatal(err)
			}
			all += fmt.Sprintf("%s %x\n", suffix, sha256.Sum256(text))
		}
		return all
	}
	// Not in the folder of the gateway that runs: that one applies what is added there.
	s.migrationIn(t, "later-migrations", "00001_shop.sql", shopDDL)
	s.migrationIn(t, "later-migrations", "00002_later.sql", `CREATE TABLE later (n INTEGER);`)
	second := strings.Replace(s.config(""), "../shop-migrations", "../later-migrations", 1)
	refused := func(t *testing.T, config, listen string, says string) {
		t.Helper()
		s.WriteConfig("second.json", config)
		before := content()
		code, stdout, stderr := s.Run("serve", "-c", filepath.Join(s.Dir, "configs", "second.json"), "--listen", listen)
		if code == 0 || !strings.Contains(stderr, says) {
			t.Errorf("exit code %d, want %q in it: %s%s", code, says, stdout, stderr)
		}
		if after := content(); after != before {
			t.Errorf("the database was\n%s\nand is\n%s", before, after)
		}
		if n := s.count(t, "sqlite_schema", "name = 'later'"); n != 0 {
			t.Error("it was migrated")
		}
	}
	t.Run("another gateway has the state", func(t *testing.T) {
		refused(t, second, "127.0.0.1:0", "is in use by another process")
	})
	t.Run("its address is taken", func(t *testing.T) {
		refused(t, second, strings.TrimPrefix(s.URL, "http://"), "address already in use")
	})
	own := strings.Replace(second, `"credentials":`, `"state": { "url": "sqlite://second/state.db" }, "credentials":`, 1)
	t.Run("a fault that the config shows", func(t *testing.T) {
		refused(t, strings.Replace(own, `"workflows":`, `"workflow":`, 1), "127.0.0.1:0", `unknown key "workflow"`)
	})
	t.Run("a fault that the plugin's manifest shows", func(t *testing.T) {
		refused(t, strings.Replace(own, `"action": "insert"`, `"action": "insrt"`, 1), "127.0.0.1:0", `no action "insrt"`)
		if _, err := os.Stat(filepath.Join(s.Dir, "configs", "second")); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it has made its state: %v", err)
		}
	})
	t.Run("its state cannot be opened", func(t *testing.T) {
		refused(t, strings.Replace(own, "second/state.db", "second.json/state.db", 1), "127.0.0.1:0", "state")
	})
	t.Run("validate", func(t *testing.T) {
		s.WriteConfig("second.json", second)
		before := content()
		if code, stdout, stderr := s.Run("validate", "-c", filepath.Join(s.Dir, "configs", "second.json")); code != 0 {
			t.Errorf("%s%s", stdout, stderr)
		}
		if content() != before {
			t.Error("the database was changed")
		}
	})
	t.Run("a reload with a fault that the plugin's manifest shows", func(t *testing.T) {
		before := content()
		faulty := strings.Replace(second, `"action": "insert"`, `"action": "insrt"`, 1)
		s.WriteConfig("shop.json", faulty)
		s.Signal(syscall.SIGHUP)
		testkit.Eventually(t, 20*time.Second, "the reload is refused", func() bool {
			_, log := s.Output()
			return strings.Contains(log, "the config was not reloaded")
		})
		if content() != before {
			t.Error("the database was changed")
		}
	})
}
