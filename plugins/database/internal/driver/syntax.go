package driver

import (
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// Syntax is what databases write differently in SQL. It is constant.
type Syntax struct {
	// Goose is the name under which the migration library knows the database.
	Goose goose.Dialect
	// Lexis is how the text of a statement is read that the config has.
	Lexis Lexis
	// Quote stands around a name, and twice for itself within one.
	Quote string
	// Placeholder returns the n-th bound value of a statement, counting from 1.
	Placeholder func(n int) string
	// Begin starts a transaction that will write, and BeginReading one that cannot.
	Begin, BeginReading string
	// ReadOnlyNow lets the transaction write no more until it is rolled back to the
	// savepoint before; empty where no statement that only reads can write.
	ReadOnlyNow string
	// LockTimeout bounds how long Begin waits for the lock of the whole database that
	// another process holds. It is run before Begin. It is nil where Begin takes no lock, and
	// connections have the bound from their start.
	LockTimeout func(time.Duration) string
	// LockKey makes transactions with the same idempotency key, its only bound
	// value, wait for each other until they end. If it is a query, it returns a row. It is the first statement after
	// Begin, and those that follow see what was committed during the wait. It is
	// empty where Begin itself locks the whole database. Without any, two calls
	// with one key at the same time both find no record: both have the effect,
	// and the second fails at the record with a conflict in place of the result.
	LockKey string
	// LockAndFind does in one statement what LockKey and the look for the key's record are
	// for. The key is bound twice. It returns one row: digest and result of the record, NULL
	// where there is none. LockKey is empty then.
	LockAndFind string
	// Returning says after which statements RETURNING is possible. After the others the
	// rows are read again in the same transaction.
	Returning Returning
	// ForUpdate ends a SELECT whose rows are to stay as they are until the transaction
	// ends; empty where Begin itself locks the whole database.
	ForUpdate string
	// SkipLocked is ForUpdate that leaves out rows which another transaction has locked,
	// so that two that lock the same rows neither wait nor stop each other; empty where
	// Begin itself locks the whole database.
	SkipLocked string
	// Upsert ends an INSERT that is to change the row that is there already: one with
	// the same values in the columns of a unique key, which are given as identifiers, and
	// so are the columns to set, at least one, to the values of the INSERT.
	Upsert func(key, set []string) string
	// UpsertAnyKey says that such an INSERT cannot be told which unique key is meant: it
	// meets the row that has the same values in any of them. If that row is not the one of
	// the key, it changes nothing and fails as a CardinalityViolation.
	UpsertAnyKey bool
	// Like returns the condition that a text matches a pattern of LIKE with the escape \,
	// in which fold says whether the case of letters is overlooked. LikePattern returns
	// what is bound for such a pattern.
	Like        func(expression, pattern string, fold bool) string
	LikePattern func(pattern string, fold bool) string
	// Contains returns the condition that a column contains the value that is bound: a
	// text another one, exactly; JSON another value; an array an element.
	Contains func(column Column, expression, value string) string
	// Compared returns what is compared, and put in order, in place of a column's
	// identifier, or, where bound, of the placeholder of what Bind made for the column or
	// of what the column's Compared returned for a row. It is for values that would
	// otherwise compare in another way than they are put in order, or not as what they
	// stand for. Nil compares them as they are.
	Compared func(column Column, expression string, bound bool) string
	// NullsFirst says that NULL comes before all values in ascending order.
	NullsFirst bool
	// DefaultRow stands in an INSERT that names no column.
	DefaultRow string
	// DDLCommits says that a statement which changes the schema commits what came before
	// it in its transaction.
	DDLCommits bool
	// TableNames lists the tables and views that can be described.
	TableNames string
	// KeysTable makes the table of idempotency keys, if it is not there: its
	// columns idempotency_key (the primary key), digest and result are text,
	// recorded_at is in milliseconds since 1970.
	KeysTable []string
}

// Returning says after which statements the rows that they changed are returned.
type Returning struct{ Insert, Update, Delete bool }

// Identifier returns what names a table or a column in a statement, whatever its
// name is.
func (s *Syntax) Identifier(name string) string {
	return s.Quote + strings.ReplaceAll(name, s.Quote, s.Quote+s.Quote) + s.Quote
}
