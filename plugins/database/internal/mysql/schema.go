package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Describe returns a table or a view of the database. information_schema compares names
// as the file system of the server does or without regard to case, so that they are
// compared again here.
func (m *MySQL) Describe(ctx context.Context, conn *sql.Conn, name string) (*driver.Table, error) {
	return m.tables.describe(name, func() (*driver.Table, error) {
		m.mu.Lock()
		server := m.server
		m.mu.Unlock()
		return describe(ctx, conn, server, name)
	})
}

// lastOfNames is the last character that a name may have
// (https://mariadb.com/kb/en/identifier-names/); information_schema cannot compare others.
const lastOfNames = 0xffff

// transactional are the storage engines whose changes a ROLLBACK undoes.
var transactional = map[string]bool{"InnoDB": true, "ndbcluster": true, "ROCKSDB": true, "TokuDB": true}

func describe(ctx context.Context, conn *sql.Conn, server server, name string) (*driver.Table, error) {
	if strings.ContainsFunc(name, func(r rune) bool { return r > lastOfNames }) {
		return nil, driver.ErrNoTable
	}
	table := &driver.Table{Name: name}
	read := func(what, query string, each func(row []string)) error {
		found, err := driver.Query(ctx, conn, query, name)
		if err != nil {
			return fmt.Errorf("read %s: %w", what, err)
		}
		for _, row := range found {
			texts := make([]string, len(row))
			for i, value := range row {
				texts[i] = text(value)
			}
			if texts[0] == name {
				each(texts[1:])
			}
		}
		return nil
	}
	there := false
	err := read("table", "SELECT TABLE_NAME, TABLE_TYPE, ENGINE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?"+
		" AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'VIEW')", func(row []string) {
		there = true
		table.View = row[0] == "VIEW"
		table.NoTransactions = !table.View && !transactional[row[1]]
	})
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, driver.ErrNoTable
	}
	err = read("columns", "SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, IS_NULLABLE, EXTRA, GENERATION_EXPRESSION FROM information_schema.COLUMNS"+
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION", func(row []string) {
		t := parseType(row[1])
		column := driver.Column{Name: row[0], Type: row[1], Kind: kindOf(t), Nullable: row[2] == "YES", Generated: row[4] != "", Details: t}
		column.Narrow = isNarrow(column)
		column.Read = readExpression(column)
		table.Columns = append(table.Columns, column)
		if strings.Contains(row[3], "auto_increment") {
			// It is not changed by an INSERT that gives the value
			// (https://mariadb.com/kb/en/last_insert_id/).
			table.LastInserted = syntax.Identifier(column.Name) + " = LAST_INSERT_ID()"
		}
	})
	if err != nil || table.View {
		return table, err
	}
	keys := make(map[string][]string)
	var names []string
	partial := make(map[string]bool)
	// A part of a key over an expression has no column, and one over the beginning of a
	// text says nothing of the whole.
	err = read("unique keys", "SELECT TABLE_NAME, INDEX_NAME, COALESCE(COLUMN_NAME, ''), SUB_PART IS NOT NULL FROM information_schema.STATISTICS"+
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND NON_UNIQUE = 0 ORDER BY INDEX_NAME = 'PRIMARY' DESC, INDEX_NAME, SEQ_IN_INDEX", func(row []string) {
		if keys[row[0]] == nil {
			names = append(names, row[0])
		}
		keys[row[0]] = append(keys[row[0]], row[1])
		partial[row[0]] = partial[row[0]] || row[1] == "" || row[2] == "1"
	})
	if err != nil {
		return nil, err
	}
	table.KeyColumns = keys
	for _, key := range names {
		if !partial[key] {
			table.UniqueKeys = append(table.UniqueKeys, keys[key])
		}
	}
	table.PrimaryKey = keys["PRIMARY"]
	var constraint string
	err = read("foreign keys", "SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE"+
		" WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? AND REFERENCED_TABLE_NAME IS NOT NULL ORDER BY CONSTRAINT_NAME, ORDINAL_POSITION", func(row []string) {
		if len(table.ForeignKeys) == 0 || row[0] != constraint {
			constraint = row[0]
			table.ForeignKeys = append(table.ForeignKeys, driver.ForeignKey{Table: row[2]})
		}
		last := &table.ForeignKeys[len(table.ForeignKeys)-1]
		last.Columns = append(last.Columns, row[1])
	})
	if err != nil {
		return nil, err
	}
	table.Checks = make(map[string]string)
	if err = read("checks", checksOf(server), func(row []string) { table.Checks[row[0]] = row[1] }); err != nil {
		return nil, err
	}
	markJSON(table)
	err = read("triggers", "SELECT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = DATABASE() AND EVENT_OBJECT_TABLE = ? LIMIT 1", func([]string) {
		table.Triggers = true
	})
	return table, err
}

// checksOf lists expressions of CHECK constraints by the names that failures have: in
// MariaDB that of a column's own has the table's before it. MySQL's view lacks the
// table (https://dev.mysql.com/doc/refman/8.0/en/information-schema-check-constraints-table.html).
func checksOf(server server) string {
	if server.mariadb {
		return "SELECT TABLE_NAME, IF(LEVEL = 'Column', CONCAT(TABLE_NAME, '.', CONSTRAINT_NAME), CONSTRAINT_NAME), CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() AND TABLE_NAME = ?"
	}
	return "SELECT t.TABLE_NAME, c.CONSTRAINT_NAME, c.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS c JOIN information_schema.TABLE_CONSTRAINTS t" +
		" ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME" +
		" WHERE c.CONSTRAINT_SCHEMA = DATABASE() AND t.TABLE_NAME = ? AND t.CONSTRAINT_TYPE = 'CHECK'"
}

// jsonCheck is the constraint that MariaDB gives a column which is declared as JSON, and
// which is LONGTEXT otherwise (https://mariadb.com/kb/en/json-data-type/).
var jsonCheck = regexp.MustCompile("^\\(?json_valid\\(`((?:[^`]|``)+)`\\)\\)?$")

func markJSON(table *driver.Table) {
	for _, check := range table.Checks {
		match := jsonCheck.FindStringSubmatch(check)
		if match == nil {
			continue
		}
		name := strings.ReplaceAll(match[1], "``", "`")
		for i := range table.Columns {
			if column := &table.Columns[i]; column.Name == name && column.Kind == driver.KindText {
				column.Kind = driver.KindJSON
			}
		}
	}
}

// text is a value of information_schema, where texts and numbers are.
func text(value any) string {
	switch value := value.(type) {
	case nil:
		return ""
	case []byte:
		return string(value)
	}
	return fmt.Sprint(value)
}
