package main

import (
	"runtime"
	"sync"
)

// row is an entry on its way to a medium.
type row struct {
	id    string
	n     int
	entry []byte
	done  chan error
}

// maxGroup is the most entries that are synced together.
const maxGroup = 512

// group is a journal that makes what many callers append durable together.
type group struct {
	rows   chan row
	writer sync.WaitGroup
	end    func() error
}

// newGroup starts a writer. It gives write all rows that wait. Those
// who wait are released when write has returned.
func newGroup(write func([]row) error, end func() error) *group {
	g := &group{rows: make(chan row, 1024), end: end}
	g.writer.Go(func() {
		var batch []row
		for first := range g.rows {
			batch = append(batch[:0], first)
			for waiting := true; waiting && len(batch) < maxGroup; {
				select {
				case next, ok := <-g.rows:
					if waiting = ok; ok {
						batch = append(batch, next)
					}
				default:
					waiting = false
				}
			}
			err := write(batch)
			for _, r := range batch {
				r.done <- err
			}
			// Those who were answered run first: what they append next comes
			// into this batch and not the one after it.
			runtime.Gosched()
		}
	})
	return g
}

func (g *group) append(id string, n int, entry []byte) error {
	done := make(chan error, 1)
	g.rows <- row{id, n, entry, done}
	return <-done
}

// close ends the writer. Nobody may append any more.
func (g *group) close() error {
	close(g.rows)
	g.writer.Wait()
	return g.end()
}
