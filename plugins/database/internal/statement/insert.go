package statement

import (
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Insert inserts one row, whose values for these columns are bound in their
// order. It returns the row with a value for each column of the table.
func Insert(s *driver.Syntax, table *driver.Table, columns []driver.Column) string {
	var text strings.Builder
	text.WriteString("INSERT INTO " + tableName(s, table))
	if len(columns) == 0 {
		text.WriteString(" " + s.DefaultRow)
	} else {
		names, values := make([]string, len(columns)), make([]string, len(columns))
		for i, column := range columns {
			names[i], values[i] = s.Identifier(column.Name), s.Placeholder(i+1)
		}
		text.WriteString(" (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")")
	}
	text.WriteString(" RETURNING " + everyColumn(s, table))
	return text.String()
}

// LastInserted reads the row that the connection inserted last, which is the
// given one, with the values to bind. It is not ok where the row cannot be found
// again.
func LastInserted(s *driver.Syntax, table *driver.Table, inserted []any) (text string, values []any, ok bool) {
	condition := table.LastInserted
	if condition == "" {
		if condition, values = hasKey(s, table, inserted); condition == "" {
			return "", nil, false
		}
	}
	return "SELECT " + everyColumn(s, table) + " FROM " + tableName(s, table) + " WHERE " + condition, values, true
}

// hasKey is the condition that a row has the primary key of the given one; empty
// for a table without a key.
func hasKey(s *driver.Syntax, table *driver.Table, row []any) (condition string, values []any) {
	var parts []string
	for _, name := range table.PrimaryKey {
		for i, column := range table.Columns {
			if column.Name == name {
				values = append(values, row[i])
				parts = append(parts, s.Identifier(name)+" = "+s.Placeholder(len(values)))
			}
		}
	}
	return strings.Join(parts, " AND "), values
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
