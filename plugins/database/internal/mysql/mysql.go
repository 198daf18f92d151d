// Package mysql is MariaDB and MySQL for the database plugin, over
// github.com/go-sql-driver/mysql. What the two do differently is decided by what the
// server says of itself at connect.
//
// The package imports plugins/database/internal/address,
// plugins/database/internal/driver, plugins/database/internal/exact and
// plugins/database/internal/statement.
package mysql

import (
	"context"
	"database/sql"
	"sync"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	mysqldriver "github.com/go-sql-driver/mysql"
)

// MySQL is one database of a server. It is safe for concurrent use.
type MySQL struct {
	config  *mysqldriver.Config
	options driver.Options
	// tables are what is known of the schema.
	tables *tables

	// mu guards the field below.
	mu sync.Mutex
	// server is that which responded last.
	server server
}

var (
	_ driver.Driver    = (*MySQL)(nil)
	_ driver.Varying   = (*MySQL)(nil)
	_ driver.Unbounded = (*MySQL)(nil)
	_ driver.Doubtful  = (*MySQL)(nil)
)

// newMySQL returns a database that is not connected to yet.
func newMySQL(config *mysqldriver.Config, options driver.Options) *MySQL {
	return &MySQL{config: config, options: options, tables: newTables(time.Now)}
}

// Make does nothing: databases are made by those who run the server.
func (*MySQL) Make() error { return nil }

// OpenReading returns writing: the server bounds connections, and one pool is for both.
func (*MySQL) OpenReading(_ context.Context, writing *sql.DB) (*sql.DB, error) { return writing, nil }

// Ended is false: ROLLBACK without a transaction is no error.
func (*MySQL) Ended(error) bool { return false }
