package driver

import (
	"math"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// JSON is one JSON value, valid as RFC 8259 and RFC 7493 demand it: UTF-8, no
// lone surrogates, no name twice in an object; without surrounding space.
type JSON = jsontext.Value

// AppendString appends a text as a JSON string. Bytes that are not UTF-8, which
// JSON cannot carry and which databases may let other programs store, are
// replaced by U+FFFD.
func AppendString(dst []byte, text string) []byte {
	dst, _ = jsontext.AppendQuote(dst, strings.ToValidUTF8(text, "\uFFFD")) // it fails for other than UTF-8 only
	return dst
}

// FormatFloat is the shortest text that stands for a number of so many bits, in the
// notation of encoding/json: with an exponent for the very large and the very small only.
func FormatFloat(value float64, bits int) string {
	format := byte('f')
	if size := math.Abs(value); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	return strconv.FormatFloat(value, format, -1, bits)
}

// Table is what a database says about one of its tables.
type Table struct {
	Name string
	// Schema is where the table is; empty for where the connection looks.
	Schema string
	// Columns are in the order of the table, generated ones included.
	Columns []Column
	// Excluded are columns of which callers know nothing. They are not among Columns, and
	// no key has them; they are here for statements that find a row again.
	Excluded []Column
	// ExcludedKey are the columns of the primary key where one of them is excluded;
	// PrimaryKey is empty then.
	ExcludedKey []Column
	// View says that rows can only be read.
	View bool
	// NoTransactions says that the table takes no part in transactions: a change would
	// stay when its transaction is rolled back.
	NoTransactions bool
	// PrimaryKey has the names of its columns; it may be empty.
	PrimaryKey []string
	// UniqueKeys are the columns of each unique key of whole rows, the primary key
	// included: no partial one, and none over expressions.
	UniqueKeys [][]string
	// Heirs says that rows of other tables, which have keys of their own, are read and
	// changed as rows of this one: its keys do not tell them apart, and RowID does
	// (https://www.postgresql.org/docs/current/ddl-inherit.html, 5.10.1).
	Heirs bool
	// KeyColumns are the columns of each unique key, and of each constraint of another kind
	// that a failure may name, by its name.
	KeyColumns map[string][]string
	// Checks are the expressions of the table's CHECK constraints that have a name,
	// by name.
	Checks map[string]string
	// ForeignKeys are what a row of this table refers to.
	ForeignKeys []ForeignKey
	// Triggers says that the table has triggers, which may change a row after
	// it was inserted.
	Triggers bool
	// RowID is an expression that names a row while a transaction has it locked, whatever
	// its columns hold: what is read by it can be bound and held against it. It is empty
	// where there is none, or where the primary key does as well.
	RowID string
	// LastInserted is a condition that holds for the row that the connection
	// inserted last, if the INSERT left the primary key to the database; empty where a
	// database has none for the table.
	LastInserted string
}

// Column returns the column of exactly this name.
func (t *Table) Column(name string) (Column, bool) {
	for _, column := range t.Columns {
		if column.Name == name {
			return column, true
		}
	}
	return Column{}, false
}

// Identity returns the columns of the primary key, those of which callers know nothing
// included: for statements that find a row again. It is empty for a table without one.
func (t *Table) Identity() []Column {
	if t.ExcludedKey != nil {
		return t.ExcludedKey
	}
	var columns []Column
	for _, name := range t.PrimaryKey {
		if column, ok := t.Column(name); ok {
			columns = append(columns, column)
		}
	}
	return columns
}

// ColumnNames lists the columns in order.
func (t *Table) ColumnNames() []string {
	names := make([]string, len(t.Columns))
	for i, column := range t.Columns {
		names[i] = column.Name
	}
	return names
}

// Column is one column of a table.
type Column struct {
	Name string
	// Type is the type as declared, such as "VARCHAR(40)"; it may be empty.
	Type string
	Kind Kind
	// Read is the expression that reads the value as Render takes it; empty for
	// the column's name.
	Read string
	// Generated says that the database computes the value.
	Generated bool
	// Nullable says that the column may hold NULL.
	Nullable bool
	// Narrow says that the integers of the column have 32 bits or fewer.
	Narrow bool
	// Element is what an array holds, for KindArray.
	Element *Column
	// Details is what the driver knows of the type for itself.
	Details any
}

// ForeignKey is a reference from columns to another table.
type ForeignKey struct {
	Columns []string
	Table   string
}

// Kind is what values a column takes.
type Kind int

// The kinds of columns.
const (
	// KindAny takes every scalar and changes none.
	KindAny Kind = iota
	// KindInteger takes integers of 64 bits.
	KindInteger
	// KindReal takes numbers, kept as a binary double.
	KindReal
	// KindNumeric takes decimal numbers.
	KindNumeric
	// KindText takes strings.
	KindText
	// KindBlob takes bytes, in JSON a string of base64.
	KindBlob
	// KindBoolean takes true and false.
	KindBoolean
	// KindJSON takes every JSON value.
	KindJSON
	// KindTime takes a point in time, in JSON as RFC 3339; it is shown in UTC.
	KindTime
	// KindDate takes a day, in JSON as "2026-11-23".
	KindDate
	// KindArray takes a list of what Column.Element takes.
	KindArray
	// KindLoose takes scalars, but the database would turn a string that looks
	// like a number into one; such a string is refused.
	KindLoose
)
