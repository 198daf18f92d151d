package store

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"time"

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
	// writing says that it is a transaction that may write.
	writing bool
	// cause is the last error of the database, nil for none.
	cause error
	// open is not nil where statements are not run: see Store.Inspect.
	open func(driver.JSON) bool
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
	table, err := s.tx.store.Describe(s.tx.ctx, s.tx.conn, name)
	if err != nil && !errors.Is(err, driver.ErrNoTable) {
		s.tx.cause = err
	}
	return table, err
}

func (s schema) TableNames() ([]string, error) {
	rows, err := driver.Query(s.tx.ctx, s.tx.conn, s.tx.Syntax.TableNames)
	if err != nil {
		s.tx.cause = err
		return nil, fmt.Errorf("list tables: %w", err)
	}
	var names []string
	for _, row := range rows {
		names = append(names, text(row[0]))
	}
	return names, nil
}

// Query returns the rows of a statement as the driver's values.
func (tx *Tx) Query(text *statement.Text) ([][]any, error) {
	if tx.open != nil {
		return nil, ErrInspected
	}
	ctx, cancel := tx.bounded()
	defer cancel()
	rows, err := driver.Query(ctx, tx.conn, text.String(), text.Values...)
	if err != nil {
		tx.cause = err
	}
	return rows, err
}

// Each calls take with each row of a statement: see driver.Each.
func (tx *Tx) Each(text *statement.Text, start func([]*sql.ColumnType) error, take func(row []any) error) error {
	if tx.open != nil {
		return ErrInspected
	}
	ctx, cancel := tx.bounded()
	defer cancel()
	// What start and take return is no error of the database.
	var own error
	err := driver.Each(ctx, tx.conn, text.String(), text.Values, func(columns []*sql.ColumnType) error {
		if start != nil {
			own = start(columns)
		}
		return own
	}, func(row []any) error {
		own = take(row)
		return own
	})
	if err != nil && own == nil {
		tx.cause = err
	}
	return err
}

// Exec runs a statement that returns no rows, and returns how many it changed.
func (tx *Tx) Exec(text *statement.Text) (affected int64, err error) {
	if tx.open != nil {
		return 0, ErrInspected
	}
	ctx, cancel := tx.bounded()
	defer cancel()
	result, err := tx.conn.ExecContext(ctx, text.String(), text.Values...)
	if err != nil {
		tx.cause = err
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
	if tx.open != nil {
		return err
	}
	return failure.Of(tx.store.access.Hide(tx.Classify(err, table), table), table, place)
}

// Write runs work in a transaction and records its result under the key; a repeat gets
// the first result and runs nothing. An empty key records nothing. Calls with one key
// wait for each other: at Syntax.Begin where it locks the database, else at
// Syntax.LockKey or Syntax.LockAndFind. The digest is that of what is asked for. Every error is an *sdk.Error
// that says what is known of the outcome.
//
// Work is run again, in a new transaction, where the database has rolled it back for
// reasons that lie in other transactions: see again. It has no other effect than those of
// its statements.
//
// The context bounds the wait for the connection, the wait for locks and the work. It
// does not bound COMMIT, which is one sync of the disk: a COMMIT that was cut off would
// leave the outcome unknown for no gain.
func (s *Store) Write(ctx context.Context, key, digest string, work func(*Tx) ([]byte, error)) ([]byte, error) {
	return s.repeat(ctx, func() ([]byte, failed) { return s.transact(ctx, key, digest, work) })
}

// Read runs work that only reads, over a connection without a transaction: each
// statement by itself sees what is committed. Every error is an *sdk.Error.
func (s *Store) Read(ctx context.Context, work func(*Tx) ([]byte, error)) ([]byte, error) {
	return s.repeat(ctx, func() ([]byte, failed) { return s.read(ctx, "", work) })
}

// read runs work that only reads, in a transaction where begin starts one.
func (s *Store) read(ctx context.Context, begin string, work func(*Tx) ([]byte, error)) ([]byte, failed) {
	conn, err := s.reading.Conn(ctx)
	if err != nil {
		return nil, failed{err: s.failed(ctx, err)}
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	if err := s.Check(); err != nil {
		return nil, failed{err: NotSound(err)}
	}
	if begin != "" {
		defer s.rollback(ctx, conn)
		if _, err := conn.ExecContext(ctx, begin); err != nil {
			return nil, failed{err: s.failed(ctx, err), cause: err, harmless: true}
		}
	}
	tx := s.tx(ctx, conn)
	body, err := work(tx)
	if err != nil {
		return nil, failed{err: s.failed(ctx, err), cause: tx.cause, harmless: true}
	}
	return body, failed{}
}

// transact runs work in one transaction.
func (s *Store) transact(ctx context.Context, key, digest string, work func(*Tx) ([]byte, error)) ([]byte, failed) {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, failed{err: s.failed(ctx, err)}
	}
	defer conn.Close() //nolint:errcheck // gives the connection back to the pool, or says that it was discarded
	if err := s.verify(ctx, conn); err != nil {
		return nil, failed{err: err}
	}
	opened, cause, err := s.begin(ctx, conn, key)
	if err != nil {
		// A driver may report a context that ended after BEGIN took effect.
		s.rollback(ctx, conn)
		return nil, failed{err: s.failed(ctx, err), cause: cause, harmless: true}
	}
	ended := false
	defer func() {
		if !ended { // a panic in work must not leave locks taken
			s.rollback(ctx, conn)
		}
	}()
	if key != "" {
		body, found, err := recorded(opened[len(opened)-1], digest)
		if err != nil || found {
			return body, failed{err: err}
		}
	}
	tx := s.tx(ctx, conn)
	tx.writing = true
	body, err := work(tx)
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		if unsound := s.Check(); unsound != nil {
			err = NotSound(unsound)
		}
	}
	if err != nil {
		return nil, failed{err: s.failed(ctx, err), cause: tx.cause}
	}
	var closing []driver.Statement
	if key != "" {
		if closing, err = s.record(ctx, conn, key, digest, body); err != nil {
			return nil, failed{err: s.keysFailed(ctx, err), cause: err}
		}
	}
	ended = true
	if failed := s.commit(ctx, conn, closing); failed.err != nil {
		return nil, failed
	}
	return body, failed{}
}

// begin starts a transaction, and looks for the key if there is one. It returns the rows
// of its statements. Where Begin locks the database, it is waited for as long as the
// store's writeLock says. cause is the error as the database has it.
func (s *Store) begin(ctx context.Context, conn *sql.Conn, key string) (rows [][][]any, cause, err error) {
	locks := s.Syntax.LockTimeout != nil
	if locks {
		if _, err := conn.ExecContext(ctx, s.Syntax.LockTimeout(s.lock.wait())); err != nil {
			return nil, err, fmt.Errorf("set the lock's timeout: %w", err)
		}
	}
	opening := []driver.Statement{{Text: s.Syntax.Begin}}
	if key != "" {
		opening = append(opening, s.keys.opening(key)...)
	}
	asked := s.lock.now()
	done, err := s.Run(ctx, conn, opening)
	switch {
	case err == nil:
		if locks {
			s.lock.taken()
		}
		return done.Rows, nil, nil
	case ctx.Err() == nil && key != "" && s.isKeysTableLost(err):
		return nil, err, keysTableLost()
	case ctx.Err() != nil || s.Classify(err, nil).Condition != driver.Locked:
		return nil, err, err
	case locks && len(done.Rows) == 0:
		return nil, err, s.lock.refused(asked)
	}
	return nil, err, failure.Of(driver.Failure{
		Condition: driver.Locked,
		Message:   fmt.Sprintf("another call with this idempotency key has been under way for longer than %s", s.lock.longest),
	}, nil, "")
}

// record records the result of a key, and removes old keys if one is due. It returns what
// is still to be done for that, with the end of the transaction.
func (s *Store) record(ctx context.Context, conn *sql.Conn, key, digest string, body []byte) ([]driver.Statement, error) {
	now := s.keys.now()
	statements := []driver.Statement{s.keys.record(key, digest, body, now)}
	if !s.keys.isDue(now) {
		return statements, nil
	}
	if _, err := s.Run(ctx, conn, statements); err != nil {
		return nil, err
	}
	return nil, s.keys.sweep(ctx, conn, now)
}

// commitTimeout bounds the end of a transaction on a server, beyond the context of its
// call: one that does not respond then has gone away.
const commitTimeout = 15 * time.Second

// ending returns a context for the end of a transaction, which the end of the call does
// not cut off.
func (s *Store) ending(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx = context.WithoutCancel(ctx)
	if s.files != nil {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, commitTimeout)
}

// commit runs the last statements of a transaction and commits it.
func (s *Store) commit(ctx context.Context, conn *sql.Conn, closing []driver.Statement) failed {
	ending, cancel := s.ending(ctx)
	defer cancel()
	done, err := s.Run(ending, conn, append(closing, driver.Statement{Text: "COMMIT"}))
	if err != nil {
		s.rollback(ctx, conn)
		if done.Sent <= len(closing) {
			return failed{err: s.keysFailed(ctx, err), cause: err}
		}
		return failed{err: s.commitFailed(err), cause: err}
	}
	if err := s.verify(ending, conn); err != nil {
		err.Outcome = sdk.OutcomeUnknown
		err.Message = "the row was written, and may be lost: " + err.Message
		return failed{err: err}
	}
	return failed{}
}

// rollback ends a transaction whose context may be over. A connection on which
// that fails is in an unknown state: it is thrown away, and with it
// its transaction.
func (s *Store) rollback(ctx context.Context, conn *sql.Conn) {
	ctx, cancel := s.ending(ctx)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil && !s.Ended(err) {
		_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn }) // always an error: the one that it was given
	}
}
