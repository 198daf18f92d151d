package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
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

// databases are the schemes of a url. Locate takes what follows the scheme, and
// the directory that a relative path is relative to.
var databases = []struct {
	scheme string
	locate func(location, baseDir string) (driver.Database, error)
}{
	{"sqlite", sqlite.Locate},
}

// defaultFile is the name of the database in the data directory when the
// config names none.
const defaultFile = "app.db"

// settings are checked, and every path in them is absolute.
type settings struct {
	database driver.Database
	// migrations is a folder; empty for none.
	migrations string
}

// readSettings checks the credentials and makes the database's directory where
// that is ours to make. Errors hold nothing of the url but its scheme, since a
// url may hold a password.
func readSettings(entry json.RawMessage, config sdk.Config) (settings, error) {
	var credentials struct {
		URL        *string `json:"url"`
		Migrations *string `json:"migrations"`
	}
	decoder := json.NewDecoder(bytes.NewReader(entry))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&credentials); err != nil {
		return settings{}, fmt.Errorf("database: credentials: %w", err)
	}
	var found settings
	var err error
	if credentials.URL == nil {
		found.database, err = defaultDatabase(config.DataDir)
	} else {
		found.database, err = locate(*credentials.URL, config.BaseDir)
	}
	if err != nil {
		return settings{}, err
	}
	if credentials.Migrations != nil {
		found.migrations, err = migrationsFolder(*credentials.Migrations, config.BaseDir)
	}
	return found, err
}

func defaultDatabase(dataDir string) (driver.Database, error) {
	if !filepath.IsAbs(dataDir) {
		return driver.Database{}, errors.New("database: no url is configured, and there is no data directory for a default one")
	}
	if err := os.MkdirAll(dataDir, 0o700); err != nil {
		return driver.Database{}, fmt.Errorf("database: make the data directory: %w", err)
	}
	return sqlite.New(filepath.Join(dataDir, defaultFile)), nil
}

// scheme is the part of a url that may be shown.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]{0,20})://`)

func locate(url, baseDir string) (driver.Database, error) {
	match := scheme.FindStringSubmatch(url)
	if match == nil {
		return driver.Database{}, errors.New("database: url: has no scheme; write sqlite:// and the path of a file")
	}
	var known []string
	for _, d := range databases {
		if d.scheme == match[1] {
			found, err := d.locate(strings.TrimPrefix(url, match[0]), baseDir)
			if err != nil {
				return driver.Database{}, fmt.Errorf("database: url: %w", err)
			}
			return found, nil
		}
		known = append(known, d.scheme+"://")
	}
	return driver.Database{}, fmt.Errorf("database: url: the scheme %q is not supported; this version has %s only", match[1], strings.Join(known, ", "))
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
