package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/backflow/backflow/plugins/database/internal/address"
	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// leastVersion is the oldest version of the server, as server_version_num has it.
const leastVersion = 120000

// texts are settings by which the server writes and reads values. Render and Bind take
// them for granted.
var texts = map[string]string{
	"client_encoding":             "UTF8",
	"TimeZone":                    "UTC",
	"DateStyle":                   "ISO, YMD",
	"IntervalStyle":               "postgres",
	"bytea_output":                "hex",
	"extra_float_digits":          "1", // the shortest text that is the same double
	"standard_conforming_strings": "on",
	"xmlbinary":                   "base64",
}

// carried are those of the texts that are said at the start of a connection: PgBouncer
// takes no others there, and carries these from session to session
// (https://www.pgbouncer.org/config.html#ignore_startup_parameters).
var carried = []string{"client_encoding", "TimeZone", "DateStyle", "standard_conforming_strings"}

// Open opens the pool of the actions and makes one connection: an address, a password, a
// server or settings that do not do are an error of the start.
func (p *Postgres) Open(ctx context.Context) (*sql.DB, error) { return p.open(ctx, p.options) }

// OpenUnbounded opens a pool for migrations, which take their time.
func (p *Postgres) OpenUnbounded(ctx context.Context) (*sql.DB, error) {
	return p.open(ctx, driver.Options{ConnectTimeout: p.options.ConnectTimeout, MaxConnections: p.options.MaxConnections})
}

// OpenReading returns writing: one pool is for both.
func (p *Postgres) OpenReading(_ context.Context, writing *sql.DB) (*sql.DB, error) {
	return writing, nil
}

func (p *Postgres) open(ctx context.Context, options driver.Options) (*sql.DB, error) {
	config := p.config.Copy()
	for _, name := range carried {
		config.RuntimeParams[name] = texts[name]
	}
	db := sql.OpenDB(connector{postgres: p, Connector: stdlib.GetConnector(*config,
		stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
			if err := p.prepare(ctx, conn, options); err != nil {
				return errors.Join(err, closeConn(conn)) // pgx's own façade would leave it open
			}
			return nil
		}),
		// The first statement of a call finds out whether the connection is alive, and a
		// dead one is replaced: see Store.Write and Store.Read.
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))})
	db.SetMaxOpenConns(options.MaxConnections)
	db.SetMaxIdleConns(options.MaxIdle)
	db.SetConnMaxIdleTime(options.MaxIdleTime)
	db.SetConnMaxLifetime(options.MaxLifetime)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", address.Explained(err)), db.Close())
	}
	return db, nil
}

// idleTimeout is how long a transaction may be without a statement. One that is for
// longer has lost its process, and holds locks.
const idleTimeout = time.Minute

// session are the settings of a session
// (https://www.postgresql.org/docs/current/runtime-config-client.html). Times of zero are
// no limit.
func (p *Postgres) session(options driver.Options) map[string]string {
	set := maps.Clone(texts)
	if p.searchPath != "" {
		set[parameterSearchPath] = p.searchPath
	}
	idle := idleTimeout
	if options.StatementTimeout == 0 {
		idle = 0
	}
	for name, length := range map[string]time.Duration{
		"statement_timeout": options.StatementTimeout, "lock_timeout": options.LockTimeout, "idle_in_transaction_session_timeout": idle,
	} {
		set[name] = strconv.FormatInt(length.Milliseconds(), 10)
	}
	return set
}

// prepare sets what a session needs, and refuses a server on which promises cannot be
// kept.
func (p *Postgres) prepare(ctx context.Context, conn *pgx.Conn, options driver.Options) error {
	var names, values []string
	if !p.pooled {
		for name, value := range p.session(options) {
			names, values = append(names, name), append(values, value)
		}
	}
	var version, set int
	var encoding, commit string
	const query = `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_setting('synchronous_commit'),
  (SELECT count(set_config(name, value, false)) FROM unnest($1::text[], $2::text[]) AS wanted (name, value))`
	if err := conn.QueryRow(ctx, query, arrayOf(names), arrayOf(values)).Scan(&version, &encoding, &commit, &set); err != nil {
		return fmt.Errorf("set and read the session's settings: %w", err)
	}
	if version < leastVersion {
		return fmt.Errorf("the server is PostgreSQL %d; version 12 is the oldest that will do", version/10000)
	}
	if encoding == "SQL_ASCII" {
		return errors.New("the database has the encoding SQL_ASCII, under which a text may be any bytes; make it with ENCODING 'UTF8'")
	}
	// With "off" a crash of the server loses rows that were acknowledged
	// (https://www.postgresql.org/docs/current/wal-async-commit.html). The other values wait
	// for the server's own disk at least, and are the operator's choice.
	if commit == "off" && !p.pooled {
		if _, err := conn.Exec(ctx, "SET synchronous_commit = on"); err != nil {
			return fmt.Errorf("set synchronous_commit: %w", err)
		}
	}
	if !p.pooled {
		return nil
	}
	if commit == "off" {
		return errors.New("synchronous_commit is off, and a crash of the server would lose rows; behind a pooler it has to be set for the role: ALTER ROLE the_role SET synchronous_commit = on")
	}
	for _, name := range []string{"IntervalStyle", "bytea_output", "extra_float_digits", "xmlbinary"} {
		var value string
		if err := conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value); err != nil {
			return fmt.Errorf("read the setting %s: %w", name, err)
		}
		if value != texts[name] {
			return fmt.Errorf("the setting %s is %s; behind a pooler it has to be set for the role: ALTER ROLE the_role SET %s = '%s'", name, value, name, texts[name])
		}
	}
	return nil
}

// durable are settings of the server without which a crash of its machine loses or spoils
// what it has acknowledged
// (https://www.postgresql.org/docs/current/runtime-config-wal.html#RUNTIME-CONFIG-WAL-SETTINGS).
var durable = []struct{ name, without string }{
	{"fsync", "a crash of the server's machine may spoil the whole database"},
	{"full_page_writes", "a crash of the server's machine may spoil pages that were just written"},
}

// Doubts says which settings of the server put at risk what it has acknowledged.
func (p *Postgres) Doubts(ctx context.Context, db *sql.DB) ([]string, error) {
	var doubts []string
	for _, setting := range durable {
		var value string
		if err := db.QueryRowContext(ctx, "SELECT current_setting($1)", setting.name).Scan(&value); err != nil {
			return nil, fmt.Errorf("read the setting %s: %w", setting.name, err)
		}
		if value == "off" {
			doubts = append(doubts, setting.name+" is off: "+setting.without)
		}
	}
	return doubts, nil
}
