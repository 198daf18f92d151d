// Package sqlite is SQLite for the database plugin, over modernc.org/sqlite,
// which needs no C compiler.
//
// One process keeps one connection that writes: SQLite has one writer at a time, so
// that calls queue in front of it, in order and bounded by their contexts, instead
// of meeting each other as SQLITE_BUSY. Calls that only read have connections of their
// own. Other processes may use the same file.
//
// The package imports plugins/database/internal/driver,
// plugins/database/internal/exact and sdk/samefile.
package sqlite

import (
	"sync"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// SQLite is one database file. It is safe for concurrent use.
type SQLite struct {
	// path is absolute. makeDir says that its directory is to be made.
	path    string
	makeDir bool

	// mu guards the fields below, what is known of the schema.
	mu sync.Mutex
	// version is SQLite's schema_version that tables were read at.
	version int64
	tables  map[string]*driver.Table

	// filesMu guards the fields below. It is held while the files are looked into.
	filesMu sync.Mutex
	// files are those of the connection that Open made last, nil if none is open.
	files *files
	// opened: a database was open, and there has to be one again. suspect: it may lack
	// a part.
	opened, suspect bool
}

var _ driver.Driver = (*SQLite)(nil)

// New returns the database in the file at an absolute path. Make makes the file, and its
// directory.
func New(path string, options driver.Options) driver.Database {
	return database(newSQLite(path), options)
}

func newSQLite(path string) *SQLite { return &SQLite{path: path, makeDir: true} }

// database: SQLite does not bound a statement's time by itself.
func database(s *SQLite, options driver.Options) driver.Database {
	return driver.Database{Driver: s, Syntax: syntax, StatementTimeout: options.StatementTimeout}
}
