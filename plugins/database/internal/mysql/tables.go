package mysql

import (
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

const (
	// describedFor is how long what was read of a table is used at most.
	describedFor = time.Second
	// refreshAfter is when one call reads it anew, while the others still use it: they
	// would all read the same otherwise, once a second and at the same time.
	refreshAfter = describedFor / 2
)

// tables is what is known of the tables of a server, by the names they are asked for. It
// is safe for concurrent use. Make it with newTables.
type tables struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]*described
}

// described is a table as it was read at a time.
type described struct {
	table *driver.Table
	at    time.Time
	// refreshing: a call reads it anew.
	refreshing bool
}

// newTables returns one that knows of no table; now is the clock by which what is known
// grows old.
func newTables(now func() time.Time) *tables {
	return &tables{now: now, known: make(map[string]*described)}
}

// describe returns what is known of a table, or what read returns, whose errors are
// returned as they are and not kept.
func (t *tables) describe(name string, read func() (*driver.Table, error)) (*driver.Table, error) {
	at := t.now()
	if table := t.find(name, at); table != nil {
		return table, nil
	}
	table, err := read()
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		delete(t.known, name)
		return nil, err
	}
	t.known[name] = &described{table: table, at: at}
	return table, nil
}

// find returns what is known of a table, or nil if the caller is to read it.
func (t *tables) find(name string, now time.Time) *driver.Table {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.known[name]
	if kept == nil {
		return nil
	}
	age := now.Sub(kept.at)
	if age < 0 || age >= describedFor || age >= refreshAfter && !kept.refreshing {
		kept.refreshing = true
		return nil
	}
	return kept.table
}

// forget drops what is known of a table.
func (t *tables) forget(name string) {
	t.mu.Lock()
	delete(t.known, name)
	t.mu.Unlock()
}
