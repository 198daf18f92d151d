// Package sqlite is the SQLite dialect of the database plugin, over
// modernc.org/sqlite, which needs no C compiler.
//
// One process keeps one connection: SQLite has one writer at a time, so that
// calls queue in front of it, in order and bounded by their contexts, instead
// of meeting each other as SQLITE_BUSY. Other processes may use the same file.
package sqlite

import (
	"database/sql"
	"strings"
	"sync"

	"github.com/backflow/backflow/plugins/database/internal/dialect"
	"github.com/pressly/goose/v3"
)

// SQLite is one database file. It is safe for concurrent use.
type SQLite struct {
	// path is absolute.
	path string

	// mu guards the fields below, what is known of the schema.
	mu sync.Mutex
	// version is SQLite's schema_version that tables were read at.
	version int64
	tables  map[string]*dialect.Table
}

var _ dialect.Dialect = (*SQLite)(nil)

// New answers the dialect for the file at an absolute path. The file is made
// when it is opened; its directory is there.
func New(path string) *SQLite { return &SQLite{path: path} }

// Goose is the name under which the migration library knows SQLite.
func (*SQLite) Goose() goose.Dialect { return goose.DialectSQLite3 }

// Begin takes the write lock at once: a transaction that reads first and then
// writes could find that another process wrote in between, and fail late.
func (*SQLite) Begin() string { return "BEGIN IMMEDIATE" }

// Placeholder is "?", whatever the position.
func (*SQLite) Placeholder(int) string { return "?" }

// KeysDDL makes backflow_keys. Digest and result are for the plugin alone;
// recorded_at is in milliseconds since 1970, and indexed for the removal of
// old keys.
func (*SQLite) KeysDDL() []string {
	return []string{
		`CREATE TABLE IF NOT EXISTS backflow_keys (
  idempotency_key TEXT    NOT NULL PRIMARY KEY,
  digest          TEXT    NOT NULL,
  result          TEXT    NOT NULL,
  recorded_at     INTEGER NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS backflow_keys_recorded_at ON backflow_keys (recorded_at)`,
	}
}

// quote makes an identifier of any name: https://www.sqlite.org/lang_keywords.html
func quote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// scan reads the rows of a query as driver values, to the end: only then is it
// known that the statement succeeded.
func scan(rows *sql.Rows) (found [][]any, err error) {
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	columns, err := rows.Columns()
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		row := make([]any, len(columns))
		targets := make([]any, len(columns))
		for i := range row {
			targets[i] = &row[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		found = append(found, row)
	}
	return found, rows.Err()
}
