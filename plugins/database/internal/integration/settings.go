package integration

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/dialect"
	"github.com/backflow/backflow/plugins/database/internal/sqlite"
	"github.com/backflow/backflow/sdk"
)

// credentialsSchema allows {}: the database is then a file in the data directory.
const credentialsSchema = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "url": {
      "type": "string",
      "pattern": "^sqlite://.",
      "writeOnly": true,
      "description": "Where the database is: sqlite:// and a path, relative to the config file, or absolute as in sqlite:///var/lib/shop/app.db."
    },
    "migrations": {
      "type": "string",
      "minLength": 1,
      "format": "directory-path",
      "description": "Folder of SQL migrations in goose's form, relative to the config file. What is new in it is applied, in order, at the start."
    }
  },
  "additionalProperties": false
}`

// defaultFile is the name of the database in the data directory when the
// config names none.
const defaultFile = "app.db"

// settings are checked, and every path in them is absolute.
type settings struct {
	dialect dialect.Dialect
	// migrations is a folder; empty for none.
	migrations string
}

// readSettings checks the credentials and makes the database's directory where
// that is ours to make. Errors hold nothing of the url but its scheme, since a
// url may hold a password.
func readSettings(config sdk.Config) (settings, error) {
	var credentials struct {
		URL        *string `json:"url"`
		Migrations *string `json:"migrations"`
	}
	if len(config.Credentials) > 0 {
		decoder := json.NewDecoder(bytes.NewReader(config.Credentials))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&credentials); err != nil {
			return settings{}, fmt.Errorf("database: credentials: %w", err)
		}
	}
	var found settings
	var err error
	if credentials.URL == nil {
		found.dialect, err = defaultDatabase(config.DataDir)
	} else {
		found.dialect, err = database(*credentials.URL, config.BaseDir)
	}
	if err != nil {
		return settings{}, err
	}
	if credentials.Migrations != nil {
		found.migrations, err = migrationsFolder(*credentials.Migrations, config.BaseDir)
	}
	return found, err
}

func defaultDatabase(dataDir string) (dialect.Dialect, error) {
	if !filepath.IsAbs(dataDir) {
		return nil, errors.New("database: no url is configured, and there is no data directory for a default one")
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return nil, fmt.Errorf("database: make the data directory: %w", err)
	}
	return sqlite.New(filepath.Join(dataDir, defaultFile)), nil
}

// scheme is the part of a url that may be shown.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]{0,20})://`)

func database(url, baseDir string) (dialect.Dialect, error) {
	match := scheme.FindStringSubmatch(url)
	if match == nil {
		return nil, errors.New("database: url: has no scheme; write sqlite:// and the path of a file")
	}
	switch match[1] {
	case "sqlite":
		path, err := sqlitePath(strings.TrimPrefix(url, match[0]), baseDir)
		if err != nil {
			return nil, fmt.Errorf("database: url: %w", err)
		}
		return sqlite.New(path), nil
	}
	return nil, fmt.Errorf("database: url: the scheme %q is not supported; this version has sqlite:// only", match[1])
}

// sqlitePath makes the directory of a relative path. That of an absolute path
// has to be there: it may be a volume that is not mounted, and rows written
// beside it would be lost to sight.
func sqlitePath(path, baseDir string) (string, error) {
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

func migrationsFolder(folder, baseDir string) (string, error) {
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(baseDir, folder)
	}
	info, err := os.Stat(folder)
	if err != nil {
		return "", fmt.Errorf("database: migrations: %w", err)
	}
	if !info.IsDir() {
		return "", fmt.Errorf("database: migrations: %s is not a folder", folder)
	}
	return folder, nil
}
