package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// secret is a value that no failure may show, with what messages have around names.
const secret = "s3cret' for key 'of_code' for column `x`.`y`.`code` at row 1"

// TestAFailureIsKnownByItsNumber: what the server reports of real statements, with the
// columns and without a value.
func TestAFailureIsKnownByItsNumber(t *testing.T) {
	o := open(t,
		"CREATE TABLE customers (id INT PRIMARY KEY)",
		"CREATE TABLE a (id INT PRIMARY KEY, code VARCHAR(100), region VARCHAR(10), total INT NOT NULL CHECK (total > 0), small TINYINT, kind ENUM('x'), at DATETIME, c VARCHAR(5) CHARACTER SET latin1,"+
			" customer INT, UNIQUE KEY of_code (region, code), CONSTRAINT enough CHECK (total < 1000 OR small > 1), CONSTRAINT of_customer FOREIGN KEY (customer) REFERENCES customers (id))",
		"INSERT INTO customers VALUES (1)",
	)
	o.exec("INSERT INTO a (id, code, region, total, customer) VALUES (1, ?, 'eu', 1, 1)", secret)
	o.exec("CREATE TABLE guarded (id INT, why VARCHAR(100))")
	o.exec("CREATE TRIGGER refuse BEFORE INSERT ON guarded FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'closed on Sundays'")
	o.exec("CREATE TRIGGER refuse_update BEFORE UPDATE ON guarded FOR EACH ROW SIGNAL SQLSTATE '45000' SET MYSQL_ERRNO = 1062, MESSAGE_TEXT = 'and on Mondays'")
	table := o.table("a")
	for _, c := range []struct {
		statement  string
		values     []any
		condition  driver.Condition
		constraint string
		columns    []string
	}{
		{"INSERT INTO a (id, code, region, total) VALUES (2, ?, 'eu', 1)", []any{secret}, driver.UniqueViolation, "of_code", []string{"code", "region"}},
		{"INSERT INTO a (id, total) VALUES (1, 1)", nil, driver.UniqueViolation, "PRIMARY", []string{"id"}},
		{"INSERT INTO a (id, total, customer) VALUES (2, 1, 7)", nil, driver.ForeignKeyViolation, "of_customer", []string{"customer"}},
		{"DELETE FROM customers", nil, driver.ForeignKeyViolation, "of_customer", nil},
		{"INSERT INTO a (id, total) VALUES (2, NULL)", nil, driver.NotNullViolation, "", []string{"total"}},
		{"INSERT INTO a (id) VALUES (2)", nil, driver.NotNullViolation, "", []string{"total"}},
		{"INSERT INTO a (id, total) VALUES (2, -5)", nil, driver.CheckViolation, "a.total", []string{"total"}},
		{"INSERT INTO a (id, total, small) VALUES (2, 5000, 1)", nil, driver.CheckViolation, "enough", []string{"total", "small"}},
		{"INSERT INTO a (id, total, small) VALUES (2, 1, 1000)", nil, driver.TypeMismatch, "", []string{"small"}},
		{"INSERT INTO a (id, total, small) VALUES (2, 1, ?)", []any{secret}, driver.TypeMismatch, "", []string{"small"}},
		{"INSERT INTO a (id, total, kind) VALUES (2, 1, 'y')", nil, driver.TypeMismatch, "", []string{"kind"}},
		{"INSERT INTO a (id, total, at) VALUES (2, 1, ?)", []any{secret}, driver.TypeMismatch, "", []string{"at"}},
		{"INSERT INTO a (id, total, region) VALUES (2, 1, ?)", []any{secret}, driver.TypeMismatch, "", []string{"region"}},
		{"INSERT INTO a (id, total, c) VALUES (2, 1, '漢')", nil, driver.TypeMismatch, "", []string{"c"}},
		{"INSERT INTO a (id, total, absent) VALUES (2, 1, 1)", nil, driver.UndefinedColumn, "", nil},
		{"INSERT INTO absent VALUES (1)", nil, driver.UndefinedTable, "", nil},
		{"INSERT INTO guarded (id) VALUES (1)", nil, driver.Raised, "", nil},
		{"KILL QUERY 4294967295", nil, driver.Other, "", nil},
	} {
		_, err := o.conn.ExecContext(t.Context(), c.statement, c.values...)
		if err == nil {
			t.Errorf("%s: succeeded", c.statement)
			continue
		}
		f := o.Classify(err, table)
		if f.Condition != c.condition || f.Constraint != c.constraint || !slices.Equal(f.Columns, c.columns) {
			t.Errorf("%s: %v\nis %+v", c.statement, err, f)
		}
		if shown := fmt.Sprintf("%+v", f); strings.Contains(shown, "s3cret") || strings.Contains(shown, "5000") || strings.Contains(shown, "漢") || f.Message == "" {
			t.Errorf("%s: shows %s", c.statement, shown)
		}
	}
	o.exec("DROP TRIGGER refuse")
	o.exec("INSERT INTO guarded VALUES (1, '')")
	_, err := o.conn.ExecContext(t.Context(), "UPDATE guarded SET id = 2")
	if f := o.Classify(err, table); f.Condition != driver.Raised || !strings.Contains(f.Message, "and on Mondays") {
		t.Errorf("%v is %+v", err, f)
	}
	o.exec("START TRANSACTION READ ONLY")
	_, err = o.conn.ExecContext(t.Context(), "INSERT INTO guarded VALUES (1, '')")
	if f := o.Classify(err, nil); f.Condition != driver.ReadOnly {
		t.Errorf("%v is %+v", err, f)
	}
}

// TestWhatMySQLReportsIsKnownToo: its texts, as its manual has them
// (https://dev.mysql.com/doc/mysql-errs/8.0/en/server-error-reference.html).
func TestWhatMySQLReportsIsKnownToo(t *testing.T) {
	table := &driver.Table{
		Name: "orders", Columns: []driver.Column{{Name: "id"}, {Name: "code"}, {Name: "total"}},
		KeyColumns: map[string][]string{"PRIMARY": {"id"}, "of_code": {"code"}},
		Checks:     map[string]string{"enough": "(`total` > 0)"},
	}
	m := newMySQL(nil, options)
	for _, c := range []struct {
		number     uint16
		message    string
		condition  driver.Condition
		constraint string
		columns    []string
	}{
		{1062, "Duplicate entry 's3cret' for key 'orders.of_code'", driver.UniqueViolation, "of_code", []string{"code"}},
		{1062, "Duplicate entry 's3cret-' for key 'orders.PRIMARY'", driver.UniqueViolation, "PRIMARY", []string{"id"}},
		{1062, "Duplicate entry 's3cret' for key 's3cret'", driver.UniqueViolation, "", nil},
		{3819, "Check constraint 'enough' is violated.", driver.CheckViolation, "enough", []string{"total"}},
		{1366, "Incorrect integer value: 's3cret' for column 'total' at row 1", driver.TypeMismatch, "", []string{"total"}},
		{1406, "Data too long for column 'code' at row 1", driver.TypeMismatch, "", []string{"code"}},
		{3024, "Query execution was interrupted, maximum statement execution time exceeded", driver.Interrupted, "", nil},
		{1290, "The MySQL server is running with the --super-read-only option so it cannot execute this statement", driver.ReadOnly, "", nil},
		{1213, "Deadlock found when trying to get lock; try restarting transaction", driver.Deadlock, "", nil},
		{1205, "Lock wait timeout exceeded; try restarting transaction", driver.Locked, "", nil},
		{1105, "Parameter of prepared statement which is set through mysql_send_long_data() is longer than 'max_allowed_packet' bytes", driver.TooLarge, "", nil},
		{1030, `Got error 28 "No space left on device" from storage engine InnoDB`, driver.DiskFull, "", nil},
		{1030, "Got error 168 - 'Unknown (generic) error from engine' from storage engine", driver.IOError, "", nil},
		{1040, "Too many connections", driver.Busy, "", nil},
		{1045, "Access denied for user 'shop'@'db' (using password: YES)", driver.Unauthorized, "", nil},
		{4031, "The client was disconnected by the server because of inactivity.", driver.Unreachable, "", nil},
		{1234, "something about s3cret", driver.Other, "", nil},
	} {
		f := m.Classify(fmt.Errorf("insert: %w", &mysqldriver.MySQLError{Number: c.number, SQLState: [5]byte([]byte("HY000")), Message: c.message}), table)
		if f.Condition != c.condition || f.Constraint != c.constraint || !slices.Equal(f.Columns, c.columns) || strings.Contains(fmt.Sprint(f), "s3cret") {
			t.Errorf("%d %s: %+v", c.number, c.message, f)
		}
	}
	for err, want := range map[error]driver.Condition{
		context.DeadlineExceeded: driver.Interrupted, context.Canceled: driver.Interrupted,
		mysqldriver.ErrInvalidConn: driver.Unreachable, sqldriver.ErrBadConn: driver.Unreachable, io.EOF: driver.Unreachable,
		errors.New("dial tcp"): driver.Unreachable, mysqldriver.ErrPktTooLarge: driver.TooLarge,
	} {
		if f := m.Classify(err, table); f.Condition != want {
			t.Errorf("%v: %+v", err, f)
		}
	}
}

// FuzzNames: what a message or a piece of SQL has in quotes is found or not, and nothing
// else happens.
func FuzzNames(f *testing.F) {
	f.Add("Duplicate entry 'x' for key 'of_code'", "enum('a','it''s')")
	f.Add("… for column `shop`.`orders`.`a``b` at row 1", "decimal(10,2) unsigned")
	f.Add("CONSTRAINT `a` FOREIGN KEY (`b`) REFERENCES `c` (`d`)", "set('\\")
	table := &driver.Table{Name: "orders", Columns: []driver.Column{{Name: "a"}}}
	m := newMySQL(nil, options)
	f.Fuzz(func(t *testing.T, message, declared string) {
		for number := range numbers {
			found := m.Classify(&mysqldriver.MySQLError{Number: number, Message: message}, table)
			if len(found.Columns) > 1 {
				t.Errorf("%q: columns %q", message, found.Columns)
			}
		}
		names(message)
		parsed := parseType(declared)
		if strings.Contains(parsed.base, "(") {
			t.Errorf("%q: %+v", declared, parsed)
		}
		kindOf(parsed)
	})
}
