// Package driver says what a database is to the plugin: a Driver, which talks
// to it, a Syntax, which says how its SQL is written, and the words for tables
// and columns.
//
// A database is a package of its own with an implementation of Driver and a value
// of Syntax, and a row in the plugin's table of databases. What is the same for
// all of them is written once: statements in package statement, what becomes of a
// failure in package failure, transactions, idempotency keys and migrations in
// package store, the actions in package rows. The package imports nothing of the
// project. It knows no database.
package driver

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// Database is one database that the config names.
type Database struct {
	Driver
	Syntax Syntax
	// StatementTimeout bounds each statement from outside, by the end of its context;
	// zero where the database itself does.
	StatementTimeout time.Duration
}

// Driver talks to one database. Its methods are safe for concurrent use.
type Driver interface {
	// Make makes the database if it is not there, where that is for a client to do.
	Make() error
	// Open connects, with every setting that durability and the limits on
	// connections need. The context bounds the opening only.
	Open(ctx context.Context) (*sql.DB, error)
	// OpenReading returns connections for statements that only read: writing, which is
	// what Open returned, where one pool is for both. It is closed only if it is
	// another.
	OpenReading(ctx context.Context, writing *sql.DB) (*sql.DB, error)
	// LockSetup keeps other processes that use this method from preparing the
	// same database at the same time. It waits until the context is done.
	// Release is called once; the end of the process releases too.
	LockSetup(ctx context.Context) (release func() error, err error)
	// Describe returns the table of exactly this name, or ErrNoTable. It is
	// called within a transaction on conn, or before a single statement that reads. The
	// table is shared and must not be changed. What a database has no cheap way to
	// watch may be a second old.
	Describe(ctx context.Context, conn *sql.Conn, name string) (*Table, error)
	// Bind turns a JSON value into what is bound for the column, so that the
	// database stores exactly this value. The text of an error is for people
	// and names neither column nor value.
	Bind(column Column, value JSON) (any, error)
	// BindParameter turns a JSON value into what is bound for a parameter of a statement
	// that the config has, whose type the driver does not know: an object or an array is
	// bound as its text.
	BindParameter(value JSON) (any, error)
	// ResultColumns returns what Render has to know of the columns of a result, where they
	// need not be those of a table.
	ResultColumns(types []*sql.ColumnType) []Column
	// Render appends a stored value as JSON.
	Render(dst []byte, column Column, stored any) ([]byte, error)
	// Ended reports whether an error of ROLLBACK says that the transaction had ended by
	// itself.
	Ended(err error) bool
	// Classify turns an error of database/sql into what is known of it. The table may
	// be nil; no column is named then.
	Classify(err error, table *Table) Failure
}

// Varying is a Driver of databases that do not all write the same SQL.
type Varying interface {
	// Syntax returns that of the server which db, that Open returned, is connected to. It
	// is used in place of Database.Syntax.
	Syntax(ctx context.Context, db *sql.DB) (Syntax, error)
}

// Unbounded is a Driver whose connections end what takes long, as Options say.
type Unbounded interface {
	// OpenUnbounded is Open of connections that do not, for migrations.
	OpenUnbounded(ctx context.Context) (*sql.DB, error)
}

// Doubtful is a Driver of databases whose settings may break a promise, and cannot be
// changed by a client.
type Doubtful interface {
	// Doubts says which settings do, and what may happen.
	Doubts(ctx context.Context, db *sql.DB) ([]string, error)
}

// Inspectable is a Driver whose Open changes something, or needs what Make makes.
type Inspectable interface {
	// OpenInspecting is Open to look only. The error matches fs.ErrNotExist where the
	// database is not there, and Make would make it.
	OpenInspecting(ctx context.Context) (*sql.DB, error)
}

// Files is a Driver of a database that is in files, which can be removed or replaced
// while they are open.
type Files interface {
	// Check returns an error once what is open is not what the database's name stands
	// for: what is written then may be lost. It is cheap. Its text is for people.
	Check() error
	// Verify is Check that looks closer where the files give reason to.
	Verify(ctx context.Context, conn *sql.Conn) error
	// Leave closes what Open and OpenReading returned for a database whose files are
	// not sound, so that it can be opened anew; no call uses it any more. left is false
	// where it is to stay open: there is nothing better to open, or something would be
	// lost; the error says what. Otherwise an error is about the closing alone.
	Leave(ctx context.Context, db, reading *sql.DB) (left bool, err error)
}

// ErrEnd is matched by an error of Leave where the database must not be closed in
// order: the process is to end at once, and the next one opens it.
var ErrEnd = errors.New("the process ends, and the next one opens the database")

// ErrNoTable is returned by Describe. It is matched by errors.Is.
var ErrNoTable = errors.New("no such table")
