package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

const (
	// describedFor is how long a description of a table is used at most.
	describedFor = time.Second
	// refreshAfter is when one call reads it anew, while the others still use it.
	refreshAfter = describedFor / 2
)

// described is a table as it was read at a time.
type described struct {
	table *driver.Table
	at    time.Time
	// refreshing: a call reads it anew.
	refreshing bool
	// outdated: every call is to read it anew.
	outdated bool
}

// Describe returns a table, by its name in the search path or as SCHEMA.TABLE.
func (p *Postgres) Describe(ctx context.Context, on *sql.Conn, name string) (*driver.Table, error) {
	if table := p.known(name); table != nil {
		return table, nil
	}
	if !utf8.ValidString(name) || strings.ContainsRune(name, 0) { // no name is so, and none can be asked for
		return nil, driver.ErrNoTable
	}
	at := p.now()
	table, err := describe(ctx, on, name)
	if !p.learn(name, table, at, err) {
		return table, err
	}
	return table, on.Raw(func(raw any) error {
		return raw.(*conn).prepareAnew(ctx) //nolint:forcetypeassert // it is of this package's pool
	})
}

// learn keeps what was read of a table, and reports whether it is another than before.
func (p *Postgres) learn(name string, table *driver.Table, at time.Time, err error) (changed bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := p.tables[name]
	if err != nil {
		delete(p.tables, name)
		if before != nil && errors.Is(err, driver.ErrNoTable) {
			p.changes.Add(1) // another one may take its place
		}
		return false
	}
	p.tables[name] = &described{table: table, at: at}
	if before == nil || reflect.DeepEqual(before.table, table) {
		return false
	}
	p.changes.Add(1)
	return true
}

// known returns what is known of a table, or nil if the caller is to read it.
func (p *Postgres) known(name string) *driver.Table {
	p.mu.Lock()
	defer p.mu.Unlock()
	kept := p.tables[name]
	if kept == nil || kept.outdated {
		return nil
	}
	age := p.now().Sub(kept.at)
	if age >= describedFor || age >= refreshAfter && !kept.refreshing {
		kept.refreshing = true
		return nil
	}
	return kept.table
}

// forget has a table, or where it is nil every one, read anew before it is used.
func (p *Postgres) forget(table *driver.Table) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, kept := range p.tables {
		if table == nil || kept.table.Schema == table.Schema && kept.table.Name == table.Name {
			kept.outdated = true
		}
	}
}

// find looks a table up. A name with a dot may be that of a table in the search path,
// or have the schema before the dot.
const find = `SELECT c.oid::int8, n.nspname::text, c.relname::text, c.relkind::text,
  EXISTS (SELECT 1 FROM pg_trigger g WHERE NOT g.tgisinternal AND (g.tgrelid = c.oid OR g.tgrelid IN (SELECT relid FROM pg_partition_tree(c.oid::regclass)))),
  EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = c.oid AND a.atttypid = 'money'::regtype AND NOT a.attisdropped),
  c.relkind = 'r' AND EXISTS (SELECT 1 FROM pg_inherits h WHERE h.inhparent = c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE ` + describable + ` AND (c.relname = $1::text AND n.nspname = ANY (current_schemas(false))
  OR (n.nspname::text, c.relname::text) IN (SELECT s, t FROM unnest($2::text[], $3::text[]) AS named (s, t)))
ORDER BY c.relname = $1::text DESC, array_position(current_schemas(false), n.nspname) LIMIT 1`

// types are those of a table's columns, with the types that they are made of.
const types = `WITH RECURSIVE used (oid) AS (
  SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION
  SELECT part FROM used JOIN pg_type t ON t.oid = used.oid
    CROSS JOIN LATERAL (VALUES (t.typbasetype), (CASE WHEN t.typinput = 'array_in'::regproc THEN t.typelem ELSE 0 END)) AS parts (part)
  WHERE part <> 0
)
SELECT t.oid::int8, t.typname::text, n.nspname = 'pg_catalog', t.typtype::text, t.typbasetype::int8, t.typtypmod::int8,
  CASE WHEN t.typinput = 'array_in'::regproc AND t.typdelim = ',' THEN t.typelem::int8 ELSE 0 END, t.typnotnull,
  ARRAY(SELECT e.enumlabel::text FROM pg_enum e WHERE e.enumtypid = t.oid ORDER BY e.enumsortorder)::text,
  format_type(t.oid, NULL)
FROM used JOIN pg_type t ON t.oid = used.oid JOIN pg_namespace n ON n.oid = t.typnamespace`

const columns = `SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), a.atttypid::int8, a.atttypmod::int8,
  a.attgenerated <> '' OR a.attidentity = 'a', a.attnotnull
FROM pg_attribute a WHERE a.attrelid = $1::int8::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum`

// constraints are those of a table and of its partitions, by whose names a partition's
// own constraints are reported.
const constraints = `SELECT o.conname::text, o.contype::text, o.conrelid = $1::int8::oid,
  ARRAY(SELECT a.attname::text FROM unnest(o.conkey) WITH ORDINALITY AS k (num, place) JOIN pg_attribute a ON a.attrelid = o.conrelid AND a.attnum = k.num ORDER BY k.place)::text,
  coalesce(pg_get_expr(o.conbin, o.conrelid), ''), coalesce(f.relname::text, '')
FROM pg_constraint o LEFT JOIN pg_class f ON f.oid = o.confrelid
WHERE o.conrelid = $1::int8::oid OR o.conrelid IN (SELECT relid FROM pg_partition_tree($1::int8::oid::regclass)) ORDER BY o.conname`

// uniques are the unique indexes, likewise. whole: it is over columns and all rows, and
// is checked at once, so that ON CONFLICT can name it
// (https://www.postgresql.org/docs/current/sql-insert.html#SQL-ON-CONFLICT).
const uniques = `SELECT x.relname::text, i.indisprimary, i.indrelid = $1::int8::oid,
  i.indpred IS NULL AND i.indexprs IS NULL AND i.indimmediate AND i.indisvalid,
  ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (num, place) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num
    WHERE k.place <= i.indnkeyatts ORDER BY k.place)::text
FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
WHERE i.indisunique AND (i.indrelid = $1::int8::oid OR i.indrelid IN (SELECT relid FROM pg_partition_tree($1::int8::oid::regclass))) ORDER BY i.indisprimary DESC, x.relname`

// amounts says whether the text of a decimal is the same amount as money: the server's
// lc_monetary decides how a text is read, and how many digits an amount has.
const amounts = `SELECT '-1234.56'::money = (-1234.56)::numeric::money AND (0.01)::numeric::money::numeric = 0.01`

func describe(ctx context.Context, conn *sql.Conn, name string) (*driver.Table, error) {
	var schemas, names []string
	for i := range name {
		if name[i] == '.' {
			schemas, names = append(schemas, name[:i]), append(names, name[i+1:])
		}
	}
	found, err := driver.Query(ctx, conn, find, name, arrayOf(schemas), arrayOf(names))
	if err != nil {
		return nil, fmt.Errorf("look up table: %w", err)
	}
	if len(found) == 0 {
		return nil, driver.ErrNoTable
	}
	row := found[0]
	table := &driver.Table{Schema: text(row[1]), Name: text(row[2]), Triggers: row[4] == true, Heirs: row[6] == true}
	kind := text(row[3])
	table.View = kind == "v" || kind == "m"
	catalog := catalog{ctx: ctx, conn: conn, oid: row[0], table: table}
	if err := catalog.readColumns(row[5] == true); err != nil {
		return nil, err
	}
	if err := catalog.readConstraints(); err != nil {
		return nil, err
	}
	if err := catalog.readUniques(); err != nil {
		return nil, err
	}
	switch {
	case table.Heirs:
		table.RowID, table.Triggers = rowIDs["p"], true // those of an heir are its own
	case len(table.PrimaryKey) == 0:
		table.RowID = rowIDs[kind]
	}
	return table, nil
}

// rowIDs name a row of a table, or of one that is made of several, by where it is
// (https://www.postgresql.org/docs/current/ddl-system-columns.html).
var rowIDs = map[string]string{"r": "ctid", "p": "(tableoid::bigint || ' ' || ctid::text)"}

// catalog reads what the system's catalogs say of a table.
type catalog struct {
	ctx   context.Context
	conn  *sql.Conn
	oid   any
	table *driver.Table
}

func (c catalog) query(what, statement string) ([][]any, error) {
	found, err := driver.Query(c.ctx, c.conn, statement, c.oid)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return found, nil
}

func (c catalog) readColumns(money bool) error {
	found, err := c.query("types", types)
	if err != nil {
		return err
	}
	known := typeTable{types: make(map[int64]pgType, len(found))}
	for _, row := range found {
		known.types[number(row[0])] = pgType{
			name: text(row[1]), system: row[2] == true, kind: text(row[3]), base: number(row[4]), modifier: number(row[5]),
			element: number(row[6]), notNull: row[7] == true, labels: textsOf(row[8]), shown: text(row[9]),
		}
	}
	if money {
		plain, err := driver.Query(c.ctx, c.conn, amounts)
		if err != nil {
			return fmt.Errorf("look at money: %w", err)
		}
		known.plainMoney = len(plain) == 1 && plain[0][0] == true
	}
	if found, err = c.query("columns", columns); err != nil {
		return err
	}
	for _, row := range found {
		column := known.column(number(row[2]), number(row[3]))
		column.Name, column.Type = text(row[0]), text(row[1])
		column.Generated = row[4] == true
		column.Nullable = column.Nullable && row[5] != true
		column.Read = readExpression(column)
		c.table.Columns = append(c.table.Columns, column)
	}
	return nil
}

func (c catalog) readConstraints() error {
	found, err := c.query("constraints", constraints)
	if err != nil {
		return err
	}
	c.table.Checks, c.table.KeyColumns = make(map[string]string), make(map[string][]string)
	for _, row := range found {
		name, kind, own, over := text(row[0]), text(row[1]), row[2] == true, textsOf(row[3])
		if _, taken := c.table.KeyColumns[name]; !taken || own {
			c.table.KeyColumns[name] = over
		}
		switch {
		case !own:
		case kind == "c":
			c.table.Checks[name] = text(row[4])
		case kind == "f":
			c.table.ForeignKeys = append(c.table.ForeignKeys, driver.ForeignKey{Columns: over, Table: text(row[5])})
		}
	}
	return nil
}

func (c catalog) readUniques() error {
	found, err := c.query("unique keys", uniques)
	if err != nil {
		return err
	}
	for _, row := range found {
		name, primary, own, whole, over := text(row[0]), row[1] == true, row[2] == true, row[3] == true, textsOf(row[4])
		if _, taken := c.table.KeyColumns[name]; !taken || own {
			c.table.KeyColumns[name] = over
		}
		if !own {
			continue
		}
		if primary {
			c.table.PrimaryKey = over
		}
		if whole && !slices.ContainsFunc(c.table.UniqueKeys, func(key []string) bool { return slices.Equal(key, over) }) {
			c.table.UniqueKeys = append(c.table.UniqueKeys, over)
		}
	}
	return nil
}

// text is a text of a catalog.
func text(value any) string {
	s, _ := value.(string)
	return s
}

// number is a number of a catalog.
func number(value any) int64 {
	n, _ := value.(int64)
	return n
}

// textsOf are the elements of an array of texts that was read as text; none is NULL.
func textsOf(value any) []string {
	elements, _, err := parseArray(text(value))
	if err != nil {
		return nil
	}
	found := make([]string, len(elements))
	for i, element := range elements {
		found[i] = element.text
	}
	return found
}

// arrayOf is an array of texts in PostgreSQL's form.
func arrayOf(texts []string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, text := range texts {
		if i > 0 {
			b.WriteByte(',')
		}
		quoteElement(&b, text)
	}
	b.WriteByte('}')
	return b.String()
}
