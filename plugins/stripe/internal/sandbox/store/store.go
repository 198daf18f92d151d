// Package store keeps the state of the sandbox in one SQLite file: objects,
// what was done under idempotency keys, timers, and events that are on their way.
// It knows kinds, ids and bytes, and nothing of what Stripe's objects mean.
//
// One transaction at a time changes the state, over all processes that hold the
// file. What Commit returned for outlives the death of the process; a power cut
// may take the last moments, which is enough for a sandbox.
//
// The package imports nothing of the project.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// version is that of the tables below. A file of another version is refused: what is in
// it may be of a newer Backflow, which reads it still.
const version = 1

const tables = `
CREATE TABLE objects (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,
	kind    TEXT NOT NULL,
	id      TEXT NOT NULL,
	created INTEGER NOT NULL,
	gone    INTEGER NOT NULL DEFAULT 0,
	data    TEXT NOT NULL,
	UNIQUE (account, id, kind)
) STRICT;
CREATE INDEX objects_of_kind ON objects (account, kind, seq);
CREATE TABLE keys (
	account     TEXT NOT NULL,
	key         TEXT NOT NULL,
	fingerprint TEXT NOT NULL,
	at          INTEGER NOT NULL,
	status      INTEGER NOT NULL,
	response    BLOB NOT NULL,
	PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_by_age ON keys (at);
CREATE TABLE timers (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,
	clock   TEXT NOT NULL,
	at      INTEGER NOT NULL,
	kind    TEXT NOT NULL,
	object  TEXT NOT NULL
) STRICT;
CREATE INDEX timers_due ON timers (clock, at, seq);
CREATE INDEX timers_of_object ON timers (account, object);
CREATE TABLE deliveries (
	seq     INTEGER PRIMARY KEY AUTOINCREMENT,
	account TEXT NOT NULL,
	event   TEXT NOT NULL,
	target  TEXT NOT NULL,
	attempt INTEGER NOT NULL DEFAULT 0,
	since   INTEGER NOT NULL,
	at      INTEGER NOT NULL,
	body    TEXT NOT NULL
) STRICT;
CREATE INDEX deliveries_due ON deliveries (target, seq);
CREATE INDEX deliveries_of_event ON deliveries (event);
CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
`

// Store is an open state. It is safe for concurrent use.
type Store struct {
	db *sql.DB
}

// FileName is the name of the file in its directory.
const FileName = "stripe-sandbox.db"

// Open opens the state in a directory, or makes it there. Without a directory the
// state is in memory, and ends with Close. A file that is no state of this version is
// left as it is, and is an error.
func Open(ctx context.Context, dir string) (*Store, error) {
	source, path := url.URL{Scheme: "file", Opaque: ":memory:"}, "memory"
	if dir != "" {
		path = filepath.Join(dir, FileName)
		if err := create(path); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
		source = url.URL{Scheme: "file", Path: path} // escaped: a "?" would end the name of the file
	}
	source.RawQuery = url.Values{
		"_txlock": {"immediate"},
		// While a gateway reloads, two plugins hold the file for a moment.
		"_pragma": {"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(NORMAL)", "auto_vacuum(INCREMENTAL)"},
	}.Encode()
	db, err := sql.Open("sqlite", source.String())
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	db.SetMaxOpenConns(1)
	s := &Store{db: db}
	if err := s.prepare(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: the state in %s cannot be read (move the file away, and the sandbox begins anew): %w", path, err), db.Close())
	}
	return s, nil
}

// create makes an empty file, for this account alone, where none exists.
func create(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return file.Close()
}

// prepare makes the tables, unless they are there already.
func (s *Store) prepare(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing to undo once it is committed
	var found int
	if err := tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&found); err != nil {
		return err
	}
	if found == version {
		return nil
	}
	var held int
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&held); err != nil {
		return err
	}
	if found != 0 || held > 0 {
		return fmt.Errorf("it has version %d; this Backflow reads version %d", found, version)
	}
	if _, err := tx.ExecContext(ctx, tables+fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
		return err
	}
	return tx.Commit()
}

// Close closes the state. Transactions under way end first.
func (s *Store) Close() error { return s.db.Close() }

// Begin starts a transaction, and waits until no other one is under way. The
// context bounds the wait and the transaction.
func (s *Store) Begin(ctx context.Context) (*Tx, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("sandbox: begin: %w", err)
	}
	return &Tx{ctx: ctx, tx: tx, statements: map[string]*sql.Stmt{}}, nil
}
