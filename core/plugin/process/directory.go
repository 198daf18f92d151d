//go:build unix

package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

const (
	// directoryPrefix is short because a socket's address holds 104 bytes on some
	// systems, of which go-plugin appends about 40 of its own.
	directoryPrefix = "bf-"
	longestTemp     = 36
	lockName        = "lock"
	copiesName      = "images"
)

// directory is a launcher's own part of the temporary directory, where its plugins
// have their sockets. It is made when first used. A lock on it shows that its
// gateway lives. The next gateway removes the directory of one that was killed.
type directory struct {
	mu     sync.Mutex // guards what follows
	path   string
	lock   *os.File
	closed bool
}

// makePluginDir makes a directory for one plugin, with mode 0700.
func (d *directory) makePluginDir() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ensure(); err != nil {
		return "", err
	}
	path, err := os.MkdirTemp(d.path, "")
	if err != nil {
		return "", fmt.Errorf("temporary directory: %w", err)
	}
	return path, nil
}

// copiesDir returns the directory for copies of plugins, with mode 0700.
func (d *directory) copiesDir() (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.ensure(); err != nil {
		return "", err
	}
	path := filepath.Join(d.path, copiesName)
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", fmt.Errorf("temporary directory: %w", err)
	}
	return path, nil
}

// ensure makes the directory unless it exists; mu is held.
func (d *directory) ensure() error {
	if d.closed {
		return errClosed
	}
	if d.path == "" {
		if err := d.open(); err != nil {
			return fmt.Errorf("temporary directory: %w", err)
		}
	}
	return nil
}

func (d *directory) open() error {
	base := os.TempDir()
	if len(base) > longestTemp {
		base = "/tmp"
	}
	sweep(base)
	path, err := os.MkdirTemp(base, directoryPrefix)
	if err != nil {
		return err
	}
	lock, err := os.Create(filepath.Join(path, lockName+".new"))
	if err == nil {
		err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == nil {
		// It gets its name once it is locked: no other gateway finds it unlocked.
		err = os.Rename(lock.Name(), filepath.Join(path, lockName))
	}
	if err != nil {
		return errors.Join(err, lock.Close(), os.RemoveAll(path))
	}
	d.path, d.lock = path, lock
	return nil
}

// close removes everything.
func (d *directory) close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.path == "" {
		return nil
	}
	err := errors.Join(remove(d.path), d.lock.Close())
	d.path = ""
	return err
}

// remove removes a directory, and its lock last. A plugin that has not ended yet may
// make its socket where everything was just removed, and a directory that is left
// without its lock would never be removed.
func remove(path string) error {
	entries, err := os.ReadDir(path)
	for _, entry := range entries {
		if entry.Name() != lockName {
			err = errors.Join(err, os.RemoveAll(filepath.Join(path, entry.Name())))
		}
	}
	if err != nil {
		return err
	}
	return os.RemoveAll(path)
}

// sweep removes the directories whose gateway has gone, and kills the processes that
// still work inside. It leaves alone what is another user's or has no lock. A
// failure costs a few bytes and nothing else.
func sweep(base string) {
	paths, err := filepath.Glob(filepath.Join(base, directoryPrefix+"*"))
	if err != nil {
		return
	}
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err != nil || !info.IsDir() {
			continue
		}
		if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() {
			continue
		}
		lock, err := os.Open(filepath.Join(path, lockName))
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			if real, err := filepath.EvalSymlinks(path); err == nil {
				killOrphans(real)
			}
			_ = remove(path)
		}
		_ = lock.Close()
	}
}
