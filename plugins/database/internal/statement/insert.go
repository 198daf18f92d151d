package statement

import (
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Insert inserts one row with these values for these columns. It returns the row with a
// value for each column of the table.
func Insert(s *driver.Syntax, table *driver.Table, columns []driver.Column, values []any) *Text {
	t := NewText(s)
	t.Add("INSERT INTO ", tableName(s, table))
	if len(columns) == 0 {
		t.Add(" ", s.DefaultRow)
	} else {
		names, places := make([]string, len(columns)), make([]string, len(columns))
		for i, column := range columns {
			names[i], places[i] = t.Name(column), t.Bind(values[i])
		}
		t.Add(" (", strings.Join(names, ", "), ") VALUES (", strings.Join(places, ", "), ")")
	}
	t.Add(" RETURNING ", everyColumn(s, table))
	return t
}

// LastInserted reads the row that the connection inserted last, which is the
// given one. It is nil where the row cannot be found again.
func LastInserted(s *driver.Syntax, table *driver.Table, inserted []any) *Text {
	t := NewText(s)
	t.Add("SELECT ", everyColumn(s, table), " FROM ", tableName(s, table), " WHERE ")
	if table.LastInserted != "" {
		t.Add(table.LastInserted)
	} else if !t.hasKey(table, inserted) {
		return nil
	}
	return t
}

// hasKey adds the condition that a row has the primary key of the given one. It is
// false for a table without a key.
func (t *Text) hasKey(table *driver.Table, row []any) bool {
	for i, name := range table.PrimaryKey {
		for j, column := range table.Columns {
			if column.Name != name {
				continue
			}
			if i > 0 {
				t.Add(" AND ")
			}
			t.Add(t.Name(column), " = ", t.Bind(row[j]))
		}
	}
	return len(table.PrimaryKey) > 0
}

// everyColumn lists the expressions that read the table's columns, in order.
func everyColumn(s *driver.Syntax, table *driver.Table) string {
	expressions := make([]string, len(table.Columns))
	for i, column := range table.Columns {
		if expressions[i] = column.Read; expressions[i] == "" {
			expressions[i] = s.Identifier(column.Name)
		}
	}
	return strings.Join(expressions, ", ")
}

func tableName(s *driver.Syntax, table *driver.Table) string {
	if table.Schema == "" {
		return s.Identifier(table.Name)
	}
	return s.Identifier(table.Schema) + "." + s.Identifier(table.Name)
}
