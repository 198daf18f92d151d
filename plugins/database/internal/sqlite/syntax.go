package sqlite

import (
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/pressly/goose/v3"
)

// syntax is SQLite's SQL.
var syntax = driver.Syntax{
	Goose:       goose.DialectSQLite3,
	Quote:       `"`, // https://www.sqlite.org/lang_keywords.html
	Placeholder: func(int) string { return "?" },
	// https://www.sqlite.org/lang_keywords.html, https://www.sqlite.org/lang_comment.html,
	// https://www.sqlite.org/lang_expr.html#parameters
	Lexis: driver.Lexis{Backticks: true, Brackets: true, Placeholders: "?@$", ChangingWords: []string{"REPLACE"}},
	// The write lock is taken at once: a transaction that reads first and then
	// writes could find that another process wrote in between, and fail late.
	// There is one such lock, so that LockKey has nothing to do.
	Begin:        "BEGIN IMMEDIATE",
	BeginReading: "BEGIN",
	LockTimeout: func(wait time.Duration) string {
		return "PRAGMA busy_timeout = " + strconv.FormatInt(wait.Milliseconds(), 10)
	},
	Returning:  driver.Returning{Insert: true, Update: true, Delete: true},
	NullsFirst: true,
	Upsert: func(key, set []string) string {
		changes := make([]string, len(set))
		for i, name := range set {
			changes[i] = name + " = excluded." + name
		}
		return "ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET " + strings.Join(changes, ", ")
	},
	Like:        like,
	LikePattern: likePattern,
	Contains:    contains,
	Compared:    compared,
	DefaultRow:  "DEFAULT VALUES",
	TableNames:  "SELECT name FROM pragma_table_list WHERE " + described + " ORDER BY name",
	// The index is for the removal of old keys.
	KeysTable: []string{
		`CREATE TABLE IF NOT EXISTS backflow_keys (
  idempotency_key TEXT    NOT NULL PRIMARY KEY,
  digest          TEXT    NOT NULL,
  result          TEXT    NOT NULL,
  recorded_at     INTEGER NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS backflow_keys_recorded_at ON backflow_keys (recorded_at)`,
	},
}

// described are tables proper and views: no virtual tables and their shadows, and
// nothing of SQLite's own.
const described = `schema = 'main' AND type IN ('table', 'view') AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`
