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
	"github.com/backflow/backflow/plugins/database/internal/failure"
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
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return err
	}
	first := k.opening("")[0]
	if first.Text == k.Find {
		return nil
	}
	if rows, err = db.QueryContext(ctx, first.Text, first.Values...); err != nil {
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

// isKeysTableLost reports whether an error of a statement about the keys says that their
// table was dropped, or changed, since the start.
func (s *Store) isKeysTableLost(err error) bool {
	switch s.Classify(err, nil).Condition {
	case driver.UndefinedTable, driver.UndefinedColumn, driver.TypeMismatch, driver.Denied:
		return true
	case driver.Other: // SQLite has no code of its own for it
		return s.files != nil
	}
	return false
}

// keysTableLost is the error of a call that needs the table then. It is no fault of the
// caller's, and the table is not made anew under way: who dropped it has to know that
// calls of before may be repeated.
func keysTableLost() *sdk.Error {
	return sdk.Refuse(sdk.CodeUnavailable, "the table of idempotency keys, backflow_keys, is not there any more or cannot be used; the plugin makes it when it starts").Later(failure.RetryAfter)
}

// keysFailed is failed for a statement about the keys.
func (s *Store) keysFailed(ctx context.Context, err error) error {
	if ctx.Err() == nil && s.isKeysTableLost(err) {
		return keysTableLost()
	}
	return s.failed(ctx, err)
}

// opening are the statements of a keyed transaction after its begin: they wait until no
// other transaction with the key is under way, and look for its record.
func (k *keys) opening(key string) []driver.Statement {
	if k.LockAndFind != "" {
		return []driver.Statement{{Text: k.LockAndFind, Values: []any{key, key}, Rows: true}}
	}
	find := driver.Statement{Text: k.Find, Values: []any{key}, Rows: true}
	if k.Lock == "" {
		return []driver.Statement{find}
	}
	return []driver.Statement{{Text: k.Lock, Values: []any{key}}, find}
}

// recorded reads what Find or LockAndFind returned. A key that is still there is honoured
// even when it is older than its lifetime.
func recorded(rows [][]any, digest string) (body []byte, found bool, err error) {
	if len(rows) == 0 || rows[0][0] == nil {
		return nil, false, nil
	}
	if text(rows[0][0]) == digest {
		return []byte(text(rows[0][1])), true, nil
	}
	return nil, false, &sdk.Error{
		Code:    sdk.CodeConflict,
		Message: "the idempotency key was used before, with another action or other params",
		Outcome: sdk.OutcomeNotExecuted,
		Final:   true,
	}
}

// record is the statement that records a result.
func (k *keys) record(key, digest string, body []byte, now time.Time) driver.Statement {
	return driver.Statement{Text: k.Record, Values: []any{key, digest, string(body), now.UnixMilli()}}
}

// text is a text as a driver returns it.
func text(value any) string {
	switch text := value.(type) {
	case string:
		return text
	case []byte:
		return string(text)
	}
	return ""
}
