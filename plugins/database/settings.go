package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/mysql"
	"github.com/backflow/backflow/plugins/database/internal/named"
	"github.com/backflow/backflow/plugins/database/internal/postgres"
	"github.com/backflow/backflow/plugins/database/internal/settings"
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
	// locate takes what follows "SCHEME://", the directory that a relative path is
	// relative to, and what the config says of connections and times.
	locate func(location, baseDir string, options driver.Options) (driver.Database, error)
}

// backends are the kinds of databases that a url may name.
type backends []backend

var databases = backends{{
	scheme:      "sqlite",
	form:        "the path of a file",
	description: "a path, relative to the config file, or absolute as in sqlite:///var/lib/shop/app.db",
	locate:      sqlite.Locate,
}, {
	scheme:      "mysql",
	form:        mysqlForm,
	description: mysqlForm + ", for MySQL and MariaDB",
	locate:      mysql.Locate,
}, {
	scheme:      "mariadb",
	form:        mysqlForm,
	description: "the same",
	locate:      mysql.Locate,
}, {
	scheme:      "postgres",
	form:        postgresForm,
	description: postgresForm + ", for PostgreSQL",
	locate:      postgres.Locate,
}, {
	scheme:      "postgresql",
	form:        postgresForm,
	description: "the same",
	locate:      postgres.Locate,
}}

const postgresForm = "user:password@host:5432/database"

const mysqlForm = "user:password@host:3306/database"

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
	return settings.Schema("^"+schemes+"://.", "Where the database is: "+
		b.list("; or ", func(row backend) string { return row.scheme + ":// and " + row.description })+".")
}

// defaultFile is the name of the database in the data directory when the
// config names none.
const defaultFile = "app.db"

// readSettings checks the credentials. Errors hold nothing of the url but its scheme, since a
// url may hold a password.
func readSettings(entry json.RawMessage, config sdk.Config) (store.Settings, error) {
	read, err := settings.Read(entry)
	if err != nil {
		return store.Settings{}, err
	}
	found := store.Settings{LockWait: read.Options.LockTimeout, Access: access.New(read.Tables), NumbersAsText: read.NumbersAsText}
	if read.URL == nil {
		found.Database, err = defaultDatabase(config.DataDir, read.Options)
	} else {
		found.Database, err = databases.locate(*read.URL, config.BaseDir, read.Options)
	}
	if err != nil {
		return store.Settings{}, err
	}
	if found.Queries, err = readQueries(&found.Database.Syntax.Lexis, read.Queries); err != nil {
		return store.Settings{}, err
	}
	if read.Migrations != "" {
		found.Migrations, err = migrationsFolder(read.Migrations, config.BaseDir)
	}
	return found, err
}

// readQueries reads the statements of the config. The error has what is wrong with each.
func readQueries(lexis *driver.Lexis, given map[string]settings.Query) (map[string]*named.Query, error) {
	queries := make(map[string]*named.Query, len(given))
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		query, err := named.Parse(lexis, given[name].SQL, given[name].Write)
		if err != nil {
			wrong = append(wrong, &store.QueryError{Name: name, Err: err})
		}
		queries[name] = query
	}
	return queries, errors.Join(wrong...)
}

func defaultDatabase(dataDir string, options driver.Options) (driver.Database, error) {
	if !filepath.IsAbs(dataDir) {
		return driver.Database{}, errors.New("database: no url is configured, and there is no data directory for a default one")
	}
	return sqlite.New(filepath.Join(dataDir, defaultFile), options), nil
}

// scheme is the part of a url that may be shown.
var scheme = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]{0,20})://`)

// locate returns the database that a url names.
func (b backends) locate(url, baseDir string, options driver.Options) (driver.Database, error) {
	match := scheme.FindStringSubmatch(url)
	if match == nil {
		return driver.Database{}, errors.New("database: url: has no scheme; write " +
			b.list(", or ", func(row backend) string { return row.scheme + ":// and " + row.form }))
	}
	for _, row := range b {
		if row.scheme == match[1] {
			found, err := row.locate(strings.TrimPrefix(url, match[0]), baseDir, options)
			if err != nil {
				return driver.Database{}, fmt.Errorf("database: url: %w", err)
			}
			return found, nil
		}
	}
	known := b.list(", ", func(row backend) string { return row.scheme + "://" })
	return driver.Database{}, fmt.Errorf("database: url: the scheme %q is not supported; this version has %s only", match[1], known)
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
