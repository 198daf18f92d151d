package mysql

import (
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// columnType is a type as information_schema.COLUMNS.COLUMN_TYPE writes it, such as
// "decimal(10,2) unsigned" or "enum('a','it”s')".
type columnType struct {
	// base is the first word.
	base string
	// length and scale are the numbers in brackets, -1 for none.
	length, scale int
	unsigned      bool
	// members are those of an enum or a set.
	members []string
}

// typeOf is the type of a column.
func typeOf(column driver.Column) columnType {
	if known, ok := column.Details.(columnType); ok {
		return known
	}
	return parseType(column.Type)
}

func parseType(declared string) columnType {
	found := columnType{length: -1, scale: -1}
	end := strings.IndexAny(declared, "( ")
	if end < 0 {
		found.base = declared
		return found
	}
	found.base = declared[:end]
	rest := declared[end:]
	if rest[0] == '(' {
		if found.base == "enum" || found.base == "set" {
			found.members = members(rest[1:])
			return found
		}
		var inside string
		inside, rest, _ = strings.Cut(rest[1:], ")")
		length, scale, _ := strings.Cut(inside, ",")
		if n, err := strconv.Atoi(length); err == nil {
			found.length = n
		}
		if n, err := strconv.Atoi(scale); err == nil {
			found.scale = n
		}
	}
	found.unsigned = slices.Contains(strings.Fields(rest), "unsigned")
	return found
}

// members reads a list of texts in single quotes, which are written twice within one; a
// backslash is written twice too, and stands before letters for characters of control.
func members(list string) []string {
	var found []string
	for strings.HasPrefix(list, "'") {
		var member strings.Builder
		list = list[1:]
		for list != "" {
			if list[0] == '\'' {
				if !strings.HasPrefix(list, "''") {
					break
				}
				list = list[1:]
			}
			c := list[0]
			if c == '\\' && len(list) > 1 {
				list = list[1:]
				if c = list[0]; escapes[c] != 0 {
					c = escapes[c]
				} else if c == '0' {
					c = 0
				}
			}
			member.WriteByte(c)
			list = list[1:]
		}
		found = append(found, member.String())
		list = strings.TrimPrefix(strings.TrimPrefix(list, "'"), ",")
	}
	return found
}

// escapes are the letters after a backslash that do not stand for themselves.
var escapes = [256]byte{'n': '\n', 'r': '\r', 't': '\t', 'b': '\b', 'Z': 0x1a}

// kinds of types by their first word. What is not here, as geometries are, is read as
// it is and takes no value.
var kinds = map[string]driver.Kind{
	"tinyint": driver.KindInteger, "smallint": driver.KindInteger, "mediumint": driver.KindInteger,
	"int": driver.KindInteger, "bigint": driver.KindInteger, "year": driver.KindInteger, "bit": driver.KindInteger,
	"decimal": driver.KindNumeric, "float": driver.KindReal, "double": driver.KindReal,
	"char": driver.KindText, "varchar": driver.KindText, "tinytext": driver.KindText, "text": driver.KindText,
	"mediumtext": driver.KindText, "longtext": driver.KindText, "enum": driver.KindText, "set": driver.KindText,
	"uuid": driver.KindText, "inet4": driver.KindText, "inet6": driver.KindText, "time": driver.KindText,
	"binary": driver.KindBlob, "varbinary": driver.KindBlob, "tinyblob": driver.KindBlob, "blob": driver.KindBlob,
	"mediumblob": driver.KindBlob, "longblob": driver.KindBlob,
	"json": driver.KindJSON, "date": driver.KindDate, "datetime": driver.KindTime, "timestamp": driver.KindTime,
}

// geometries are read as well-known text
// (https://mariadb.com/kb/en/geometry-types/).
var geometries = []string{"geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon", "geometrycollection", "geomcollection"}

// kindOf follows the declared type. BOOLEAN is a name for TINYINT(1)
// (https://mariadb.com/kb/en/boolean/), and BIT(1) is used like it.
func kindOf(t columnType) driver.Kind {
	if (t.base == "tinyint" && !t.unsigned || t.base == "bit") && t.length == 1 {
		return driver.KindBoolean
	}
	if kind, ok := kinds[t.base]; ok {
		return kind
	}
	return driver.KindAny
}

// isNarrow reports whether the integers of a column have 32 bits or fewer.
func isNarrow(column driver.Column) bool {
	t := typeOf(column)
	switch {
	case column.Kind != driver.KindInteger:
		return false
	case t.base == "bit":
		return t.length <= 32
	}
	return t.base != "bigint"
}

// readExpression reads a column so that nothing is lost on the way: FLOAT as text has
// six digits, and bits are bytes without a number.
func readExpression(column driver.Column) string {
	name := syntax.Identifier(column.Name)
	switch base := typeOf(column).base; {
	case base == "float":
		return name + " + 0e0"
	case base == "bit":
		return name + " + 0"
	case slices.Contains(geometries, base):
		return "ST_AsText(" + name + ")"
	}
	return ""
}
