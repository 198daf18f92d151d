package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Tx is one transaction. It is for one goroutine. After its first error every
// method does nothing, and Commit returns that error.
type Tx struct {
	// ctx: a transaction lives within one call.
	ctx context.Context
	tx  *sql.Tx
	err error
	// statements are prepared once in a transaction, which closes them: a long advance
	// of time does the same few thousands of times.
	statements map[string]*sql.Stmt
}

// prepare returns the statement of a query, nil after an error.
func (t *Tx) prepare(query string) *sql.Stmt {
	if t.err != nil {
		return nil
	}
	if known := t.statements[query]; known != nil {
		return known
	}
	made, err := t.tx.PrepareContext(t.ctx, query)
	if err != nil {
		t.fail(err)
		return nil
	}
	t.statements[query] = made
	return made
}

// Err is the first error of the transaction.
func (t *Tx) Err() error { return t.err }

// Commit makes the changes last, or returns why it did not.
func (t *Tx) Commit() error {
	if t.err != nil {
		t.Rollback()
		return t.err
	}
	if err := t.tx.Commit(); err != nil {
		return fmt.Errorf("sandbox: commit: %w", err)
	}
	return nil
}

// Rollback undoes the changes. After Commit it does nothing.
func (t *Tx) Rollback() { _ = t.tx.Rollback() } // it fails only where there is nothing left to undo

func (t *Tx) fail(err error) {
	if t.err == nil && err != nil {
		t.err = fmt.Errorf("sandbox: state: %w", err)
	}
}

func (t *Tx) exec(query string, args ...any) int64 {
	statement := t.prepare(query) //nolint:sqlclosecheck // the end of the transaction closes it
	if statement == nil {
		return 0
	}
	done, err := statement.ExecContext(t.ctx, args...)
	if err != nil {
		t.fail(err)
		return 0
	}
	changed, err := done.RowsAffected()
	t.fail(err)
	return changed
}

// row reads one row, and returns whether there is one.
func (t *Tx) row(query string, args []any, into ...any) bool {
	statement := t.prepare(query) //nolint:sqlclosecheck // the end of the transaction closes it
	if statement == nil {
		return false
	}
	err := statement.QueryRowContext(t.ctx, args...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return false
	}
	t.fail(err)
	return err == nil
}

// rows reads rows while each returns true.
func (t *Tx) rows(query string, args []any, each func(scan func(into ...any) error) (bool, error)) {
	statement := t.prepare(query) //nolint:sqlclosecheck // the end of the transaction closes it
	if statement == nil {
		return
	}
	rows, err := statement.QueryContext(t.ctx, args...)
	if err != nil {
		t.fail(err)
		return
	}
	defer func() { t.fail(rows.Close()) }()
	for rows.Next() {
		more, err := each(rows.Scan)
		if err != nil {
			t.fail(err)
			return
		}
		if !more {
			return
		}
	}
	t.fail(rows.Err())
}

// Setting reads a named value, empty where there is none.
func (t *Tx) Setting(name string) string {
	var value string
	t.row("SELECT value FROM settings WHERE name = ?", []any{name}, &value)
	return value
}

// Set keeps a named value.
func (t *Tx) Set(name, value string) {
	t.exec("INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)
}

// Clear empties the state.
func (t *Tx) Clear() {
	for _, table := range []string{"objects", "keys", "timers", "deliveries", "settings"} {
		t.exec("DELETE FROM " + table)
	}
}
