package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/backflow/backflow/sdk"
)

const (
	// KeyLifetime is how long a key is honoured at least.
	KeyLifetime = 30 * 24 * time.Hour
	// SweepBatch is how many old keys a keyed write removes at most: two for
	// each that is added would keep up, a few more catch up after a quiet time,
	// and no call pays for a month of keys at once.
	SweepBatch = 16
	// MaxKeyLength is the longest key, in bytes.
	MaxKeyLength = 255
)

// keys is the table of idempotency keys. A key, a digest of what was asked and
// the result are written in the transaction of the effect itself, so that
// either all are there after a crash or none.
type keys struct {
	statement.Keys
	ddl []string
	now func() time.Time
	// due is when the oldest key is old enough to be removed, as far as is known, in
	// milliseconds since 1970: until then none has to be looked for.
	due atomic.Int64
}

func newKeys(syntax *driver.Syntax, now func() time.Time) *keys {
	return &keys{Keys: statement.ForKeys(syntax, SweepBatch), ddl: syntax.KeysTable, now: now}
}

// makeTable makes the table if it is not there. Where that is not allowed, the
// error holds the statements, for an administrator to run.
func (k *keys) makeTable(ctx context.Context, db *sql.DB) error {
	if k.usable(ctx, db) == nil {
		return nil
	}
	for _, statement := range k.ddl {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return k.missing(err)
		}
	}
	if err := k.usable(ctx, db); err != nil {
		return k.missing(err)
	}
	return nil
}

func (k *keys) usable(ctx context.Context, db *sql.DB) error {
	rows, err := db.QueryContext(ctx, k.Probe)
	if err != nil {
		return err
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil || k.Lock == "" {
		return err
	}
	if rows, err = db.QueryContext(ctx, k.Lock, ""); err != nil {
		return err
	}
	columns, err := rows.Columns()
	if err == nil && len(columns) > 0 && !rows.Next() {
		err = errors.New("there is no row to lock for a key")
	}
	return errors.Join(err, rows.Err(), rows.Close())
}

func (k *keys) missing(err error) error {
	return fmt.Errorf("the table of idempotency keys cannot be made or used: %w; make it with:\n%s;", err, strings.Join(k.ddl, ";\n"))
}

// recorded returns the result under a key, once no other transaction with that
// key is under way. A key that is still there is honoured even when it is older
// than its lifetime.
func (k *keys) recorded(ctx context.Context, conn *sql.Conn, key, digest string) (body []byte, found bool, err error) {
	if k.Lock != "" {
		if _, err := conn.ExecContext(ctx, k.Lock, key); err != nil {
			return nil, false, fmt.Errorf("lock key: %w", err)
		}
	}
	var recorded string
	err = conn.QueryRowContext(ctx, k.Find, key).Scan(&recorded, &body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("look up key: %w", err)
	case recorded != digest:
		return nil, false, &sdk.Error{
			Code:    sdk.CodeConflict,
			Message: "the idempotency key was used before, with another action or other params",
			Outcome: sdk.OutcomeNotExecuted,
			Final:   true,
		}
	}
	return body, true, nil
}

func (k *keys) record(ctx context.Context, conn *sql.Conn, key, digest string, body []byte) error {
	now := k.now()
	if _, err := conn.ExecContext(ctx, k.Record, key, digest, string(body), now.UnixMilli()); err != nil {
		return fmt.Errorf("record key: %w", err)
	}
	return k.sweep(ctx, conn, now)
}
