package mysql

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"time"

	mysqldriver "github.com/go-sql-driver/mysql"

	"github.com/backflow/backflow/plugins/database/internal/address"
)

// grace is how much longer than the server itself a statement is waited for.
const grace = time.Second

// sqlModes make the server refuse what it would otherwise change: values that do not
// fit, dates that are none, a 0 for which it would count up. None of the modes is among
// them that change what quotes, backslashes or types mean
// (https://mariadb.com/kb/en/sql-mode/, https://dev.mysql.com/doc/refman/8.0/en/sql-mode.html).
const sqlModes = "STRICT_ALL_TABLES,STRICT_TRANS_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION"

// session is run on every connection first. Each of its statements can be run by every
// account.
var session = []string{
	"SET NAMES utf8mb4",
	"SET SESSION sql_mode = '" + sqlModes + "', SESSION time_zone = '+00:00', SESSION autocommit = 1",
	// What a statement waited for is seen by the next one, and ranges are not locked.
	"SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
}

// lockLimit bounds the wait for a lock of a row, and for one of the schema, which a
// migration under way has
// (https://mariadb.com/kb/en/server-system-variables/#lock_wait_timeout). Both count
// whole seconds, and MySQL has none below one.
func lockLimit(wait time.Duration) string {
	seconds := max(1, int64((wait+time.Second-1)/time.Second))
	return fmt.Sprintf("SET SESSION innodb_lock_wait_timeout = %d, SESSION lock_wait_timeout = %d", seconds, seconds)
}

// Open returns connections that are made when they are needed, and the first at once.
func (m *MySQL) Open(ctx context.Context) (*sql.DB, error) {
	return m.open(ctx, &connector{mysql: m, bounded: true})
}

// OpenUnbounded returns connections that wait for as long as it takes.
func (m *MySQL) OpenUnbounded(ctx context.Context) (*sql.DB, error) {
	return m.open(ctx, &connector{mysql: m})
}

func (m *MySQL) open(ctx context.Context, c *connector) (*sql.DB, error) {
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(m.options.MaxConnections)
	db.SetMaxIdleConns(m.options.MaxIdle)
	db.SetConnMaxIdleTime(m.options.MaxIdleTime)
	db.SetConnMaxLifetime(m.options.MaxLifetime)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(m.connectFailed(err), db.Close())
	}
	return db, nil
}

// connectFailed is what is said where a connection cannot be made. The driver's errors
// name the account and the address, and never the password.
func (m *MySQL) connectFailed(err error) error {
	return fmt.Errorf("mysql: connect to %s: %w", m.config.Addr, address.Explained(err))
}

// connector makes connections with the settings of a session.
type connector struct {
	mysql *MySQL
	// bounded connections end what takes long.
	bounded bool
}

// Driver is that of the library.
func (c *connector) Driver() sqldriver.Driver { return mysqldriver.MySQLDriver{} }

// Connect returns a connection that is ready for statements.
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	config := c.mysql.config.Clone()
	options := &c.mysql.options
	if c.bounded {
		// Without it a COMMIT over a network that was cut would wait for hours.
		config.ReadTimeout = options.StatementTimeout + options.LockTimeout + grace
		config.WriteTimeout = config.ReadTimeout
	}
	inner, err := mysqldriver.NewConnector(config)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, options.ConnectTimeout)
	defer cancel()
	conn, err := inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if err := c.prepare(ctx, conn); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return keepPrepared(conn)
}

func (c *connector) prepare(ctx context.Context, conn sqldriver.Conn) error {
	version, err := readVersion(ctx, conn)
	if err != nil {
		return fmt.Errorf("read the server's version: %w", err)
	}
	found, err := parseServer(version)
	if err != nil {
		return err
	}
	execer, ok := conn.(sqldriver.ExecerContext)
	if !ok {
		return errors.New("the driver runs no statements")
	}
	statements := session
	if c.bounded {
		statements = append(slices.Clone(session), found.limit(c.mysql.options.StatementTimeout), lockLimit(c.mysql.options.LockTimeout))
	}
	for _, statement := range statements {
		if _, err := execer.ExecContext(ctx, statement, nil); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	c.mysql.mu.Lock()
	c.mysql.server = found
	c.mysql.mu.Unlock()
	return nil
}

func readVersion(ctx context.Context, conn sqldriver.Conn) (version string, err error) {
	queryer, ok := conn.(sqldriver.QueryerContext)
	if !ok {
		return "", errors.New("the driver runs no queries")
	}
	rows, err := queryer.QueryContext(ctx, "SELECT VERSION()", nil)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	row := make([]sqldriver.Value, 1)
	if err := rows.Next(row); err != nil {
		return "", err
	}
	switch value := row[0].(type) {
	case []byte:
		return string(value), nil
	case string:
		return value, nil
	}
	return "", fmt.Errorf("VERSION() returned a %T", row[0])
}
