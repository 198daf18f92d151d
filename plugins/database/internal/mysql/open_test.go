package mysql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

func TestASessionIsStrictAndInUTC(t *testing.T) {
	server := mariadbtest.Start(t, mariadbtest.Options{More: []string{"default-time-zone=+05:00", "sql-mode=ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT", "transaction-isolation=SERIALIZABLE", "init-connect=SET autocommit = 0"}})
	o := openAt(t, server.URL(), options)
	for variable, want := range map[string]string{
		"time_zone": "+00:00", "tx_isolation": "READ-COMMITTED", "autocommit": "1", "character_set_client": "utf8mb4", "max_statement_time": "30",
	} {
		if got := o.text("SELECT @@SESSION." + variable); got != want {
			t.Errorf("%s is %s, want %s", variable, got, want)
		}
	}
	modes := strings.Split(o.text("SELECT @@SESSION.sql_mode"), ",")
	if len(modes) != len(strings.Split(sqlModes, ",")) {
		t.Errorf("modes %q", modes)
	}
	o.exec("CREATE TABLE a (c CHAR(3), d DATE, n TINYINT, id INT AUTO_INCREMENT PRIMARY KEY)")
	for _, statement := range []string{"INSERT INTO a (c) VALUES ('abcd')", "INSERT INTO a (d) VALUES ('0000-00-00')", "INSERT INTO a (n) VALUES (1000)", "INSERT INTO a (n) VALUES (1/0)"} {
		if _, err := o.conn.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("%s: taken", statement)
		}
	}
	o.exec("INSERT INTO a (id) VALUES (0)")
	if got := o.text("SELECT id FROM a"); got != "0" {
		t.Errorf("0 became %s", got)
	}
	if got := o.text("SELECT CONCAT(@@SESSION.innodb_lock_wait_timeout, ' ', @@SESSION.lock_wait_timeout)"); got != "5 5" {
		t.Errorf("locks are waited for for %s seconds", got)
	}
	// A migration may take as long as it does.
	unbounded, err := o.OpenUnbounded(t.Context())
	must(t, err)
	defer unbounded.Close()
	var limit float64
	must(t, unbounded.QueryRowContext(t.Context(), "SELECT @@SESSION.max_statement_time").Scan(&limit))
	if limit != 0 {
		t.Errorf("a migration is ended after %v seconds", limit)
	}
}

func TestAStatementThatTakesLongIsEndedByTheServer(t *testing.T) {
	short := options
	short.StatementTimeout = 100 * time.Millisecond
	o := openAt(t, mariadbtest.New(t).URL(), short)
	id := o.text("SELECT CONNECTION_ID()")
	_, err := o.conn.ExecContext(t.Context(), "SELECT SLEEP(60)")
	if f := o.Classify(err, nil); f.Condition != driver.Interrupted {
		t.Errorf("%v is %+v", err, f)
	}
	if again := o.text("SELECT CONNECTION_ID()"); again != id {
		t.Error("the connection is another one")
	}
}

// TestALockThatIsHeldIsNotWaitedForLong: of a row, and of a table whose schema changes.
func TestALockThatIsHeldIsNotWaitedForLong(t *testing.T) {
	short := options
	short.LockTimeout = time.Millisecond // a second, which is the least
	o := openAt(t, mariadbtest.New(t).URL(), short, "CREATE TABLE a (id INT PRIMARY KEY, n INT)", "INSERT INTO a VALUES (1, 1)")
	other, err := o.db.Conn(t.Context())
	must(t, err)
	defer other.Close()
	for _, statement := range []string{"START TRANSACTION", "UPDATE a SET n = 2"} {
		_, err := other.ExecContext(t.Context(), statement)
		must(t, err)
	}
	o.exec(syntax.Begin)
	for _, statement := range []string{"UPDATE a SET n = 3", "ALTER TABLE a ADD m INT"} {
		_, err = o.conn.ExecContext(t.Context(), statement)
		if f := o.Classify(err, nil); f.Condition != driver.Locked {
			t.Errorf("%s: %v is %+v", statement, err, f)
		}
	}
	o.exec("ROLLBACK")
	_, err = other.ExecContext(t.Context(), "ROLLBACK")
	must(t, err)
}

func TestASetupHasTheDatabaseToItself(t *testing.T) {
	url := mariadbtest.New(t).URL()
	first, second := openAt(t, url, options), openAt(t, url, options)
	release, err := first.LockSetup(t.Context())
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := second.LockSetup(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the second one: %v", err)
	}
	// Another database of the server is not held up.
	releaseOther, err := open(t).LockSetup(t.Context())
	must(t, err)
	must(t, releaseOther())
	var waited sync.WaitGroup
	waited.Go(func() {
		release, err := second.LockSetup(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		if err := release(); err != nil {
			t.Error(err)
		}
	})
	must(t, release())
	waited.Wait()
}

// TestAKeyIsLockedUntilItsTransactionEnds: whatever way it ends, and for others who have
// waited meanwhile.
func TestAKeyIsLockedUntilItsTransactionEnds(t *testing.T) {
	o := open(t, syntax.KeysTable...)
	begin := func() *sql.Conn {
		conn, err := o.db.Conn(t.Context())
		must(t, err)
		_, err = conn.ExecContext(t.Context(), syntax.Begin)
		must(t, err)
		return conn
	}
	find := func(conn *sql.Conn, key string) (found string, err error) {
		rows, err := driver.Query(t.Context(), conn, syntax.LockAndFind, key, key)
		if err == nil {
			found = fmt.Sprintf("%s", rows)
		}
		return found, err
	}
	lock := func(conn *sql.Conn, key string) error {
		_, err := find(conn, key)
		return err
	}
	waiting := func() bool {
		return o.text("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND INFO LIKE 'SELECT k.digest%'") == "1"
	}
	for _, end := range []string{"COMMIT", "ROLLBACK", "the connection breaks"} {
		key := "key of " + end
		first, second := begin(), begin()
		must(t, lock(first, key))
		must(t, lock(second, key+" another")) // it is not held up
		var waited sync.WaitGroup
		var failed error
		var found string
		waited.Go(func() { found, failed = find(second, key) })
		testkit.Eventually(t, 10*time.Second, "the second waits", waiting)
		if end == "the connection breaks" {
			_ = first.Raw(func(c any) error { return c.(interface{ Close() error }).Close() })
		} else {
			_, err := first.ExecContext(t.Context(), "INSERT INTO backflow_keys VALUES (?, 'digest', 'result', 1)", key)
			must(t, err)
			_, err = first.ExecContext(t.Context(), end)
			must(t, err)
		}
		waited.Wait()
		must(t, failed)
		// What was committed while it waited is what it finds.
		if recorded := strings.Contains(found, "digest result"); recorded != (end == "COMMIT") {
			t.Errorf("after %s the second found %s", end, found)
		}
		_, err := second.ExecContext(t.Context(), "ROLLBACK")
		must(t, err)
		_ = first.Close() // it may be broken
		must(t, second.Close())
	}
}

func TestAServerThatWasRestartedIsConnectedToAgain(t *testing.T) {
	server := mariadbtest.Start(t, mariadbtest.Options{})
	o := openAt(t, server.URL(), options, "CREATE TABLE a (id INT)")
	must(t, o.conn.Close())
	for _, end := range []func(){server.Stop, server.Kill} {
		end()
		_, err := o.db.ExecContext(t.Context(), "INSERT INTO a VALUES (1)")
		if f := o.Classify(err, nil); f.Condition != driver.Unreachable {
			t.Errorf("%v is %+v", err, f)
		}
		server.Restart()
		conn, err := o.db.Conn(t.Context())
		must(t, err)
		_, err = conn.ExecContext(t.Context(), "INSERT INTO a VALUES (1)")
		must(t, err)
		must(t, conn.Close())
	}
}

func TestSettingsThatLoseRowsAreNamed(t *testing.T) {
	server := mariadbtest.Start(t, mariadbtest.Options{More: []string{"innodb-flush-log-at-trx-commit=2", "log-bin", "sync-binlog=0", "innodb-doublewrite=0"}})
	o := openAt(t, server.URL(), options)
	doubts, err := o.Doubts(t.Context(), o.db)
	must(t, err)
	shown := strings.Join(doubts, "\n")
	for _, want := range []string{"innodb_flush_log_at_trx_commit of the server is 2", "sync_binlog of the server is 0", "innodb_doublewrite of the server is off"} {
		if !strings.Contains(shown, want) {
			t.Errorf("%q lacks %q", shown, want)
		}
	}
	sound := open(t)
	if doubts, err := sound.Doubts(t.Context(), sound.db); err != nil || len(doubts) != 0 {
		t.Errorf("%q, %v", doubts, err)
	}
}

func TestOldServersAreRefused(t *testing.T) {
	for version, want := range map[string]server{
		"10.11.19-MariaDB-0+deb12u1": {mariadb: true, major: 10, minor: 11, patch: 19}, "11.4.2-MariaDB-log": {mariadb: true, major: 11, minor: 4, patch: 2},
		"8.0.36": {major: 8, patch: 36}, "8.4.0-commercial": {major: 8, minor: 4}, "9.1.0": {major: 9, minor: 1},
		"10.5.23-MariaDB": {}, "5.7.44-log": {}, "8.0.15": {}, "": {}, "x.y": {},
	} {
		got, err := parseServer(version)
		if got != want || (err != nil) != (want == server{}) {
			t.Errorf("%s: %+v, %v", version, got, err)
		}
	}
	mariadb, mysql := server{mariadb: true}, server{}
	if got := mariadb.limit(1500 * time.Microsecond); got != "SET SESSION max_statement_time = 0.002" {
		t.Error(got)
	}
	if got := mysql.limit(1500 * time.Millisecond); got != "SET SESSION max_execution_time = 1500" {
		t.Error(got)
	}
}
