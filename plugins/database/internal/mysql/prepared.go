package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"strings"
)

// libraryConn is what a connection of the library can do. All of it has to be shown to
// database/sql, which asks for each part by a type assertion.
type libraryConn interface {
	sqldriver.Conn
	sqldriver.ConnBeginTx
	sqldriver.ConnPrepareContext
	sqldriver.ExecerContext
	sqldriver.NamedValueChecker
	sqldriver.Pinger
	sqldriver.QueryerContext
	sqldriver.SessionResetter
	sqldriver.Validator
}

// maxPrepared is how many statements a connection keeps prepared. The server bounds those
// of all connections together, by 16,382 unless that is set otherwise
// (https://mariadb.com/kb/en/server-system-variables/#max_prepared_stmt_count).
const maxPrepared = 64

// conn is a connection that keeps the statements that it has prepared: values are never
// part of a statement's text, so that each is prepared, and else would be each time anew,
// which is a round trip of its own. It belongs to one goroutine at a time, as every
// connection of database/sql.
type conn struct {
	libraryConn
	prepared map[string]sqldriver.Stmt
}

// keepPrepared returns a connection over one of the library.
func keepPrepared(inner sqldriver.Conn) (sqldriver.Conn, error) {
	library, ok := inner.(libraryConn)
	if !ok {
		return nil, errors.New("the driver's connections are not what they are known to be")
	}
	return &conn{libraryConn: library, prepared: make(map[string]sqldriver.Stmt)}, nil
}

// QueryContext runs a query that returns rows.
func (c *conn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	if c.passes(query, args) {
		return c.libraryConn.QueryContext(ctx, query, args)
	}
	statement, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	queryer, ok := statement.(sqldriver.StmtQueryContext)
	if !ok {
		return nil, sqldriver.ErrSkip
	}
	rows, err := queryer.QueryContext(ctx, args)
	if err != nil {
		c.forget(query)
	}
	return rows, err
}

// ExecContext runs a statement that returns no rows.
func (c *conn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	if c.passes(query, args) {
		return c.libraryConn.ExecContext(ctx, query, args)
	}
	statement, err := c.statement(ctx, query)
	if err != nil {
		return nil, err
	}
	execer, ok := statement.(sqldriver.StmtExecContext)
	if !ok {
		return nil, sqldriver.ErrSkip
	}
	result, err := execer.ExecContext(ctx, args)
	if err != nil {
		c.forget(query)
	}
	return result, err
}

// passes reports whether a statement goes to the library as it is. What is kept was looked
// into when it came first.
func (c *conn) passes(query string, args []sqldriver.NamedValue) bool {
	return len(args) == 0 || c.prepared[query] == nil && !keeps(query)
}

// keeps reports whether a statement is kept. One that reads information_schema is not:
// MariaDB 10.11 may end itself when it runs such a statement again, in the removal of the
// table that it has made for it (ha_maria::drop_table).
func keeps(query string) bool {
	return !strings.Contains(strings.ToLower(query), "information_schema")
}

// statement returns the statement of a text, prepared.
func (c *conn) statement(ctx context.Context, query string) (sqldriver.Stmt, error) {
	if statement := c.prepared[query]; statement != nil {
		return statement, nil
	}
	if len(c.prepared) >= maxPrepared {
		for text := range c.prepared {
			c.forget(text)
			break
		}
	}
	statement, err := c.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.prepared[query] = statement
	return statement, nil
}

// forget closes a statement: one that failed is prepared anew the next time.
func (c *conn) forget(query string) {
	_ = c.prepared[query].Close() // it is sent and not responded to; a connection that is broken says so itself
	delete(c.prepared, query)
}
