package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// Describe returns a table of the main schema. What was read is kept until
// SQLite's schema_version changes. Within a transaction that holds the write
// lock it cannot change any more.
func (s *SQLite) Describe(ctx context.Context, conn *sql.Conn, name string) (*driver.Table, error) {
	var version int64
	if err := conn.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&version); err != nil {
		return nil, fmt.Errorf("read schema version: %w", err)
	}
	s.mu.Lock()
	if s.tables == nil || s.version != version {
		s.version, s.tables = version, make(map[string]*driver.Table)
	}
	table := s.tables[name]
	s.mu.Unlock()
	if table != nil {
		return table, nil
	}
	table, err := describe(ctx, conn, name)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.version == version {
		s.tables[name] = table
	}
	return table, nil
}

func describe(ctx context.Context, conn *sql.Conn, name string) (*driver.Table, error) {
	table := &driver.Table{Name: name, Schema: "main"}
	found, err := driver.Query(ctx, conn, "SELECT wr, strict, type FROM pragma_table_list WHERE name = ? AND "+described, name)
	if err != nil {
		return nil, fmt.Errorf("look up table: %w", err)
	}
	if len(found) == 0 {
		return nil, driver.ErrNoTable
	}
	withoutRowID, strict := found[0][0] == int64(1), found[0][1] == int64(1)
	table.View = text(found[0][2]) == "view"

	found, err = driver.Query(ctx, conn, `SELECT name, type, pk, hidden, "notnull" FROM pragma_table_xinfo(?) ORDER BY cid`, name)
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	keys := make(map[int64]string)
	for _, row := range found {
		declared := text(row[1])
		column := driver.Column{Name: text(row[0]), Type: declared, Kind: kindOf(declared, strict), Generated: row[3] != int64(0), Nullable: row[4] == int64(0)}
		column.Read = readExpression(column)
		table.Columns = append(table.Columns, column)
		if position, ok := row[2].(int64); ok && position > 0 {
			keys[position] = column.Name
		}
	}
	for _, position := range slices.Sorted(maps.Keys(keys)) {
		table.PrimaryKey = append(table.PrimaryKey, keys[position])
	}
	if len(table.PrimaryKey) == 1 && !withoutRowID {
		for i, column := range table.Columns {
			if column.Name == table.PrimaryKey[0] && strings.EqualFold(column.Type, "INTEGER") {
				table.Columns[i].Nullable = false // it is the row's number
			}
		}
	}
	if !withoutRowID && !table.View {
		table.RowID = rowID(table)
	}
	if table.UniqueKeys, err = uniqueKeys(ctx, conn, table); err != nil {
		return nil, err
	}

	found, err = driver.Query(ctx, conn, "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = ?", name)
	if err != nil {
		return nil, fmt.Errorf("read constraints: %w", err)
	}
	for _, row := range found {
		table.Checks = namedChecks(text(row[0]))
	}

	found, err = driver.Query(ctx, conn, "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE LIMIT 1", name)
	if err != nil {
		return nil, fmt.Errorf("read triggers: %w", err)
	}
	table.Triggers = len(found) > 0

	table.ForeignKeys, err = foreignKeys(ctx, conn, name)
	return table, err
}

func foreignKeys(ctx context.Context, conn *sql.Conn, name string) ([]driver.ForeignKey, error) {
	found, err := driver.Query(ctx, conn, `SELECT id, "table", "from" FROM pragma_foreign_key_list(?) ORDER BY id, seq`, name)
	if err != nil {
		return nil, fmt.Errorf("read foreign keys: %w", err)
	}
	var keys []driver.ForeignKey
	for i, row := range found {
		if i == 0 || row[0] != found[i-1][0] {
			keys = append(keys, driver.ForeignKey{Table: text(row[1])})
		}
		last := &keys[len(keys)-1]
		last.Columns = append(last.Columns, text(row[2]))
	}
	return keys, nil
}

// readExpression reads a column. The unary plus keeps the value and its type, and
// hides the declared type, by which the database/sql driver would parse and
// reformat dates and turn numbers into booleans. JSON that is kept in SQLite's
// binary form is read as text.
func readExpression(column driver.Column) string {
	name := syntax.Identifier(column.Name)
	if column.Kind == driver.KindJSON {
		return "CASE WHEN typeof(" + name + ") = 'blob' AND json_valid(" + name + ", 8) THEN json(" + name + ") ELSE +" + name + " END"
	}
	return "+" + name
}

// rowID is the name of the row's number that no column hides; a table may hide all
// three (https://www.sqlite.org/rowidtable.html).
func rowID(table *driver.Table) string {
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		hidden := slices.ContainsFunc(table.Columns, func(c driver.Column) bool { return strings.EqualFold(c.Name, name) })
		if !hidden {
			return name
		}
	}
	return ""
}

// uniqueKeys are the columns of the unique indexes over whole rows, the primary key
// first: one that is the row's number has no index.
func uniqueKeys(ctx context.Context, conn *sql.Conn, table *driver.Table) ([][]string, error) {
	found, err := driver.Query(ctx, conn, `SELECT list.seq, info.name FROM pragma_index_list(?) AS list, pragma_index_info(list.name) AS info
  WHERE list."unique" AND NOT list.partial ORDER BY list.seq, info.seqno`, table.Name)
	if err != nil {
		return nil, fmt.Errorf("read unique keys: %w", err)
	}
	var keys [][]string
	if len(table.PrimaryKey) > 0 {
		keys = append(keys, table.PrimaryKey)
	}
	for i := 0; i < len(found); {
		var key []string
		first := i
		for ; i < len(found) && found[i][0] == found[first][0]; i++ {
			key = append(key, text(found[i][1])) // empty for an expression
		}
		if !slices.Contains(key, "") && !slices.ContainsFunc(keys, func(other []string) bool { return slices.Equal(key, other) }) {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// text is a value of a schema table, where names are text and nothing else.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// numericTypes are declared types with which people mean decimal numbers.
var numericTypes = []string{"NUMERIC", "DECIMAL", "DEC", "NUMBER", "MONEY", "FIXED", "CURRENCY"}

// timeTypes are declared types with which people mean a point in time.
var timeTypes = []string{"DATETIME", "TIMESTAMP", "TIMESTAMPTZ", "DATETIME2", "SMALLDATETIME"}

// kindOf follows SQLite's own rules of affinity, in their order
// (https://www.sqlite.org/datatype3.html, 3.1), with the types that SQLite
// knows by name only (JSON, BOOLEAN, DECIMAL, DATETIME, DATE) told apart.
func kindOf(declared string, strict bool) driver.Kind {
	upper := strings.ToUpper(declared)
	word, _, _ := strings.Cut(strings.TrimSpace(upper), "(")
	word, _, _ = strings.Cut(strings.TrimSpace(word), " ")
	contains := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(upper, part) })
	}
	switch {
	case word == "" || strict && word == "ANY":
		return driver.KindAny
	case contains("INT"):
		return driver.KindInteger
	case contains("CHAR", "CLOB", "TEXT"):
		return driver.KindText
	case contains("BLOB"):
		return driver.KindBlob
	case contains("REAL", "FLOA", "DOUB"):
		return driver.KindReal
	case word == "JSON", word == "JSONB":
		return driver.KindJSON
	case word == "BOOL", word == "BOOLEAN":
		return driver.KindBoolean
	case slices.Contains(numericTypes, word):
		return driver.KindNumeric
	case slices.Contains(timeTypes, word):
		return driver.KindTime
	case word == "DATE":
		return driver.KindDate
	}
	return driver.KindLoose
}
