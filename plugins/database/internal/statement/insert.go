package statement

import (
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Insert inserts rows with these values for these columns, at least one row. Where an
// INSERT can, it returns of each what names it, and the row.
func Insert(s *driver.Syntax, table *driver.Table, l Locator, columns []driver.Column, rows ...[]any) *Text {
	t := NewText(s)
	t.insert(table, columns, rows)
	if s.Returning.Insert {
		t.returning(table, l)
	}
	return t
}

// Upsert is Insert of one row that changes the row that is there already instead: the
// one with the same values in the columns of a unique key.
func Upsert(s *driver.Syntax, table *driver.Table, l Locator, columns []driver.Column, row []any, key []driver.Column) *Text {
	t := NewText(s)
	t.insert(table, columns, [][]any{row})
	var target, set []string
	for _, column := range key {
		target = append(target, t.Name(column))
	}
	for _, column := range columns {
		if name := t.Name(column); !slices.Contains(target, name) {
			set = append(set, name)
		}
	}
	if len(set) == 0 { // there is nothing to change, and the row is wanted all the same
		set = target[:1]
	}
	t.Add(" ", s.Upsert(target, set))
	if s.Returning.Insert {
		t.returning(table, l)
	}
	return t
}

func (t *Text) insert(table *driver.Table, columns []driver.Column, rows [][]any) {
	t.Add("INSERT INTO ", tableName(t.Syntax, table))
	if len(columns) == 0 {
		t.Add(" ", t.Syntax.DefaultRow)
		return
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = t.Name(column)
	}
	t.Add(" (", strings.Join(names, ", "), ") VALUES ")
	for i, row := range rows {
		if i > 0 {
			t.Add(", ")
		}
		places := make([]string, len(row))
		for j, value := range row {
			places[j] = t.Bind(value)
		}
		t.Add("(", strings.Join(places, ", "), ")")
	}
}

// returning adds that of each row what names it is returned, and the row.
func (t *Text) returning(table *driver.Table, l Locator) {
	t.Add(" RETURNING ", l.reads(t.Syntax), everyColumn(t.Syntax, table))
}

// LastInserted reads the row that the connection inserted last: what names it, and the
// row. It is nil where a database has no way to say which one it is.
func LastInserted(s *driver.Syntax, table *driver.Table, l Locator) *Text {
	if table.LastInserted == "" {
		return nil
	}
	t := NewText(s)
	t.Add("SELECT ", l.reads(s), everyColumn(s, table), " FROM ", tableName(s, table), " WHERE ", table.LastInserted)
	return t
}

// everyColumn lists the expressions that read the table's columns, in order.
func everyColumn(s *driver.Syntax, table *driver.Table) string { return readAll(s, table.Columns) }

func tableName(s *driver.Syntax, table *driver.Table) string {
	if table.Schema == "" {
		return s.Identifier(table.Name)
	}
	return s.Identifier(table.Schema) + "." + s.Identifier(table.Name)
}
