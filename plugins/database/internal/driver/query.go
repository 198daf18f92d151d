package driver

import (
	"context"
	"database/sql"
)

// Query returns the rows of a query as the driver's values. It reads to the end:
// only then is it known that the statement succeeded.
func Query(ctx context.Context, conn *sql.Conn, statement string, values ...any) (found [][]any, err error) {
	rows, err := conn.QueryContext(ctx, statement, values...)
	if err != nil {
		return nil, err
	}
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row := make([]any, len(columns))
		targets := make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}
