package main

import (
	"context"
	"database/sql/driver"
	"errors"

	goredis "github.com/redis/go-redis/v9"
	"modernc.org/sqlite"
)

// openSQLiteFloor opens a journal in an SQLite file, with the driver and the
// durability that the gateway's store has: WAL, synchronous FULL.
func openSQLiteFloor(path string) (journal, error) {
	if _, err := sqlite.Fdatasync(true); err != nil && !errors.Is(err, sqlite.ErrFdatasyncUnavailable) {
		return nil, err
	}
	conn, err := (&sqlite.Driver{}).Open("file:" + path + "?_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=fullfsync(1)")
	if err != nil {
		return nil, err
	}
	exec := func(s driver.Stmt, values ...driver.Value) error {
		args := make([]driver.NamedValue, len(values))
		for i, v := range values {
			args[i] = driver.NamedValue{Ordinal: i + 1, Value: v}
		}
		_, err := s.(driver.StmtExecContext).ExecContext(context.Background(), args)
		return err
	}
	var stmts [4]driver.Stmt
	for i, query := range []string{
		"CREATE TABLE entry (id TEXT, n INTEGER, entry BLOB, PRIMARY KEY (id, n)) WITHOUT ROWID",
		"BEGIN IMMEDIATE", "INSERT INTO entry VALUES (?, ?, ?)", "COMMIT",
	} {
		if stmts[i], err = conn.Prepare(query); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		if i == 0 {
			if err := exec(stmts[i]); err != nil {
				return nil, errors.Join(err, conn.Close())
			}
		}
	}
	begin, insert, commit := stmts[1], stmts[2], stmts[3]
	write := func(batch []row) error {
		if err := exec(begin); err != nil {
			return err
		}
		for _, r := range batch {
			if err := exec(insert, r.id, int64(r.n), r.entry); err != nil {
				return err
			}
		}
		return exec(commit)
	}
	return newGroup(write, func() error {
		var errs []error
		for _, s := range stmts {
			errs = append(errs, s.Close())
		}
		return errors.Join(append(errs, conn.Close())...)
	}), nil
}

// openRedisFloor opens a journal in Redis: one list a run, one pipeline a
// group. How durable it is, the server's appendfsync says.
func openRedisFloor(url string) (journal, error) {
	options, err := goredis.ParseURL(url)
	if err != nil {
		return nil, err
	}
	client := goredis.NewClient(options)
	write := func(batch []row) error {
		_, err := client.Pipelined(context.Background(), func(p goredis.Pipeliner) error {
			for _, r := range batch {
				p.RPush(context.Background(), r.id, r.entry)
			}
			return nil
		})
		return err
	}
	return newGroup(write, client.Close), nil
}
