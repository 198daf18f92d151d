// Package rows is the actions: what is asked for is held against the real schema, done
// in a transaction, and the rows are written as JSON.
//
// The package imports plugins/database/internal/driver,
// plugins/database/internal/failure, plugins/database/internal/request,
// plugins/database/internal/statement, plugins/database/internal/store, sdk and
// sdk/pointer.
package rows

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk/pointer"
)

// findTable looks up the table that the param "table" of params at a pointer names,
// exactly. The plugin's own tables are not
// for callers: writing to backflow_keys would decide what a repeat returns.
func findTable(tx *store.Tx, at, name string) (*driver.Table, error) {
	place := pointer.Join(at, "table")
	if isOwn(name) {
		return nil, failure.Closed(place, "table %s belongs to Backflow itself and is closed to every action", failure.Shown(name))
	}
	table, err := tx.Table(name)
	if err == nil {
		return table, nil
	}
	if !errors.Is(err, driver.ErrNoTable) {
		return nil, fmt.Errorf("describe table: %w", err)
	}
	names, err := tx.TableNames()
	if err != nil {
		return nil, err
	}
	names = slices.DeleteFunc(names, isOwn)
	return nil, failure.Invalid(failure.Fault(place, "there is no table %s%s", failure.Shown(name), failure.Suggestion(name, names)))
}

// findWritable is findTable for an action that changes rows.
func findWritable(tx *store.Tx, at, name string) (*driver.Table, error) {
	table, err := findTable(tx, at, name)
	if err == nil && table.View {
		return nil, failure.Invalid(failure.Fault(pointer.Join(at, "table"), "%s is a view, whose rows can only be read", failure.Shown(name)))
	}
	return table, err
}

// isOwn reports whether a table belongs to the plugin.
func isOwn(table string) bool {
	return strings.EqualFold(table, statement.KeysTable) || strings.EqualFold(table, goose.DefaultTablename)
}

// render writes a row as a JSON object, columns in the table's order.
func render(tx *store.Tx, table *driver.Table, row []any) ([]byte, error) {
	body := []byte{'{'}
	for i, column := range table.Columns {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(driver.AppendString(body, column.Name), ':')
		var err error
		if body, err = tx.Render(body, column, row[i]); err != nil {
			return nil, failure.Internal("write the row", err)
		}
	}
	return append(body, '}'), nil
}
