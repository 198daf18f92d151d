package postgres

import (
	"database/sql"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
)

// BindParameter leaves it to the server to read a value as the type that it finds for the
// parameter: pgx would take none of another type.
func (*Postgres) BindParameter(value driver.JSON) (any, error) {
	switch value.Kind() {
	case 'n':
		return nil, nil
	case '0':
		number, ok := exact.Parse(string(value))
		if whole, fits := number.Int64(); ok && fits {
			return strconv.FormatInt(whole, 10), nil
		}
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err == nil && hasNUL(value) {
			err = errNUL
		}
		return string(unquoted), err
	}
	return string(value), nil
}

// ResultColumns goes by the name of the type that pgx knows; a type of others is text.
func (*Postgres) ResultColumns(types []*sql.ColumnType) []driver.Column {
	columns := make([]driver.Column, len(types))
	for i, of := range types {
		name := strings.ToLower(of.DatabaseTypeName())
		if element, array := strings.CutPrefix(name, "_"); array {
			item := resultColumn(element)
			columns[i] = driver.Column{Type: name, Kind: driver.KindArray, Element: &item, Details: &details{base: name}}
		} else {
			columns[i] = resultColumn(name)
		}
		columns[i].Name = of.Name()
	}
	return columns
}

// resultColumn returns a column of a result whose type has a name.
func resultColumn(name string) driver.Column {
	column := driver.Column{Type: name, Kind: driver.KindText, Details: &details{base: name}}
	if kind, ok := kinds[name]; ok && name != "money" {
		column.Kind = kind
	}
	column.Narrow = name == "int2" || name == "int4"
	return column
}

// renderTime appends a point in time, or a day, as pgx reads it in a statement of the
// config.
func renderTime(dst []byte, column driver.Column, at time.Time) []byte {
	if column.Kind == driver.KindDate {
		return driver.AppendString(dst, at.Format(time.DateOnly))
	}
	return driver.AppendString(dst, at.UTC().Format(time.RFC3339Nano))
}
