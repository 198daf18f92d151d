// Package rows is the actions: what is asked for is held against the real schema, done
// in a transaction, and the rows are written as JSON.
//
// The package imports plugins/database/internal/access,
// plugins/database/internal/driver, plugins/database/internal/exact,
// plugins/database/internal/failure,
// plugins/database/internal/request, plugins/database/internal/statement,
// plugins/database/internal/store, sdk, sdk/digest and sdk/pointer.
package rows

import (
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

// noColumn is the fault of a name, at a place, that is not a column of the table.
func noColumn(table *driver.Table, place, name string) sdk.Fault {
	return failure.Fault(place, "table %q has no column %s%s", table.Name, failure.Shown(name), failure.Suggestion(name, table.ColumnNames()))
}

// render writes a row as a JSON object, columns in the table's order.
func render(tx *store.Tx, table *driver.Table, row []any) ([]byte, error) {
	return renderColumns(tx, table.Columns, row)
}

// renderColumns writes some columns of a row. What would be larger than a call returns is
// refused before the end of the transaction: a result that gets lost is no result.
func renderColumns(tx *store.Tx, columns []driver.Column, row []any) ([]byte, error) {
	body, err := appendRow(nil, tx, columns, row)
	if err == nil && len(body) > maxResult {
		return nil, sdk.Refuse(sdk.CodeRejected, "the row is larger than %d bytes as it is returned, the most that one call returns", maxResult)
	}
	return body, err
}

// appendRow appends a row as a JSON object.
func appendRow(body []byte, tx *store.Tx, columns []driver.Column, row []any) ([]byte, error) {
	body = append(body, '{')
	for i, column := range columns {
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
