package sqlite

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/sdk/samefile"
)

// ErrRemoved is matched by the error of commits to a file that was removed,
// renamed or replaced. What is written to it then is lost when the process ends,
// so nothing is written.
var ErrRemoved = errors.New("state file was removed or replaced while in use: put it back, or restart")

// identity records which files a store has open, by name: the database, its log
// and the lock. Without the lock a second process could open the other two.
type identity struct{ files *samefile.Set }

// identify records the files of a database, after they have been opened.
func identify(path string) (*identity, error) {
	files, err := samefile.Of(path, path+".lock", path+"-wal")
	return &identity{files}, err
}

// check returns an error for a file that its name no longer stands for. The log
// may be missing at first: the first commit makes it.
func (i *identity) check() error {
	_, err := i.files.Check()
	if changed, ok := errors.AsType[*samefile.ChangedError](err); ok {
		return fmt.Errorf("%s: %w", changed.Name, ErrRemoved)
	}
	return err
}
