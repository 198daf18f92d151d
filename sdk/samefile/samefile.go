// Package samefile tells whether names still stand for the files that a program has
// open under them. What is written to a file that was removed or replaced is gone
// once it is closed, and no write says so.
//
// The package imports nothing of the project.
package samefile

import (
	"errors"
	"io/fs"
	"os"
)

// Set are open files, by name. It is not safe for concurrent use.
type Set struct {
	names []string
	files []fs.FileInfo // nil while there is none yet
}

// ChangedError is the error for a name that stands for another file than it did, or
// for none.
type ChangedError struct {
	Name string
	// Removed: it stands for none.
	Removed bool
}

// Error names the file.
func (e *ChangedError) Error() string {
	if e.Removed {
		return e.Name + " was removed while in use"
	}
	return e.Name + " was replaced while in use"
}

// Of records which files names stand for, after they have been opened. A name may
// stand for none at first; it is held to the first that Check meets.
func Of(names ...string) (*Set, error) {
	s := &Set{names: names, files: make([]fs.FileInfo, len(names))}
	_, err := s.Check()
	return s, err
}

// Check returns what is known of the files now, in the order of their names, nil for
// one that never was. Its error is a *ChangedError for the first name that stands for
// another file, or that of the file system.
func (s *Set) Check() ([]fs.FileInfo, error) {
	found := make([]fs.FileInfo, len(s.names))
	for i, name := range s.names {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && s.files[i] == nil:
			continue
		case errors.Is(err, fs.ErrNotExist):
			return nil, &ChangedError{name, true}
		case err != nil:
			return nil, err
		case s.files[i] == nil:
			s.files[i] = info
		case !os.SameFile(info, s.files[i]):
			return nil, &ChangedError{name, false}
		}
		found[i] = info
	}
	return found, nil
}

// Owns reports whether the name of that number still stands for its file.
func (s *Set) Owns(number int) bool {
	info, err := os.Stat(s.names[number])
	return err == nil && s.files[number] != nil && os.SameFile(info, s.files[number])
}
