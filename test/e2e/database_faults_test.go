package e2e

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/dbserver"
	"github.com/backflow/backflow/test/program"
)

// databaseFault is a fault of a database, or of the way to it.
type databaseFault struct {
	name string
	// table is where the row goes, events if it is empty, and note what it holds.
	table, note string
	// call makes another call than insert into the table.
	call func(t *testing.T, b *databaseBench, tag string) program.Response
	// begin brings the fault about, for the call with a tag. What it returns ends it, once
	// the call has its response; nil has nothing to end.
	begin func(t *testing.T, b *databaseBench, tag string) (end func())
	// shown stands in the table for the response where it is a matter of time which of
	// likely comes.
	shown  string
	likely []string
}

func noFault() databaseFault {
	return databaseFault{name: "none", begin: func(*testing.T, *databaseBench, string) func() { return nil }}
}

// lockFaults are locks of another transaction, which ends without having changed a thing.
func lockFaults() []databaseFault {
	return []databaseFault{
		{name: "another transaction has inserted the same unique value, and is open", table: "claims",
			begin: func(t *testing.T, b *databaseBench, tag string) func() {
				return b.hold(t, "ROLLBACK", "BEGIN", "INSERT INTO claims (tag) VALUES ('"+tag+"')")
			}},
		{name: "another transaction has locked the table", begin: func(t *testing.T, b *databaseBench, _ string) func() { return b.lock(t) }},
	}
}

// pluginFaults are those of the plugin's process.
func pluginFaults() []databaseFault {
	return []databaseFault{
		{name: "the plugin is killed in the middle of the call", shown: "503 `unavailable` until it is back, or 200", likely: []string{"503 `unavailable`", "200"},
			begin: func(t *testing.T, b *databaseBench, _ string) func() {
				unlock := b.lock(t)
				var work sync.WaitGroup
				work.Go(func() {
					defer unlock()
					testkit.Eventually(t, 10*time.Second, "the plugin has the call", func() bool {
						return strings.Contains(string(b.g.In(t).Get("/metrics").Body), "\nbackflow_plugin_calls_in_flight{plugin=\"database\"} 1\n")
					})
					b.killPlugin(t)
				})
				return func() {
					work.Wait()
					b.state(t, "ready")
				}
			}},
		{name: "a migration that fails has been added, and the plugin starts anew", begin: func(t *testing.T, b *databaseBench, _ string) func() {
			const name = "00002_wrong.sql"
			b.migration(t, name, "INSERT INTO nowhere VALUES (1);")
			b.killPlugin(t)
			b.state(t, "failed")
			return func() {
				if err := os.Remove(filepath.Join(b.site.Dir, "migrations", name)); err != nil {
					t.Fatal(err)
				}
				b.killed = 0
				b.state(t, "ready")
			}
		}},
	}
}

// statementFaults are those of a statement.
func statementFaults() []databaseFault {
	return []databaseFault{
		{name: "the statement takes longer than it may", begin: func(t *testing.T, b *databaseBench, _ string) func() {
			b.exec(t, b.slow...)
			return func() { b.exec(t, b.quick...) }
		}},
		{name: "the table is dropped, and made again", begin: func(t *testing.T, b *databaseBench, _ string) func() {
			rename := func(from, to string) { b.exec(t, "ALTER TABLE "+from+" RENAME TO "+to) }
			rename("events", "aside")
			return func() { rename("aside", "events") }
		}},
	}
}

// diskFault needs a disk of its own. It is full once another program gets no row into the
// table any more: some room was there already. The rows are small, for MariaDB 10.11 ends
// itself when it finds no room for the parts of a large value.
func diskFault() databaseFault {
	note := make([]byte, 3500)
	_, _ = rand.NewChaCha8([32]byte{}).Read(note) // it never fails; what repeats itself would be compressed
	row := hex.EncodeToString(note)
	return databaseFault{name: "the disk is full", note: row, begin: func(t *testing.T, b *databaseBench, _ string) func() {
		dir := b.disk
		if err := testkit.FillDisk(dir, 0); err != nil {
			t.Fatal(err)
		}
		full := false
		for range 1000 {
			if _, err := b.db.Exec("INSERT INTO events (tag, note) VALUES ('', '" + row + "')"); err != nil {
				t.Logf("%s: %v", b.name, err)
				full = true
				break
			}
		}
		if !full {
			t.Fatal("the disk takes all")
		}
		return func() {
			if err := testkit.FreeDisk(dir); err != nil {
				t.Fatal(err)
			}
			if b.server != nil && b.server.Ended() {
				b.server.Restart()
			}
		}
	}}
}

// deadlockFault needs a bench that waits for a lock for longer than a server takes to find
// that two transactions wait for each other. The other one is spared.
func deadlockFault() databaseFault {
	change := func(row string) string {
		return `{"action":"update","params":{"table":"claims","key":"` + row + `","data":{"note":"ours"}}}`
	}
	return databaseFault{
		name: "the call, a `transaction`, and another one wait for each other",
		call: func(t *testing.T, b *databaseBench, tag string) program.Response {
			body := fmt.Sprintf(`{"operations":[%s,{"action":"insert","params":{"table":"events","data":{"tag":%q}}},%s]}`, change("a"), tag, change("b"))
			return b.g.In(t).Post("/integrations/database/actions/transaction", body, "Idempotency-Key", tag)
		},
		begin: func(t *testing.T, b *databaseBench, _ string) func() {
			rows := "('a'), ('b')"
			for i := range 100 { // what is changed counts against the locks of the call
				rows += fmt.Sprintf(", ('c%d')", i)
			}
			b.exec(t, "INSERT INTO claims (tag) VALUES "+rows)
			end := b.hold(t, "ROLLBACK", "BEGIN", b.spared, "UPDATE claims SET note = 'theirs' WHERE tag = 'b'")
			var work sync.WaitGroup
			work.Go(func() {
				defer end()
				testkit.Eventually(t, 10*time.Second, "the call waits for the other transaction", func() bool {
					var waiting int
					return b.admin.QueryRow(b.waiting).Scan(&waiting) == nil && waiting > 0
				})
				if _, err := b.held.ExecContext(context.Background(), "UPDATE claims SET note = 'theirs' WHERE tag = 'a'"); err != nil {
					t.Errorf("%s: the other transaction was ended: %v", b.name, err)
				}
			})
			return func() {
				work.Wait()
				if got := b.count(t, "claims", "a' AND note = 'ours"); got != 1 {
					t.Errorf("%s: the call's change is not there", b.name)
				}
			}
		},
	}
}

// fileFaults are those of a database that is a file.
func fileFaults() []databaseFault {
	return []databaseFault{
		{name: "the file is moved away, and put back", begin: func(t *testing.T, b *databaseBench, _ string) func() {
			move := func(from, to string) {
				if err := os.Rename(from, to); err != nil {
					t.Fatal(err)
				}
			}
			dir, away := filepath.Dir(b.file), filepath.Join(b.site.Dir, "away")
			move(dir, away)
			return func() {
				move(away, dir)
				b.usable(t)
			}
		}},
	}
}

// networkFaults are those of the connection to a server.
func networkFaults() []databaseFault {
	return []databaseFault{
		{name: "the connection breaks before the commit, once", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.atCommit(false, func() {})
			return func() { b.proxy.SetCut(nil) }
		}},
		{name: "the connection breaks after the commit, once", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.atCommit(true, func() {})
			return func() { b.proxy.SetCut(nil) }
		}},
		{name: "the network is cut before the commit", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.atCommit(false, func() { b.proxy.Refuse(true) })
			return b.mendNetwork
		}},
		{name: "the network is cut after the commit", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.atCommit(true, func() { b.proxy.Refuse(true) })
			return b.mendNetwork
		}},
		{name: "idle connections were closed", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.proxy.CutAll()
			return nil
		}},
	}
}

// serverFaults are those of a server.
func serverFaults() []databaseFault {
	return []databaseFault{
		{name: "the server is stopped", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.server.Stop()
			return b.server.Restart
		}},
		{name: "the server was restarted", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.server.Stop()
			b.server.Restart()
			return nil
		}},
		{name: "the server was killed, and restarted", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.server.Kill()
			b.server.Restart()
			return nil
		}},
		{name: "the server is killed before it has the commit", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.atCommit(false, b.server.Kill)
			return func() {
				b.proxy.SetCut(nil)
				b.server.Restart()
			}
		}},
		{name: "the server is killed after the commit, before it says so", begin: func(_ *testing.T, b *databaseBench, _ string) func() {
			b.atCommit(true, b.server.Kill)
			return func() {
				b.proxy.SetCut(nil)
				b.server.Restart()
			}
		}},
		{name: "all connections of the server are taken", begin: takeConnections},
		{name: "the database may only be read", begin: func(t *testing.T, b *databaseBench, _ string) func() {
			b.settings(t, b.readOnly...)
			return func() { b.settings(t, b.writable...) }
		}},
		{name: "the account may not insert", begin: func(t *testing.T, b *databaseBench, _ string) func() {
			b.settings(t, b.withName(b.revoke)...)
			return func() { b.settings(t, b.withName(b.grant)...) }
		}},
		{name: "the password is another", begin: func(t *testing.T, b *databaseBench, _ string) func() {
			b.settings(t, fmt.Sprintf(b.password, "another"))
			return func() { b.settings(t, fmt.Sprintf(b.password, dbserver.Owner.Password)) }
		}},
	}
}

// takeConnections opens connections until the server takes no more, and none is the
// plugin's.
func takeConnections(t *testing.T, b *databaseBench, _ string) func() {
	// The administrator's connection is there before all are taken.
	testkit.Eventually(t, 10*time.Second, "the administrator is connected", func() bool { return b.admin.Ping() == nil })
	var taken []*sql.Conn
	another := b.server.Open()
	take := func() bool {
		conn, err := another.Conn(context.Background())
		if err == nil {
			taken = append(taken, conn)
		}
		return err == nil
	}
	for take() {
	}
	b.proxy.CutAll()
	// The server notices a little later that connections are gone.
	testkit.Eventually(t, 10*time.Second, "the plugin has no connection, and gets none", func() bool {
		for take() {
		}
		var all int
		return b.admin.QueryRow(b.connections).Scan(&all) == nil && all == len(taken) && !take()
	})
	return func() {
		for _, conn := range taken {
			_ = conn.Close() // nothing was asked of it
		}
		_ = another.Close() // likewise
	}
}

// databaseLine is a row of the table of an engine.
type databaseLine struct {
	fault, response, repeat string
	then, end               int
}

// drive brings faults about, one after the other, and returns a line for each.
func (b *databaseBench) drive(t *testing.T, faults []databaseFault) (lines []databaseLine) {
	for i, fault := range faults {
		table, tag := fault.table, fmt.Sprintf("%s-%d-%d", strings.ToLower(b.name), len(faults), i)
		if table == "" {
			table = "events"
		}
		end := fault.begin(t, b, tag)
		started := time.Now()
		call := fault.call
		if call == nil {
			call = func(t *testing.T, b *databaseBench, tag string) program.Response {
				return b.insert(t, table, tag, fault.note)
			}
		}
		first := call(t, b, tag)
		line := databaseLine{fault: fault.name, response: answerCell(first)}
		t.Logf("%s: %s: %s after %s: %.400s", b.name, fault.name, line.response, time.Since(started), first.Body)
		if b.awaited.Swap(false) {
			t.Errorf("%s, %s: there was no commit", b.name, fault.name)
		}
		if first.Status == http.StatusServiceUnavailable && first.Header.Get("Retry-After") == "" {
			t.Errorf("%s, %s: no Retry-After: %s", b.name, fault.name, first.Body)
		}
		if fault.shown != "" {
			if !slices.Contains(fault.likely, line.response) {
				t.Errorf("%s, %s: %s", b.name, fault.name, line.response)
			}
			line.response = fault.shown
		}
		if end != nil {
			end()
		}
		line.then = b.count(t, table, tag)
		repeat := call(t, b, tag)
		line.repeat, line.end = answerCell(repeat), b.count(t, table, tag)
		if first.Status != http.StatusOK {
			t.Logf("%s: %s: then %s: %.200s", b.name, fault.name, line.repeat, repeat.Body)
		}
		// What the table is to show, whatever it says in detail.
		if repeat.Status != http.StatusOK || line.then > 1 || line.end != 1 || first.Status == http.StatusOK && line.then != 1 {
			t.Errorf("%s, %s: %+v %s", b.name, fault.name, line, repeat.Body)
		}
		if fault.shown != "" { // so is what came of it
			line.then, line.repeat = -1, "200"
		}
		t.Logf("%s: %s: all took %s", b.name, fault.name, time.Since(started))
		lines = append(lines, line)
	}
	return lines
}

// databaseFaultTables are the tables of all engines.
func databaseFaultTables(t *testing.T) string {
	sections := make([]string, len(databaseEngines))
	var work sync.WaitGroup
	for i, e := range databaseEngines {
		work.Go(func() {
			faults := slices.Concat([]databaseFault{noFault()}, lockFaults(), statementFaults())
			o := dbserver.Options{MaxConnections: 16}
			if e.start == nil {
				faults = append(faults, fileFaults()...)
			} else {
				faults = slices.Concat(faults, networkFaults(), serverFaults())
			}
			lines := newDatabaseBench(t, e, o, 500*time.Millisecond, 2*time.Second).drive(t, append(faults, pluginFaults()...))
			o.DiskMiB = 96
			last := []databaseFault{diskFault()}
			if e.start != nil {
				last = []databaseFault{deadlockFault(), diskFault()}
			}
			lines = append(lines, newDatabaseBench(t, e, o, 5*time.Second, 10*time.Second).drive(t, last)...)
			var section strings.Builder
			fmt.Fprintf(&section, "## %s\n\n| fault | response | rows | response to the repeat | rows |\n| --- | --- | --- | --- | --- |\n", e.name)
			for _, line := range lines {
				then := fmt.Sprint(line.then)
				if line.then < 0 {
					then = "0 or 1"
				}
				fmt.Fprintf(&section, "| %s | %s | %s | %s | %d |\n", line.fault, line.response, then, line.repeat, line.end)
			}
			sections[i] = section.String()
		})
	}
	work.Wait()
	return strings.Join(sections, "\n")
}

// TestTheDatabaseFaultTable holds docs/database-faults.md against what the programs do.
func TestTheDatabaseFaultTable(t *testing.T) {
	testkit.Long(t)
	t.Parallel()
	compareTables(t, "database-faults.md", databaseFaultTables(t))
}
