package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/dialect"
)

// Describe answers a table of the main schema. What was read is kept until
// SQLite's schema_version changes; within a transaction that holds the write
// lock it cannot change any more.
func (s *SQLite) Describe(ctx context.Context, conn *sql.Conn, name string) (*dialect.Table, error) {
	var version int64
	if err := conn.QueryRowContext(ctx, "PRAGMA schema_version").Scan(&version); err != nil {
		return nil, fmt.Errorf("read schema version: %w", err)
	}
	s.mu.Lock()
	if s.tables == nil || s.version != version {
		s.version, s.tables = version, make(map[string]*dialect.Table)
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

// insertable are tables proper: no views, virtual tables and their shadows,
// and nothing of SQLite's own.
const insertable = `schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`

// TableNames lists the tables of the main schema.
func (*SQLite) TableNames(ctx context.Context, conn *sql.Conn) ([]string, error) {
	rows, err := conn.QueryContext(ctx, "SELECT name FROM pragma_table_list WHERE "+insertable+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	found, err := scan(rows)
	if err != nil {
		return nil, fmt.Errorf("list tables: %w", err)
	}
	names := make([]string, 0, len(found))
	for _, row := range found {
		names = append(names, text(row[0]))
	}
	return names, nil
}

func describe(ctx context.Context, conn *sql.Conn, name string) (*dialect.Table, error) {
	table := &dialect.Table{Name: name}
	found, err := query(ctx, conn, "SELECT wr, strict FROM pragma_table_list WHERE name = ? AND "+insertable, name)
	if err != nil {
		return nil, fmt.Errorf("look up table: %w", err)
	}
	if len(found) == 0 {
		return nil, dialect.ErrNoTable
	}
	withoutRowID, strict := found[0][0] == int64(1), found[0][1] == int64(1)

	found, err = query(ctx, conn, "SELECT name, type, pk, hidden FROM pragma_table_xinfo(?) ORDER BY cid", name)
	if err != nil {
		return nil, fmt.Errorf("read columns: %w", err)
	}
	keys := make(map[int64]string)
	for _, row := range found {
		declared := text(row[1])
		column := dialect.Column{Name: text(row[0]), Type: declared, Kind: kindOf(declared, strict), Generated: row[3] != int64(0)}
		table.Columns = append(table.Columns, column)
		if position, ok := row[2].(int64); ok && position > 0 {
			keys[position] = column.Name
		}
	}
	for _, position := range slices.Sorted(maps.Keys(keys)) {
		table.PrimaryKey = append(table.PrimaryKey, keys[position])
	}
	if !withoutRowID {
		table.RowID = rowID(table)
	}

	found, err = query(ctx, conn, "SELECT 1 FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE LIMIT 1", name)
	if err != nil {
		return nil, fmt.Errorf("read triggers: %w", err)
	}
	table.Triggers = len(found) > 0

	table.ForeignKeys, err = foreignKeys(ctx, conn, name)
	return table, err
}

func foreignKeys(ctx context.Context, conn *sql.Conn, name string) ([]dialect.ForeignKey, error) {
	found, err := query(ctx, conn, `SELECT id, "table", "from" FROM pragma_foreign_key_list(?) ORDER BY id, seq`, name)
	if err != nil {
		return nil, fmt.Errorf("read foreign keys: %w", err)
	}
	var keys []dialect.ForeignKey
	for i, row := range found {
		if i == 0 || row[0] != found[i-1][0] {
			keys = append(keys, dialect.ForeignKey{Table: text(row[1])})
		}
		last := &keys[len(keys)-1]
		last.Columns = append(last.Columns, text(row[2]))
	}
	return keys, nil
}

// rowID is a name of the row number that no column hides; a table may hide all
// three (https://www.sqlite.org/rowidtable.html).
func rowID(table *dialect.Table) string {
	for _, name := range []string{"rowid", "_rowid_", "oid"} {
		hidden := slices.ContainsFunc(table.Columns, func(c dialect.Column) bool { return strings.EqualFold(c.Name, name) })
		if !hidden {
			return name
		}
	}
	return ""
}

func query(ctx context.Context, conn *sql.Conn, statement string, values ...any) ([][]any, error) {
	rows, err := conn.QueryContext(ctx, statement, values...)
	if err != nil {
		return nil, err
	}
	return scan(rows)
}

// text is a value of a schema table, where names are text and nothing else.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// numericTypes are declared types with which people mean decimal numbers.
var numericTypes = []string{"NUMERIC", "DECIMAL", "DEC", "NUMBER", "MONEY", "FIXED", "CURRENCY"}

// kindOf follows SQLite's own rules of affinity, in their order
// (https://www.sqlite.org/datatype3.html, 3.1), with the types that SQLite
// knows by name only (JSON, BOOLEAN, DECIMAL) told apart.
func kindOf(declared string, strict bool) dialect.Kind {
	upper := strings.ToUpper(declared)
	word, _, _ := strings.Cut(strings.TrimSpace(upper), "(")
	word, _, _ = strings.Cut(strings.TrimSpace(word), " ")
	contains := func(parts ...string) bool {
		return slices.ContainsFunc(parts, func(part string) bool { return strings.Contains(upper, part) })
	}
	switch {
	case word == "" || strict && word == "ANY":
		return dialect.KindAny
	case contains("INT"):
		return dialect.KindInteger
	case contains("CHAR", "CLOB", "TEXT"):
		return dialect.KindText
	case contains("BLOB"):
		return dialect.KindBlob
	case contains("REAL", "FLOA", "DOUB"):
		return dialect.KindReal
	case word == "JSON", word == "JSONB":
		return dialect.KindJSON
	case word == "BOOL", word == "BOOLEAN":
		return dialect.KindBoolean
	case slices.Contains(numericTypes, word):
		return dialect.KindNumeric
	}
	return dialect.KindLoose
}
