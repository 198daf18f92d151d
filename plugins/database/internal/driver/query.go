package driver

import (
	"context"
	"database/sql"
	"slices"
)

// Query returns the rows of a query as the driver's values. It reads to the end:
// only then is it known that the statement succeeded.
func Query(ctx context.Context, conn *sql.Conn, statement string, values ...any) (found [][]any, err error) {
	err = Each(ctx, conn, statement, values, nil, func(row []any) error {
		found = append(found, slices.Clone(row))
		return nil
	})
	return found, err
}

// Each calls take with each row of a query, as the driver's values: the slice is used
// again for the next row, and what is in it is not. It reads to the end, unless take
// returns an error, which is returned then. start is called before with what the
// database says of the columns; it may be nil.
func Each(ctx context.Context, conn *sql.Conn, statement string, values []any, start func([]*sql.ColumnType) error, take func(row []any) error) (err error) {
	rows, err := conn.QueryContext(ctx, statement, values...)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	columns, err := rows.ColumnTypes()
	if err != nil {
		return err
	}
	if start != nil {
		if err := start(columns); err != nil {
			return err
		}
	}
	row, targets := make([]any, len(columns)), make([]any, len(columns))
	for i := range row {
		targets[i] = &row[i]
	}
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		if err := take(row); err != nil {
			return err
		}
	}
	return rows.Err()
}
