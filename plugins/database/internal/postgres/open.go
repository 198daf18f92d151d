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

// carried are those of the texts that PgBouncer takes at the start of a connection and
// carries from session to session
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
	config.RuntimeParams = p.parameters(options)
	db := stdlib.OpenDB(*config,
		stdlib.OptionAfterConnect(p.check),
		// The first statement of a call finds out whether the connection is alive, and a
		// dead one is replaced: see Store.Write and Store.Read.
		stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	db.SetMaxOpenConns(options.MaxConnections)
	db.SetMaxIdleConns(options.MaxIdle)
	db.SetConnMaxIdleTime(options.MaxIdleTime)
	db.SetConnMaxLifetime(options.MaxLifetime)
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), db.Close())
	}
	return db, nil
}

// parameters are the settings that a connection starts with
// (https://www.postgresql.org/docs/current/runtime-config-client.html).
func (p *Postgres) parameters(options driver.Options) map[string]string {
	set := maps.Clone(p.config.RuntimeParams)
	if p.pooled {
		for _, name := range carried {
			set[name] = texts[name]
		}
		return set
	}
	maps.Copy(set, texts)
	set["statement_timeout"] = milliseconds(options.StatementTimeout)
	set["lock_timeout"] = milliseconds(options.LockTimeout)
	// A transaction of ours is never idle for longer than the work between two of its
	// statements takes: one that is has lost its process, and holds locks.
	set["idle_in_transaction_session_timeout"] = milliseconds(idleTimeout)
	if options.StatementTimeout == 0 {
		set["idle_in_transaction_session_timeout"] = "0"
	}
	return set
}

// idleTimeout is how long a transaction may be without a statement.
const idleTimeout = time.Minute

// milliseconds is a length of time as settings have it; zero is no limit.
func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// check refuses a server on which promises cannot be kept. It closes the connection then:
// pgx's own façade would leave it open.
func (p *Postgres) check(ctx context.Context, conn *pgx.Conn) error {
	if err := p.checkSession(ctx, conn); err != nil {
		return errors.Join(err, closeConn(conn))
	}
	return nil
}

func (p *Postgres) checkSession(ctx context.Context, conn *pgx.Conn) error {
	var version int
	var encoding, commit string
	const query = `SELECT current_setting('server_version_num')::int, current_setting('server_encoding'), current_setting('synchronous_commit')`
	if err := conn.QueryRow(ctx, query).Scan(&version, &encoding, &commit); err != nil {
		return fmt.Errorf("read the server's settings: %w", err)
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
	if commit == "off" {
		if p.pooled {
			return errors.New("synchronous_commit is off, and a crash of the server would lose rows; run: ALTER ROLE the_role SET synchronous_commit = on")
		}
		if _, err := conn.Exec(ctx, "SET synchronous_commit = on"); err != nil {
			return fmt.Errorf("set synchronous_commit: %w", err)
		}
	}
	if !p.pooled {
		return nil
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
