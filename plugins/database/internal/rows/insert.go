package rows

import (
	"fmt"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// Insert inserts one row and returns it as stored.
func Insert(at string, params []byte) (Prepared, error) {
	asked, err := request.ReadInsert(at, params)
	if err != nil {
		return Prepared{}, err
	}
	return Prepared{Digest: asked.Digest(), Do: func(tx *store.Tx) ([]byte, error) { return insert(tx, at, asked) }}, nil
}

func insert(tx *store.Tx, at string, asked request.Insert) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Insert)
	if err != nil {
		return nil, err
	}
	columns, values, err := resolve(tx, table, pointer.Join(at, "data"), asked.Data)
	if err != nil {
		return nil, err
	}
	row, err := insertRow(tx, table, columns, values)
	switch {
	case err != nil:
		return nil, tx.Failed(err, table, pointer.Join(at, "data"))
	case row == nil:
		return nil, sdk.Refuse(sdk.CodeConflict, "table %q let no row come to be: a trigger or an ON CONFLICT IGNORE passed over it", table.Name)
	}
	return render(tx, table, row)
}

// insertRow inserts one row and returns it as stored, or nil if the table's own
// rules (a trigger, ON CONFLICT IGNORE) suppressed the row. In a table with triggers
// the row is read again, since RETURNING shows a row as it was before its AFTER
// triggers. If a trigger moved the row away it is returned as inserted.
func insertRow(tx *store.Tx, table *driver.Table, columns []driver.Column, values []any) ([]any, error) {
	rows, err := tx.Query(statement.Insert(&tx.Syntax, table, columns, values))
	if err != nil {
		return nil, fmt.Errorf("insert: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	inserted := rows[0]
	if !table.Triggers {
		return inserted, nil
	}
	again := statement.LastInserted(&tx.Syntax, table, inserted)
	if again == nil {
		return inserted, nil
	}
	if rows, err = tx.Query(again); err != nil {
		return nil, fmt.Errorf("read the inserted row: %w", err)
	}
	if len(rows) != 1 {
		return inserted, nil
	}
	return rows[0], nil
}

// resolve holds the values for columns, an object at a pointer, against the real table
// and returns what to bind.
// It finds every fault, not the first, up to failure.MaxFaults.
func resolve(tx *store.Tx, table *driver.Table, at string, data []request.Member) (columns []driver.Column, values []any, err error) {
	var faults []sdk.Fault
	for _, given := range data {
		if len(faults) == failure.MaxFaults {
			break
		}
		fault := func(format string, args ...any) {
			faults = append(faults, failure.Fault(pointer.Join(at, given.Name), format, args...))
		}
		column, ok := table.Column(given.Name)
		if !ok {
			fault("table %q has no column %s%s", table.Name, failure.Shown(given.Name), failure.Suggestion(given.Name, table.ColumnNames()))
			continue
		}
		if column.Generated {
			fault("column %q is computed by the database and takes no value", column.Name)
			continue
		}
		value, err := tx.Bind(column, given.Value)
		if err != nil {
			fault("column %q (%s) %v", column.Name, declared(column), err)
			continue
		}
		columns = append(columns, column)
		values = append(values, value)
	}
	if len(faults) > 0 {
		return nil, nil, failure.Invalid(faults...)
	}
	return columns, values, nil
}

func declared(column driver.Column) string {
	if column.Type == "" {
		return "no type"
	}
	return column.Type
}
