package main

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk"
)

// store is an open database, ready for actions.
type store struct {
	driver.Database
	db *sql.DB
	// files is nil where the database is not in files.
	files driver.Files
	keys  keys
	lock  writeLock
}

// create makes the database where it is not there yet, and opens it.
func create(ctx context.Context, settings settings, now func() time.Time) (*store, error) {
	if err := settings.database.Make(); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	return open(ctx, settings, now)
}

// open prepares the database under a lock that other processes respect, so
// that two gateways that start at once apply each migration once.
func open(ctx context.Context, settings settings, now func() time.Time) (opened *store, err error) {
	release, err := settings.database.LockSetup(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	defer func() {
		if releaseErr := release(); releaseErr != nil && err == nil {
			err = errors.Join(fmt.Errorf("database: release the setup lock: %w", releaseErr), opened.close())
		}
	}()
	if err := prepare(ctx, settings, now); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	db, err := settings.database.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	opened = &store{Database: settings.database, db: db, files: settings.files(), lock: writeLock{now: now, longest: maxLockWait}}
	opened.keys = newKeys(&opened.Syntax, now)
	return opened, nil
}

// prepare makes the plugin's table and migrates, over connections of its own:
// a migration may change its connection's settings, such as to switch foreign
// keys off, and no row must be written over such a connection.
func prepare(ctx context.Context, settings settings, now func() time.Time) (err error) {
	db, err := settings.database.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := newKeys(&settings.database.Syntax, now).makeTable(ctx, db); err != nil {
		return err
	}
	if settings.migrations == "" {
		return nil
	}
	return migrate(ctx, settings.database.Syntax.Goose, db, settings.migrations)
}

func (s *store) close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("database: close: %w", err)
	}
	return nil
}

// transact runs work in one transaction, which it commits. Work may
// end the transaction without a change by returning changed false. Every error
// is an *sdk.Error that says what is known of the outcome.
//
// The context bounds the wait for the connection, the wait for the write lock
// and the work. It does not bound COMMIT, which is one sync of the disk: a
// COMMIT that was cut off would leave the outcome unknown for no gain.
func (s *store) transact(ctx context.Context, work func(*sql.Conn) (body []byte, changed bool, err error)) ([]byte, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, s.failure(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	if err := s.verify(ctx, conn); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, conn); err != nil {
		// A driver may report a context that ended after BEGIN took effect.
		s.rollback(ctx, conn)
		return nil, s.failure(ctx, err)
	}
	ended := false
	defer func() {
		if !ended { // a panic in work must not leave the write lock taken
			s.rollback(ctx, conn)
		}
	}()
	body, changed, err := work(conn)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = s.check()
	}
	if err != nil || !changed {
		ended = true
		s.rollback(ctx, conn)
		if err != nil {
			return nil, s.failure(ctx, err)
		}
		return body, nil
	}
	ended = true
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		s.rollback(ctx, conn)
		return nil, s.commitFailure(err)
	}
	if err := s.verify(context.WithoutCancel(ctx), conn); err != nil {
		err.Outcome = sdk.OutcomeUnknown
		err.Message = "the row was written, and may be lost: " + err.Message
		return nil, err
	}
	return body, nil
}

// check returns an error once the files are not sound. It is nil where the database is
// not in files.
func (s *store) check() error {
	if s.files == nil {
		return nil
	}
	if err := s.files.Check(); err != nil {
		return notSound(err)
	}
	return nil
}

// verify is check that looks closer. It is for a connection without a transaction.
func (s *store) verify(ctx context.Context, conn *sql.Conn) *sdk.Error {
	if s.files == nil {
		return nil
	}
	if err := s.files.Verify(ctx, conn); err != nil {
		return notSound(err)
	}
	return nil
}

// notSoundRetryAfter is when a call is to be made again that found the files not
// sound: by then they have been looked at again.
const notSoundRetryAfter = 2 * time.Second

// notSound is the error of a call to a database whose files are not sound.
func notSound(err error) *sdk.Error {
	return sdk.Refuse(sdk.CodeUnavailable, "the database cannot be used: %v", err).Later(notSoundRetryAfter)
}

// begin starts a transaction, and waits for the locks of other processes as long as
// the store's writeLock says.
func (s *store) begin(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, s.Syntax.LockTimeout(s.lock.wait())); err != nil {
		return fmt.Errorf("set the lock's timeout: %w", err)
	}
	asked := s.lock.now()
	_, err := conn.ExecContext(ctx, s.Syntax.Begin)
	switch {
	case err == nil:
		s.lock.taken()
		return nil
	case s.Locked(err) && ctx.Err() == nil:
		return s.lock.refused(asked)
	}
	return err
}

// rollback ends a transaction whose context may be over. A connection on which
// that fails is in an unknown state: it is thrown away, and with it
// its transaction.
func (s *store) rollback(ctx context.Context, conn *sql.Conn) {
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil && !s.Ended(err) {
		_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn }) // always an error: the one that it was given
	}
}

// failure is the error of a call that failed before COMMIT: nothing was executed.
func (s *store) failure(ctx context.Context, err error) error {
	var known *sdk.Error
	if errors.As(err, &known) {
		return known
	}
	if cause := ctx.Err(); cause != nil {
		err = cause
	}
	failed, _ := s.Classify(err, nil)
	return failed
}

// commitFailure is the error of a COMMIT that failed. A constraint that is
// checked there (a deferred foreign key) is a definite no. After anything else,
// a failed sync above all, the row may be there after the next start or not.
func (s *store) commitFailure(err error) error {
	failed, refused := s.Classify(err, nil)
	if refused {
		return failed
	}
	failed.Outcome = sdk.OutcomeUnknown
	failed.Retryable = true
	failed.Message = "the commit failed, the row may be there or not: " + failed.Message
	return failed
}
