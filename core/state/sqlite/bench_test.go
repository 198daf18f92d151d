package sqlite

import (
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/statetest"
)

func BenchmarkCommit(b *testing.B) {
	statetest.Bench(b, func(b *testing.B) state.Store {
		return open(b, Options{Path: filepath.Join(b.TempDir(), "state.db")})
	}, openFloor)
}

// openFloor is the least that a group-committed insert costs with this driver
// and these settings: one goroutine that inserts what waits into one table, in
// one transaction, by prepared statements.
func openFloor(b *testing.B) func() error {
	c, err := connect(filepath.Join(b.TempDir(), "floor.db"), nil)
	if err != nil {
		b.Fatal(err)
	}
	if err := c.exec("CREATE TABLE entry (id INTEGER PRIMARY KEY, entry BLOB)"); err != nil {
		b.Fatal(err)
	}
	var stmts []*stmt
	for _, query := range []string{"BEGIN IMMEDIATE", "INSERT INTO entry (entry) VALUES (?)", "COMMIT"} {
		s, err := c.prepare(query)
		if err != nil {
			b.Fatal(err)
		}
		stmts = append(stmts, s)
	}
	begin, insert, commit := stmts[0], stmts[1], stmts[2]
	queue := make(chan chan error, 1024)
	var writer sync.WaitGroup
	writer.Go(func() {
		var waiting []chan error
		for first := range queue {
			waiting = append(waiting[:0], first)
			for more := true; more; {
				select {
				case next, ok := <-queue:
					if more = ok; ok {
						waiting = append(waiting, next)
					}
				default:
					more = false
				}
			}
			err := begin.run()
			for range waiting {
				if err == nil {
					err = insert.run(statetest.BenchEntry)
				}
			}
			if err == nil {
				err = commit.run()
			}
			for _, done := range waiting {
				done <- err
			}
			runtime.Gosched() // as the store does
		}
	})
	b.Cleanup(func() {
		close(queue)
		writer.Wait()
		for _, s := range stmts {
			if err := s.s.Close(); err != nil {
				b.Error(err)
			}
		}
		if err := c.close(); err != nil {
			b.Error(err)
		}
	})
	return func() error {
		done := make(chan error, 1)
		queue <- done
		return <-done
	}
}
