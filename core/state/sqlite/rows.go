package sqlite

import (
	"database/sql/driver"
	"slices"
	"strings"
)

// blocks are how many rows one statement inserts, the largest number first. A
// row among many costs half of what it costs alone.
var blocks = [...]int{16, 4, 1}

// rows are inserts into one table that the transaction under way still has to
// make. Who reads or deletes in that table flushes them before, unless it is
// known that it concerns none of them.
type rows struct {
	columns int
	stmts   [len(blocks)]*stmt // by block
	waiting []driver.Value     // row after row
}

// newRows prepares the statements: INSERT INTO what VALUES …, and then.
func newRows(prepare func(string) *stmt, what string, columns int, then string) *rows {
	r := &rows{columns: columns}
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + "),"
	for i, block := range blocks {
		r.stmts[i] = prepare("INSERT INTO " + what + " VALUES " + strings.TrimSuffix(strings.Repeat(row, block), ",") + then)
	}
	return r
}

// add inserts a row, now or later.
func (r *rows) add(row ...driver.Value) error {
	r.waiting = append(r.waiting, row...)
	if len(r.waiting) < blocks[0]*r.columns {
		return nil
	}
	return r.flush()
}

// waits reports whether a row with these strings is still to be inserted.
func (r *rows) waits(row ...driver.Value) bool {
	for have := range slices.Chunk(r.waiting, r.columns) {
		if slices.Equal(have, row) {
			return true
		}
	}
	return false
}

// flush inserts what waits.
func (r *rows) flush() error {
	left := r.waiting
	for i, block := range blocks {
		for n := block * r.columns; len(left) >= n; left = left[n:] {
			if err := r.stmts[i].run(left[:n]...); err != nil {
				return err
			}
		}
	}
	r.forget()
	return nil
}

// forget drops what waits, and holds no caller's bytes.
func (r *rows) forget() {
	clear(r.waiting)
	r.waiting = r.waiting[:0]
}
