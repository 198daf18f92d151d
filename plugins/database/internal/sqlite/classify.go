package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
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

// Locked reports whether another process has the write lock.
func (s *SQLite) Locked(err error) bool {
	var failure *modernc.Error
	return errors.As(err, &failure) && failure.Code()&primary == codes.SQLITE_BUSY
}

// Classify turns result codes into what a caller can act on. Messages come
// from SQLite where they name constraints and columns; they hold no values.
func (s *SQLite) Classify(err error, table *driver.Table) (classified *sdk.Error, refused bool) {
	classified = &sdk.Error{Outcome: sdk.OutcomeNotExecuted, Retryable: true}
	var failure *modernc.Error
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		classified.Code, classified.Message = sdk.CodeTimeout, "the database did not answer in time"
		return classified, false
	case !errors.As(err, &failure):
		classified.Code, classified.Message = sdk.CodeUnavailable, "the database connection failed: "+err.Error()
		return classified, false
	}
	switch failure.Code() & primary {
	case codes.SQLITE_CONSTRAINT:
		return constraint(failure, table), true
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED:
		classified.Code, classified.Message = sdk.CodeUnavailable, "another process holds the database's write lock"
	case codes.SQLITE_INTERRUPT:
		classified.Code, classified.Message = sdk.CodeTimeout, "the statement was interrupted"
	case codes.SQLITE_FULL:
		classified.Code, classified.Message = sdk.CodeUpstream, "the disk of the database is full"
	case codes.SQLITE_IOERR:
		classified.Code, classified.Message = sdk.CodeUpstream, "the database's disk failed: "+message(failure)
	case codes.SQLITE_NOMEM, codes.SQLITE_SCHEMA, codes.SQLITE_PROTOCOL:
		classified.Code, classified.Message = sdk.CodeUpstream, message(failure)
	case codes.SQLITE_CANTOPEN:
		classified.Code, classified.Message = sdk.CodeUnavailable, "the database cannot be opened: "+message(failure)
	case codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_AUTH:
		if failure.Code() == codes.SQLITE_READONLY_DBMOVED {
			classified.Code, classified.Message = sdk.CodeUnavailable, "the database's file was moved away"
			break
		}
		classified.Code, classified.Message, classified.Retryable = sdk.CodeForbidden, "the database may not be written: "+message(failure), false
	case codes.SQLITE_MISMATCH:
		classified.Code, classified.Message, classified.Retryable = sdk.CodeInvalidParams, message(failure), false
		classified.Faults = []sdk.Fault{{Pointer: "/data", Message: "a value does not fit its column's type"}}
		refused = true
	case codes.SQLITE_TOOBIG:
		classified.Code, classified.Message, classified.Retryable = sdk.CodeRejected, "the row is larger than SQLite keeps", false
	default:
		classified.Code, classified.Message, classified.Retryable = sdk.CodeUpstream, message(failure), false
	}
	return classified, refused
}

// constraint says which constraint refused a row: what other rows forbid is a
// conflict, what is wrong with the row itself is a fault of the params, and the
// rest is the refusal of a trigger.
func constraint(failure *modernc.Error, table *driver.Table) *sdk.Error {
	refusal := &sdk.Error{Code: sdk.CodeInvalidParams, Message: message(failure), Outcome: sdk.OutcomeNotExecuted}
	kind, fault := "constraint", "refused by a constraint"
	var columns []string
	switch failure.Code() {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_ROWID:
		kind, fault = "unique", "must be unique, and another row has it"
		refusal.Code = sdk.CodeConflict
		columns = namedColumns(refusal.Message, table)
	case codes.SQLITE_CONSTRAINT_FOREIGNKEY:
		kind = "foreignKey"
		refusal.Code = sdk.CodeConflict
		if table != nil && len(table.ForeignKeys) > 0 {
			refusal.Message += ": " + references(table)
		}
	case codes.SQLITE_CONSTRAINT_NOTNULL:
		kind, fault = "notNull", "must not be null"
		columns = namedColumns(refusal.Message, table)
	case codes.SQLITE_CONSTRAINT_CHECK:
		kind, fault = "check", "refused by the check "+strings.TrimPrefix(refusal.Message, failedCheck)
		columns = checkedColumns(refusal.Message, table)
	case codes.SQLITE_CONSTRAINT_DATATYPE:
		kind, fault = "type", "does not fit the column's type"
		columns = typedColumn(refusal.Message, table)
	case codes.SQLITE_CONSTRAINT_TRIGGER:
		kind = "trigger"
		refusal.Code = sdk.CodeRejected
		refusal.Message = "a trigger refused the row: " + refusal.Message
	}
	for _, column := range columns {
		refusal.Faults = append(refusal.Faults, sdk.Fault{Pointer: pointer.Join("/data", column), Message: fault})
	}
	if refusal.Code == sdk.CodeInvalidParams && len(refusal.Faults) == 0 {
		refusal.Faults = []sdk.Fault{{Pointer: "/data", Message: fault}}
	}
	details, err := json.Marshal(struct {
		Constraint string   `json:"constraint"`
		Columns    []string `json:"columns,omitempty"`
	}{kind, columns})
	if err == nil {
		refusal.Details = details
	}
	return refusal
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
