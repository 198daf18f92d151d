package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	_ "modernc.org/sqlite" // registers the driver "sqlite"
)

// setting is what a connection is set to by a pragma, and what that reads then.
type setting struct{ pragma, value, reads string }

// settings are applied to every connection, and read back after opening.
var settings = []setting{
	// How long a statement waits for another process's write, milliseconds.
	{"busy_timeout", "5000", "5000"},
	// Readers do not stop the writer, and a commit is one append and one sync.
	{"journal_mode", "WAL", "wal"},
	// Every commit is synced: with NORMAL a power cut loses acknowledged rows.
	{"synchronous", "FULL", "2"},
	{"foreign_keys", "ON", "1"},
	// On darwin fsync alone leaves data in the drive's cache
	// (https://www.sqlite.org/pragma.html#pragma_fullfsync); elsewhere it has
	// no effect.
	{"fullfsync", "ON", "1"},
	{"checkpoint_fullfsync", "ON", "1"},
}

// Make makes the file, for this account alone, if it is not there, and the directory
// where that is to be made.
func (s *SQLite) Make() error {
	if s.makeDir {
		if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
			return fmt.Errorf("make the directory of the database: %w", err)
		}
	}
	if err := createFile(s.path); err != nil {
		return fmt.Errorf("sqlite: create %s: %w", s.path, err)
	}
	return nil
}

// Open opens one connection to the file. A file system on which SQLite cannot keep its
// promises (no shared memory, so no WAL) is refused.
func (s *SQLite) Open(ctx context.Context) (*sql.DB, error) {
	s.filesMu.Lock()
	defer s.filesMu.Unlock()
	info, err := os.Stat(s.path)
	if err == nil && info.Size() == 0 && s.opened {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", s.path, err)
	}
	if err := errors.Join(registerInstant(), registerContains()); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	db, err := sql.Open("sqlite", s.source(settings))
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", s.path, err)
	}
	db.SetMaxOpenConns(1)
	db.SetConnMaxIdleTime(0)
	db.SetConnMaxLifetime(0)
	err = check(ctx, db, settings)
	if err == nil && s.suspect {
		err = inspect(ctx, db)
	}
	if err == nil {
		s.files, err = openFiles(s.path)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", s.path, err), db.Close())
	}
	s.suspect = false
	s.mu.Lock()
	s.tables = nil // the file may be another one
	s.mu.Unlock()
	return db, nil
}

// readConnections is how many calls read at the same time.
const readConnections = 4

// OpenReading returns connections of their own, which see what is committed while the
// one that writes is in a transaction, and cannot write: neither the file is open for it,
// nor does SQLite let them. They are made when they are needed.
func (s *SQLite) OpenReading(context.Context, *sql.DB) (*sql.DB, error) {
	db, err := sql.Open("sqlite", s.readingSource())
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", s.path, err)
	}
	db.SetMaxOpenConns(readConnections)
	db.SetMaxIdleConns(readConnections)
	db.SetConnMaxIdleTime(0)
	db.SetConnMaxLifetime(0)
	return db, nil
}

// inspecting are the settings of a connection that only looks: the file stays as it is,
// also one without a log of its own.
var inspecting = []setting{{"busy_timeout", "5000", "5000"}, {"query_only", "ON", "1"}}

// OpenInspecting opens a connection that can change nothing.
func (s *SQLite) OpenInspecting(ctx context.Context) (*sql.DB, error) {
	if _, err := os.Stat(s.path); err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", s.path, err)
	}
	db, err := sql.Open("sqlite", s.source(inspecting))
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", s.path, err)
	}
	db.SetMaxOpenConns(1)
	if err := check(ctx, db, inspecting); err != nil {
		return nil, errors.Join(fmt.Errorf("sqlite: open %s: %w", s.path, err), db.Close())
	}
	return db, nil
}

// source is the driver's name of the file and the settings. A file that went
// away is not made again, empty and without a word, when the connection is.
// Transactions of libraries (the migrations) begin immediate too.
func (s *SQLite) source(settings []setting) string {
	query := url.Values{"mode": {"rw"}, "_txlock": {"immediate"}}
	for _, setting := range settings {
		query.Add("_pragma", setting.pragma+"("+setting.value+")")
	}
	return s.named(query)
}

// readingSource is that of the connections that only read
// (https://www.sqlite.org/pragma.html#pragma_query_only).
func (s *SQLite) readingSource() string {
	query := url.Values{"mode": {"ro"}}
	for _, pragma := range []string{"busy_timeout(5000)", "query_only(ON)"} {
		query.Add("_pragma", pragma)
	}
	return s.named(query)
}

func (s *SQLite) named(query url.Values) string {
	file := url.URL{Scheme: "file", Path: s.path, RawQuery: query.Encode()}
	return file.String()
}

func check(ctx context.Context, db *sql.DB, settings []setting) error {
	for _, setting := range settings {
		var got string
		if err := db.QueryRowContext(ctx, "PRAGMA "+setting.pragma).Scan(&got); err != nil {
			return fmt.Errorf("read %s: %w", setting.pragma, err)
		}
		if !strings.EqualFold(got, setting.reads) {
			return fmt.Errorf("%s cannot be set to %s here (it is %s)", setting.pragma, setting.value, got)
		}
	}
	return nil
}

// createFile makes an empty file with mode 0600; SQLite's own files beside it
// get the same mode. A file that is there is not opened: closing it again
// would drop the locks that this process may hold on it
// (https://www.sqlite.org/howtocorrupt.html, 2.2).
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return file.Close()
}
