package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Locate returns the database in the file at path, which is what follows
// sqlite:// in a url, relative to baseDir or absolute. The directory of a relative path
// is made where it is not there. That of an absolute path has to be there: it may be a
// volume that is not mounted, and rows written beside it would be lost to sight.
func Locate(path, baseDir string, options driver.Options) (driver.Database, error) {
	switch {
	case path == "":
		return driver.Database{}, errors.New("names no file; write sqlite://data/app.db")
	case strings.ContainsAny(path, "?#\x00"):
		return driver.Database{}, errors.New("takes a path and no options: the characters ?, # and NUL are not allowed")
	case strings.HasPrefix(path, ":memory:"):
		return driver.Database{}, errors.New("a database in memory keeps no promise of durability and is refused")
	case strings.HasSuffix(path, "/"):
		return driver.Database{}, errors.New("names a directory; write the path of a file")
	}
	if filepath.IsAbs(path) {
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return driver.Database{}, fmt.Errorf("the directory %s is not there", filepath.Dir(path))
		}
		return database(&SQLite{path: filepath.Clean(path)}, options), nil
	}
	if !filepath.IsAbs(baseDir) {
		return driver.Database{}, errors.New("a relative path needs the config file's directory, which is not known")
	}
	return New(filepath.Join(baseDir, path), options), nil
}
