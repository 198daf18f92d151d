package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/failure"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/sdk"
)

// Tx is a transaction, or a connection that only reads. It belongs to one goroutine,
// until the function returns that it was handed to.
type Tx struct {
	*driver.Database
	store *Store
	ctx   context.Context
	conn  *sql.Conn
}

func (s *Store) tx(ctx context.Context, conn *sql.Conn) *Tx {
	return &Tx{Database: &s.Database, store: s, ctx: ctx, conn: conn}
}

// Context is that of the call.
func (tx *Tx) Context() context.Context { return tx.ctx }

// Table returns the table of exactly this name, as far as it is open to an operation; see
// access.Rules.Open. There is no other way to a table. at is the pointer of the params
// that name it, "" for those of the call.
func (tx *Tx) Table(at, name string, operation access.Operation) (*driver.Table, error) {
	return tx.store.access.Open(schema{tx}, at, name, operation)
}

// schema is the real one, of which access shows what is open.
type schema struct{ tx *Tx }

func (s schema) Describe(name string) (*driver.Table, error) {
	return s.tx.store.Describe(s.tx.ctx, s.tx.conn, name)
}

func (s schema) TableNames() ([]string, error) {
	rows, err := driver.Query(s.tx.ctx, s.tx.conn, s.tx.Syntax.TableNames)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var names []string
	for _, row := range rows {
		switch name := row[0].(type) {
		case string:
			names = append(names, name)
		case []byte:
			names = append(names, string(name))
		}
	}
	return names, nil
}

// Query returns the rows of a statement as the driver's values.
func (tx *Tx) Query(text *statement.Text) ([][]any, error) {
	ctx, cancel := tx.bounded()
	defer cancel()
	return driver.Query(ctx, tx.conn, text.String(), text.Values...)
}

// Each calls take with each row of a statement: see driver.Each.
func (tx *Tx) Each(text *statement.Text, start func([]*sql.ColumnType) error, take func(row []any) error) error {
	ctx, cancel := tx.bounded()
	defer cancel()
	return driver.Each(ctx, tx.conn, text.String(), text.Values, start, take)
}

// Exec runs a statement that returns no rows, and returns how many it changed.
func (tx *Tx) Exec(text *statement.Text) (affected int64, err error) {
	ctx, cancel := tx.bounded()
	defer cancel()
	result, err := tx.conn.ExecContext(ctx, text.String(), text.Values...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// bounded returns the context of one statement.
func (tx *Tx) bounded() (context.Context, context.CancelFunc) {
	if tx.StatementTimeout == 0 {
		return tx.ctx, func() {}
	}
	return context.WithTimeout(tx.ctx, tx.StatementTimeout)
}

// Failed returns the error of a statement about a table: see failure.Of.
func (tx *Tx) Failed(err error, table *driver.Table, place string) error {
	if cause := tx.ctx.Err(); cause != nil {
		return cause
	}
	return failure.Of(tx.store.access.Hide(tx.Classify(err, table), table), table, place)
}

// Write runs work in a transaction and records its result under the key; a repeat gets
// the first result and runs nothing. An empty key records nothing. Calls with one key
// wait for each other: at Syntax.Begin where it locks the database, else at
// Syntax.LockKey. The digest is that of what is asked for. Every error is an *sdk.Error
// that says what is known of the outcome.
func (s *Store) Write(ctx context.Context, key, digest string, work func(*Tx) ([]byte, error)) ([]byte, error) {
	return s.transact(ctx, func(tx *Tx) ([]byte, bool, error) {
		if key == "" {
			body, err := work(tx)
			return body, true, err
		}
		body, found, err := s.keys.recorded(ctx, tx.conn, key, digest)
		if err != nil || found {
			return body, false, err
		}
		if body, err = work(tx); err != nil {
			return nil, false, err
		}
		return body, true, s.keys.record(ctx, tx.conn, key, digest, body)
	})
}

// Read runs work that only reads, over a connection without a transaction: each
// statement by itself sees what is committed. Every error is an *sdk.Error.
func (s *Store) Read(ctx context.Context, work func(*Tx) ([]byte, error)) ([]byte, error) {
	conn, err := s.reading.Conn(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	if err := s.Check(); err != nil {
		return nil, NotSound(err)
	}
	body, err := work(s.tx(ctx, conn))
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return body, nil
}

// transact runs work in one transaction, which it commits. Work may
// end the transaction without a change by returning changed false. Every error
// is an *sdk.Error that says what is known of the outcome.
//
// The context bounds the wait for the connection, the wait for the write lock
// and the work. It does not bound COMMIT, which is one sync of the disk: a
// COMMIT that was cut off would leave the outcome unknown for no gain.
func (s *Store) transact(ctx context.Context, work func(*Tx) (body []byte, changed bool, err error)) ([]byte, error) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	if err := s.verify(ctx, conn); err != nil {
		return nil, err
	}
	if err := s.begin(ctx, conn); err != nil {
		// A driver may report a context that ended after BEGIN took effect.
		s.rollback(ctx, conn)
		return nil, s.failed(ctx, err)
	}
	ended := false
	defer func() {
		if !ended { // a panic in work must not leave the write lock taken
			s.rollback(ctx, conn)
		}
	}()
	body, changed, err := work(s.tx(ctx, conn))
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		if unsound := s.Check(); unsound != nil {
			err = NotSound(unsound)
		}
	}
	if err != nil || !changed {
		ended = true
		s.rollback(ctx, conn)
		if err != nil {
			return nil, s.failed(ctx, err)
		}
		return body, nil
	}
	ended = true
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), "COMMIT"); err != nil {
		s.rollback(ctx, conn)
		return nil, s.commitFailed(err)
	}
	if err := s.verify(context.WithoutCancel(ctx), conn); err != nil {
		err.Outcome = sdk.OutcomeUnknown
		err.Message = "the row was written, and may be lost: " + err.Message
		return nil, err
	}
	return body, nil
}

// begin starts a transaction, and waits for the locks of other processes as long as
// the store's writeLock says.
func (s *Store) begin(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, s.Syntax.LockTimeout(s.lock.wait())); err != nil {
		return fmt.Errorf("set the lock's timeout: %w", err)
	}
	asked := s.lock.now()
	_, err := conn.ExecContext(ctx, s.Syntax.Begin)
	switch {
	case err == nil:
		s.lock.taken()
		return nil
	case ctx.Err() == nil && s.Classify(err, nil).Condition == driver.Locked:
		return s.lock.refused(asked)
	}
	return err
}

// rollback ends a transaction whose context may be over. A connection on which
// that fails is in an unknown state: it is thrown away, and with it
// its transaction.
func (s *Store) rollback(ctx context.Context, conn *sql.Conn) {
	if _, err := conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK"); err != nil && !s.Ended(err) {
		_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn }) // always an error: the one that it was given
	}
}
