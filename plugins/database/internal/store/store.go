// Package store is an open database: its transactions, its idempotency keys and its
// migrations, the same for every kind of database.
//
// The package imports plugins/database/internal/access,
// plugins/database/internal/driver, plugins/database/internal/failure,
// plugins/database/internal/named, plugins/database/internal/statement, sdk and sdk/litter.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/named"
	"github.com/backflow/backflow/sdk"
)

// Store is an open database, ready for actions. It is safe for concurrent use. Close it
// after use.
type Store struct {
	driver.Database
	db *sql.DB
	// reading is db where one pool is for both.
	reading *sql.DB
	// files is nil where the database is not in files.
	files driver.Files
	keys  *keys
	lock  writeLock
	// access says which tables are open.
	access *access.Rules
	// numbersAsText: see Settings.
	numbersAsText bool
	queries       map[string]*named.Query
}

// Settings say what to open. Every path in them is absolute.
type Settings struct {
	Database driver.Database
	// Migrations is a folder; empty for none.
	Migrations string
	// LockWait is how long a call waits for a lock that another process holds; zero is
	// DefaultLockWait.
	LockWait time.Duration
	// Access says which tables are open; nil for all.
	Access *access.Rules
	// NumbersAsText says that integers of 64 bits and decimals are shown as strings.
	NumbersAsText bool
	// Queries are the statements of the config by name.
	Queries map[string]*named.Query
	// Now is the clock by which idempotency keys grow old.
	Now func() time.Time
}

// files is nil where the database is not in files.
func (s Settings) files() driver.Files {
	files, _ := s.Database.Driver.(driver.Files)
	return files
}

// Create makes the database where it is not there yet, and opens it.
func Create(ctx context.Context, settings Settings) (*Store, error) {
	if err := settings.Database.Make(); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return Open(ctx, settings)
}

// Open prepares the database under a lock that other processes respect, so
// that two gateways that start at once apply each migration once.
func Open(ctx context.Context, settings Settings) (opened *Store, err error) {
	release, err := settings.Database.LockSetup(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	defer func() {
		if releaseErr := release(); releaseErr != nil && err == nil {
			err = errors.Join(fmt.Errorf("database: release the setup lock: %w", releaseErr), opened.Close())
		}
	}()
	if err := prepare(ctx, settings); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db, err := settings.Database.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	reading, err := settings.Database.OpenReading(ctx, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database: %w", err), db.Close())
	}
	database, err := fitted(ctx, settings.Database, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("database: %w", err), db.Close())
	}
	opened = &Store{
		Database: database, db: db, reading: reading, files: settings.files(),
		lock:   writeLock{now: settings.Now, longest: cmp.Or(settings.LockWait, DefaultLockWait)},
		access: cmp.Or(settings.Access, access.New(nil)), numbersAsText: settings.NumbersAsText, queries: settings.Queries,
	}
	opened.keys = newKeys(&opened.Syntax, settings.Now)
	if err := errors.Join(opened.WrongQueries(ctx)...); err != nil {
		return nil, errors.Join(err, opened.Close())
	}
	return opened, nil
}

// fitted returns the database with the syntax of the server that responds.
func fitted(ctx context.Context, database driver.Database, db *sql.DB) (driver.Database, error) {
	varying, ok := database.Driver.(driver.Varying)
	if !ok {
		return database, nil
	}
	var err error
	database.Syntax, err = varying.Syntax(ctx, db)
	return database, err
}

// prepare makes the plugin's table and migrates, over connections of its own:
// a migration may change its connection's settings, such as to switch foreign
// keys off, and no row must be written over such a connection.
func prepare(ctx context.Context, settings Settings) (err error) {
	open := settings.Database.Open
	if unbounded, ok := settings.Database.Driver.(driver.Unbounded); ok {
		open = unbounded.OpenUnbounded
	}
	db, err := open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := newKeys(&settings.Database.Syntax, settings.Now).makeTable(ctx, db); err != nil {
		return err
	}
	if settings.Migrations == "" {
		return nil
	}
	return migrate(ctx, &settings.Database.Syntax, db, settings.Migrations)
}

// Close closes the connections; the one that writes is the last, since it is that which
// can bring what is in a log to where it belongs.
func (s *Store) Close() error {
	var err error
	if s.reading != s.db {
		err = s.reading.Close()
	}
	if err = errors.Join(err, s.db.Close()); err != nil {
		return fmt.Errorf("database: close: %w", err)
	}
	return nil
}

// DB is the connections that write, for what is about the database and not about rows.
func (s *Store) DB() *sql.DB { return s.db }

// Doubts are settings of the database that may undo what it has acknowledged, as texts
// for people.
func (s *Store) Doubts(ctx context.Context) ([]string, error) {
	doubtful, ok := s.Driver.(driver.Doubtful)
	if !ok {
		return nil, nil
	}
	return doubtful.Doubts(ctx, s.db)
}

// InFiles reports whether the database is in files; Check, Leave are about those.
func (s *Store) InFiles() bool { return s.files != nil }

// Check returns an error once the files are not sound. It is nil where the database is
// not in files.
func (s *Store) Check() error {
	if s.files == nil {
		return nil
	}
	return s.files.Check()
}

// Leave closes a database whose files are not sound; see driver.Files.
func (s *Store) Leave(ctx context.Context) (left bool, err error) {
	return s.files.Leave(ctx, s.db, s.reading)
}

// verify is Check that looks closer. It is for a connection without a transaction.
func (s *Store) verify(ctx context.Context, conn *sql.Conn) *sdk.Error {
	if s.files == nil {
		return nil
	}
	if err := s.files.Verify(ctx, conn); err != nil {
		return NotSound(err)
	}
	return nil
}

// notSoundRetryAfter is when a call is to be made again that found the files not
// sound: by then they have been looked at again.
const notSoundRetryAfter = 2 * time.Second

// NotSound is the error of a call to a database whose files are not sound.
func NotSound(err error) *sdk.Error {
	return sdk.Refuse(sdk.CodeUnavailable, "the database cannot be used: %v", err).Later(notSoundRetryAfter)
}

// failed is the error of a call that failed before COMMIT: nothing was executed.
func (s *Store) failed(ctx context.Context, err error) error {
	var known *sdk.Error
	if errors.As(err, &known) {
		return known
	}
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	return failure.Of(s.access.Hide(s.Classify(err, nil), nil), nil, "")
}

// commitFailed is the error of a COMMIT that failed. A constraint that is
// checked there (a deferred foreign key) is a definite no. After anything else,
// a failed sync above all, the row may be there after the next start or not.
func (s *Store) commitFailed(err error) error {
	f := s.access.Hide(s.Classify(err, nil), nil)
	failed := failure.Of(f, nil, "")
	if failure.Definite(f) {
		return failed
	}
	failed.Outcome = sdk.OutcomeUnknown
	failed.Retryable = true
	failed.Message = "the commit failed, the row may be there or not: " + failed.Message
	return failed
}
