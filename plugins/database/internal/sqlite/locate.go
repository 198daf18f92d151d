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
// sqlite:// in a url, relative to baseDir or absolute. It makes the directory of
// a relative path. That of an absolute path has to be there: it may be a volume
// that is not mounted, and rows written beside it would be lost to sight.
func Locate(path, baseDir string, options driver.Options) (driver.Database, error) {
	file, err := locate(path, baseDir)
	if err != nil {
		return driver.Database{}, err
	}
	return New(file, options), nil
}

func locate(path, baseDir string) (string, error) {
	switch {
	case path == "":
		return "", errors.New("names no file; write sqlite://data/app.db")
	case strings.ContainsAny(path, "?#\x00"):
		return "", errors.New("takes a path and no options: the characters ?, # and NUL are not allowed")
	case strings.HasPrefix(path, ":memory:"):
		return "", errors.New("a database in memory keeps no promise of durability and is refused")
	case strings.HasSuffix(path, "/"):
		return "", errors.New("names a directory; write the path of a file")
	}
	if filepath.IsAbs(path) {
		if info, err := os.Stat(filepath.Dir(path)); err != nil || !info.IsDir() {
			return "", fmt.Errorf("the directory %s is not there", filepath.Dir(path))
		}
		return filepath.Clean(path), nil
	}
	if !filepath.IsAbs(baseDir) {
		return "", errors.New("a relative path needs the config file's directory, which is not known")
	}
	path = filepath.Join(baseDir, path)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("make the directory of the database: %w", err)
	}
	return path, nil
}
