package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Pipeline sends all statements at once. After one that fails the server passes over the
// others
// (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING).
func (*Postgres) Pipeline(ctx context.Context, on *sql.Conn, statements []driver.Statement) (done driver.Outcome, err error) {
	err = on.Raw(func(raw any) error {
		wrapped, ok := raw.(*conn)
		if !ok {
			return fmt.Errorf("postgres: a connection of type %T", raw)
		}
		batch := new(pgx.Batch)
		for _, statement := range statements {
			batch.Queue(statement.Text, statement.Values...)
		}
		results := wrapped.Conn.Conn().SendBatch(ctx, batch)
		for _, statement := range statements {
			rows, err := readResult(results, statement)
			if err != nil {
				done.Sent = sent(err, len(done.Rows), len(statements))
				_ = results.Close() // its error is the one that is known
				return err
			}
			done.Rows = append(done.Rows, rows)
		}
		done.Sent = len(statements)
		return results.Close()
	})
	return done, err
}

// sent is how many of the statements the server may have run, after so many succeeded. An
// error of the server's own is that of one statement; without a word of the server, any
// of them may have been run.
func sent(err error, succeeded, all int) int {
	var failure *pgconn.PgError
	switch {
	case errors.As(err, &failure):
		return succeeded + 1
	case pgconn.SafeToRetry(err):
		return 0
	}
	return all
}

// commit ends a transaction, and its tag says that it did.
const commit = "COMMIT"

func readResult(results pgx.BatchResults, statement driver.Statement) ([][]any, error) {
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found [][]any
	for rows.Next() {
		row, err := rows.Values()
		if err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if statement.Text == commit && rows.CommandTag().String() != commit {
		return nil, pgx.ErrTxCommitRollback // the server did not say that as an error
	}
	return found, nil
}
