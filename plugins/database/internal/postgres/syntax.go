package postgres

import (
	"strconv"
	"strings"

	"github.com/pressly/goose/v3"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// syntax is PostgreSQL's SQL.
var syntax = driver.Syntax{
	Goose:       goose.DialectPostgres,
	Quote:       `"`, // https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS
	Placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
	// https://www.postgresql.org/docs/current/sql-syntax-lexical.html, with
	// standard_conforming_strings on.
	Lexis: driver.Lexis{
		EscapeStrings: true, DollarQuotes: true, NestedComments: true, Placeholders: "$",
		FirstWords: []string{"TABLE"}, ChangingWords: []string{"MERGE"},
	},
	// The level is said, since a server or a role may have another as its default: below it
	// what was committed while LockKey waited would not be seen. A default of read only is
	// left as it is.
	Begin:        "BEGIN ISOLATION LEVEL READ COMMITTED",
	BeginReading: "BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY",
	// A lock of 64 bits, which ends with the transaction
	// (https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-ADVISORY-LOCKS).
	// Two keys with one hash wait for each other, and no more.
	LockKey: "SELECT pg_advisory_xact_lock(hashtextextended($1, 7463))",
	// The mode is the savepoint's too (https://www.postgresql.org/docs/current/sql-set-transaction.html).
	ReadOnlyNow: "SET TRANSACTION READ ONLY",
	SkipLocked:  "FOR UPDATE SKIP LOCKED", // https://www.postgresql.org/docs/current/sql-select.html#SQL-FOR-UPDATE-SHARE
	Returning:   driver.Returning{Insert: true, Update: true, Delete: true},
	ForUpdate:   "FOR UPDATE",
	Upsert: func(key, set []string) string {
		changes := make([]string, len(set))
		for i, name := range set {
			changes[i] = name + " = EXCLUDED." + name
		}
		return "ON CONFLICT (" + strings.Join(key, ", ") + ") DO UPDATE SET " + strings.Join(changes, ", ")
	},
	Like: func(expression, pattern string, fold bool) string {
		operator := " LIKE "
		if fold {
			operator = " ILIKE "
		}
		// citext would overlook the case of letters with LIKE too.
		return expression + "::text" + operator + pattern + ` ESCAPE '\'`
	},
	LikePattern: func(pattern string, _ bool) string { return pattern },
	Contains:    contains,
	NullsFirst:  false, // https://www.postgresql.org/docs/current/queries-order.html
	DefaultRow:  "DEFAULT VALUES",
	TableNames: `SELECT CASE WHEN n.nspname = ANY (current_schemas(false)) THEN c.relname::text ELSE n.nspname || '.' || c.relname END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE ` + describable + ` AND has_table_privilege(c.oid, 'SELECT') ORDER BY 1`,
	// The index is for the removal of old keys. Keys are compared byte by byte.
	KeysTable: []string{
		`CREATE TABLE IF NOT EXISTS backflow_keys (
  idempotency_key text COLLATE "C" NOT NULL PRIMARY KEY,
  digest          text   NOT NULL,
  result          text   NOT NULL,
  recorded_at     bigint NOT NULL
)`,
		`CREATE INDEX IF NOT EXISTS backflow_keys_recorded_at ON backflow_keys (recorded_at)`,
	},
}

// describable are tables, partitioned and foreign ones, and views: nothing of the
// system's own, no index, sequence or composite type.
const describable = `c.relkind IN ('r', 'p', 'f', 'v', 'm') AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'`

// contains looks for an element of an array, for a value within JSON
// (https://www.postgresql.org/docs/current/datatype-json.html#JSON-CONTAINMENT), or, in
// a text, for a piece of it.
func contains(column driver.Column, expression, value string) string {
	switch column.Kind {
	case driver.KindArray:
		return value + " = ANY (" + expression + ")"
	case driver.KindJSON:
		// An array contains what one of its elements contains.
		return "(" + expression + "::jsonb @> " + value + "::jsonb OR " + expression + "::jsonb @> jsonb_build_array(" + value + "::jsonb))"
	}
	return "strpos(" + expression + "::text, " + value + ") > 0"
}
