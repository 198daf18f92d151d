package rows

import (
	"fmt"
	"slices"
	"strings"

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
	return Prepared{Digest: asked.Digest, Do: func(tx *store.Tx) ([]byte, error) { return insert(tx, at, asked) }}, nil
}

func insert(tx *store.Tx, at string, asked request.Insert) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.Insert)
	if err != nil {
		return nil, err
	}
	place := pointer.Join(at, "data")
	columns, values, err := resolve(tx, table, place, asked.Data)
	if err != nil {
		return nil, err
	}
	rows, err := insertRows(tx, table, place, columns, values)
	if err != nil {
		return nil, err
	}
	return render(tx, table, rows[0])
}

// insertRows inserts rows with these columns in one statement, and returns them as
// stored, in their order. place is where a row is that the database refuses.
func insertRows(tx *store.Tx, table *driver.Table, place string, columns []driver.Column, rows ...[]any) ([][]any, error) {
	l := statement.LocatorOf(table)
	text := statement.Insert(&tx.Syntax, table, l, columns, rows...)
	if !tx.Syntax.Returning.Insert {
		if _, err := tx.Exec(text); err != nil {
			return nil, tx.Failed(err, table, place)
		}
		row, err := insertedRow(tx, table, l, place, columns, rows[0])
		return [][]any{row}, err
	}
	inserted, err := tx.Query(text)
	switch {
	case err != nil:
		return nil, tx.Failed(err, table, place)
	case len(inserted) != len(rows):
		return nil, passedOver(table)
	case table.Triggers:
		return again(tx, table, l, place, inserted)
	}
	return withoutNames(l, inserted), nil
}

// passedOver is the error of a row that the table's own rules let not come to be.
func passedOver(table *driver.Table) *sdk.Error {
	return sdk.Refuse(sdk.CodeConflict, "table %q let no row come to be: a trigger or an ON CONFLICT IGNORE passed over it", table.Name)
}

// insertedRow reads the row that was inserted, where INSERT returns none: by its key, or
// as the last one of the connection.
func insertedRow(tx *store.Tx, table *driver.Table, l statement.Locator, place string, columns []driver.Column, values []any) ([]any, error) {
	text := statement.LastInserted(&tx.Syntax, table, l)
	if name, ok := named(l, columns, values); ok {
		text = statement.Find(&tx.Syntax, table, l, [][]any{name})
	}
	if text == nil {
		return nil, failure.Invalid(failure.Fault(place, "table %q has no key by which the row could be read again: give a value for each column of its primary key, or make one", table.Name))
	}
	rows, err := tx.Query(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the inserted row: %w", err)
	case len(rows) != 1:
		return nil, passedOver(table)
	}
	return rows[0][l.Len():], nil
}

// named returns what names a row, if values for columns say it.
func named(l statement.Locator, columns []driver.Column, values []any) (name []any, ok bool) {
	for _, part := range l.Columns() {
		for i, column := range columns {
			if column.Name == part.Name && values[i] != nil {
				name = append(name, values[i])
			}
		}
	}
	return name, len(name) == l.Len() && len(name) > 0
}

// again reads rows again that a statement returned, with what names each before it,
// since RETURNING shows a row as it was before the table's AFTER triggers. A row that a
// trigger moved away stays as it was returned.
func again(tx *store.Tx, table *driver.Table, l statement.Locator, place string, returned [][]any) ([][]any, error) {
	n := l.Len()
	if n == 0 {
		return returned, nil
	}
	names := make([][]any, len(returned))
	for i, row := range returned {
		names[i] = row[:n]
	}
	rows := slices.Clone(returned)
	for chunk := range slices.Chunk(names, maxNamed) {
		found, err := tx.Query(statement.Find(&tx.Syntax, table, l, chunk))
		if err != nil {
			return nil, tx.Failed(err, table, place)
		}
		now := make(map[string][]any, len(found))
		for _, row := range found {
			now[nameOf(row[:n])] = row
		}
		for i, row := range rows {
			if found, ok := now[nameOf(row[:n])]; ok {
				rows[i] = found
			}
		}
	}
	return withoutNames(l, rows), nil
}

// maxNamed is how many rows one statement names.
const maxNamed = 100

// nameOf is a text for what names a row, another one for each.
func nameOf(name []any) string {
	var text strings.Builder
	for _, value := range name {
		if bytes, ok := value.([]byte); ok {
			value = string(bytes)
		}
		fmt.Fprintf(&text, "%q ", fmt.Sprint(value))
	}
	return text.String()
}

// withoutNames returns rows that have what names them before them.
func withoutNames(l statement.Locator, named [][]any) [][]any {
	rows := make([][]any, len(named))
	for i, row := range named {
		rows[i] = row[l.Len():]
	}
	return rows
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
			faults = append(faults, noColumn(table, pointer.Join(at, given.Name), given.Name))
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
