package sqlite

import (
	"database/sql/driver"
	"slices"
	"strings"
)

// blocks are how many rows one statement writes, the largest number first. A
// row among many costs half of what it costs alone.
var blocks = [...]int{16, 4, 1}

// rows are changes of one table, all of one kind, that the current transaction
// still has to make. Before code reads that table, or changes it in another way,
// it must flush them, unless it concerns none of the pending rows.
type rows struct {
	columns int
	stmts   [len(blocks)]*stmt // by block
	pending []driver.Value     // row after row
}

// newRows prepares the statements: before and after are the SQL around the values
// of the rows.
func newRows(prepare func(string) *stmt, before string, columns int, after string) *rows {
	r := &rows{columns: columns}
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + "),"
	for i, block := range blocks {
		r.stmts[i] = prepare(before + " VALUES " + strings.TrimSuffix(strings.Repeat(row, block), ",") + after)
	}
	return r
}

// add takes a row, to be written now or with a later flush.
func (r *rows) add(row ...driver.Value) error {
	r.pending = append(r.pending, row...)
	if len(r.pending) < blocks[0]*r.columns {
		return nil
	}
	return r.flush()
}

// flushIfPending writes the pending rows if one of them begins with these strings.
func (r *rows) flushIfPending(first, second string) error {
	for have := range slices.Chunk(r.pending, r.columns) {
		if have[0] == first && have[1] == second {
			return r.flush()
		}
	}
	return nil
}

// flush writes the pending rows.
func (r *rows) flush() error {
	left := r.pending
	for i, block := range blocks {
		for n := block * r.columns; len(left) >= n; left = left[n:] {
			if err := r.stmts[i].run(left[:n]...); err != nil {
				return err
			}
		}
	}
	r.discard()
	return nil
}

// discard drops the pending rows. It keeps no caller's bytes alive.
func (r *rows) discard() {
	clear(r.pending)
	r.pending = r.pending[:0]
}
