package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	mysqldriver "github.com/go-sql-driver/mysql"
)

// raised is the state of SIGNAL without an error of the database's own
// (https://mariadb.com/kb/en/signal/).
const raised = "45000"

// known is what an error number means. The server's own text holds values in many
// cases, so that none of it is shown.
type known struct {
	condition driver.Condition
	message   string
}

// numbers are the errors of both servers, by number
// (https://mariadb.com/kb/en/mariadb-error-code-reference/,
// https://dev.mysql.com/doc/mysql-errs/8.0/en/server-error-reference.html).
var numbers = map[uint16]known{
	1062: {driver.UniqueViolation, "another row has these values in a unique key"},
	1169: {driver.UniqueViolation, "another row has these values in a unique key"},
	1586: {driver.UniqueViolation, "another row has these values in a unique key"},
	1022: {driver.UniqueViolation, "another row has these values in a unique key"},
	1242: {driver.CardinalityViolation, "a subquery has more than one row"},
	1216: {driver.ForeignKeyViolation, "the row refers to one that is not there"},
	1452: {driver.ForeignKeyViolation, "the row refers to one that is not there"},
	1217: {driver.ForeignKeyViolation, "other rows refer to the row"},
	1451: {driver.ForeignKeyViolation, "other rows refer to the row"},
	1048: {driver.NotNullViolation, "a column must not be null"},
	1263: {driver.NotNullViolation, "a column must not be null"},
	1364: {driver.NotNullViolation, "a column has no default and needs a value"},
	3819: {driver.CheckViolation, "a check refused the row"},
	4025: {driver.CheckViolation, "a check refused the row"},
	1264: {driver.TypeMismatch, "a value is out of the range of its column"},
	1690: {driver.TypeMismatch, "a value is out of range"},
	1265: {driver.TypeMismatch, "a value does not fit its column"},
	1292: {driver.TypeMismatch, "a value does not fit the type of its column"},
	1366: {driver.TypeMismatch, "a value does not fit the type or the character set of its column"},
	1367: {driver.TypeMismatch, "a value does not fit the type of its column"},
	1406: {driver.TypeMismatch, "a value is too long for its column"},
	1411: {driver.TypeMismatch, "a value does not fit the type of its column"},
	1416: {driver.TypeMismatch, "a value is no geometry"},
	3140: {driver.TypeMismatch, "a value is no JSON"},
	3156: {driver.TypeMismatch, "a value of JSON does not fit the type of its column"},
	3157: {driver.TypeMismatch, "a value of JSON is nested too deeply"},
	4078: {driver.TypeMismatch, "a value does not fit the type of its column"},
	1267: {driver.TypeMismatch, "texts of different collations cannot be compared"},
	1644: {driver.Raised, ""},
	1643: {driver.Raised, ""},
	1645: {driver.Raised, ""},
	1146: {driver.UndefinedTable, "the table is not there"},
	1051: {driver.UndefinedTable, "the table is not there"},
	1054: {driver.UndefinedColumn, "the table has changed: a column is not there"},
	1072: {driver.UndefinedColumn, "the table has changed: a column is not there"},
	1118: {driver.TooLarge, "the row is larger than the database keeps"},
	1153: {driver.TooLarge, "the statement is larger than max_allowed_packet of the server"},
	1301: {driver.TooLarge, "a value is larger than max_allowed_packet of the server"},
	1139: {driver.TooLarge, "the row is larger than the database keeps"},
	1036: {driver.ReadOnly, "the table may only be read"},
	1290: {driver.ReadOnly, "the server runs with an option, such as read_only, that forbids the statement"},
	1792: {driver.ReadOnly, "the transaction may only read"},
	1836: {driver.ReadOnly, "the server may only be read now"},
	1874: {driver.ReadOnly, "InnoDB may only be read now"},
	4047: {driver.ReadOnly, "the server may only be read now"},
	1044: {driver.Denied, "the account has no right to the database"},
	1142: {driver.Denied, "the account has no right to this on the table"},
	1143: {driver.Denied, "the account has no right to this on a column"},
	1227: {driver.Denied, "the account lacks a right that the statement needs"},
	1370: {driver.Denied, "the account may not run the routine"},
	1045: {driver.Unauthorized, "the server refuses the account or its password"},
	1130: {driver.Unauthorized, "the server takes no connection from this host"},
	1251: {driver.Unauthorized, "the server asks for a way to authenticate that is not supported"},
	1698: {driver.Unauthorized, "the server refuses the account"},
	1820: {driver.Unauthorized, "the password has to be changed"},
	1862: {driver.Unauthorized, "the password has expired"},
	3118: {driver.Unauthorized, "the account is locked"},
	3159: {driver.Unauthorized, "the server takes connections over TLS only"},
	4151: {driver.Unauthorized, "the account is locked"},
	1213: {driver.Deadlock, "the transaction was in a deadlock with another one"},
	1614: {driver.Deadlock, "the transaction was in a deadlock with another one"},
	1020: {driver.Serialization, "the row was changed since it was read"},
	1205: {driver.Locked, "another transaction has held a lock for too long"},
	3058: {driver.Deadlock, "the transaction was in a deadlock with another one"},
	3572: {driver.Locked, "another transaction holds the lock of the row"},
	1317: {driver.Interrupted, "the statement was interrupted"},
	1969: {driver.Interrupted, "the statement ran for longer than it may"},
	3024: {driver.Interrupted, "the statement ran for longer than it may"},
	1028: {driver.Interrupted, "the statement was interrupted"},
	1053: {driver.Unreachable, "the server shuts down"},
	1077: {driver.Unreachable, "the server shuts down"},
	1079: {driver.Unreachable, "the server shuts down"},
	1047: {driver.Unreachable, "the server takes no statements now"},
	1129: {driver.Unreachable, "the server blocks this host, since too many connections broke"},
	1152: {driver.Unreachable, "the connection broke"},
	1158: {driver.Unreachable, "the connection broke"},
	1159: {driver.Unreachable, "the connection broke"},
	1160: {driver.Unreachable, "the connection broke"},
	1161: {driver.Unreachable, "the connection broke"},
	1184: {driver.Unreachable, "the connection broke"},
	1927: {driver.Unreachable, "the connection was ended by the server"},
	2006: {driver.Unreachable, "the connection broke"},
	2013: {driver.Unreachable, "the connection broke"},
	3169: {driver.Unreachable, "the connection was ended by the server"},
	4031: {driver.Unreachable, "the connection was ended by the server"},
	1040: {driver.Busy, "the server has as many connections as it takes"},
	1203: {driver.Busy, "the account has as many connections as it may"},
	1226: {driver.Busy, "the account has used what it may"},
	1021: {driver.DiskFull, "the disk of the database is full"},
	1114: {driver.DiskFull, "the table, or the disk of the database, is full"},
	1026: {driver.IOError, "the disk of the database failed"},
	1030: {driver.IOError, "the storage engine failed"},
	1037: {driver.Passing, "the server has no memory left"},
	1038: {driver.Passing, "the server has no memory left for sorting"},
	1041: {driver.Passing, "the server has no memory left"},
	1206: {driver.Passing, "the server has no memory left for locks"},
	1412: {driver.SchemaChanged, "the table was changed meanwhile"},
	1615: {driver.SchemaChanged, "the table was changed meanwhile"},
	1461: {driver.Passing, "the server has as many prepared statements as it takes"},
	1049: {driver.Other, "the server has no database of this name"},
	1419: {driver.Denied, "the account lacks a right that a trigger of the table needs"},
	1449: {driver.Other, "the account that a trigger, view or routine runs as is not there"},
	1665: {driver.Other, "the server logs statements (binlog_format) in a way that this needs changed to ROW or MIXED"},
}

// noSpace is the number of ENOSPC as the storage engine reports it.
const noSpace = "error 28 "

// Classify goes by the number of an error alone; names are taken from its text, and
// only those that the table has.
func (m *MySQL) Classify(err error, table *driver.Table) driver.Failure {
	var failure *mysqldriver.MySQLError
	if message := authentication(err); message != "" {
		return driver.Failure{Condition: driver.Unauthorized, Message: message}
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return driver.Failure{Condition: driver.Interrupted, Message: "the database did not respond in time"}
	case errors.Is(err, mysqldriver.ErrPktTooLarge):
		return driver.Failure{Condition: driver.TooLarge, Message: numbers[1153].message}
	case !errors.As(err, &failure):
		return driver.Failure{Condition: driver.Unreachable, Message: "the database connection failed" + cause(err)}
	}
	what, ok := numbers[failure.Number]
	switch {
	case string(failure.SQLState[:]) == raised:
		what.condition = driver.Raised
	case failure.Number == 1105 && strings.Contains(failure.Message, "max_allowed_packet"):
		what = numbers[1153]
	case failure.Number == 1030 && strings.Contains(failure.Message, noSpace):
		what = numbers[1021]
	case !ok:
		what = known{driver.Other, fmt.Sprintf("the database refused with error %d (%s)", failure.Number, failure.SQLState[:])}
	}
	f := driver.Failure{Condition: what.condition, Message: what.message}
	if what.condition == driver.Raised {
		f.Message = "a trigger refused the row: " + failure.Message
	}
	if table != nil {
		m.locate(&f, failure, table)
	}
	return f
}

// cause is what the network said, without an address.
func cause(err error) string {
	var number syscall.Errno
	if errors.As(err, &number) {
		return ": " + number.Error()
	}
	return ""
}

// authentication says what is wrong where client and server find no way to authenticate
// that is safe; the library's own texts name settings that are not there.
func authentication(err error) string {
	switch {
	case errors.Is(err, mysqldriver.ErrNoTLS):
		return "the server offers no TLS"
	case errors.Is(err, mysqldriver.ErrCleartextPassword):
		return "the server asks for the password in plain text"
	case errors.Is(err, mysqldriver.ErrOldPassword):
		return "the server asks for the password in the way of MySQL before 4.1"
	case errors.Is(err, mysqldriver.ErrUnknownPlugin):
		return "the server asks for a way to authenticate that is not supported"
	}
	return ""
}

// locate adds which constraint and which columns a failure is about.
func (m *MySQL) locate(f *driver.Failure, failure *mysqldriver.MySQLError, table *driver.Table) {
	switch f.Condition {
	case driver.UndefinedTable, driver.UndefinedColumn:
		m.tables.forget(table.Name)
	case driver.UniqueViolation:
		f.Constraint = lastQuoted(failure.Message, " for key '", "'")
		if short, ok := strings.CutPrefix(f.Constraint, table.Name+"."); ok { // as MySQL 8.0.19 and later say it
			f.Constraint = short
		}
		f.Columns = inOrder(table, table.KeyColumns[f.Constraint])
		if len(f.Columns) == 0 {
			f.Constraint = ""
		} else {
			f.Message = "another row has the same " + strings.Join(f.Columns, ", ")
		}
	case driver.ForeignKeyViolation:
		f.Constraint = lastQuoted(failure.Message, "CONSTRAINT `", "` FOREIGN KEY")
		_, rest, _ := strings.Cut(failure.Message, "` FOREIGN KEY (")
		columns, rest, _ := strings.Cut(rest, ")")
		if failure.Number == 1452 {
			f.Columns = inOrder(table, names(columns))
			if target := lastQuoted(rest, "REFERENCES `", "` ("); target != "" {
				f.Message += ", of table " + target
			}
		} else if owner := lastQuoted(failure.Message, "fails (", ", CONSTRAINT"); owner != "" {
			f.Message = "rows of " + strings.ReplaceAll(owner, "`", "") + " refer to the row"
		}
	case driver.CheckViolation:
		f.Constraint = lastQuoted(failure.Message, "CONSTRAINT `", "` failed for ")
		if f.Constraint == "" {
			f.Constraint = lastQuoted(failure.Message, "Check constraint '", "' is violated")
		}
		expression, ok := table.Checks[f.Constraint]
		if !ok {
			f.Constraint = ""
			return
		}
		f.Message = "the check " + f.Constraint + " refused the row"
		f.Fault = "refused by the check " + f.Constraint
		f.Columns = inOrder(table, names(expression))
	case driver.NotNullViolation, driver.TypeMismatch:
		m.tables.forget(table.Name)
		f.Columns = inOrder(table, []string{columnOf(failure.Message)})
	}
}

// lastQuoted is what stands between two texts, the first of them where it comes last:
// a value of the caller's may hold the same text before.
func lastQuoted(message, before, after string) string {
	start := strings.LastIndex(message, before)
	if start < 0 {
		return ""
	}
	inside, _, ok := strings.Cut(message[start+len(before):], after)
	if !ok {
		return ""
	}
	return inside
}

// columnOf is the column that a message names, in one of four ways: "Column 'a' cannot
// be null", "Field 'a' doesn't have a default value", "… for column 'a' at row 1" and
// "… for column `shop`.`orders`.`a` at row 1".
func columnOf(message string) string {
	for _, before := range []string{"Column '", "Field '"} {
		if strings.HasPrefix(message, before) {
			return lastQuoted(message, before, "'")
		}
	}
	if name := lastQuoted(message, " for column '", "' at row "); name != "" {
		return name
	}
	path := lastQuoted(message, " for column `", "` at row ")
	if i := strings.LastIndex(path, "`.`"); i >= 0 {
		path = path[i+len("`.`"):]
	}
	return strings.ReplaceAll(path, "``", "`")
}

// names are the names in backquotes of a piece of SQL.
func names(expression string) []string {
	var found []string
	for expression != "" {
		start := strings.IndexAny(expression, "`'\"")
		if start < 0 {
			break
		}
		quote := expression[start : start+1]
		var name strings.Builder
		rest := expression[start+1:]
		for {
			piece, after, ok := strings.Cut(rest, quote)
			name.WriteString(piece)
			rest = after
			if !ok || !strings.HasPrefix(rest, quote) {
				break
			}
			name.WriteString(quote)
			rest = rest[1:]
		}
		if quote == "`" {
			found = append(found, name.String())
		}
		expression = rest
	}
	return found
}

// inOrder are those of the names that are columns of the table, in its order.
func inOrder(table *driver.Table, named []string) []string {
	var found []string
	for _, column := range table.Columns {
		if slices.ContainsFunc(named, func(name string) bool { return strings.EqualFold(name, column.Name) }) {
			found = append(found, column.Name)
		}
	}
	return found
}
