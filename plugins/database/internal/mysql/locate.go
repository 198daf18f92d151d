package mysql

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	mysqldriver "github.com/go-sql-driver/mysql"
)

// defaultPort is that of MariaDB and MySQL.
const defaultPort = "3306"

// Locate returns the database at what follows mysql:// in a url:
// user:password@host:port/database, with parameters after a question mark. Paths of
// files among them are relative to baseDir. Errors hold nothing of the url but names of
// parameters.
func Locate(location, baseDir string, options driver.Options) (driver.Database, error) {
	config, err := configOf(location, baseDir)
	if err != nil {
		return driver.Database{}, err
	}
	m := newMySQL(config, options)
	// The server itself ends a statement that takes long, where it can.
	return driver.Database{Driver: m, Syntax: syntax, StatementTimeout: options.StatementTimeout + grace}, nil
}

// parameters are those that a url takes, each of them once.
var parameters = []string{"socket", "sslmode", "sslrootcert", "sslcert", "sslkey"}

func configOf(location, baseDir string) (*mysqldriver.Config, error) {
	parsed, err := url.Parse("mysql://" + location)
	if err != nil {
		// What url.Parse says of it holds the url.
		return nil, errors.New("cannot be read; write mysql://user:password@host:3306/database, and characters such as @ / : # ? in the password as %40 %2F %3A %23 %3F")
	}
	if parsed.Fragment != "" || parsed.RawFragment != "" {
		return nil, errors.New("has a #; write it as %23 in a user, a password or a name")
	}
	query, err := url.ParseQuery(parsed.RawQuery)
	if err != nil {
		return nil, errors.New("has parameters that cannot be read")
	}
	given := make(map[string]string)
	for name, values := range query {
		switch {
		case !slices.Contains(parameters, name):
			return nil, fmt.Errorf("has no parameter %q; there are %s", name, strings.Join(parameters, ", "))
		case len(values) != 1:
			return nil, fmt.Errorf("gives the parameter %s more than once", name)
		}
		given[name] = values[0]
	}
	config := mysqldriver.NewConfig()
	config.User = parsed.User.Username()
	config.Passwd, _ = parsed.User.Password()
	if config.User == "" {
		return nil, errors.New("names no user; write mysql://user:password@host:3306/database")
	}
	config.DBName = strings.TrimPrefix(parsed.Path, "/")
	if config.DBName == "" || strings.Contains(config.DBName, "/") {
		return nil, errors.New("names no database; write mysql://user:password@host:3306/database")
	}
	if err := address(config, parsed, given["socket"], baseDir); err != nil {
		return nil, err
	}
	if config.TLS, err = tlsConfig(given, parsed.Hostname(), config.Net == "unix", baseDir); err != nil {
		return nil, err
	}
	config.ClientFoundRows = true
	config.MaxAllowedPacket = 0 // what the server says
	config.Logger = &mysqldriver.NopLogger{}
	return config, nil
}

func address(config *mysqldriver.Config, parsed *url.URL, socket, baseDir string) error {
	switch host := parsed.Hostname(); {
	case socket != "" && host != "":
		return errors.New("names a host and a socket; write mysql://user:password@/database?socket=/run/mysqld/mysqld.sock for a socket")
	case socket != "":
		path, err := absolute("socket", socket, baseDir)
		if err != nil {
			return err
		}
		config.Net, config.Addr = "unix", path
	case host == "":
		return errors.New("names no host; write mysql://user:password@host:3306/database")
	default:
		port := parsed.Port()
		if port == "" {
			port = defaultPort
		}
		config.Net, config.Addr = "tcp", net.JoinHostPort(host, port)
	}
	return nil
}

// absolute returns the path of a file that a parameter names.
func absolute(parameter, path, baseDir string) (string, error) {
	if filepath.IsAbs(path) {
		return path, nil
	}
	if !filepath.IsAbs(baseDir) {
		return "", fmt.Errorf("%s: a relative path needs the config file's directory, which is not known", parameter)
	}
	return filepath.Join(baseDir, path), nil
}
