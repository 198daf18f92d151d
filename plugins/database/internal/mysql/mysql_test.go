package mysql

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/backflow/backflow/internal/testkit/mariadbtest"
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// options are short where a test waits for one.
var options = driver.Options{
	MaxConnections: 20, MaxIdle: 20, MaxIdleTime: time.Minute, MaxLifetime: time.Minute,
	ConnectTimeout: 10 * time.Second, StatementTimeout: 30 * time.Second, LockTimeout: 5 * time.Second,
}

// opened is a database of one test, open as the plugin opens it.
type opened struct {
	*MySQL
	t    testing.TB
	db   *sql.DB
	conn *sql.Conn
}

// open makes a database with tables.
func open(t testing.TB, ddl ...string) *opened {
	t.Helper()
	return openAt(t, mariadbtest.New(t).URL(), options, ddl...)
}

func openAt(t testing.TB, url string, options driver.Options, ddl ...string) *opened {
	t.Helper()
	database, err := Locate(strings.TrimPrefix(url, "mysql://"), t.TempDir(), options)
	must(t, err)
	o := &opened{MySQL: database.Driver.(*MySQL), t: t}
	o.db, err = o.Open(t.Context())
	must(t, err)
	o.conn, err = o.db.Conn(t.Context())
	must(t, err)
	t.Cleanup(func() {
		_ = o.conn.Close() // its server may be gone
		must(t, o.db.Close())
	})
	for _, statement := range ddl {
		o.exec(statement)
	}
	return o
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (o *opened) exec(statement string, values ...any) {
	o.t.Helper()
	if _, err := o.conn.ExecContext(context.Background(), statement, values...); err != nil {
		o.t.Fatalf("%s: %v", statement, err)
	}
}

func (o *opened) table(name string) *driver.Table {
	o.t.Helper()
	o.tables.forget(name)
	table, err := o.Describe(context.Background(), o.conn, name)
	must(o.t, err)
	return table
}

func (o *opened) text(query string, values ...any) string {
	o.t.Helper()
	var value sql.NullString
	if err := o.conn.QueryRowContext(context.Background(), query, values...).Scan(&value); err != nil {
		o.t.Fatalf("%s: %v", query, err)
	}
	return value.String
}
