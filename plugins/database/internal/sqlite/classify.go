package sqlite

import (
	"context"
	"errors"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	modernc "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"
)

// primary is the result code without its extension
// (https://www.sqlite.org/rescode.html).
const primary = 0xff

// Ended reports whether no transaction was there to roll back: RAISE(ROLLBACK) and a
// full disk end one. SQLite has no code for it.
func (s *SQLite) Ended(err error) bool {
	var failure *modernc.Error
	return errors.As(err, &failure) && strings.Contains(failure.Error(), "no transaction is active")
}

// unconverted is the text of database/sql's error, which has no type of its own, of a value
// that the driver does not take. The statement was not run.
const unconverted = "sql: converting argument"

// Classify turns result codes into what a caller can act on. Messages come
// from SQLite where they name constraints and columns; they hold no values.
func (s *SQLite) Classify(err error, table *driver.Table) driver.Failure {
	var failure *modernc.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return driver.Failure{Condition: driver.Interrupted, Message: "the database did not answer in time"}
	case strings.HasPrefix(err.Error(), unconverted):
		return driver.Failure{Condition: driver.TypeMismatch, Message: "a value is none that SQLite keeps"}
	case !errors.As(err, &failure):
		return driver.Failure{Condition: driver.Unreachable, Message: "the database connection failed: " + err.Error()}
	}
	switch failure.Code() & primary {
	case codes.SQLITE_CONSTRAINT:
		return constraint(failure, table)
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		return driver.Failure{Condition: driver.Locked, Message: "another process holds the database's write lock"}
	case codes.SQLITE_INTERRUPT:
		return driver.Failure{Condition: driver.Interrupted, Message: "the statement was interrupted"}
	case codes.SQLITE_FULL:
		return driver.Failure{Condition: driver.DiskFull, Message: "the disk of the database is full"}
	case codes.SQLITE_IOERR:
		return driver.Failure{Condition: driver.IOError, Message: "the database's disk failed: " + message(failure)}
	case codes.SQLITE_NOMEM, codes.SQLITE_SCHEMA, codes.SQLITE_PROTOCOL:
		return driver.Failure{Condition: driver.Passing, Message: message(failure)}
	case codes.SQLITE_CANTOPEN:
		return driver.Failure{Condition: driver.Unreachable, Message: "the database cannot be opened: " + message(failure)}
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		if failure.Code() == codes.SQLITE_READONLY_DBMOVED {
			return driver.Failure{Condition: driver.Unreachable, Message: "the database's file was moved away"}
		}
		return driver.Failure{Condition: driver.ReadOnly, Message: "the database may not be written: " + message(failure)}
	case codes.SQLITE_MISMATCH:
		return driver.Failure{Condition: driver.TypeMismatch, Message: message(failure), Fault: "a value does not fit its column's type"}
	case codes.SQLITE_TOOBIG:
		return driver.Failure{Condition: driver.TooLarge, Message: "the row is larger than SQLite keeps"}
	}
	return driver.Failure{Condition: driver.Other, Message: message(failure)}
}

// constraint says which constraint refused a row.
func constraint(failure *modernc.Error, table *driver.Table) driver.Failure {
	f := driver.Failure{Condition: driver.OtherViolation, Message: message(failure)}
	switch failure.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_ROWID:
		f.Condition = driver.UniqueViolation
		f.Columns = namedColumns(f.Message, table)
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		f.Condition = driver.ForeignKeyViolation
		if table != nil && len(table.ForeignKeys) > 0 {
			f.Message += ": " + references(table)
		}
	case codes.SQLITE_CONSTRAINT_NOTNULL:
		f.Condition = driver.NotNullViolation
		f.Columns = namedColumns(f.Message, table)
	case codes.SQLITE_CONSTRAINT_CHECK:
		f.Condition, f.Fault = driver.CheckViolation, "refused by the check "+strings.TrimPrefix(f.Message, failedCheck)
		f.Columns = checkedColumns(f.Message, table)
	case codes.SQLITE_CONSTRAINT_DATATYPE:
		f.Condition = driver.TypeMismatch
		f.Columns = typedColumn(f.Message, table)
	case codes.SQLITE_CONSTRAINT_TRIGGER:
		f.Condition = driver.Raised
		f.Message = "a trigger refused the row: " + f.Message
	}
	return f
}

// message is SQLite's own text without what the driver puts around it: the
// general text of the code before, the code after.
func message(failure *modernc.Error) string {
	text := failure.Error()
	if i := strings.LastIndex(text, " ("); i > 0 {
		text = text[:i]
	}
	for _, prefix := range []string{"constraint failed: ", "SQL logic error: "} {
		text = strings.TrimPrefix(text, prefix)
	}
	return text
}

// namedColumns are the columns that a message such as "UNIQUE constraint
// failed: payments.stripe_id, payments.mode" names, in the table's order.
func namedColumns(message string, table *driver.Table) []string {
	_, list, ok := strings.Cut(message, "constraint failed: ")
	if !ok || table == nil {
		return nil
	}
	var named []string
	for _, column := range table.Columns {
		if strings.Contains(", "+list+", ", ", "+table.Name+"."+column.Name+", ") {
			named = append(named, column.Name)
		}
	}
	return named
}

// typedColumn is the column that a message such as "cannot store TEXT value in
// INTEGER column payments.amount" names.
func typedColumn(message string, table *driver.Table) []string {
	_, name, ok := strings.Cut(message, " column ")
	if !ok || table == nil {
		return nil
	}
	for _, column := range table.Columns {
		if name == table.Name+"."+column.Name {
			return []string{column.Name}
		}
	}
	return nil
}

// references lists a table's foreign keys, since SQLite does not say which one
// failed.
func references(table *driver.Table) string {
	keys := make([]string, len(table.ForeignKeys))
	for i, key := range table.ForeignKeys {
		keys[i] = strings.Join(key.Columns, ", ") + " refers to " + key.Table
	}
	return strings.Join(keys, "; ")
}
