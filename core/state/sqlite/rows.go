package sqlite

import (
	"database/sql/driver"
	"slices"
	"strings"
)

// blocks are how many rows one statement writes, the largest number first. A
// row among many costs half of what it costs alone.
var blocks = [...]int{16, 4, 1}

// rows are changes of one table that the transaction under way still has to make,
// all of one kind. Who reads that table, or changes it in another way, flushes
// them before, unless it is known that it concerns none of them.
type rows struct {
	columns int
	stmts   [len(blocks)]*stmt // by block
	waiting []driver.Value     // row after row
}

// newRows prepares the statements: what is before the values of the rows, and
// what is after them.
func newRows(prepare func(string) *stmt, before string, columns int, after string) *rows {
	r := &rows{columns: columns}
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + "),"
	for i, block := range blocks {
		r.stmts[i] = prepare(before + " VALUES " + strings.TrimSuffix(strings.Repeat(row, block), ",") + after)
	}
	return r
}

// add takes a row, to be written now or later.
func (r *rows) add(row ...driver.Value) error {
	r.waiting = append(r.waiting, row...)
	if len(r.waiting) < blocks[0]*r.columns {
		return nil
	}
	return r.flush()
}

// settle writes what waits, if a row that begins with these strings is among it.
func (r *rows) settle(first, second string) error {
	for have := range slices.Chunk(r.waiting, r.columns) {
		if have[0] == first && have[1] == second {
			return r.flush()
		}
	}
	return nil
}

// flush writes what waits.
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
