package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

// watched is a plugin whose files a test takes away. Its directory is "dir/data".
type watched struct {
	*fixture
	file  string
	ended chan error
	n     int
	// rows are those of which the plugin has said that they are there.
	rows []string
}

func newWatched(t *testing.T) *watched {
	t.Helper()
	dir := t.TempDir()
	w := &watched{fixture: &fixture{t: t, dir: dir, clock: newClock()}, file: filepath.Join(dir, "data", "app.db"), ended: make(chan error, 1)}
	writeMigration(t, dir, "00001_log.sql", `CREATE TABLE log (n INTEGER PRIMARY KEY)`)
	w.plugin = newServed(w.clock.now)
	w.plugin.checkEvery = time.Millisecond
	w.plugin.end = func(reason error) {
		select {
		case w.ended <- reason:
		default:
		}
	}
	must(t, w.plugin.Configure(t.Context(), sdk.Config{Credentials: json.RawMessage(`{"url":"sqlite://data/app.db","migrations":"migrations"}`), BaseDir: dir}))
	t.Cleanup(func() {
		if err := w.plugin.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// insertNext inserts the next number.
func (w *watched) insertNext() *sdk.Error {
	w.t.Helper()
	w.n++
	_, err := insert(w.plugin, fmt.Sprint("key-", w.n), fmt.Sprintf(`{"table":"log","data":{"n":%d}}`, w.n))
	if failed, ok := errors.AsType[*sdk.Error](err); ok {
		return failed
	}
	must(w.t, err)
	w.rows = append(w.rows, fmt.Sprint(w.n))
	w.read()
	return nil
}

// read reads, so that the connections that only read are open too.
func (w *watched) read() {
	w.t.Helper()
	_, err := w.plugin.Execute(w.t.Context(), sdk.Call{Action: "count", Params: json.RawMessage(`{"table":"log"}`)})
	if failed, ok := errors.AsType[*sdk.Error](err); err != nil && (!ok || failed.Code != sdk.CodeUnavailable || !failed.Retryable) {
		w.t.Errorf("a read: %v", err)
	}
}

// away waits until calls fail for a reason and the plugin says so too, and holds the
// errors against what is promised.
func (w *watched) away(says string) {
	w.t.Helper()
	failing := false
	testkit.Eventually(w.t, 10*time.Second, "calls fail, for "+says, func() bool {
		failed := w.insertNext()
		switch {
		case failed == nil && failing:
			w.t.Fatal("a call succeeds meanwhile")
		case failed == nil:
			return false
		case failed.Code != sdk.CodeUnavailable || !failed.Retryable || failed.RetryAfter == 0 || failed.Outcome != sdk.OutcomeNotExecuted:
			w.t.Fatalf("%+v", failed)
		}
		failing = true
		err := w.plugin.health(w.t.Context())
		return strings.Contains(failed.Message, says) && err != nil && strings.Contains(err.Error(), says)
	})
}

// back waits until calls succeed again.
func (w *watched) back() {
	w.t.Helper()
	testkit.Eventually(w.t, 10*time.Second, "calls succeed again", func() bool { return w.insertNext() == nil })
	if err := w.plugin.health(w.t.Context()); err != nil {
		w.t.Errorf("calls succeed, and the plugin says %v", err)
	}
}

// wantRows: the file that has the name now holds these rows and no other, also for a
// program that opens it alone.
func (w *watched) wantRows(rows []string) {
	w.t.Helper()
	must(w.t, w.plugin.Close())
	db := lookAt(w.t, w.file)
	f := &fixture{t: w.t, look: db}
	if got, want := f.scalar(`SELECT group_concat(n) FROM (SELECT n FROM log ORDER BY n)`), strings.Join(rows, ","); got != want {
		w.t.Errorf("rows %s, want %s", got, want)
	}
	if got := f.scalar(`PRAGMA integrity_check`); got != "ok" {
		w.t.Error(got)
	}
}

// inUse is the store that calls use.
func (w *watched) inUse() *store.Store {
	w.plugin.mu.RLock()
	defer w.plugin.mu.RUnlock()
	return w.plugin.store
}

func rename(t testing.TB, from, to string) {
	t.Helper()
	must(t, os.Rename(from, to))
}

// otherDatabase makes a file that another program has written.
func otherDatabase(t testing.TB, path string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file://"+path)
	must(t, err)
	_, err = db.Exec(`CREATE TABLE other (n); INSERT INTO other VALUES (1)`)
	must(t, errors.Join(err, db.Close()))
}

// TestFilesThatAreTakenAwayAreMissedAtOnce: nothing is acknowledged that no name leads
// to, what was acknowledged is there in the end, and the plugin goes on by itself.
func TestFilesThatAreTakenAwayAreMissedAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		breaks func(t *testing.T, w *watched)
		says   string
		mend   func(t *testing.T, w *watched)
		// anew: the name stands for another database, which has only the rows from then on.
		anew bool
	}{
		"app.db renamed and put back": {
			breaks: func(t *testing.T, w *watched) { rename(t, w.file, w.file+".aside") }, says: "app.db was removed",
			mend: func(t *testing.T, w *watched) { rename(t, w.file+".aside", w.file) },
		},
		"the directory renamed and put back": {
			breaks: func(t *testing.T, w *watched) { rename(t, filepath.Dir(w.file), w.dir+"/aside") }, says: "app.db was removed",
			mend: func(t *testing.T, w *watched) { rename(t, w.dir+"/aside", filepath.Dir(w.file)) },
		},
		"app.db removed, and another put there": {
			breaks: func(t *testing.T, w *watched) { must(t, os.Remove(w.file)) }, says: "app.db was removed",
			mend: func(t *testing.T, w *watched) {
				otherDatabase(t, w.file+".new")
				rename(t, w.file+".new", w.file)
			},
			anew: true,
		},
		"all files removed, and another put there": {
			breaks: func(t *testing.T, w *watched) {
				must(t, errors.Join(os.Remove(w.file), os.Remove(w.file+"-wal"), os.Remove(w.file+"-shm")))
			}, says: "was removed",
			mend: func(t *testing.T, w *watched) {
				otherDatabase(t, w.file+".new")
				rename(t, w.file+".new", w.file)
			},
			anew: true,
		},
		"the directory removed, and made again with another": {
			breaks: func(t *testing.T, w *watched) { must(t, os.RemoveAll(filepath.Dir(w.file))) }, says: "was removed",
			mend: func(t *testing.T, w *watched) {
				otherDatabase(t, w.dir+"/new.db")
				must(t, os.Mkdir(filepath.Dir(w.file), 0o700))
				rename(t, w.dir+"/new.db", w.file)
			},
			anew: true,
		},
		"app.db replaced by what is no database": {
			breaks: func(t *testing.T, w *watched) {
				must(t, os.WriteFile(w.file+".new", []byte(strings.Repeat("no database ", 1000)), 0o600))
				rename(t, w.file+".new", w.file)
			}, says: "not a database",
			mend: func(t *testing.T, w *watched) {
				otherDatabase(t, w.file+".new")
				rename(t, w.file+".new", w.file)
			},
			anew: true,
		},
		"app.db replaced by an empty file, and put back": {
			breaks: func(t *testing.T, w *watched) {
				rename(t, w.file, w.file+".aside")
				must(t, os.WriteFile(w.file, nil, 0o600))
			}, says: "app.db is empty",
			mend: func(t *testing.T, w *watched) { rename(t, w.file+".aside", w.file) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t)
			for range 3 {
				if failed := w.insertNext(); failed != nil {
					t.Fatal(failed)
				}
			}
			c.breaks(t, w)
			before := len(w.rows)
			w.away(c.says)
			if got := len(w.rows) - before; got > 0 {
				t.Errorf("%d rows were acknowledged after the files were gone", got)
			}
			c.mend(t, w)
			w.back()
			if c.anew {
				w.rows = w.rows[before:]
			}
			w.wantRows(w.rows)
		})
	}
}

// TestFilesThatAreReplacedAreOpenedAnew: where the name stands for a sound database
// again, the plugin goes on with that, within a moment.
func TestFilesThatAreReplacedAreOpenedAnew(t *testing.T) {
	for name, c := range map[string]struct {
		replace func(t *testing.T, w *watched)
		anew    bool
	}{
		"app.db": {replace: func(t *testing.T, w *watched) {
			otherDatabase(t, w.file+".new")
			rename(t, w.file+".new", w.file)
		}, anew: true},
		"app.db, and the old one kept": {replace: func(t *testing.T, w *watched) {
			otherDatabase(t, w.file+".new")
			rename(t, w.file, w.file+".old")
			rename(t, w.file+".new", w.file)
		}, anew: true},
		"the directory": {replace: func(t *testing.T, w *watched) {
			must(t, os.Mkdir(w.dir+"/new", 0o700))
			otherDatabase(t, w.dir+"/new/app.db")
			rename(t, filepath.Dir(w.file), w.dir+"/old")
			rename(t, w.dir+"/new", filepath.Dir(w.file))
		}, anew: true},
		"app.db-wal removed": {replace: func(t *testing.T, w *watched) { must(t, os.Remove(w.file+"-wal")) }},
		"app.db-shm removed": {replace: func(t *testing.T, w *watched) { must(t, os.Remove(w.file+"-shm")) }},
		"both removed": {replace: func(t *testing.T, w *watched) {
			must(t, errors.Join(os.Remove(w.file+"-wal"), os.Remove(w.file+"-shm")))
		}},
		"app.db-wal replaced by an older one": {replace: func(t *testing.T, w *watched) {
			older, err := os.ReadFile(w.file + "-wal")
			must(t, err)
			for range 3 {
				if failed := w.insertNext(); failed != nil {
					t.Fatal(failed)
				}
			}
			must(t, os.WriteFile(w.file+".new", older, 0o600))
			rename(t, w.file+".new", w.file+"-wal")
		}},
		"app.db-shm replaced": {replace: func(t *testing.T, w *watched) {
			must(t, os.WriteFile(w.file+".new", make([]byte, 32768), 0o600))
			rename(t, w.file+".new", w.file+"-shm")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatched(t)
			for range 3 {
				if failed := w.insertNext(); failed != nil {
					t.Fatal(failed)
				}
			}
			first := w.inUse()
			c.replace(t, w)
			before := len(w.rows)
			testkit.Eventually(t, 10*time.Second, "it is opened anew", func() bool { now := w.inUse(); return now != nil && now != first })
			w.back()
			if c.anew {
				w.rows = w.rows[before:]
			}
			w.wantRows(w.rows)
			if old := w.file + ".old"; c.anew && name == "app.db, and the old one kept" {
				f := &fixture{t: t, look: lookAt(t, old)}
				if got := f.scalar(`SELECT group_concat(n) FROM log`); got != "1,2,3" {
					t.Errorf("the old file has %s", got)
				}
			}
		})
	}
}

// TestALinkThatLeadsElsewhereIsAnotherDatabase: the log of a database is beside the
// file and not beside the link.
func TestALinkThatLeadsElsewhereIsAnotherDatabase(t *testing.T) {
	w := newWatched(t)
	must(t, w.plugin.Close())
	rename(t, w.file, w.dir+"/first.db")
	otherDatabase(t, w.dir+"/second.db")
	must(t, os.Symlink(w.dir+"/first.db", w.file))
	must(t, w.plugin.Configure(t.Context(), sdk.Config{Credentials: json.RawMessage(`{"url":"sqlite://data/app.db","migrations":"migrations"}`), BaseDir: w.dir}))
	if failed := w.insertNext(); failed != nil {
		t.Fatal(failed)
	}
	must(t, errors.Join(os.Symlink(w.dir+"/second.db", w.file+".new"), os.Rename(w.file+".new", w.file)))
	w.back()
	w.wantRows(w.rows[1:])
	f := &fixture{t: t, look: lookAt(t, w.dir+"/first.db")}
	if got := f.scalar(`SELECT group_concat(n) FROM log`); got != "1" {
		t.Errorf("the first file has %s", got)
	}
}

// TestAFileThatIsCutOffIsMissed: the call finds it before it writes.
func TestAFileThatIsCutOffIsMissed(t *testing.T) {
	for _, name := range []string{"", "-wal"} {
		t.Run("app.db"+name, func(t *testing.T) {
			w := newWatched(t)
			for range 3 {
				if failed := w.insertNext(); failed != nil {
					t.Fatal(failed)
				}
			}
			must(t, os.Truncate(w.file+name, 0))
			if name == "-wal" {
				w.away("app.db-wal was cut off")
				if err := <-w.ended; !errors.Is(err, driver.ErrEnd) {
					t.Errorf("the process ends with %v", err)
				}
				return
			}
			w.away("")
			must(t, os.Remove(w.file))
			otherDatabase(t, w.file+".new")
			rename(t, w.file+".new", w.file)
			w.back()
			w.wantRows(w.rows[3:])
		})
	}
}

// TestWhatOtherProgramsDoIsNoFault: a vacuum and an emptied log make files smaller.
func TestWhatOtherProgramsDoIsNoFault(t *testing.T) {
	w := newWatched(t)
	other := &fixture{t: t, look: lookAt(t, w.file)}
	other.exec(`CREATE TABLE filler (b)`)
	for range 3 {
		if failed := w.insertNext(); failed != nil {
			t.Fatal(failed)
		}
		other.exec(`INSERT INTO filler VALUES (randomblob(1000000))`)
		other.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
		if failed := w.insertNext(); failed != nil {
			t.Fatal(failed)
		}
		other.exec(`DELETE FROM filler`)
		other.exec(`VACUUM`)
		other.exec(`PRAGMA wal_checkpoint(TRUNCATE)`)
		if failed := w.insertNext(); failed != nil {
			t.Fatal(failed)
		}
	}
	must(t, other.look.Close())
	w.wantRows(w.rows)
}
