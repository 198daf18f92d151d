package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"

	driversqlite "modernc.org/sqlite"
)

// conn is the writer's connection. It speaks to the driver without database/sql
// between, whose pool, locks and conversions cost more than a small statement.
// It belongs to one goroutine.
type conn struct {
	c driver.Conn
}

// connect opens the writer's connection with all settings that the file and its
// durability depend on.
func connect(path string, extra []string) (*conn, error) {
	// fdatasync leaves out the time stamps of the file and nothing else; it is
	// what SQLite uses on Linux by default. Where it is missing the driver says
	// so and keeps its own way of syncing.
	if _, err := driversqlite.Fdatasync(true); err != nil && !errors.Is(err, driversqlite.ErrFdatasyncUnavailable) {
		return nil, err
	}
	pragmas := append([]string{
		// Only before the first page is written: pages of removed records can
		// then be given back without rewriting the file.
		"auto_vacuum(INCREMENTAL)",
		"journal_mode(WAL)",
		"synchronous(FULL)",
		// On darwin fsync leaves data in the disk's cache; F_FULLFSYNC does
		// not. Elsewhere these change nothing.
		"fullfsync(1)",
		"checkpoint_fullfsync(1)",
		// What a statement that fails would have to undo is kept in memory: a large
		// group of commits would write it to a file for nothing.
		"temp_store(MEMORY)",
		// A log that grew behind a slow reader shrinks again.
		"journal_size_limit(67108864)",
		"busy_timeout(5000)",
	}, extra...)
	c, err := (&driversqlite.Driver{}).Open(dsn(path, pragmas...))
	if err != nil {
		return nil, err
	}
	return &conn{c}, nil
}

// dsn is the URI of a file for the driver.
func dsn(path string, pragmas ...string) string {
	u := url.URL{Scheme: "file", Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	return u.String()
}

func (c *conn) close() error { return c.c.Close() }

// exec runs SQL without a result; it may hold several statements.
func (c *conn) exec(query string) error {
	_, err := c.c.(driver.ExecerContext).ExecContext(context.Background(), query, nil)
	return err
}

// integer reads one number.
func (c *conn) integer(query string) (int64, error) {
	s, err := c.prepare(query)
	if err != nil {
		return 0, err
	}
	row, err := s.first()
	if err == nil && row == nil {
		err = fmt.Errorf("%s: no row", query)
	}
	if closeErr := s.s.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return 0, err
	}
	n, ok := row[0].(int64)
	if !ok {
		return 0, fmt.Errorf("%s: %T is not a number", query, row[0])
	}
	return n, nil
}

// stmt is a prepared statement with its buffers.
type stmt struct {
	s    driver.Stmt
	args []driver.NamedValue
	row  []driver.Value
}

func (c *conn) prepare(query string) (*stmt, error) {
	s, err := c.c.Prepare(query)
	if err != nil {
		return nil, fmt.Errorf("prepare %q: %w", query, err)
	}
	return &stmt{s: s}, nil
}

// bind fills the argument buffer. Values are int64, string, []byte or nil.
func (s *stmt) bind(values []driver.Value) []driver.NamedValue {
	s.args = s.args[:0]
	for i, v := range values {
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	return s.args
}

// run executes the statement.
func (s *stmt) run(values ...driver.Value) error {
	_, err := s.s.(driver.StmtExecContext).ExecContext(context.Background(), s.bind(values))
	clear(s.args) // keep no caller's bytes alive
	return err
}

// first returns the first row, or nil if none exists. The row is valid until the
// next call.
func (s *stmt) first(values ...driver.Value) ([]driver.Value, error) {
	rows, err := s.s.(driver.StmtQueryContext).QueryContext(context.Background(), s.bind(values))
	clear(s.args)
	if err != nil {
		return nil, err
	}
	if s.row == nil {
		s.row = make([]driver.Value, len(rows.Columns()))
	}
	err = rows.Next(s.row)
	closeErr := rows.Close()
	if errors.Is(err, io.EOF) {
		return nil, closeErr
	}
	if err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	return s.row, nil
}
