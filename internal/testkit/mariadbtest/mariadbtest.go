// Package mariadbtest gives tests a real MariaDB: a database of their own on a server
// that the tests of a package share, by New, or a server of their own, by Start. See
// package dbserver for what both can do.
//
// Only tests may import it. The package imports internal/testkit/dbserver.
package mariadbtest

import (
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/backflow/backflow/internal/testkit/dbserver"
)

// Options configure a server of one test.
type Options = dbserver.Options

// Server is a MariaDB of one test.
type Server = dbserver.Server

// Database is an empty database of one test.
type Database = dbserver.Database

// shared serves all tests of a process.
var shared = dbserver.Shared{Engine: engine}

// New makes a database for a test, on the server that all tests of the process share. A
// test must not change that server's settings. Without MariaDB the test is skipped, or
// fails if BACKFLOW_REQUIRE_SERVERS is 1.
func New(t testing.TB) *Database {
	t.Helper()
	return shared.NewDatabase(t)
}

// Start runs a server of its own for a test. Without MariaDB the test is skipped, or
// fails if BACKFLOW_REQUIRE_SERVERS is 1. More are the server's options.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	return dbserver.Start(t, engine, o)
}

// small are settings without which a new data directory has 150 MB. The server has to be
// started with what the directory was made with.
var small = []string{"--innodb-data-file-path=ibdata1:4M:autoextend", "--innodb-autoextend-increment=1", "--innodb-log-file-size=8M"}

var engine = &dbserver.Engine{
	Name:     "mariadb",
	Programs: []string{"mariadbd", "mariadb-install-db"},
	Places:   []string{"/usr/sbin", "/usr/local/sbin"}, // off the PATH of some accounts
	Accounts: []string{"mysql", "nobody"},
	Last:     "KILL", Stop: "TERM",
	Init: func(program func(string) string, data string) []string {
		return append([]string{program("mariadb-install-db"), "--no-defaults", "--datadir=" + data,
			"--tmpdir=" + filepath.Dir(data), "--auth-root-authentication-method=normal", "--skip-test-db"}, small...)
	},
	Initial: dbserver.User{Name: "root"},
	Roles: []string{
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", dbserver.Admin.Name, dbserver.Admin.Password),
		fmt.Sprintf("GRANT ALL ON *.* TO %s@'%%' WITH GRANT OPTION", dbserver.Admin.Name),
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", dbserver.Owner.Name, dbserver.Owner.Password),
		fmt.Sprintf("CREATE USER %s@'%%' IDENTIFIED BY '%s'", dbserver.Reader.Name, dbserver.Reader.Password),
		// Those without a password. The socket is in a directory that is closed to others.
		"DROP USER IF EXISTS root@'127.0.0.1', root@'::1', ''@localhost",
	},
	RequireCertificate: []string{fmt.Sprintf("ALTER USER %s@'%%' REQUIRE X509", dbserver.Owner.Name)},
	Args:               args,
	Where:              "SELECT @@datadir",
	Create: func(name string) []string {
		return []string{
			"CREATE DATABASE " + name,
			fmt.Sprintf("GRANT ALL ON %s.* TO %s@'%%'", name, dbserver.Owner.Name),
			fmt.Sprintf("GRANT SELECT ON %s.* TO %s@'%%'", name, dbserver.Reader.Name),
		}
	},
	Drop: func(name string) []string {
		return []string{
			"DROP DATABASE " + name,
			fmt.Sprintf("REVOKE ALL ON %s.* FROM %s@'%%'", name, dbserver.Owner.Name),
			fmt.Sprintf("REVOKE ALL ON %s.* FROM %s@'%%'", name, dbserver.Reader.Name),
		}
	},
	Connect: connect,
	URL:     location,
}

func args(s dbserver.Settings) ([]string, error) {
	args := append([]string{
		"--no-defaults", "--datadir=" + s.Data, "--bind-address=" + s.Host, "--port=" + s.Port,
		"--socket=" + filepath.Join(s.Dir, "socket"), "--pid-file=" + filepath.Join(s.Dir, "server.pid"),
		// A server that starts removes what others have in a directory for temporary
		// tables that they share, and their statements fail with error 6.
		"--tmpdir=" + s.Dir,
		fmt.Sprint("--max-connections=", s.MaxConnections),
		// As Debian's package has it.
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci",
		// A host is compared as the address that it is.
		"--skip-name-resolve",
		"--innodb-buffer-pool-size=16M", "--innodb-temp-data-file-path=ibtmp1:1M:autoextend", "--lc-messages=en_US",
	}, small...)
	if c := s.Certificates; c != nil {
		args = append(args, "--ssl-ca="+c.Authority, "--ssl-cert="+c.Server, "--ssl-key="+c.ServerKey, "--require-secure-transport=ON")
	}
	for _, setting := range s.More {
		args = append(args, "--"+setting)
	}
	return args, nil
}

// location is the url of a target, with the parameters that both kinds of servers share.
func location(t dbserver.Target) string {
	u := &url.URL{Scheme: "mysql", User: url.UserPassword(t.User.Name, t.User.Password), Host: t.Addr, Path: "/" + t.Database}
	if t.Certificates != nil {
		u.RawQuery = url.Values{"sslmode": {"verify-full"}, "sslrootcert": {t.Certificates.Authority}}.Encode()
	}
	return u.String()
}

func connect(t dbserver.Target) (*sql.DB, error) {
	config := mysql.NewConfig()
	config.User, config.Passwd, config.Net, config.Addr, config.DBName = t.User.Name, t.User.Password, "tcp", t.Addr, t.Database
	config.Logger = &mysql.NopLogger{} // tests kill servers
	if c := t.Certificates; c != nil {
		secure, err := clientTLS(t.Addr, c)
		if err != nil {
			return nil, err
		}
		config.TLS = secure
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// clientTLS is that of a client which has a certificate too.
func clientTLS(addr string, c *dbserver.Certificates) (*tls.Config, error) {
	authority, err := os.ReadFile(c.Authority)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(authority) {
		return nil, errors.New("the authority's file has no certificate")
	}
	own, err := tls.LoadX509KeyPair(c.Client, c.ClientKey)
	if err != nil {
		return nil, err
	}
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	return &tls.Config{RootCAs: pool, ServerName: host, Certificates: []tls.Certificate{own}, MinVersion: tls.VersionTLS12}, nil
}
