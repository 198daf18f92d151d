package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/dbserver"
	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/test/program"
)

// databaseEngine is a database that faults are tried on.
type databaseEngine struct {
	name string
	// start starts a server; nil where the database is a file.
	start func(t testing.TB, o dbserver.Options) *dbserver.Server
	// id is the type of a key that the database counts, and text one that may be a key.
	id, text string
	// long is that of a long text.
	long string
	// lockTable keeps others from writing into the table events, until unlockTable.
	lockTable, unlockTable string
	// slow makes an INSERT into events take ten seconds, quick no longer.
	slow, quick []string
	// Statements for the administrator of a server: the database may only be read, and be
	// written again; the account may not insert, and may again, %s being the database's
	// name; its password is %s.
	readOnly, writable, revoke, grant []string
	password                          string
}

var databaseEngines = []databaseEngine{
	{
		name: "SQLite", id: "INTEGER PRIMARY KEY", text: "TEXT", long: "TEXT", lockTable: "BEGIN IMMEDIATE", unlockTable: "ROLLBACK",
		slow: []string{"CREATE TRIGGER slow AFTER INSERT ON events BEGIN " +
			"UPDATE events SET note = (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000000) SELECT max(i) FROM n); END"},
		quick: []string{"DROP TRIGGER slow"},
	},
	{
		name: "MariaDB", start: mariadbtest.Start, id: "BIGINT AUTO_INCREMENT PRIMARY KEY", text: "VARCHAR(255)", long: "LONGTEXT",
		lockTable: "LOCK TABLES events WRITE", unlockTable: "UNLOCK TABLES",
		slow:     []string{"CREATE TRIGGER slow BEFORE INSERT ON events FOR EACH ROW SET NEW.note = SLEEP(10)"},
		quick:    []string{"DROP TRIGGER slow"},
		readOnly: []string{"SET GLOBAL read_only = ON"}, writable: []string{"SET GLOBAL read_only = OFF"},
		// What is granted for the whole database cannot be taken for a table alone.
		revoke: []string{"REVOKE INSERT ON %s.* FROM backflow@'%%'"}, grant: []string{"GRANT INSERT ON %s.* TO backflow@'%%'"},
		password: "ALTER USER backflow@'%%' IDENTIFIED BY '%s'",
	},
}

// databaseBench is a gateway with a database that fails as a test wants it.
type databaseBench struct {
	databaseEngine
	site   *program.Site
	g      *program.Gateway
	server *dbserver.Server // nil where the database is a file
	proxy  *testkit.Proxy   // in front of the server
	file   string           // of the database that is one
	disk   string           // where the database's files are
	// db looks at the database beside the plugin, admin may do everything.
	db, admin *sql.DB
	// killed is the process of the plugin that was killed last.
	killed int
}

// newDatabaseBench starts server, proxy and gateway. Locks are waited for half a second,
// or one where a database counts in seconds.
func newDatabaseBench(t *testing.T, e databaseEngine, o dbserver.Options, statement time.Duration) *databaseBench {
	b := &databaseBench{databaseEngine: e, site: program.NewSite(t, binaries)}
	url := b.locate(t, o)
	if err := os.Mkdir(filepath.Join(b.site.Dir, "migrations"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.migration(t, "00001_tables.sql", fmt.Sprintf("CREATE TABLE events (id %s, tag %s NOT NULL, note %s);\nCREATE TABLE claims (tag %[2]s PRIMARY KEY, note %[3]s);", e.id, e.text, e.long))
	b.site.WriteConfig("faults.json", fmt.Sprintf(`{
  %s
  "credentials": { "database": { "url": %q, "migrations": "../migrations", "timeouts": { "connect": "2s", "lock": "500ms", "statement": %q } } },
  "pluginDirs": [%q]
}`, strings.TrimSuffix(letIn("*").New, `"pluginDirs": [`), url, statement.String(), b.site.Plugins))
	b.g = b.site.Serve(apiToken)
	b.killed = 0
	return b
}

// locate makes the database, and returns its url.
func (b *databaseBench) locate(t *testing.T, o dbserver.Options) string {
	t.Helper()
	if b.start == nil {
		b.file = filepath.Join(b.site.Dir, "data", "app.db")
		if err := os.Mkdir(filepath.Dir(b.file), 0o700); err != nil {
			t.Fatal(err)
		}
		if o.DiskMiB > 0 {
			testkit.SmallDisk(t, filepath.Dir(b.file), o.DiskMiB)
		}
		db, err := sql.Open("sqlite", "file:"+b.file+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() }) // nothing more is asked
		b.db, b.admin, b.disk = db, db, filepath.Dir(b.file)
		return "sqlite://" + b.file
	}
	b.server = b.start(t, o)
	b.proxy = testkit.StartProxy(t, b.server.Addr())
	b.db, b.admin, b.disk = b.server.Open(), b.server.OpenAdmin(), b.server.Dir()
	return b.server.URLAt(b.proxy.Addr())
}

func (b *databaseBench) migration(t *testing.T, name, ddl string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.site.Dir, "migrations", name), []byte("-- +goose Up\n"+ddl+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}

// exec runs statements as the administrator.
func (b *databaseBench) exec(t *testing.T, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := b.admin.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// count is how many rows of a table have a tag. A server that was killed may be up for a
// moment only, and connections to it may be gone.
func (b *databaseBench) count(t *testing.T, table, tag string) (n int) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, "rows are counted", func() bool {
		return b.db.QueryRow("SELECT count(*) FROM "+table+" WHERE tag = '"+tag+"'").Scan(&n) == nil
	})
	return n
}

// insert calls the plugin under the tag as the key, or under none if that is empty.
func (b *databaseBench) insert(t *testing.T, table, tag, note string) program.Response {
	t.Helper()
	var key []string
	if tag != "" {
		key = []string{"Idempotency-Key", tag}
	}
	return b.g.In(t).Post(insertPath, fmt.Sprintf(`{"table":%q,"data":{"tag":%q,"note":%q}}`, table, tag, note), key...)
}

// killPlugin ends the process of the plugin.
func (b *databaseBench) killPlugin(t *testing.T) {
	t.Helper()
	b.killed = b.g.In(t).PluginPID("database", b.killed)
	if err := syscall.Kill(b.killed, syscall.SIGKILL); err != nil {
		t.Error(err)
	}
}

// state waits until the plugin is in a state.
func (b *databaseBench) state(t *testing.T, want string) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, "the plugin is "+want, func() bool { return b.g.In(t).Get("/integrations/database").Text("status.state") == want })
}

// usable waits until calls succeed.
func (b *databaseBench) usable(t *testing.T) {
	t.Helper()
	testkit.Eventually(t, 30*time.Second, "calls succeed", func() bool { return b.insert(t, "events", "", "").Status == http.StatusOK })
}

// lock keeps the plugin from writing into the table events.
func (b *databaseBench) lock(t *testing.T) (unlock func()) {
	t.Helper()
	return b.hold(t, b.unlockTable, strings.Split(b.lockTable, "; ")...)
}

func (b *databaseBench) hold(t *testing.T, release string, statements ...string) (end func()) {
	t.Helper()
	conn, err := b.db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	return func() {
		_, err := conn.ExecContext(context.Background(), release)
		if err := errors.Join(err, conn.Close()); err != nil {
			t.Error(err)
		}
	}
}

// settings runs statements that connections of the plugin learn of when they are made.
func (b *databaseBench) settings(t *testing.T, statements ...string) {
	t.Helper()
	b.exec(t, statements...)
	b.proxy.CutAll()
}

// withName puts the database's name into statements.
func (b *databaseBench) withName(statements []string) (named []string) {
	for _, statement := range statements {
		if strings.Contains(statement, "%") {
			statement = fmt.Sprintf(statement, b.server.Name)
		}
		named = append(named, statement)
	}
	return named
}

// mendNetwork ends what a fault has done to the network.
func (b *databaseBench) mendNetwork() {
	b.proxy.SetCut(nil)
	b.proxy.Refuse(false)
}

// atCommit calls happens once, when the plugin's COMMIT is about to reach the server, or,
// with reply, when what the server says to it is about to come back. The connection is
// then closed.
func (b *databaseBench) atCommit(reply bool, happens func()) {
	done, committing := false, false
	b.proxy.SetCut(func(chunk testkit.Passing) bool {
		switch {
		case done:
			return false
		case !chunk.Reply && bytes.Contains(bytes.ToUpper(chunk.Data), []byte("COMMIT")):
			committing = true
			if reply {
				return false
			}
		case !chunk.Reply || !committing:
			return false
		}
		done = true
		happens()
		return true
	})
}
