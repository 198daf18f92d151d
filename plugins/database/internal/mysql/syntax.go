package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/statement"
	"github.com/pressly/goose/v3"
)

// syntax is the SQL that MariaDB and MySQL have in common.
var syntax = driver.Syntax{
	Goose:       goose.DialectMySQL,
	Quote:       "`", // https://mariadb.com/kb/en/identifier-names/
	Placeholder: func(int) string { return "?" },
	// https://mariadb.com/kb/en/string-literals/, https://mariadb.com/kb/en/comment-syntax/;
	// no mode of a session changes it, see sqlModes.
	Lexis: driver.Lexis{
		Backticks: true, Backslashes: true, HashComments: true, DashSpace: true, ExecutableComments: true,
		Placeholders: "?", IntoOutside: true, ChangingWords: []string{"REPLACE"},
	},
	Begin: "START TRANSACTION READ WRITE",
	// A statement that writes is refused in it (https://mariadb.com/kb/en/start-transaction/).
	BeginReading: "START TRANSACTION READ ONLY",
	// A row that is there is locked without what is beside it, and until the transaction
	// ends, whatever becomes of the connection. A key itself is not there yet; where two
	// insert it, and the first is rolled back, InnoDB finds the others in a deadlock
	// (https://dev.mysql.com/doc/refman/8.0/en/innodb-locks-set.html). A lock by GET_LOCK
	// would outlast the transaction, and a cluster does not have it.
	// Of two tables whose rows are given by their keys, that on the left of a LEFT JOIN is
	// read first, so that the record is looked for under the lock; and what a statement with
	// FOR UPDATE reads is what was committed last, also during its wait
	// (https://dev.mysql.com/doc/refman/8.0/en/innodb-locking-reads.html).
	LockAndFind: "SELECT k.digest, k.result FROM " + statement.LocksTable + " l LEFT JOIN " + statement.KeysTable +
		" k ON k.idempotency_key = ? WHERE l.slot = CRC32(?) % 1024 FOR UPDATE",
	ForUpdate: "FOR UPDATE",
	// https://mariadb.com/kb/en/select/#skip-locked, from 10.6 on; https://dev.mysql.com/doc/refman/8.0/en/innodb-locking-reads.html.
	SkipLocked: "FOR UPDATE SKIP LOCKED",
	// VALUES is understood by both; the alias that MySQL prefers is not by MariaDB
	// (https://dev.mysql.com/doc/refman/8.0/en/insert-on-duplicate.html).
	Upsert:       upsert,
	UpsertAnyKey: true,
	Like:         like,
	LikePattern:  func(pattern string, _ bool) string { return pattern },
	Contains:     contains,
	Compared:     compared,
	NullsFirst:   true,
	DefaultRow:   "() VALUES ()",
	DDLCommits:   true,
	TableNames: "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()" +
		" AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW') ORDER BY TABLE_NAME",
	// Keys are bytes, so that neither case nor space at the end is overlooked.
	KeysTable: []string{
		`CREATE TABLE IF NOT EXISTS backflow_keys (
  idempotency_key VARBINARY(255) NOT NULL PRIMARY KEY,
  digest          VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  result          LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  recorded_at     BIGINT NOT NULL,
  KEY backflow_keys_recorded_at (recorded_at)
) ENGINE = InnoDB`,
		`CREATE TABLE IF NOT EXISTS backflow_locks (slot SMALLINT UNSIGNED NOT NULL PRIMARY KEY) ENGINE = InnoDB`,
		"INSERT IGNORE INTO backflow_locks (slot) WITH digits AS (" + digits + ") SELECT a.n * 256 + b.n * 16 + c.n FROM digits a, digits b, digits c WHERE a.n < 4",
	},
}

// upsert is Syntax.Upsert. The row that the INSERT met may be that of another unique key, by
// a default or a value that the database computes. It is refused then, before any column is
// set or a trigger runs, by a subquery that has more rows than it may: the only expression
// of both servers that fails when it is evaluated, and not before.
func upsert(key, set []string) string {
	same := make([]string, len(key))
	for i, name := range key {
		same[i] = name + " = VALUES(" + name + ")"
	}
	changes := []string{key[0] + " = IF(" + strings.Join(same, " AND ") + ", " + key[0] + ", (SELECT NULL UNION ALL SELECT NULL))"}
	for _, name := range set {
		if !slices.Contains(key, name) {
			changes = append(changes, name+" = VALUES("+name+")")
		}
	}
	return "ON DUPLICATE KEY UPDATE " + strings.Join(changes, ", ")
}

// compared makes values be compared as what they are: a text that stands for a decimal
// would be compared as a double (https://mariadb.com/kb/en/type-conversion/), a member of
// an enum is put in order by its number and compared as a text, and FLOAT and BIT are
// read otherwise than they are kept.
func compared(column driver.Column, expression string, bound bool) string {
	switch t := typeOf(column); {
	case bound && t.base == "decimal":
		return fmt.Sprintf("CAST(%s AS DECIMAL(%d,%d))", expression, t.length, t.scale)
	case bound && t.base == "time":
		return "CAST(" + expression + " AS TIME(6))"
	case bound:
		return expression
	case t.base == "enum" || t.base == "set":
		return "CAST(" + expression + " AS CHAR)"
	case t.base == "float":
		return expression + " + 0e0"
	case t.base == "bit":
		return expression + " + 0"
	}
	return expression
}

// digits are the numbers from 0 to 15.
var digits = func() string {
	numbers := make([]string, 16)
	for i := range numbers {
		numbers[i] = "SELECT " + strconv.Itoa(i) + " AS n"
	}
	return strings.Join(numbers, " UNION ALL ")
}()

// Syntax is that of the server that responds.
func (m *MySQL) Syntax(ctx context.Context, db *sql.DB) (driver.Syntax, error) {
	if err := db.PingContext(ctx); err != nil {
		return driver.Syntax{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	found := syntax
	// https://mariadb.com/kb/en/insertreturning/, https://mariadb.com/kb/en/delete/;
	// there is none for UPDATE, and MySQL has none at all.
	found.Returning = driver.Returning{Insert: m.server.mariadb, Delete: m.server.mariadb}
	return found, nil
}

// like compares texts character by character, as no collation of a column does that
// overlooks case; it converts first, since a collation belongs to one character set. A
// pattern that overlooks case is folded like the text, so that accents still count.
func like(expression, pattern string, fold bool) string {
	text := "CONVERT(" + expression + " USING utf8mb4)"
	if fold {
		return "LOWER(" + text + `) COLLATE utf8mb4_bin LIKE LOWER(` + pattern + `) ESCAPE '\\'`
	}
	return text + ` COLLATE utf8mb4_bin LIKE ` + pattern + ` ESCAPE '\\'`
}

// contains looks for an element or a member, or, in a text, for a piece of it, exactly.
func contains(column driver.Column, expression, value string) string {
	if column.Kind == driver.KindJSON {
		return "JSON_CONTAINS(" + expression + ", " + value + ")"
	}
	return "INSTR(CONVERT(" + expression + " USING utf8mb4) COLLATE utf8mb4_bin, " + value + ") > 0"
}
