package statement

import (
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Locator is by what the rows of a table are told apart within a transaction. The zero
// value is that of a table that has nothing of the kind.
type Locator struct {
	// columns are those of a key whose values are never null; empty where rowID is there.
	columns []driver.Column
	rowID   string
	table   *driver.Table
}

// LocatorOf returns what tells the rows of a table apart.
func LocatorOf(table *driver.Table) Locator {
	l := Locator{rowID: table.RowID, table: table}
	if l.rowID != "" {
		return l
	}
	if key := table.Identity(); neverNull(key) {
		l.columns = key
		return l
	}
	for _, names := range table.UniqueKeys {
		var key []driver.Column
		for _, name := range names {
			column, _ := table.Column(name) // it has those of its keys
			key = append(key, column)
		}
		if neverNull(key) {
			l.columns = key
			return l
		}
	}
	return Locator{}
}

// neverNull reports whether there are columns, none of which may be null.
func neverNull(columns []driver.Column) bool {
	return len(columns) > 0 && !slices.ContainsFunc(columns, func(c driver.Column) bool { return c.Nullable })
}

// Len is how many values name a row; none where nothing does.
func (l Locator) Len() int {
	if l.rowID != "" {
		return 1
	}
	return len(l.columns)
}

// Columns are those whose values name a row; there are none where a row's number does.
func (l Locator) Columns() []driver.Column { return l.columns }

// ChangedBy reports whether a change of columns may be one of what names the row: in some
// databases a row's number is in its primary key.
func (l Locator) ChangedBy(columns []driver.Column) bool {
	return slices.ContainsFunc(columns, func(changed driver.Column) bool {
		same := func(c driver.Column) bool { return c.Name == changed.Name }
		return slices.ContainsFunc(l.columns, same) || slices.ContainsFunc(l.table.Identity(), same)
	})
}

// Moved returns what names a row after columns got these values.
func (l Locator) Moved(name []any, columns []driver.Column, values []any) []any {
	moved := slices.Clone(name)
	for i, part := range l.columns {
		for j, column := range columns {
			if column.Name == part.Name {
				moved[i] = values[j]
			}
		}
	}
	return moved
}

// reads are the expressions that read what names a row, each with a comma behind it.
func (l Locator) reads(s *driver.Syntax) string {
	if l.rowID != "" {
		return l.rowID + ", "
	}
	if len(l.columns) == 0 {
		return ""
	}
	return readAll(s, l.columns) + ", "
}

// order is by what rows are put in order: the same one for all who lock them, so that
// two of them do not wait for each other.
func (l Locator) order(s *driver.Syntax) string {
	columns := l.table.Identity()
	switch {
	case len(columns) > 0:
	case l.rowID != "":
		return l.rowID
	default:
		columns = l.columns
	}
	names := make([]string, len(columns))
	for i, column := range columns {
		names[i] = s.Identifier(column.Name)
	}
	return strings.Join(names, ", ")
}

// these adds the condition that a row is one of those that are named.
func (t *Text) these(l Locator, rows [][]any) {
	names := []string{l.rowID}
	if l.rowID == "" {
		names = names[:0]
		for _, column := range l.columns {
			names = append(names, t.Name(column))
		}
	}
	if len(names) == 1 {
		places := make([]string, len(rows))
		for i, row := range rows {
			places[i] = t.Bind(row[0])
		}
		t.Add(names[0], " IN (", strings.Join(places, ", "), ")")
		return
	}
	for i, row := range rows {
		if i > 0 {
			t.Add(" OR ")
		}
		t.Add("(")
		for j, name := range names {
			if j > 0 {
				t.Add(" AND ")
			}
			t.Add(name, " = ", t.Bind(row[j]))
		}
		t.Add(")")
	}
}
