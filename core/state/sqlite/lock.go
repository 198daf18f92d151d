//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// ErrInUse is matched by Open's error when another process, or another store of
// this one, has the file open.
var ErrInUse = errors.New("state file is in use by another process; only one may use it (Redis serves several)")

// fileLock is an advisory lock (flock) on a file beside the database. The
// kernel drops it however its holder ends. It is not on the database itself,
// whose locks belong to SQLite.
type fileLock struct{ f *os.File }

// lockFile takes the lock or fails at once. The file stays when the lock is
// released: removing it would let two processes lock two files of one name.
func lockFile(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		holder := readHolder(f)
		return nil, errors.Join(fmt.Errorf("%w%s", ErrInUse, holder), f.Close())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	if err := writeHolder(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &fileLock{f}, nil
}

// onlyName refuses a file that has another name too (a hard link): lock and log
// of SQLite go by the name, so another process could open it by the other one.
func onlyName(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return fmt.Errorf("%s has %d names (hard links); a state file must have one", path, stat.Nlink)
	}
	return nil
}

// readHolder returns a hint for people, empty when it cannot be read.
func readHolder(f *os.File) string {
	pid, err := io.ReadAll(io.LimitReader(f, 20))
	if err != nil || len(pid) == 0 {
		return ""
	}
	return " (process " + strings.TrimSpace(string(pid)) + ")"
}

func writeHolder(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := fmt.Fprintf(f, "%d\n", os.Getpid())
	return err
}

func (l *fileLock) release() error { return l.f.Close() }
