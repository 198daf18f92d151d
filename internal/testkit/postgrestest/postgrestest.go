// Package postgrestest gives tests a real PostgreSQL: a database of their own on a
// server that the tests of a package share, by New, or a server of their own, by Start.
// See package dbserver for what both can do.
//
// Only tests may import it. The package imports internal/testkit/dbserver.
package postgrestest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/backflow/backflow/internal/testkit/dbserver"
)

// Options configure a server of one test.
type Options = dbserver.Options

// Server is a PostgreSQL of one test.
type Server = dbserver.Server

// Database is an empty database of one test.
type Database = dbserver.Database

// shared serves all tests of a process.
var shared = dbserver.Shared{Engine: engine}

// New makes a database for a test, on the server that all tests of the process share. A
// test must not change that server's settings. Without PostgreSQL the test is skipped, or
// fails if BACKFLOW_REQUIRE_SERVERS is 1.
func New(t testing.TB) *Database {
	t.Helper()
	return shared.NewDatabase(t)
}

// Start runs a server of its own for a test. Without PostgreSQL the test is skipped, or
// fails if BACKFLOW_REQUIRE_SERVERS is 1. More are settings as in postgresql.conf.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	return dbserver.Start(t, engine, o)
}

var engine = &dbserver.Engine{
	Name:     "postgres",
	Programs: []string{"postgres", "initdb"},
	Places:   []string{"/usr/lib/postgresql/*/bin"}, // where Debian has them, off the PATH
	Accounts: []string{"postgres", "nobody"},
	// An immediate shutdown, which leaves the log to be read as a kill does, but no shared
	// memory; and a fast one.
	// https://www.postgresql.org/docs/current/server-shutdown.html
	Last: "QUIT", Stop: "INT",
	// Small segments of the log make a data directory that is quickly copied. There is no
	// durability to lose in one that is made.
	Init: func(program func(string) string, data string) []string {
		return []string{program("initdb"), "-D", data, "-U", "postgres", "-E", "UTF8", "--no-locale", "--no-sync", "--wal-segsize=1", "-A", "trust"}
	},
	Initial: dbserver.User{Name: "postgres"},
	Roles: []string{
		fmt.Sprintf("CREATE ROLE %s SUPERUSER LOGIN PASSWORD '%s'", dbserver.Admin.Name, dbserver.Admin.Password),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", dbserver.Owner.Name, dbserver.Owner.Password),
		fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD '%s'", dbserver.Reader.Name, dbserver.Reader.Password),
		fmt.Sprintf("GRANT pg_read_all_data TO %s", dbserver.Reader.Name),
	},
	Args:  args,
	Where: "SHOW data_directory",
	// The template may not be in use by another, which template1 may be.
	Create: func(name string) []string {
		return []string{fmt.Sprintf("CREATE DATABASE %s OWNER %s TEMPLATE template0", name, dbserver.Owner.Name)}
	},
	Drop:    func(name string) []string { return []string{fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name)} },
	Connect: connect,
	URL:     func(t dbserver.Target) string { return location(t).String() },
}

// args also writes the file that says who may connect: all with a password, but for the
// one who makes the users in a new data directory.
func args(s dbserver.Settings) ([]string, error) {
	kind, more := "host", ""
	if s.Certificates != nil {
		kind = "hostssl"
	}
	if s.ClientCertificates {
		more = " clientcert=verify-ca"
	}
	who := fmt.Sprintf("%s all all 127.0.0.1/32 scram-sha-256%s\n", kind, more)
	if s.New {
		who = "host all postgres 127.0.0.1/32 trust\n"
	}
	hba := filepath.Join(s.Dir, "hba.conf")
	if err := os.WriteFile(hba, []byte(who), 0o644); err != nil { //nolint:gosec // the server's account reads it
		return nil, err
	}
	args := []string{"-D", s.Data, "-h", s.Host, "-p", s.Port}
	settings := append([]string{
		"hba_file=" + hba, "unix_socket_directories=", fmt.Sprint("max_connections=", s.MaxConnections),
		"shared_buffers=16MB",
		// In the data directory, so that nothing of a server that was killed is left elsewhere.
		"dynamic_shared_memory_type=mmap",
		// A smaller log on a small disk: what is preallocated is not free.
		"min_wal_size=2MB", "max_wal_size=32MB",
		"log_checkpoints=off", "lc_messages=C",
	}, s.More...)
	if c := s.Certificates; c != nil {
		settings = append(settings, "ssl=on", "ssl_cert_file="+c.Server, "ssl_key_file="+c.ServerKey, "ssl_ca_file="+c.Authority)
	}
	for _, setting := range settings {
		args = append(args, "-c", setting)
	}
	return args, nil
}

// location is the url of a target, with the parameters of libpq.
func location(t dbserver.Target) *url.URL {
	u := &url.URL{Scheme: "postgres", User: url.UserPassword(t.User.Name, t.User.Password), Host: t.Addr, Path: "/" + t.Database}
	if t.Certificates != nil {
		u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {t.Certificates.Authority}}.Encode()
	}
	return u
}

func connect(t dbserver.Target) (*sql.DB, error) {
	if t.Database == "" {
		t.Database = "postgres"
	}
	u := location(t)
	query := u.Query()
	if c := t.Certificates; c != nil {
		query.Set("sslcert", c.Client)
		query.Set("sslkey", c.ClientKey)
	} else {
		query.Set("sslmode", "disable")
	}
	u.RawQuery = query.Encode()
	config, err := pgx.ParseConfig(u.String())
	if err != nil {
		return nil, err
	}
	// A test changes tables beside it: what a connection prepared may have become wrong.
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	return stdlib.OpenDB(*config), nil
}
