package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/backflow/backflow/plugins/database/internal/address"
)

const (
	// setupLock is the number of the advisory lock of those who prepare a database: the
	// letters "backflow" as a number of 64 bits.
	setupLock = "7089056601388904311"
	// lockPoll is how often a waiting process looks again.
	lockPoll = 50 * time.Millisecond
)

// LockSetup takes an advisory lock on a connection of its own, with which it ends. It is
// the lock of a transaction, so that it holds behind a pooler too. It is asked for again
// and again and not waited for: one who waits has a snapshot of the database, and CREATE
// INDEX CONCURRENTLY, in a migration of the one who holds the lock, would wait for the
// end of that
// (https://www.postgresql.org/docs/current/sql-createindex.html#SQL-CREATEINDEX-CONCURRENTLY).
func (p *Postgres) LockSetup(ctx context.Context) (release func() error, err error) {
	conn, err := pgx.ConnectConfig(ctx, p.config.Copy())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", address.Explained(err))
	}
	defer func() {
		if err != nil {
			_ = closeConn(conn) // there is nothing to keep
		}
	}()
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		locked, err := tryLock(ctx, conn)
		if err != nil {
			return nil, fmt.Errorf("lock the database for its preparation: %w", err)
		}
		if locked {
			return func() error { return closeConn(conn) }, nil
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("another process prepares the database (it holds the advisory lock %s): %w", setupLock, ctx.Err())
		case <-ticker.C:
		}
	}
}

// tryLock leaves a transaction open if it got the lock. It speaks the simple protocol: in
// the extended one the portal of the last statement, and with it a snapshot, would stay
// open as long as the transaction.
func tryLock(ctx context.Context, conn *pgx.Conn) (locked bool, err error) {
	// Migrations take their time, in which the transaction is idle.
	results, err := conn.PgConn().Exec(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY; SET LOCAL idle_in_transaction_session_timeout = 0;"+
		"SELECT pg_try_advisory_xact_lock("+setupLock+")").ReadAll()
	if err != nil {
		return false, err
	}
	last := results[len(results)-1]
	if len(last.Rows) == 1 && string(last.Rows[0][0]) == "t" {
		return true, nil
	}
	_, err = conn.PgConn().Exec(ctx, "ROLLBACK").ReadAll()
	return false, err
}

// closeTimeout bounds the end of a connection, which the server does not confirm.
const closeTimeout = 5 * time.Second

func closeConn(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if err := conn.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("close: %w", err)
	}
	return nil
}
