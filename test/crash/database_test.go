package crash

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/dbserver"
	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/test/program"
)

// writers insert rows at the same time.
const writers = 8

// ledgerDB is a gateway with the database plugin, and a server of a database that is
// killed, nil where the database is a file.
type ledgerDB struct {
	harness
	g      *program.Gateway
	server *dbserver.Server
	look   *sql.DB
	// acknowledged counts the rows that the writers know of.
	acknowledged atomic.Int64
}

// newLedgerDB makes a table without a unique key: a row that is inserted twice is there
// twice.
func newLedgerDB(t *testing.T, start func(testing.TB, dbserver.Options) *dbserver.Server, id string) *ledgerDB {
	t.Helper()
	l := &ledgerDB{harness: harness{Site: program.NewSite(t, binaries)}}
	url := "sqlite://app.db"
	if start == nil {
		db, err := sql.Open("sqlite", "file:"+filepath.Join(l.Dir, "configs", "app.db")+"?_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() }) // nothing more is asked
		l.look = db
	} else {
		l.server = start(t, dbserver.Options{})
		url, l.look = l.server.URL(), l.server.Open()
	}
	folder := filepath.Join(l.Dir, "ledger")
	ddl := "-- +goose Up\nCREATE TABLE ledger (id " + id + ", writer INT NOT NULL, line INT NOT NULL);\n"
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "00001_ledger.sql"), []byte(ddl), 0o600); err != nil {
		t.Fatal(err)
	}
	l.WriteConfig("ledger.json", fmt.Sprintf(`{
  %s
  "credentials": { "database": { "url": %q, "migrations": "../ledger" } },
  "pluginDirs": [%q]
}`, letIn(), url, l.Plugins))
	l.g = l.Serve(token)
	return l
}

// line is a row that was acknowledged.
type line struct {
	key, id string
}

// write inserts line after line, each under its key until it is acknowledged, until
// stopped.
func (l *ledgerDB) write(writer int, stop <-chan struct{}, c *clients) (acknowledged []line) {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return acknowledged
		default:
		}
		key := fmt.Sprintf("line-%d-%d", writer, n)
		response, ok := c.insist(0, key, http.StatusOK, func() program.Request { return lineRequest(key, writer, n) })
		if !ok {
			return acknowledged
		}
		l.acknowledged.Add(1)
		acknowledged = append(acknowledged, line{key: key, id: fmt.Sprint(response.Field("id"))})
	}
}

func lineRequest(key string, writer, n int) program.Request {
	return program.Request{
		Method: http.MethodPost, Path: "/integrations/database/actions/insert",
		Body:   fmt.Sprintf(`{"table":"ledger","data":{"writer":%d,"line":%d}}`, writer, n),
		Header: map[string]string{"Idempotency-Key": key},
	}
}

// TestEachKeyHasOneRowWhenTheDatabaseOrItsPluginIsKilled: whatever is killed whenever,
// what was acknowledged is there, and nothing is there twice.
func TestEachKeyHasOneRowWhenTheDatabaseOrItsPluginIsKilled(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	for _, c := range []struct {
		name, id string
		start    func(testing.TB, dbserver.Options) *dbserver.Server
	}{
		{"SQLite", "INTEGER PRIMARY KEY", nil},
		{"MariaDB", "BIGINT AUTO_INCREMENT PRIMARY KEY", mariadbtest.Start},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			choices := seeded(t)
			newLedgerDB(t, c.start, c.id).upset(t, choices)
		})
	}
}

// upset kills under load, and holds the rows against what was acknowledged.
func (l *ledgerDB) upset(t *testing.T, choices *rand.Rand) {
	insisting := &clients{gateways: []*program.Gateway{l.g}}
	stop, written := make(chan struct{}), make([][]line, writers)
	var work sync.WaitGroup
	for writer := range writers {
		work.Go(func() { written[writer] = l.write(writer, stop, insisting) })
	}
	plugins, servers, pid := 0, 0, 0
	for range kills(t) {
		// A plugin that starts while the server is away is started again ten seconds later.
		before := l.acknowledged.Load()
		testkit.Eventually(t, time.Minute, "rows are acknowledged", func() bool { return l.acknowledged.Load() >= before+2*writers })
		soon(choices, 100*time.Millisecond)
		// The plugin a few times only: the pause before its next start doubles.
		if plugins < 4 && (l.server == nil || choices.IntN(3) == 0) {
			pid = l.g.PluginPID("database", pid)
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			plugins++
		} else if l.server != nil {
			l.server.Kill()
			soon(choices, 300*time.Millisecond) // how long it is away
			l.server.Restart()
			servers++
		}
	}
	close(stop)
	work.Wait()
	if len(insisting.odd) > 0 {
		t.Fatalf("%q", insisting.odd)
	}
	rows := l.rows(t)
	for writer, lines := range written {
		for n, line := range lines {
			place := [2]int{writer, n}
			if len(rows[place]) != 1 || rows[place][0] != line.id {
				t.Errorf("%s was acknowledged as row %s; there are the rows %q", line.key, line.id, rows[place])
			}
			delete(rows, place)
		}
	}
	for place, ids := range rows {
		t.Errorf("line %d of writer %d has the rows %q, and was never acknowledged", place[1], place[0], ids)
	}
	t.Logf("%d rows; %d plugins and %d servers were killed", l.acknowledged.Load(), plugins, servers)
}

// rows are the ids of the rows by writer and line.
func (l *ledgerDB) rows(t *testing.T) map[[2]int][]string {
	t.Helper()
	// A connection may be one to a server that was killed.
	testkit.Eventually(t, time.Minute, "the database can be asked", func() bool { return l.look.Ping() == nil })
	rows, err := l.look.Query("SELECT id, writer, line FROM ledger")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }() // nothing was written
	found := map[[2]int][]string{}
	for rows.Next() {
		var id string
		var place [2]int
		if err := rows.Scan(&id, &place[0], &place[1]); err != nil {
			t.Fatal(err)
		}
		found[place] = append(found[place], id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}
