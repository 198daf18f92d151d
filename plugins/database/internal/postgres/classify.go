package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// conditions are what codes stand for, and classes those whose codes all stand for one
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
var (
	conditions = map[string]driver.Condition{
		"23505": driver.UniqueViolation,
		"23503": driver.ForeignKeyViolation,
		"23502": driver.NotNullViolation,
		"23514": driver.CheckViolation,
		"23P01": driver.ExclusionViolation,
		"25006": driver.ReadOnly,
		"25P03": driver.Unreachable, // idle for too long in a transaction: the connection is gone
		"25P04": driver.Interrupted,
		"3D000": driver.Unreachable, // there is no such database
		"40001": driver.Serialization,
		"40P01": driver.Deadlock,
		"42P01": driver.UndefinedTable,
		"3F000": driver.UndefinedTable, // there is no such schema
		"42703": driver.UndefinedColumn,
		"42501": driver.Denied,
		"42804": driver.TypeMismatch,
		"42883": driver.TypeMismatch, // there is no such operator for the type
		"42846": driver.TypeMismatch,
		"42P18": driver.TypeMismatch,
		"42P21": driver.TypeMismatch,
		"42P22": driver.TypeMismatch,
		"428C9": driver.TypeMismatch, // a value for a generated column
		"53100": driver.DiskFull,
		"53200": driver.Passing,
		"53300": driver.Busy,
		"55006": driver.Unreachable,
		"55P03": driver.Locked,
		"57014": driver.Interrupted,
		"57P01": driver.Unreachable, // the server shuts down
		"57P02": driver.Unreachable, // it crashes
		"57P03": driver.Unreachable, // it starts
		"57P04": driver.Unreachable, // the database was dropped
		"57P05": driver.Unreachable, // the session was idle for too long
		"58030": driver.IOError,
	}
	classes = map[string]driver.Condition{
		"08": driver.Unreachable,
		"09": driver.Raised,
		"22": driver.TypeMismatch,
		"23": driver.OtherViolation,
		"28": driver.Unauthorized,
		"44": driver.CheckViolation, // the condition of a view
		"53": driver.Passing,
		"54": driver.TooLarge,
		"57": driver.Passing,
		"58": driver.Passing,
		"P0": driver.Raised,
	}
)

// changedPlan is the text of an error that has no code of its own: the result of a
// prepared statement is another than when it was prepared.
const changedPlan = "cached plan must not change result type"

// unencoded is the text of pgx's error, which has no type of its own, of a value that it
// cannot write as the type that the statement wants. Nothing was sent, and the connection
// is as it was.
const unencoded = "failed to encode args["

// Classify turns codes of errors into what a caller can act on. PostgreSQL's messages
// are not shown where they may hold values, and details and contexts never are. After an
// error that speaks of the schema, tables are described anew.
func (p *Postgres) Classify(err error, table *driver.Table) driver.Failure {
	var failure *pgconn.PgError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return driver.Failure{Condition: driver.Interrupted, Message: "the database did not answer in time"}
	case errors.Is(err, pgx.ErrTxCommitRollback):
		return driver.Failure{Condition: driver.Other, Message: "the transaction had failed before, and was rolled back"}
	case strings.Contains(err.Error(), unencoded):
		return driver.Failure{Condition: driver.TypeMismatch, Message: p.message(driver.TypeMismatch, nil, "")}
	case !errors.As(err, &failure):
		return driver.Failure{Condition: driver.Unreachable, Message: "the database connection failed" + cause(err)}
	}
	condition := conditionOf(failure)
	switch condition {
	case driver.UndefinedTable, driver.UndefinedColumn, driver.SchemaChanged:
		p.forget(nil)
	case driver.TypeMismatch:
		p.forget(table)
		if strings.HasPrefix(failure.Code, "42") { // what was prepared has the types of another table
			p.changes.Add(1)
		}
	}
	f := driver.Failure{Condition: condition, Message: p.message(condition, failure, nameOf(table, failure))}
	switch condition {
	case driver.UniqueViolation, driver.ExclusionViolation, driver.NotNullViolation, driver.CheckViolation, driver.ForeignKeyViolation, driver.OtherViolation:
		violation(&f, failure, table)
	case driver.TypeMismatch:
		f.Columns = ofDomain(table, failure.DataTypeName)
	}
	return f
}

func conditionOf(failure *pgconn.PgError) driver.Condition {
	code := failure.Code
	condition, known := conditions[code]
	if !known && len(code) == 5 {
		condition, known = classes[code[:2]]
	}
	switch {
	case code == "0A000" && strings.Contains(failure.Message, changedPlan), code == "26000", code == "42P05":
		return driver.SchemaChanged
	// A RAISE may have any code. One that is about repeating counts as that.
	case failure.Routine == "exec_stmt_raise" && condition != driver.Serialization && condition != driver.Deadlock:
		return driver.Raised
	case known:
		return condition
	}
	return driver.Other
}

// message is what can be said without a value. It is in our words, since those of the
// server depend on its language.
func (p *Postgres) message(condition driver.Condition, failure *pgconn.PgError, table string) string {
	switch condition {
	case driver.Raised:
		return "a trigger refused the row: " + failure.Message // its author's own text
	case driver.TypeMismatch:
		return "a value does not fit the type of its column, or the column cannot be used so"
	case driver.UndefinedTable:
		return "a table is not there any more"
	case driver.UndefinedColumn:
		return "a column is not there any more"
	case driver.TooLarge:
		return "the row or the statement is larger than PostgreSQL takes"
	case driver.ReadOnly:
		return "the database may not be written: the server is a standby, or its transactions are read-only"
	case driver.Denied:
		return "the role of the database's url may not do this" + on(table) + lacking(failure.Message)
	case driver.Deadlock:
		return "another transaction and this one waited for each other"
	case driver.Serialization:
		return "another transaction changed the same rows"
	case driver.Locked:
		return fmt.Sprintf("another transaction has held a lock%s for longer than %s", on(table), p.options.LockTimeout)
	case driver.Interrupted:
		if failure.Code == "57014" && strings.Contains(failure.Message, "statement timeout") {
			return fmt.Sprintf("a statement ran for longer than %s", p.options.StatementTimeout)
		}
		return "the statement was interrupted"
	case driver.Unreachable:
		return "the database cannot be reached now: " + states[failure.Code]
	case driver.Busy:
		return "the server takes no further connection"
	case driver.Unauthorized:
		return "the server refuses the role of the database's url, or its password"
	case driver.DiskFull:
		return "the disk of the database is full"
	case driver.IOError:
		return "the disk of the database failed"
	case driver.SchemaChanged:
		return "a prepared statement does not fit any more; behind a pooler such as PgBouncer write default_query_exec_mode=exec in the url"
	}
	return "PostgreSQL failed with the code " + failure.Code
}

// states say why a database cannot be reached.
var states = map[string]string{
	"25P03": "the transaction was idle for too long",
	"3D000": "the server has no database of this name",
	"57P01": "the server shuts down",
	"57P02": "the server crashed",
	"57P03": "the server starts or shuts down",
	"57P04": "the database was dropped",
}

// nameOf is the name of the table that a failure is about, empty where it is not known.
func nameOf(table *driver.Table, failure *pgconn.PgError) string {
	if failure.TableName == "" && table != nil {
		return table.Name
	}
	return failure.TableName
}

func on(table string) string {
	if table == "" {
		return ""
	}
	return " on table " + table
}

// deniedObject is what the server says of a sequence or a schema that a role has no
// right to, in English: a right to the table is not all that a row of it may need.
var deniedObject = regexp.MustCompile(`^permission denied for (sequence|schema) (.+)$`)

// lacking is the right that is missing, where it is not one to the table itself.
func lacking(message string) string {
	found := deniedObject.FindStringSubmatch(message)
	if found == nil {
		return ""
	}
	return fmt.Sprintf(": it needs USAGE on the %s %s", found[1], found[2])
}

// cause is what the network said, without an address.
func cause(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return ": " + number.Error()
	}
	return ""
}

// violation says which constraint refused what.
func violation(f *driver.Failure, failure *pgconn.PgError, table *driver.Table) {
	f.Constraint = failure.ConstraintName
	own := table != nil && failure.ConstraintName != "" && table.KeyColumns[failure.ConstraintName] != nil
	if own {
		f.Columns = inOrder(table, table.KeyColumns[failure.ConstraintName])
	}
	switch f.Condition {
	case driver.UniqueViolation:
		f.Message = fmt.Sprintf("the unique key %s has these values already%s", f.Constraint, on(failure.TableName))
	case driver.ExclusionViolation:
		f.Message = fmt.Sprintf("another row excludes this one by %s%s", f.Constraint, on(failure.TableName))
	case driver.NotNullViolation:
		if f.Columns = inOrder(table, []string{failure.ColumnName}); failure.ColumnName == "" {
			f.Columns = ofDomain(table, failure.DataTypeName)
		}
		f.Message = fmt.Sprintf("column %s takes no null%s", strings.Join(f.Columns, ", "), on(failure.TableName))
	case driver.CheckViolation:
		if f.Message = "the check " + f.Constraint + " refuses the row" + on(failure.TableName); failure.DataTypeName != "" {
			f.Columns = ofDomain(table, failure.DataTypeName)
			f.Message = "the check " + f.Constraint + " of the type " + failure.DataTypeName + " refuses a value"
		}
		f.Fault = "refused by the check " + f.Constraint
		if f.Constraint == "" {
			f.Message, f.Fault = "no partition of the table takes the row", ""
		}
		if failure.Code == "44000" {
			f.Message, f.Fault = "the condition of the view refuses the row", ""
		}
	case driver.ForeignKeyViolation:
		foreignKey(f, failure, table, own)
	default:
		f.Message = "the constraint " + f.Constraint + " refuses the row" + on(failure.TableName)
	}
}

// foreignKey says whether the row refers to one that is not there, or is referred to.
func foreignKey(f *driver.Failure, failure *pgconn.PgError, table *driver.Table, own bool) {
	// A key of the table itself, to which the table also refers, is told apart by the
	// detail, of which nothing is shown.
	if own && !strings.Contains(failure.Detail, "is still referenced") {
		f.Message = "the foreign key " + f.Constraint + " finds no such row"
		for _, key := range table.ForeignKeys {
			if slices.Equal(inOrder(table, key.Columns), f.Columns) {
				f.Message = fmt.Sprintf("the foreign key %s finds no such row: %s refers to %s", f.Constraint, strings.Join(key.Columns, ", "), key.Table)
			}
		}
		return
	}
	f.Columns = nil
	f.Message = fmt.Sprintf("rows of table %s still refer to this one, by the foreign key %s", failure.TableName, f.Constraint)
}

// inOrder are those of the names that are columns of the table, in its order.
func inOrder(table *driver.Table, names []string) []string {
	if table == nil {
		return nil
	}
	var found []string
	for _, column := range slices.Concat(table.Columns, table.Excluded) {
		if slices.Contains(names, column.Name) {
			found = append(found, column.Name)
		}
	}
	return found
}

// ofDomain are the columns of a domain.
func ofDomain(table *driver.Table, domain string) []string {
	if table == nil || domain == "" {
		return nil
	}
	var found []string
	for _, column := range table.Columns {
		if slices.Contains(column.Details.(*details).domains, domain) {
			found = append(found, column.Name)
		}
	}
	return found
}
