package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/dialect"
)

// Insert inserts one row. RETURNING answers it; in a table with triggers it is
// read again, since RETURNING shows a row as it was before its AFTER triggers
// (https://www.sqlite.org/lang_returning.html, 3).
func (*SQLite) Insert(ctx context.Context, conn *sql.Conn, table *dialect.Table, columns []dialect.Column, values []any) ([]any, error) {
	var statement strings.Builder
	statement.WriteString("INSERT INTO main." + quote(table.Name))
	if len(columns) == 0 {
		statement.WriteString(" DEFAULT VALUES")
	} else {
		names := make([]string, len(columns))
		for i, column := range columns {
			names[i] = quote(column.Name)
		}
		statement.WriteString(" (" + strings.Join(names, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ")")
	}
	statement.WriteString(" RETURNING " + selection(table))
	rows, err := query(ctx, conn, statement.String(), values...)
	if err != nil {
		return nil, fmt.Errorf("insert: %w", err)
	}
	if len(rows) == 0 {
		return nil, dialect.ErrNoRow
	}
	row := rows[0]
	if !table.Triggers {
		return row, nil
	}
	stored, err := reread(ctx, conn, table, row)
	if err != nil {
		return nil, fmt.Errorf("read the inserted row: %w", err)
	}
	return stored, nil
}

// reread answers the row as it is after the triggers, or the row as inserted
// where it cannot be found again: a trigger moved it away.
func reread(ctx context.Context, conn *sql.Conn, table *dialect.Table, inserted []any) ([]any, error) {
	var condition string
	var values []any
	switch {
	case table.RowID != "":
		condition = table.RowID + " = last_insert_rowid()"
	case len(table.PrimaryKey) > 0:
		var parts []string
		for _, name := range table.PrimaryKey {
			for i, column := range table.Columns {
				if column.Name == name {
					parts = append(parts, quote(name)+" = ?")
					values = append(values, inserted[i])
				}
			}
		}
		condition = strings.Join(parts, " AND ")
	default:
		return inserted, nil
	}
	rows, err := query(ctx, conn, "SELECT "+selection(table)+" FROM main."+quote(table.Name)+" WHERE "+condition, values...)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return inserted, nil
	}
	return rows[0], nil
}

// selection lists every column as an expression: the unary plus keeps the
// value and its type, and hides the declared type, by which the driver would
// parse and reformat dates and turn numbers into booleans. JSON that is kept
// in SQLite's binary form is read as text.
func selection(table *dialect.Table) string {
	expressions := make([]string, len(table.Columns))
	for i, column := range table.Columns {
		name := quote(column.Name)
		expressions[i] = "+" + name
		if column.Kind == dialect.KindJSON {
			expressions[i] = "CASE WHEN typeof(" + name + ") = 'blob' AND json_valid(" + name + ", 8) THEN json(" + name + ") ELSE +" + name + " END"
		}
	}
	return strings.Join(expressions, ", ")
}
