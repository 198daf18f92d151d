package store

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/backflow/backflow/plugins/database/internal/named"
)

// QueryError is what is wrong with a statement of the config.
type QueryError struct {
	// Name is that of the query.
	Name string
	Err  error
}

// Error says which query it is.
func (e *QueryError) Error() string {
	return fmt.Sprintf("database: credentials: queries.%s.sql: %v", e.Name, e.Err)
}

// Unwrap returns what is wrong.
func (e *QueryError) Unwrap() error { return e.Err }

// Named returns a statement of the config, nil if no statement has this name, and the
// names of all of them.
func (tx *Tx) Named(name string) (query *named.Query, names []string) {
	return tx.store.queries[name], slices.Sorted(maps.Keys(tx.store.queries))
}

// Writes reports whether a statement of the config may change rows.
func (s *Store) Writes(query string) bool {
	found := s.queries[query]
	return found != nil && found.Write
}

// WrongQueries has the database read each statement of the config, and returns one
// *QueryError for each that it does not take.
func (s *Store) WrongQueries(ctx context.Context) []error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(s.queries)) {
		query := s.queries[name]
		db := s.db
		if !query.Write {
			db = s.reading
		}
		if err := takes(ctx, db, query.Text(&s.Syntax, nil).String()); err != nil {
			wrong = append(wrong, &QueryError{Name: name, Err: err})
		}
	}
	return wrong
}

// takes reports whether the database takes a statement. It does not run it.
func takes(ctx context.Context, db *sql.DB, statement string) error {
	prepared, err := db.PrepareContext(ctx, statement)
	if err != nil {
		return err
	}
	return prepared.Close()
}

// WithoutWriting runs a part of the work in which the database refuses what would write,
// as a function can that a statement calls.
func (tx *Tx) WithoutWriting(part func() error) error {
	if !tx.writing || tx.Syntax.ReadOnlyNow == "" {
		return part()
	}
	const savepoint = "backflow_read"
	for _, statement := range []string{"SAVEPOINT " + savepoint, tx.Syntax.ReadOnlyNow} {
		if _, err := tx.conn.ExecContext(tx.ctx, statement); err != nil {
			tx.cause = err
			return err
		}
	}
	if err := part(); err != nil {
		return err
	}
	for _, statement := range []string{"ROLLBACK TO SAVEPOINT " + savepoint, "RELEASE SAVEPOINT " + savepoint} {
		if _, err := tx.conn.ExecContext(tx.ctx, statement); err != nil {
			tx.cause = err
			return err
		}
	}
	return nil
}

// ReadOnly runs work in a transaction that cannot write, which ends without a change: the
// database refuses what would. Every error is an *sdk.Error.
func (s *Store) ReadOnly(ctx context.Context, work func(*Tx) ([]byte, error)) ([]byte, error) {
	return s.repeat(ctx, func() ([]byte, failed) { return s.read(ctx, s.Syntax.BeginReading, work) })
}
