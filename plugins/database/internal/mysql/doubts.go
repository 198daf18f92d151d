package mysql

import (
	"context"
	"database/sql"
	"fmt"
)

// Doubts are settings of the server with which a power cut takes back what was committed.
func (*MySQL) Doubts(ctx context.Context, db *sql.DB) ([]string, error) {
	var flush, log, sync, doublewrite int
	if err := db.QueryRowContext(ctx, "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit, @@GLOBAL.log_bin, @@GLOBAL.sync_binlog,"+
		" @@GLOBAL.innodb_doublewrite NOT IN ('0', 'OFF')").Scan(&flush, &log, &sync, &doublewrite); err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	var doubts []string
	// https://mariadb.com/kb/en/innodb-system-variables/#innodb_flush_log_at_trx_commit
	if flush != 1 {
		doubts = append(doubts, fmt.Sprintf("innodb_flush_log_at_trx_commit of the server is %d: a power cut may take back rows that were written, and their keys; set it to 1", flush))
	}
	// With a binary log, what it lacks is rolled back after a crash
	// (https://dev.mysql.com/doc/refman/8.0/en/replication-options-binary-log.html#sysvar_sync_binlog).
	if log != 0 && sync != 1 {
		doubts = append(doubts, fmt.Sprintf("sync_binlog of the server is %d, with a binary log: a power cut may take back rows that were written, and their keys; set it to 1", sync))
	}
	if doublewrite == 0 {
		doubts = append(doubts, "innodb_doublewrite of the server is off: a power cut may damage rows")
	}
	return doubts, nil
}
