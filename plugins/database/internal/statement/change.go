package statement

import (
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Lock finds rows for which the conditions hold, up to a number, in the order of their
// key, and locks them. Of each it returns what names it, whether each of the checks holds
// for it (1 or 0), and the values of further columns.
func Lock(s *driver.Syntax, table *driver.Table, l Locator, where, checks []Condition, further []driver.Column, limit int) *Text {
	t := NewText(s)
	t.Add("SELECT ", l.reads(s))
	for _, check := range checks {
		t.Add("CASE WHEN ")
		t.condition(check)
		t.Add(" THEN 1 ELSE 0 END, ")
	}
	if len(further) > 0 {
		t.Add(readAll(s, further), ", ")
	}
	t.Add("1 FROM ", tableName(s, table))
	t.Where(where...)
	t.Add(" ORDER BY ", l.order(s), " LIMIT ", strconv.Itoa(limit))
	t.locked()
	return t
}

// locked ends a SELECT whose rows are locked. It reads what is committed last, where
// another SELECT of the transaction may read what was when it began.
func (t *Text) locked() {
	if t.Syntax.ForUpdate != "" {
		t.Add(" ", t.Syntax.ForUpdate)
	}
}

// Update sets columns of the rows that are named. Where an UPDATE can, it returns of each
// of them what names it now, and the row.
func Update(s *driver.Syntax, table *driver.Table, l Locator, rows [][]any, columns []driver.Column, values []any) *Text {
	t := NewText(s)
	t.set(table, columns, values)
	t.Add(" WHERE ")
	t.these(l, rows)
	if s.Returning.Update {
		t.returning(table, l)
	}
	return t
}

// UpdateWhere sets columns, at least one, of the rows for which the conditions hold.
func UpdateWhere(s *driver.Syntax, table *driver.Table, columns []driver.Column, values []any, where []Condition) *Text {
	t := NewText(s)
	t.set(table, columns, values)
	t.Where(where...)
	return t
}

// set begins an UPDATE that sets columns to values.
func (t *Text) set(table *driver.Table, columns []driver.Column, values []any) {
	changes := make([]string, len(columns))
	for i, value := range values { // one for each column
		changes[i] = t.Name(columns[i]) + " = " + t.Bind(value)
	}
	t.Add("UPDATE ", tableName(t.Syntax, table), " SET ", strings.Join(changes, ", "))
}

// Delete removes the rows that are named.
func Delete(s *driver.Syntax, table *driver.Table, l Locator, rows [][]any) *Text {
	t := NewText(s)
	t.Add("DELETE FROM ", tableName(s, table), " WHERE ")
	t.these(l, rows)
	return t
}

// Find reads rows that are named and that the transaction has locked: of each what names
// it, and the row.
func Find(s *driver.Syntax, table *driver.Table, l Locator, rows [][]any) *Text {
	t := NewText(s)
	t.Add("SELECT ", l.reads(s), everyColumn(s, table), " FROM ", tableName(s, table), " WHERE ")
	t.these(l, rows)
	t.locked()
	return t
}

// Upserted reads the row that an Upsert inserted or changed: one with these values in the
// columns of the key.
func Upserted(s *driver.Syntax, table *driver.Table, key []Condition) *Text {
	t := First(s, table, table.Columns, key, 1)
	t.locked()
	return t
}

// First reads columns of rows for which the conditions hold, up to a number, in no order.
func First(s *driver.Syntax, table *driver.Table, columns []driver.Column, where []Condition, limit int) *Text {
	t := NewText(s)
	t.Add("SELECT ", readAll(s, columns), " FROM ", tableName(s, table))
	t.Where(where...)
	t.Add(" LIMIT ", strconv.Itoa(limit))
	return t
}

// CountTo counts the rows for which the conditions hold, up to a number.
func CountTo(s *driver.Syntax, table *driver.Table, where []Condition, most int) *Text {
	t := NewText(s)
	t.Add("SELECT COUNT(*) FROM (SELECT 1 AS one FROM ", tableName(s, table))
	t.Where(where...)
	t.Add(" LIMIT ", strconv.Itoa(most), ") AS found")
	return t
}

// readAll lists the expressions that read columns. Where there are none, since callers
// may know of none, there is one all the same: SQL wants it.
func readAll(s *driver.Syntax, columns []driver.Column) string {
	if len(columns) == 0 {
		return "NULL"
	}
	expressions := make([]string, len(columns))
	for i, column := range columns {
		if expressions[i] = column.Read; expressions[i] == "" {
			expressions[i] = s.Identifier(column.Name)
		}
	}
	return strings.Join(expressions, ", ")
}
