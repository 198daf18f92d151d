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
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/sqlite"
	"github.com/backflow/backflow/plugins/database/internal/store"
	"github.com/backflow/backflow/sdk"
)

// backend is a kind of database: a row of the table databases.
type backend struct {
	scheme string
	// form says in a few words what follows "SCHEME://" in a url, and description
	// the same in full, for the published schema.
	form, description string
	// locate takes what follows "SCHEME://", and the directory that a relative path
	// is relative to.
	locate func(location, baseDir string) (driver.Database, error)
}

// backends are the kinds of databases that a url may name.
type backends []backend

var databases = backends{{
	scheme:      "sqlite",
	form:        "the path of a file",
	description: "a path, relative to the config file, or absolute as in sqlite:///var/lib/shop/app.db",
	locate:      sqlite.Locate,
}}

// list joins what is said of each backend.
func (b backends) list(separator string, say func(backend) string) string {
	parts := make([]string, len(b))
	for i, row := range b {
		parts[i] = say(row)
	}
	return strings.Join(parts, separator)
}

// credentialsSchema allows {}: the database is then a file in the data directory.
func (b backends) credentialsSchema() json.RawMessage {
	schemes := b.list("|", func(row backend) string { return regexp.QuoteMeta(row.scheme) })
	if len(b) > 1 {
		schemes = "(" + schemes + ")"
	}
	pattern := driver.AppendString(nil, "^"+schemes+"://.")
	description := driver.AppendString(nil, "Where the database is: "+
		b.list("; or ", func(row backend) string { return row.scheme + ":// and " + row.description })+".")
	return fmt.Appendf(nil, credentialsTemplate, pattern, description)
}

// credentialsTemplate lacks the pattern and the description of the url, as JSON.
const credentialsTemplate = `{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "url": {
      "type": "string",
      "pattern": %s,
      "writeOnly": true,
      "description": %s
    },
    "timeouts": {
      "type": "object",
      "properties": {
        "lock": { "type": "string", "minLength": 1, "description": "How long a call waits for a lock that another process holds, such as 5s, which is the default." }
      },
      "additionalProperties": false
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

// readSettings checks the credentials and makes the database's directory where
// that is ours to make. Errors hold nothing of the url but its scheme, since a
// url may hold a password.
func readSettings(entry json.RawMessage, config sdk.Config) (store.Settings, error) {
	var credentials struct {
		URL        *string `json:"url"`
		Migrations *string `json:"migrations"`
		Timeouts   struct {
			Lock *string `json:"lock"`
		} `json:"timeouts"`
	}
	decoder := json.NewDecoder(bytes.NewReader(entry))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&credentials); err != nil {
		return store.Settings{}, fmt.Errorf("database: credentials: %w", err)
	}
	var found store.Settings
	var err error
	if credentials.URL == nil {
		found.Database, err = defaultDatabase(config.DataDir)
	} else {
		found.Database, err = databases.locate(*credentials.URL, config.BaseDir)
	}
	if err != nil {
		return store.Settings{}, err
	}
	if text := credentials.Timeouts.Lock; text != nil {
		if found.LockWait, err = positive(*text); err != nil {
			return store.Settings{}, fmt.Errorf("database: timeouts.lock: %w", err)
		}
	}
	if credentials.Migrations != nil {
		found.Migrations, err = migrationsFolder(*credentials.Migrations, config.BaseDir)
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

// locate returns the database that a url names.
func (b backends) locate(url, baseDir string) (driver.Database, error) {
	match := scheme.FindStringSubmatch(url)
	if match == nil {
		return driver.Database{}, errors.New("database: url: has no scheme; write " +
			b.list(", or ", func(row backend) string { return row.scheme + ":// and " + row.form }))
	}
	for _, row := range b {
		if row.scheme == match[1] {
			found, err := row.locate(strings.TrimPrefix(url, match[0]), baseDir)
			if err != nil {
				return driver.Database{}, fmt.Errorf("database: url: %w", err)
			}
			return found, nil
		}
	}
	known := b.list(", ", func(row backend) string { return row.scheme + "://" })
	return driver.Database{}, fmt.Errorf("database: url: the scheme %q is not supported; this version has %s only", match[1], known)
}

// positive reads a span of time of which there is some.
func positive(text string) (time.Duration, error) {
	length, err := time.ParseDuration(text)
	if err != nil || length <= 0 {
		return 0, fmt.Errorf("%q is no span of time; write one such as 5s", text)
	}
	return length, nil
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
