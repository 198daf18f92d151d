// Package postgres is PostgreSQL for the database plugin, version 12 and later, over
// pgx.
//
// A value is bound as text in PostgreSQL's own form of its type, and the server makes
// the value of it: so there is no type that passes through one of Go's, and none that
// needs to be known. Values are read as they are where pgx's own are exact (integers,
// booleans, bytes, doubles), and as text otherwise.
//
// The package imports plugins/database/internal/address,
// plugins/database/internal/driver and plugins/database/internal/exact.
package postgres

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Postgres is one database on a server. It is safe for concurrent use.
type Postgres struct {
	options driver.Options
	// config is copied for each pool.
	config *pgx.ConnConfig
	// pooled says that a pooler stands between, which hands each transaction to another
	// session: nothing can be set for a session.
	pooled bool
	// searchPath is empty for that of the role.
	searchPath string
	// now is the clock by which descriptions of tables grow old.
	now func() time.Time

	// changes counts the changes of tables that were seen: what a connection has prepared
	// before one is prepared anew.
	changes atomic.Int64

	// mu guards the fields below, what is known of the schema.
	mu     sync.Mutex
	tables map[string]*described
}

var (
	_ driver.Driver    = (*Postgres)(nil)
	_ driver.Pipeliner = (*Postgres)(nil)
	_ driver.Unbounded = (*Postgres)(nil)
	_ driver.Doubtful  = (*Postgres)(nil)
)

// Make does nothing: an administrator makes a database.
func (*Postgres) Make() error { return nil }

// Ended is false: ROLLBACK without a transaction is a warning.
func (*Postgres) Ended(error) bool { return false }
