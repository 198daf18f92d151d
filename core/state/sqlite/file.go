package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// resolve makes the file's directory (mode 0700) and returns the path of the file
// that is the same for every process: absolute, links resolved.
func resolve(path string) (string, error) {
	if path == "" {
		return "", errors.New("no path given")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return "", err
	}
	resolved, err := filepath.EvalSymlinks(abs)
	if !errors.Is(err, fs.ErrNotExist) {
		return resolved, err
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}

// create makes the file, readable by its owner only, unless it exists. SQLite
// gives its side files the same mode. It must only be called under the lock:
// closing any descriptor of a file drops all POSIX locks that a process holds
// on it, SQLite's included.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return syncDirs(filepath.Dir(path))
}

// syncDirs makes new names durable, from the directory up: without it a power
// loss after the first commits could leave no file that holds them.
func syncDirs(dir string) error {
	for {
		d, err := os.Open(dir)
		if errors.Is(err, fs.ErrPermission) {
			return nil // not ours, so it existed before
		}
		if err != nil {
			return err
		}
		err = d.Sync()
		if closeErr := d.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			return fmt.Errorf("sync directory: %w", err)
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return nil
		}
		dir = parent
	}
}
