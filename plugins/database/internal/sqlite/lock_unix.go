//go:build unix

package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// lockPoll is how often a waiting process looks again: flock cannot wait with
// a deadline.
const lockPoll = 20 * time.Millisecond

// LockSetup takes a lock on the file "<database>-setup.lock", which stays where
// it is: removing it would let two processes lock two files of one name. It is
// never a lock on the database itself, whose locks are SQLite's.
func (s *SQLite) LockSetup(ctx context.Context) (release func() error, err error) {
	path := s.path + "-setup.lock"
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: open lock: %w", err)
	}
	ticker := time.NewTicker(lockPoll)
	defer ticker.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return file.Close, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return nil, errors.Join(fmt.Errorf("sqlite: lock %s: %w", path, err), file.Close())
		}
		select {
		case <-ctx.Done():
			waited := fmt.Errorf("sqlite: another process prepares the database (it holds %s): %w", path, ctx.Err())
			return nil, errors.Join(waited, file.Close())
		case <-ticker.C:
		}
	}
}
