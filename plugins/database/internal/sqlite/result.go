package sqlite

import (
	"database/sql"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// BindParameter binds a value as it is: there is no column whose type would change it.
func (s *SQLite) BindParameter(value driver.JSON) (any, error) {
	switch value.Kind() {
	case 't', 'f', 'n', '0':
		column := driver.Column{Kind: driver.KindInteger}
		if value.Kind() == '0' {
			column.Kind = driver.KindAny
		}
		return s.Bind(column, value)
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		if err != nil {
			return nil, err
		}
		return bindString(driver.KindText, string(unquoted), value)
	}
	return string(value), nil
}

// ResultColumns knows the type that a column of a table is declared with; that of an
// expression has none.
func (*SQLite) ResultColumns(types []*sql.ColumnType) []driver.Column {
	columns := make([]driver.Column, len(types))
	for i, of := range types {
		declared := of.DatabaseTypeName()
		columns[i] = driver.Column{Name: of.Name(), Type: declared, Kind: kindOf(declared, false)}
	}
	return columns
}

// timeText writes what the database/sql driver made of a text in a column of a type that
// it takes for a time: in a statement of the config nothing hides the type from it.
func timeText(column driver.Column, stored time.Time) string {
	if column.Type == "DATE" && stored.Equal(stored.Truncate(24*time.Hour)) {
		return stored.Format(time.DateOnly)
	}
	return stored.UTC().Format(time.RFC3339Nano)
}
