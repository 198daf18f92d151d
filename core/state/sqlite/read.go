package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/backflow/backflow/core/state"
)

// reader reads on a few connections that cannot write. In WAL mode they neither
// wait for the writer nor hold it up.
type reader struct {
	db  *sql.DB
	now func() time.Time

	record, journal *sql.Stmt
	up, down        *sql.Stmt // members of a set with both bounds
	upAll, downAll  *sql.Stmt // without an upper bound
	count           *sql.Stmt
	due, next       *sql.Stmt
}

func openReader(ctx context.Context, path string, now func() time.Time) (_ *reader, err error) {
	db, err := sql.Open("sqlite", dsn(path, "query_only(1)", "busy_timeout(5000)"))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, db.Close())
		}
	}()
	n := max(4, runtime.GOMAXPROCS(0))
	db.SetMaxOpenConns(n)
	db.SetMaxIdleConns(n)
	r := &reader{db: db, now: now}
	for _, p := range []struct {
		stmt  **sql.Stmt
		query string
	}{
		{&r.record, "SELECT value FROM record WHERE bucket = ? AND id = ? AND (expires IS NULL OR expires > ?)"},
		{&r.journal, `SELECT value FROM entry WHERE journal = (SELECT number FROM entry WHERE id = ?)
			ORDER BY number LIMIT ? OFFSET ?`},
		{&r.up, "SELECT member FROM member WHERE name = ? AND member >= ? AND member < ? ORDER BY member LIMIT ?"},
		{&r.upAll, "SELECT member FROM member WHERE name = ? AND member >= ? ORDER BY member LIMIT ?"},
		{&r.down, "SELECT member FROM member WHERE name = ? AND member >= ? AND member < ? ORDER BY member DESC LIMIT ?"},
		{&r.downAll, "SELECT member FROM member WHERE name = ? AND member >= ? ORDER BY member DESC LIMIT ?"},
		{&r.count, "SELECT count(*) FROM member WHERE name = ?"},
		{&r.due, "SELECT id, at FROM timer WHERE queue = ? AND at <= ? ORDER BY at, id LIMIT ?"},
		{&r.next, "SELECT at FROM timer WHERE queue = ? AND at > ? ORDER BY at LIMIT 1"},
	} {
		if *p.stmt, err = db.PrepareContext(ctx, p.query); err != nil {
			return nil, fmt.Errorf("prepare %q: %w", p.query, err)
		}
	}
	return r, nil
}

// close closes the connections and their statements.
func (r *reader) close() error { return r.db.Close() }

// Get implements state.Store. All records come from one snapshot.
func (s *Store) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	var values [][]byte
	err := s.read(ctx, "get", func() error {
		if len(refs) == 1 {
			value, err := s.reads.get(ctx, s.reads.record, refs[0])
			values = [][]byte{value}
			return err
		}
		tx, err := s.reads.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		record := tx.StmtContext(ctx, s.reads.record)
		values = make([][]byte, len(refs))
		for i, ref := range refs {
			if values[i], err = s.reads.get(ctx, record, ref); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return values, nil
}

func (r *reader) get(ctx context.Context, record *sql.Stmt, ref state.Ref) ([]byte, error) {
	var value []byte
	err := record.QueryRowContext(ctx, ref.Bucket, ref.ID, r.now().UnixMilli()).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case value == nil:
		return []byte{}, nil // an empty value is stored as NULL
	}
	return value, nil
}

// Range implements state.Store.
func (s *Store) Range(ctx context.Context, r state.Range) ([]string, error) {
	var members []string
	err := s.read(ctx, "range", func() error {
		if err := r.Validate(); err != nil {
			return err
		}
		rows, err := s.reads.members(ctx, r)
		if err != nil {
			return err
		}
		return scan(rows, func() error {
			var member string
			if err := rows.Scan(&member); err != nil {
				return err
			}
			members = append(members, member)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return members, nil
}

func (r *reader) members(ctx context.Context, want state.Range) (*sql.Rows, error) {
	from, below := want.Bounds()
	switch {
	case below == "" && want.Reverse:
		return r.downAll.QueryContext(ctx, want.Set, from, want.Limit)
	case below == "":
		return r.upAll.QueryContext(ctx, want.Set, from, want.Limit)
	case want.Reverse:
		return r.down.QueryContext(ctx, want.Set, from, below, want.Limit)
	default:
		return r.up.QueryContext(ctx, want.Set, from, below, want.Limit)
	}
}

// Count implements state.Store. It reads the sets' parts of one index, all of
// them in one snapshot.
func (s *Store) Count(ctx context.Context, sets ...string) ([]int, error) {
	counts := make([]int, len(sets))
	err := s.read(ctx, "count", func() error {
		tx, err := s.reads.db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // nothing was written
		count := tx.StmtContext(ctx, s.reads.count)
		for i, set := range sets {
			if err := count.QueryRowContext(ctx, set).Scan(&counts[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// Journal implements state.Store.
func (s *Store) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	var entries [][]byte
	err := s.read(ctx, "journal", func() error {
		if err := state.ValidateJournal(id, limit); err != nil {
			return err
		}
		rows, err := s.reads.journal.QueryContext(ctx, id, limit, max(from, 0))
		if err != nil {
			return err
		}
		return scan(rows, func() error {
			entry := []byte{}
			if err := rows.Scan(&entry); err != nil {
				return err
			}
			if entry == nil {
				entry = []byte{}
			}
			entries = append(entries, entry)
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	return entries, nil
}

// Due implements state.Store.
func (s *Store) Due(ctx context.Context, queue string, limit int) (due []state.Timer, next time.Duration, err error) {
	err = s.read(ctx, "due timers", func() error {
		if err := state.ValidateDue(queue, limit); err != nil {
			return err
		}
		now := s.reads.now()
		rows, err := s.reads.due.QueryContext(ctx, queue, now.UnixMilli(), limit)
		if err != nil {
			return err
		}
		err = scan(rows, func() error {
			var id string
			var at int64
			if err := rows.Scan(&id, &at); err != nil {
				return err
			}
			due = append(due, state.Timer{ID: id, At: time.UnixMilli(at).UTC()})
			return nil
		})
		if err != nil {
			return err
		}
		var at int64
		err = s.reads.next.QueryRowContext(ctx, queue, now.UnixMilli()).Scan(&at)
		if errors.Is(err, sql.ErrNoRows) {
			next = -1
			return nil
		}
		next = time.UnixMilli(at).Sub(now)
		return err
	})
	if err != nil {
		return nil, -1, err
	}
	return due, next, nil
}

// read runs f unless the store is closed, and classifies its error: the caller's
// fault, the end of the context, or the store's failure.
func (s *Store) read(ctx context.Context, operation string, f func() error) error {
	if err := s.queue.Enter(); err != nil {
		return err
	}
	defer s.queue.Leave()
	err := f()
	switch {
	case err == nil || errors.Is(err, state.ErrInvalid):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	default:
		return fmt.Errorf("sqlite: %s: %w: %w", operation, state.ErrUnavailable, err)
	}
}

// scan calls each for every row and closes rows.
func scan(rows *sql.Rows, each func() error) (err error) {
	defer func() {
		if closeErr := rows.Close(); err == nil {
			err = closeErr
		}
	}()
	for rows.Next() {
		if err := each(); err != nil {
			return err
		}
	}
	return rows.Err()
}
