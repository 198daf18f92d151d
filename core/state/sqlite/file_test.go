package sqlite

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/internal/testkit"
)

// pragma reads one value from a file through a connection of its own.
func pragma(t *testing.T, path, name string) string {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }() // only read from
	var value string
	if err := db.QueryRow("PRAGMA " + name).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func exec(t *testing.T, path, query string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(query)
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
}

func TestFileIsPrivateAndDurable(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "data dir #1?%20")
	path := filepath.Join(dir, "state.db")
	s := open(t, Options{Path: path})
	if err := s.Commit(t.Context(), state.Put("r", "a", nil, 0)); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"": 0o700 | fs.ModeDir, "state.db": 0o600, "state.db-wal": 0o600, "state.db.lock": 0o600} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("%q has mode %v, want %v", name, info.Mode(), want)
		}
	}
	for name, want := range map[string]int64{"synchronous": 2, "fullfsync": 1, "checkpoint_fullfsync": 1} {
		if got, err := s.writerPragma(name); err != nil || got != want {
			t.Errorf("the writer's %s is %d, %v, want %d", name, got, err, want)
		}
	}
	for name, want := range map[string]string{"auto_vacuum": "2", "journal_mode": "wal", "user_version": "1"} {
		if got := pragma(t, path, name); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

// writerPragma reads a setting of the writer's connection. The store must be
// idle.
func (s *Store) writerPragma(name string) (int64, error) { return s.writer.c.integer("PRAGMA " + name) }

func TestSecondUserOfAFileIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "state.db")
	s := open(t, Options{Path: path})
	link := filepath.Join(dir, "link.db")
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{path, link} {
		_, err := Open(t.Context(), Options{Path: name})
		if !errors.Is(err, ErrInUse) || !bytes.Contains([]byte(err.Error()), fmt.Appendf(nil, "process %d", os.Getpid())) {
			t.Errorf("%s: got %v, want ErrInUse and the process", name, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, Options{Path: link})
}

func TestForeignAndNewerFilesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	exec(t, foreign, "CREATE TABLE record (x)")
	if _, err := Open(t.Context(), Options{Path: foreign}); err == nil {
		t.Error("another program's database was opened")
	}
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, bytes.Repeat([]byte("no database "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), Options{Path: text}); err == nil {
		t.Error("a text file was opened")
	}
	newer := filepath.Join(dir, "newer.db")
	s := open(t, Options{Path: newer})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	exec(t, newer, "PRAGMA user_version = 99")
	if _, err := Open(t.Context(), Options{Path: newer}); err == nil {
		t.Error("a newer format was opened")
	}
	if _, err := Open(t.Context(), Options{}); err == nil {
		t.Error("a store without path was opened")
	}
	// What was refused is not locked.
	exec(t, newer, "PRAGMA user_version = 1")
	open(t, Options{Path: newer})
}

func TestFullDiskLosesNothingAndPasses(t *testing.T) {
	t.Parallel()
	s := open(t, Options{Path: filepath.Join(t.TempDir(), "state.db"), pragmas: []string{"max_page_count(200)"}})
	ctx := t.Context()
	value := bytes.Repeat([]byte("x"), 20_000)
	stored := 0
	var err error
	for ; stored < 1000; stored++ {
		err = s.Commit(ctx, state.Append("j", stored, nil), state.Insert("r", fmt.Sprint(stored), value, 0))
		if err != nil {
			break
		}
	}
	if !errors.Is(err, state.ErrUnavailable) || stored == 0 {
		t.Fatalf("after %d commits: got %v, want ErrUnavailable", stored, err)
	}
	entries, err := s.Journal(ctx, "j", 0, 10_000)
	if err != nil || len(entries) != stored {
		t.Fatalf("%d entries, %v, want %d", len(entries), err, stored)
	}
	got, err := s.Get(ctx, state.Ref{Bucket: "r", ID: fmt.Sprint(stored)})
	if err != nil || got[0] != nil {
		t.Errorf("the failed commit left a record, %v", err)
	}
	if err := s.Commit(ctx, state.Delete("r", "0"), state.Delete("r", "1")); err != nil {
		t.Fatalf("making room: %v", err)
	}
	if err := s.Commit(ctx, state.Append("j", stored, nil), state.Insert("r", fmt.Sprint(stored), value, 0)); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestExpiredRecordsAreRemovedAndTheFileShrinks(t *testing.T) {
	t.Parallel()
	clock := testkit.NewClock(startTime)
	path := filepath.Join(t.TempDir(), "state.db")
	s := open(t, Options{Path: path, Now: clock.Now, sweepEvery: time.Millisecond})
	value := bytes.Repeat([]byte("x"), 4000)
	for i := range 12 {
		var ops []state.Op
		for j := range 500 {
			ops = append(ops, state.Put("r", fmt.Sprintf("%d-%d", i, j), value, time.Minute))
		}
		if err := s.Commit(t.Context(), append(ops, state.Put("r", fmt.Sprint(i), nil, 0))...); err != nil {
			t.Fatal(err)
		}
	}
	before := pragma(t, path, "page_count")
	clock.Advance(time.Hour)
	testkit.Eventually(t, 20*time.Second, "expired records and free pages are removed", func() bool {
		var left, free int
		row := s.reads.db.QueryRow("SELECT count(*), (SELECT freelist_count FROM pragma_freelist_count) FROM record")
		if err := row.Scan(&left, &free); err != nil {
			t.Fatal(err)
		}
		if (left-12)%sweepRecords != 0 {
			t.Fatalf("%d records are left: they are not removed in batches of %d", left, sweepRecords)
		}
		return left == 12 && free <= keepFree
	})
	if after := pragma(t, path, "page_count"); len(after) > len(before) || after >= before && len(after) == len(before) {
		t.Errorf("the file had %s pages and has %s", before, after)
	}
}

func TestDurabilityIsNamed(t *testing.T) {
	t.Parallel()
	s, err := Open(context.Background(), Options{Path: filepath.Join(t.TempDir(), "state.db")})
	if err != nil {
		t.Fatal(err)
	}
	if s.Durability() == "" {
		t.Error("no durability")
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
