package mysql

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
)

// LockSetup takes a named lock of the server, over a connection of its own, with which
// it ends (https://mariadb.com/kb/en/get_lock/). Servers of a Galera cluster refuse it.
func (m *MySQL) LockSetup(ctx context.Context) (release func() error, err error) {
	db := sql.OpenDB(&connector{mysql: m})
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, errors.Join(m.connectFailed(err), db.Close())
	}
	leave := func() error { return errors.Join(conn.Close(), db.Close()) }
	// Names are those of the whole server, of at most 64 characters.
	sum := sha256.Sum256([]byte(m.config.DBName))
	name := "backflow setup " + hex.EncodeToString(sum[:16])
	for {
		// A server need not notice that a client which waits has gone: it waits in
		// short turns.
		var got sql.NullInt64
		if err := conn.QueryRowContext(ctx, "SELECT GET_LOCK(?, 1)", name).Scan(&got); err != nil {
			return nil, errors.Join(fmt.Errorf("mysql: lock the setup: %w", err), leave())
		}
		if !got.Valid {
			return nil, errors.Join(errors.New("mysql: lock the setup: GET_LOCK failed"), leave())
		}
		if got.Int64 == 1 {
			return leave, nil
		}
	}
}
