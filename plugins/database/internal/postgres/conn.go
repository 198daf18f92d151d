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
type connector struct{ sqldriver.Connector }

// Connect returns a *conn.
func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	made, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{made.(*stdlib.Conn)}, nil //nolint:forcetypeassert // it is the connector of stdlib
}

// conn is a connection as database/sql has it.
type conn struct{ *stdlib.Conn }

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
