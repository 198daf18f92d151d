// Package dialect says what a database is to the plugin: the Dialect
// interface, and the words for tables and columns.
//
// A database is one implementation of Dialect in a package of its own; what is
// the same for all (params, idempotency keys, transactions, migrations) is in
// package integration and written once. The package imports sdk, and knows no
// driver.
package dialect

import (
	"context"
	"database/sql"
	"errors"

	"github.com/backflow/backflow/sdk"
	"github.com/pressly/goose/v3"
)

// Dialect is one database. Methods that take a *sql.Conn are called within a
// transaction on it, and may be called for several connections at once.
type Dialect interface {
	// Open connects, with every setting that durability and the limits on
	// connections need. The context bounds the opening only.
	Open(ctx context.Context) (*sql.DB, error)
	// LockSetup keeps other processes that use this method from preparing the
	// same database at the same time. It waits until the context is done.
	// Release is called once; the end of the process releases too.
	LockSetup(ctx context.Context) (release func() error, err error)
	// Goose is the name under which the migration library knows the database.
	Goose() goose.Dialect

	// Begin is the statement that starts a transaction which will write.
	Begin() string
	// Placeholder is the n-th bound value in a statement, counting from 1.
	Placeholder(n int) string
	// KeysDDL makes the table of idempotency keys, if it is not there.
	KeysDDL() []string

	// Describe answers the table of exactly this name, or ErrNoTable. The
	// answer is shared and must not be changed.
	Describe(ctx context.Context, conn *sql.Conn, name string) (*Table, error)
	// TableNames lists the tables that rows can be inserted into.
	TableNames(ctx context.Context, conn *sql.Conn) ([]string, error)

	// Bind turns a JSON value into what is bound for the column, so that the
	// database stores exactly this value. The text of an error is for people
	// and names neither column nor value.
	Bind(column Column, value JSON) (any, error)
	// Insert inserts one row and answers it as stored, a value for each column
	// of the table in order. It answers ErrNoRow when the table's own rules
	// (a trigger, ON CONFLICT IGNORE) let no row come to be.
	Insert(ctx context.Context, conn *sql.Conn, table *Table, columns []Column, values []any) ([]any, error)
	// Render appends a stored value as JSON.
	Render(dst []byte, column Column, stored any) ([]byte, error)

	// Classify turns a driver's error into what is known of it. Outcome is
	// OutcomeNotExecuted: only a failed COMMIT leaves it open, and whoever
	// commits knows that. The table may be nil, and names no column then.
	Classify(err error, table *Table) *sdk.Error
	// IsRefusal reports whether the error is the database's own definite no
	// (a constraint), also at COMMIT.
	IsRefusal(err error) bool
}

// Errors of the methods of Dialect, matched by errors.Is.
var (
	ErrNoTable = errors.New("no such table")
	ErrNoRow   = errors.New("the table's own rules let no row come to be")
)
