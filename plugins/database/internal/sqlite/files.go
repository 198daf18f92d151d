package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk/samefile"
)

// The files of an open database, by their number in files.set: the name that the
// config gives, which may be a link; the write-ahead log; the index of that, by which
// processes know of each other.
const (
	mainFile = iota
	logFile
	indexFile
	fileCount
)

// files are those of an open database. SQLite goes on with files that were removed
// or replaced: it writes rows that no name leads to any more, and calls them
// committed (https://www.sqlite.org/howtocorrupt.html, 1.3, 1.4 and 4).
type files struct {
	set   *samefile.Set
	paths [fileCount]string
	// sizes are those at the last check. A database shrinks when another program
	// vacuums it, its log when one empties it, and both when they are cut off.
	sizes [fileCount]int64
	// shrunk: whether that is so has to be looked into.
	shrunk bool
	// cut is the file that was cut off, empty for none.
	cut string
}

func openFiles(name string) (*files, error) {
	// SQLite resolves links, and has its own files beside the file that they lead to.
	path, err := filepath.EvalSymlinks(name)
	if err != nil {
		return nil, err
	}
	f := &files{paths: [fileCount]string{name, path + "-wal", path + "-shm"}}
	f.set, err = samefile.Of(f.paths[:]...)
	if err != nil {
		return nil, err
	}
	return f, f.check()
}

// check is cheap: it is made for each commit.
func (f *files) check() error {
	found, err := f.set.Check()
	if err != nil {
		return err
	}
	for i, info := range found {
		if info == nil {
			continue
		}
		// The index is mapped into memory: cutting it off ends the process.
		if i != indexFile && info.Size() < f.sizes[i] {
			f.shrunk = true
		}
		f.sizes[i] = info.Size()
	}
	if f.cut != "" {
		return &cutError{f.cut}
	}
	return nil
}

// cutError is the error for a file that lacks a part of what was written to it.
type cutError struct{ name string }

func (e *cutError) Error() string { return e.name + " was cut off while in use" }

// Check returns an error once a name does not stand any more for a file that is open,
// or a file lacks a part: then what is written may be lost.
func (s *SQLite) Check() error {
	s.filesMu.Lock()
	defer s.filesMu.Unlock()
	if s.files == nil {
		return errors.New("the database is not open")
	}
	return s.files.check()
}

// Verify looks into files that have become smaller, where that is so. The error is
// that of Check.
func (s *SQLite) Verify(ctx context.Context, conn *sql.Conn) error {
	s.filesMu.Lock()
	defer s.filesMu.Unlock()
	f := s.files
	if err := f.check(); err != nil || !f.shrunk {
		return err
	}
	cut, err := f.whatWasCut(ctx, conn)
	if err != nil {
		return err
	}
	f.shrunk, f.cut = false, cut
	return f.check()
}

// whatWasCut returns the file that lacks a part of what SQLite knows to be in it, ""
// if none does.
func (f *files) whatWasCut(ctx context.Context, conn *sql.Conn) (string, error) {
	if f.sizes[mainFile] == 0 {
		return f.paths[mainFile], nil // the first page is written before all else
	}
	// Other programs write meanwhile: what does not fit may be an older size beside a
	// newer number. What fits no time is a cut.
	const frameHeader, logHeader = 24, 32 // https://www.sqlite.org/walformat.html
	var cut string
	for range 3 {
		var size, pages, busy, frames, moved int64
		for pragma, value := range map[string]*int64{"page_size": &size, "page_count": &pages} {
			if err := conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(value); err != nil {
				return "", fmt.Errorf("read %s: %w", pragma, err)
			}
		}
		// NOOP tells the state of the log and moves nothing.
		if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(NOOP)").Scan(&busy, &frames, &moved); err != nil {
			return "", fmt.Errorf("read the state of the log: %w", err)
		}
		if err := f.check(); err != nil {
			return "", err
		}
		switch {
		case frames > 0 && f.sizes[logFile] < logHeader+frames*(frameHeader+size):
			cut = f.paths[logFile]
		case f.sizes[mainFile] < (pages-(frames-moved))*size: // each frame is one page
			cut = f.paths[mainFile]
		default:
			return "", nil
		}
	}
	return cut, nil
}

// Leave ends the use of a database whose files are not sound, so that Open can open
// what its name stands for now. What was committed is brought to the file that it
// belongs to. left is false while there is nothing better to open, or a log that would
// be lost: the database stays open then, since the files may be put back.
func (s *SQLite) Leave(ctx context.Context, db, reading *sql.DB) (left bool, err error) {
	s.filesMu.Lock()
	defer s.filesMu.Unlock()
	// SQLite ends the use of a log with the last connection that closes.
	reading.SetMaxIdleConns(0)
	defer func() {
		if left {
			err = errors.Join(err, reading.Close())
		} else {
			reading.SetMaxIdleConns(readConnections)
		}
	}()
	f := s.files
	info, err := os.Stat(s.path)
	switch {
	case err != nil:
		return false, f.check()
	case f.cut == f.paths[logFile]:
		// SQLite would move what is left of the log into the database as it closes it,
		// where a new process takes no more of it than what belongs together.
		return false, fmt.Errorf("%w: %w", driver.ErrEnd, &cutError{f.cut})
	case f.cut != "":
		s.suspect = true
	case info.Size() == 0:
		return false, fmt.Errorf("%s is empty", s.path)
	default:
		err := emptyLog(ctx, db)
		if err != nil && (f.set.Owns(mainFile) || f.set.Owns(logFile)) {
			return false, fmt.Errorf("what was written last cannot be brought into %s yet: %w", s.path, err)
		}
	}
	moved := !f.set.Owns(mainFile)
	err = db.Close()
	if moved {
		// The next file must not be read together with the log of this one.
		for _, i := range []int{logFile, indexFile} {
			if f.set.Owns(i) {
				err = errors.Join(err, os.Remove(f.paths[i]))
			}
		}
	}
	s.files, s.opened = nil, true
	return true, err
}

// emptyLog brings what was committed from the log into the database.
func emptyLog(ctx context.Context, db *sql.DB) error {
	var busy, frames, moved int64
	if err := db.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errors.New("another process reads it")
	}
	return nil
}

// inspect finds out whether a file that may lack a part is in order.
func inspect(ctx context.Context, db *sql.DB) error {
	var verdict string
	if err := db.QueryRowContext(ctx, "PRAGMA quick_check(1)").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("it is damaged: %s", verdict)
	}
	return nil
}

var (
	_ driver.Files       = (*SQLite)(nil)
	_ driver.Inspectable = (*SQLite)(nil)
)
