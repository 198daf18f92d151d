package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/sqlite"
	"github.com/backflow/backflow/sdk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that tests set.
type clock struct{ nanos atomic.Int64 }

func newClock() *clock {
	c := new(clock)
	c.nanos.Store(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC).UnixNano())
	return c
}
func (c *clock) now() time.Time          { return time.Unix(0, c.nanos.Load()).UTC() }
func (c *clock) advance(d time.Duration) { c.nanos.Add(int64(d)) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// opened opens a database in a file, which is closed with the test.
func opened(t *testing.T, database driver.Database, statements ...string) *Store {
	t.Helper()
	s, err := Create(t.Context(), Settings{Database: database, Now: time.Now})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close()) })
	for _, statement := range statements {
		_, err := s.db.Exec(statement)
		must(t, err)
	}
	return s
}

// TestKeysAreLockedWhereATransactionLocksNothing: a BEGIN of SQLite takes no
// lock, and the UPDATE, which changes nothing, takes it at the key.
func TestKeysAreLockedWhereATransactionLocksNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	var stores []*Store
	for range 2 {
		database := sqlite.New(path, driver.Options{})
		database.Syntax.Begin = "BEGIN"
		database.Syntax.LockKey = "UPDATE backflow_keys SET digest = '' WHERE idempotency_key = ? AND FALSE"
		stores = append(stores, opened(t, database, `CREATE TABLE IF NOT EXISTS log (id INTEGER PRIMARY KEY, n INTEGER)`))
	}
	for round := range 5 {
		bodies := make([]string, 20)
		var group sync.WaitGroup
		for i := range bodies {
			group.Go(func() {
				body, err := stores[i%2].Write(t.Context(), fmt.Sprintf("key-%d", round), "digest", func(tx *Tx) ([]byte, error) {
					result, err := tx.conn.ExecContext(t.Context(), `INSERT INTO log (n) VALUES (7)`)
					if err != nil {
						return nil, err
					}
					id, err := result.LastInsertId()
					return fmt.Appendf(nil, "%d", id), err
				})
				if err != nil {
					t.Errorf("write: %v", err)
				}
				bodies[i] = string(body)
			})
		}
		group.Wait()
		for _, body := range bodies {
			if body != fmt.Sprint(round+1) {
				t.Errorf("round %d: a call returned %s", round, body)
			}
		}
	}
}

// TestALockThatIsHeldAgainLaterIsWaitedForAgain: a call that met a lock says nothing
// of one that is held long after.
func TestALockThatIsHeldAgainLaterIsWaitedForAgain(t *testing.T) {
	clock := newClock()
	lock := writeLock{now: clock.now, longest: DefaultLockWait}
	for _, c := range []struct {
		passes, wait   time.Duration
		refused, taken bool
	}{
		{wait: DefaultLockWait},
		{passes: DefaultLockWait, refused: true, wait: 0},
		{passes: time.Second, refused: true, wait: 0},
		{passes: DefaultLockWait, wait: 0},
		{passes: 1, wait: DefaultLockWait},
		{passes: DefaultLockWait, refused: true, wait: 0},
		{taken: true, wait: DefaultLockWait},
	} {
		asked := clock.now()
		clock.advance(c.passes)
		if c.refused {
			lock.refused(asked)
		}
		if c.taken {
			lock.taken()
		}
		if got := lock.wait(); got != c.wait {
			t.Errorf("%+v: the next call waits %s", c, got)
		}
	}
}

// TestAFailedCommitIsUnknown: only a refusal by the database itself is definite.
func TestAFailedCommitIsUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	s := opened(t, sqlite.New(path, driver.Options{}), `CREATE TABLE payments (id INTEGER PRIMARY KEY, amount INTEGER CHECK (amount > 0))`, `PRAGMA busy_timeout = 1`)
	other := opened(t, sqlite.New(path, driver.Options{}))
	conn, err := other.db.Conn(t.Context())
	must(t, err)
	_, err = conn.ExecContext(t.Context(), "BEGIN IMMEDIATE")
	must(t, err)
	_, busy := s.db.Exec("INSERT INTO payments VALUES (1, 1)")
	_, err = conn.ExecContext(t.Context(), "ROLLBACK")
	must(t, errors.Join(err, conn.Close()))
	_, refused := s.db.Exec("INSERT INTO payments VALUES (1, -1)")
	for name, c := range map[string]struct {
		err     error
		outcome sdk.Outcome
	}{
		"a driver's failure": {busy, sdk.OutcomeUnknown},
		"a lost connection":  {errors.New("broken pipe"), sdk.OutcomeUnknown},
		"a constraint":       {refused, sdk.OutcomeNotExecuted},
	} {
		var failed *sdk.Error
		if !errors.As(s.commitFailed(c.err), &failed) || failed.Outcome != c.outcome || failed.Retryable != (c.outcome == sdk.OutcomeUnknown) {
			t.Errorf("%s: %+v", name, failed)
		}
	}
}

// TestARowThatWentIntoAFileWithoutANameIsUnknown: the file is taken away while the
// transaction is under way.
func TestARowThatWentIntoAFileWithoutANameIsUnknown(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.db")
	s := opened(t, sqlite.New(path, driver.Options{}), `CREATE TABLE payments (id INTEGER PRIMARY KEY)`)
	_, err := s.Write(t.Context(), "", "", func(*Tx) ([]byte, error) { return nil, os.Rename(path, path+".aside") })
	if failed, ok := errors.AsType[*sdk.Error](err); !ok || failed.Outcome != sdk.OutcomeNotExecuted || failed.Code != sdk.CodeUnavailable || !failed.Retryable {
		t.Errorf("before the commit: %v", err)
	}
	must(t, os.Rename(path+".aside", path))
	s.files = &goneAfter{Files: s.files, checks: 1}
	_, err = s.Write(t.Context(), "", "", func(*Tx) ([]byte, error) { return nil, nil })
	if failed, ok := errors.AsType[*sdk.Error](err); !ok || failed.Outcome != sdk.OutcomeUnknown || failed.Code != sdk.CodeUnavailable || !failed.Retryable {
		t.Errorf("after the commit: %v", err)
	}
}

// goneAfter are files that Verify finds gone after so many times.
type goneAfter struct {
	driver.Files
	checks int
}

func (g *goneAfter) Verify(ctx context.Context, conn *sql.Conn) error {
	if g.checks--; g.checks < 0 {
		return errors.New("app.db was removed while in use")
	}
	return g.Files.Verify(ctx, conn)
}
