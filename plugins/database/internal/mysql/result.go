package mysql

import (
	"database/sql"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/plugins/database/internal/exact"
)

// BindParameter binds a decimal that no double stands for as its text, which a column of
// decimals takes exactly.
func (*MySQL) BindParameter(value driver.JSON) (any, error) {
	switch value.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return value.Kind() == 't', nil
	case '0':
		number, ok := exact.Parse(string(value))
		if whole, fits := number.Int64(); ok && fits {
			return whole, nil
		}
		if whole, fits := number.Uint64(); ok && fits {
			return whole, nil
		}
		if double, same, fits := number.Float64(); ok && same && fits {
			return double, nil
		}
	case '"':
		unquoted, err := jsontext.AppendUnquote(nil, value)
		return string(unquoted), err
	}
	return string(value), nil
}

// ResultColumns goes by the type that the server says. A BOOLEAN is a TINYINT to it, and
// JSON a text where it is one in MariaDB.
func (*MySQL) ResultColumns(types []*sql.ColumnType) []driver.Column {
	columns := make([]driver.Column, len(types))
	for i, of := range types {
		name := strings.TrimPrefix(strings.ToLower(of.DatabaseTypeName()), "unsigned ")
		columns[i] = driver.Column{Name: of.Name(), Type: name, Kind: kindOf(parseType(name))}
		if name == "bit" || name == "geometry" {
			columns[i].Kind = driver.KindBlob
		}
	}
	return columns
}
