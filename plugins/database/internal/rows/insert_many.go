package rows

import (
	"errors"
	"slices"
	"strconv"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/request"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// maxBound is how many values a statement binds at most. SQLite takes 32,766
// (https://www.sqlite.org/limits.html, 9), PostgreSQL and MySQL 65,535, the range of
// the number in their protocols.
const maxBound = 30_000

// InsertMany inserts rows, all of them or none, and returns them as stored in the order
// in which they were given.
func InsertMany(at string, params []byte) (Prepared, error) {
	return prepare(request.ActionInsertMany, at, params, request.ReadInsertMany, insertMany)
}

// given is a row that was held against the table.
type given struct {
	place   string
	columns []driver.Column
	values  []any
}

func insertMany(tx *store.Tx, at string, asked request.InsertMany) ([]byte, error) {
	table, err := tx.Table(at, asked.Table, access.InsertMany)
	if err != nil {
		return nil, err
	}
	rows, faults := make([]given, len(asked.Rows)), []error{}
	for i, data := range asked.Rows {
		row := given{place: pointer.Join(at, "rows", strconv.Itoa(i))}
		row.columns, row.values, err = resolve(tx, table, row.place, data)
		rows[i], faults = row, append(faults, err)
	}
	if err := failure.Together(faults...); err != nil {
		return nil, err
	}
	var inserted [][]any
	for _, batch := range batches(&tx.Syntax, rows) {
		stored, err := insertBatch(tx, table, pointer.Join(at, "rows"), batch)
		if err != nil {
			return nil, err
		}
		inserted = append(inserted, stored...)
	}
	return renderList(tx, table, -1, inserted)
}

// batches are the rows that are inserted by one statement: neighbours with values for
// the same columns, so that the database counts ids in the order of the rows.
func batches(s *driver.Syntax, rows []given) [][]given {
	var found [][]given
	for i, row := range rows {
		if i > 0 && s.Returning.Insert && len(row.columns) > 0 {
			last := &found[len(found)-1]
			same := slices.EqualFunc(row.columns, (*last)[0].columns, func(a, b driver.Column) bool { return a.Name == b.Name })
			if same && (len(*last)+1)*len(row.columns) <= maxBound {
				*last = append(*last, row)
				continue
			}
		}
		found = append(found, []given{row})
	}
	return found
}

// insertBatch inserts rows with the same columns by one statement. If the database refuses
// one, they are tried one by one, since it does not say which.
func insertBatch(tx *store.Tx, table *driver.Table, place string, batch []given) ([][]any, error) {
	if len(batch) == 1 {
		return insertRows(tx, table, batch[0].place, batch[0].columns, batch[0].values)
	}
	values := make([][]any, len(batch))
	for i, row := range batch {
		values[i] = row.values
	}
	if _, err := tx.Exec(statement.Savepoint(&tx.Syntax)); err != nil {
		return nil, tx.Failed(err, table, place)
	}
	stored, err := insertRows(tx, table, place, batch[0].columns, values...)
	if err == nil {
		return stored, nil
	}
	refused, ok := errors.AsType[*sdk.Error](err)
	if !ok || refused.Retryable {
		return nil, err
	}
	if _, undone := tx.Exec(statement.RollbackToSavepoint(&tx.Syntax)); undone != nil {
		return nil, err
	}
	for _, row := range batch {
		if _, one := insertRows(tx, table, row.place, row.columns, row.values); one != nil {
			return nil, one
		}
	}
	return nil, err
}
