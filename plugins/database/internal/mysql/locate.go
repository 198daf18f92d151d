package mysql

import (
	"errors"
	"net"
	"slices"
	"strconv"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/backflow/backflow/plugins/database/internal/address"
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// defaultPort is that of MariaDB and MySQL.
const defaultPort = 3306

// parameters are those that a url takes.
var parameters = slices.Concat([]string{"host", "port"}, address.TLSParameters)

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

func configOf(location, baseDir string) (*mysqldriver.Config, error) {
	a, err := address.Parse(location, baseDir, defaultPort)
	if err != nil {
		return nil, err
	}
	encryption, err := a.TakeTLS()
	if err != nil {
		return nil, err
	}
	if err := a.Left(parameters...); err != nil {
		return nil, err
	}
	if len(a.Hosts) != 1 {
		return nil, errors.New("names several hosts; name the one that takes writes")
	}
	host := a.Hosts[0]
	config := mysqldriver.NewConfig()
	config.User, config.Passwd, config.DBName = a.User, a.Password, a.Database
	if host.IsSocket() {
		config.Net, config.Addr = "unix", host.Name
	} else {
		config.Net, config.Addr = "tcp", net.JoinHostPort(host.Name, strconv.Itoa(int(host.Port)))
	}
	config.TLS = encryption.For(host)
	config.ClientFoundRows = true
	config.MaxAllowedPacket = 0 // what the server says
	config.Logger = &mysqldriver.NopLogger{}
	return config, nil
}
