package driver

import (
	"context"
	"database/sql"
)

// Statement is one of several that are run together.
type Statement struct {
	Text   string
	Values []any
	// Rows says that it returns rows.
	Rows bool
}

// Outcome is what is known of statements that were run together.
type Outcome struct {
	// Rows are those of each statement that succeeded, nil for one that returns none.
	Rows [][][]any
	// Sent is how many of the statements the database may have run.
	Sent int
}

// Pipeliner is a Driver that can send several statements at once.
type Pipeliner interface {
	// Pipeline runs statements in order, in as few round trips as it can, and stops at the
	// first that fails. An error is that of the first that failed.
	Pipeline(ctx context.Context, conn *sql.Conn, statements []Statement) (Outcome, error)
}

// Run is Pipeline, which a driver that is no Pipeliner does one by one.
func (d *Database) Run(ctx context.Context, conn *sql.Conn, statements []Statement) (Outcome, error) {
	if pipeliner, ok := d.Driver.(Pipeliner); ok {
		return pipeliner.Pipeline(ctx, conn, statements)
	}
	var done Outcome
	for _, statement := range statements {
		done.Sent++
		var rows [][]any
		var err error
		if statement.Rows {
			rows, err = Query(ctx, conn, statement.Text, statement.Values...)
		} else {
			_, err = conn.ExecContext(ctx, statement.Text, statement.Values...)
		}
		if err != nil {
			return done, err
		}
		done.Rows = append(done.Rows, rows)
	}
	return done, nil
}
