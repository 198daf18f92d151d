package postgres

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/backflow/backflow/plugins/database/internal/address"
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// defaultPort is where PostgreSQL listens.
const defaultPort = 5432

// The parameters of a url beside those of TLS and of hosts. They mean what they do to
// PostgreSQL's own clients
// (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-PARAMKEYWORDS), and
// the last one what it does to pgx.
const (
	parameterApplication = "application_name"
	parameterSearchPath  = "search_path"
	parameterSession     = "target_session_attrs"
	parameterTimeout     = "connect_timeout"
	parameterMode        = "default_query_exec_mode"
)

var parameters = slices.Concat([]string{"host", "port"}, address.TLSParameters,
	[]string{parameterApplication, parameterSearchPath, parameterSession, parameterTimeout, parameterMode})

// nothing is a configuration that says everything that pgx would else read from the
// environment or from files in HOME, all but PGSERVICE, which it always reads.
const nothing = "host=localhost port=5432 user=nobody password='' database=none passfile='' sslmode=disable sslkey='' sslcert='' sslcertmode=allow sslsni=1" +
	" sslrootcert='' sslpassword='' sslnegotiation='' target_session_attrs=any min_protocol_version='' max_protocol_version='' channel_binding='' require_auth=''" +
	" connect_timeout=0"

// Locate returns the database that a url names; location is what follows postgres:// in
// it. Paths are relative to baseDir.
func Locate(location, baseDir string, options driver.Options) (driver.Database, error) {
	a, err := address.Parse(location, baseDir, defaultPort)
	if err != nil {
		return driver.Database{}, err
	}
	p := &Postgres{options: options, now: time.Now, tables: make(map[string]*described)}
	if p.config, err = newConfig(a); err != nil {
		return driver.Database{}, err
	}
	if err := p.take(a); err != nil {
		return driver.Database{}, err
	}
	if err := a.Left(parameters...); err != nil {
		return driver.Database{}, err
	}
	return driver.Database{Driver: p, Syntax: syntax}, nil
}

// newConfig returns the configuration of a connection that only the address decides.
func newConfig(a *address.Address) (*pgx.ConnConfig, error) {
	encryption, err := a.TakeTLS()
	if err != nil {
		return nil, err
	}
	// A plugin reads no environment; pgx would refuse to go on without the file that this
	// one stands for.
	_ = os.Unsetenv("PGSERVICE")
	config, err := pgx.ParseConfig(nothing)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	config.User, config.Password, config.Database = a.User, a.Password, a.Database
	for i, host := range a.Hosts {
		fallback := pgconn.FallbackConfig{Host: host.Name, Port: host.Port, TLSConfig: encryption.For(host)}
		if i == 0 {
			config.Host, config.Port, config.TLSConfig = fallback.Host, fallback.Port, fallback.TLSConfig
			continue
		}
		config.Fallbacks = append(config.Fallbacks, &fallback)
	}
	config.RuntimeParams = map[string]string{parameterApplication: "backflow"}
	return config, nil
}

// sessions are the values of target_session_attrs.
var sessions = map[string]pgconn.ValidateConnectFunc{
	"any":        nil,
	"read-write": pgconn.ValidateConnectTargetSessionAttrsReadWrite,
	"read-only":  pgconn.ValidateConnectTargetSessionAttrsReadOnly,
	"primary":    pgconn.ValidateConnectTargetSessionAttrsPrimary,
	"standby":    pgconn.ValidateConnectTargetSessionAttrsStandby,
}

// take takes the parameters of the url.
func (p *Postgres) take(a *address.Address) error {
	if name, ok := a.Take(parameterApplication); ok {
		p.config.RuntimeParams[parameterApplication] = name
	}
	if path, ok := a.Take(parameterSearchPath); ok {
		if strings.TrimSpace(path) == "" {
			return errors.New("search_path is empty")
		}
		p.searchPath = path
	}
	if session, ok := a.Take(parameterSession); ok {
		validate, known := sessions[session]
		if !known {
			return errors.New("target_session_attrs is one of any, read-write, read-only, primary, standby")
		}
		p.config.ValidateConnect = validate
	}
	if text, ok := a.Take(parameterTimeout); ok {
		seconds, err := strconv.ParseUint(text, 10, 16)
		if err != nil || seconds == 0 {
			return errors.New("connect_timeout is a number of seconds, at least 1")
		}
		p.options.ConnectTimeout = time.Duration(seconds) * time.Second
	}
	p.config.ConnectTimeout = p.options.ConnectTimeout
	switch mode, ok := a.Take(parameterMode); {
	case !ok, mode == "cache_statement":
	case mode == "exec":
		p.pooled = true
		p.config.DefaultQueryExecMode = pgx.QueryExecModeExec
		if p.searchPath != "" {
			return errors.New("search_path cannot be set behind a pooler; run: ALTER ROLE the_role SET search_path = …")
		}
	default:
		return errors.New("default_query_exec_mode is cache_statement, or exec where a pooler such as PgBouncer hands each transaction to another session")
	}
	return nil
}
