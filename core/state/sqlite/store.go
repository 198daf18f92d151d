package sqlite

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/internal/groupcommit"
)

// queueLength is how many commits may wait for the writer; further callers
// block in Commit until there is room.
const queueLength = 1024

// Options configure a store.
type Options struct {
	// Path is the database file. It is made if absent (mode 0600), with its
	// directory (mode 0700).
	Path string
	// Now is the store's clock, by which times to live and timers are judged;
	// time.Now when nil.
	Now func() time.Time
	// Logger gets upkeep that failed, and files that disappeared; nil discards.
	Logger *slog.Logger

	// sweepEvery is the pause between rounds of upkeep; a test shortens it.
	sweepEvery time.Duration
	// pragmas are set on the writer's connection after our own; a test uses them
	// to limit the size of the file.
	pragmas []string
}

// Store is a state.Store in one SQLite file.
type Store struct {
	queue  *groupcommit.Queue
	reads  *reader
	lock   *fileLock
	writer *writer
	done   sync.WaitGroup // the writer's goroutine
}

var _ state.Store = (*Store)(nil)

// Open opens or makes the file, brings its format up to date and starts the
// writer. It fails when another process has the file open, and when the file
// was written by a newer version or is no state file.
func Open(ctx context.Context, o Options) (_ *Store, err error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.sweepEvery == 0 {
		o.sweepEvery = time.Second
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("sqlite: open state %s: %w", o.Path, err)
		}
	}()
	path, err := resolve(o.Path)
	if err != nil {
		return nil, err
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.release())
		}
	}()
	if err := create(path); err != nil {
		return nil, err
	}
	if err := onlyName(path); err != nil {
		return nil, err
	}
	c, err := connect(path, o.pragmas)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close())
		}
	}()
	if err := migrate(c); err != nil {
		return nil, err
	}
	reads, err := openReader(ctx, path, o.Now)
	if err != nil {
		return nil, err
	}
	files, err := identify(path)
	if err != nil {
		return nil, errors.Join(err, reads.close())
	}
	w, err := newWriter(c, files, o)
	if err != nil {
		return nil, errors.Join(err, reads.close())
	}
	s := &Store{queue: groupcommit.New(queueLength, state.DefaultLimits), reads: reads, lock: lock, writer: w}
	s.done.Go(func() { w.run(s.queue) })
	return s, nil
}

// Durability describes how commits are synced. A power loss takes nothing that was
// acknowledged.
func (s *Store) Durability() string { return "sqlite, WAL, synchronous FULL" }

// Commit implements state.Store.
func (s *Store) Commit(ctx context.Context, ops ...state.Op) error {
	return s.queue.Commit(ctx, ops)
}

// Close implements state.Store. It may be called more than once.
func (s *Store) Close() error {
	if !s.queue.Close() {
		return nil
	}
	s.done.Wait()
	// The readers go first: the last connection to close moves the WAL into
	// the file, and only one that may write can.
	err := errors.Join(s.reads.close(), s.writer.close(), s.lock.release())
	if err != nil {
		return fmt.Errorf("sqlite: close state: %w", err)
	}
	return nil
}
