package postgres

import (
	"context"
	sqldriver "database/sql/driver"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// maxPrepared is how many values a statement has at most that is kept prepared: pgx and
// the server keep hundreds of them for each connection, and one that inserts a thousand
// rows is large, and is seldom the same twice.
const maxPrepared = 64

// connector makes connections that prepare what is asked for again and again, and
// nothing else.
type connector struct {
	sqldriver.Connector
	postgres *Postgres
}

// Connect returns a *conn.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	own := made.(*stdlib.Conn) //nolint:forcetypeassert // it is the connector of stdlib
	return &conn{Conn: own, postgres: c.postgres, changes: c.postgres.changes.Load()}, nil
}

// conn is a connection as database/sql has it. It belongs to one goroutine at a time.
type conn struct {
	*stdlib.Conn
	postgres *Postgres
	// changes is the number of changes of tables after which the statements were prepared.
	changes int64
}

// ResetSession makes the connection ready for the next call.
func (c *conn) ResetSession(ctx context.Context) error {
	if err := c.Conn.ResetSession(ctx); err != nil {
		return err
	}
	return c.prepareAnew(ctx)
}

// prepareAnew drops what was prepared before a table has changed: the types of a
// statement's values are those that the columns had then. An error is that of a
// connection which broke, for which database/sql takes another one.
func (c *conn) prepareAnew(ctx context.Context) error {
	changes := c.postgres.changes.Load()
	if changes == c.changes || c.postgres.pooled { // behind a pooler nothing is prepared
		return nil
	}
	if err := c.Conn.Conn().DeallocateAll(ctx); err != nil {
		return sqldriver.ErrBadConn
	}
	c.changes = changes
	return nil
}

// QueryContext is that of pgx.
func (c *conn) QueryContext(ctx context.Context, query string, values []sqldriver.NamedValue) (sqldriver.Rows, error) {
	return c.Conn.QueryContext(ctx, query, once(values))
}

// ExecContext is that of pgx.
func (c *conn) ExecContext(ctx context.Context, query string, values []sqldriver.NamedValue) (sqldriver.Result, error) {
	return c.Conn.ExecContext(ctx, query, once(values))
}

// once returns values with what tells pgx not to keep their statement, if they are many.
func once(values []sqldriver.NamedValue) []sqldriver.NamedValue {
	if len(values) <= maxPrepared {
		return values
	}
	return slices.Insert(slices.Clone(values), 0, sqldriver.NamedValue{Value: pgx.QueryExecModeExec})
}
