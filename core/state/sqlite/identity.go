package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ErrRemoved is matched by the error of commits to a file that was removed,
// renamed or replaced. What is written to it then is lost when the process ends,
// so nothing is written.
var ErrRemoved = errors.New("state file was removed or replaced while in use: put it back, or restart")

// identity records which files a store has open, by name: the database, its log
// and the lock. Without the lock a second process could open the other two.
type identity struct {
	names []string
	files []os.FileInfo // nil while there is none yet
}

// identify records the files of a database, after they have been opened.
func identify(path string) (*identity, error) {
	i := &identity{names: []string{path, path + ".lock", path + "-wal"}, files: make([]os.FileInfo, 3)}
	return i, i.check()
}

// check returns an error for a file that its name no longer stands for. The log
// may be missing at first: the first commit makes it.
func (i *identity) check() error {
	for n, name := range i.names {
		info, err := os.Stat(name)
		switch {
		case errors.Is(err, fs.ErrNotExist) && i.files[n] == nil:
		case errors.Is(err, fs.ErrNotExist):
			return fmt.Errorf("%s: %w", name, ErrRemoved)
		case err != nil:
			return err
		case i.files[n] == nil:
			i.files[n] = info
		case !os.SameFile(info, i.files[n]):
			return fmt.Errorf("%s: %w", name, ErrRemoved)
		}
	}
	return nil
}
