package store

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// isDue reports whether a key may be old enough to be removed.
func (k *keys) isDue(now time.Time) bool { return now.UnixMilli() > k.due.Load() }

// sweep removes a few keys that were recorded longer ago than KeyLifetime. Those that
// another transaction has locked, to remove them or to look at them, are left: two sweeps
// at once neither wait for each other nor fail.
func (k *keys) sweep(ctx context.Context, conn *sql.Conn, now time.Time) error {
	before := now.Add(-KeyLifetime).UnixMilli()
	oldest, err := driver.Query(ctx, conn, k.Oldest)
	if err != nil {
		return fmt.Errorf("find old keys: %w", err)
	}
	// A key that is recorded from now on is not due earlier than this.
	due := now.UnixMilli() + KeyLifetime.Milliseconds()
	var old []any
	for _, row := range oldest {
		recorded, ok := row[1].(int64)
		if !ok {
			return fmt.Errorf("find old keys: a time is a %T", row[1])
		}
		if recorded >= before {
			due = recorded + KeyLifetime.Milliseconds()
			break
		}
		old = append(old, row[0])
	}
	if len(old) == 0 {
		k.due.Store(due)
		return nil
	}
	// There may be more, and a transaction that is rolled back removes none.
	k.due.Store(0)
	for _, key := range old {
		if err := k.remove(ctx, conn, key); err != nil {
			return fmt.Errorf("remove an old key: %w", err)
		}
	}
	return nil
}

// remove removes a key, unless another transaction has locked it. Each statement is about
// one key: a list of them may make a database look at, and lock, more than those.
func (k *keys) remove(ctx context.Context, conn *sql.Conn, key any) error {
	if k.Claim != "" {
		claimed, err := driver.Query(ctx, conn, k.Claim, key)
		if err != nil || len(claimed) == 0 {
			return err
		}
	}
	_, err := conn.ExecContext(ctx, k.Remove, key)
	return err
}
