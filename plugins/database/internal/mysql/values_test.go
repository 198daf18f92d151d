package mysql

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/plugins/database/internal/driver"
)

// stored are values by the type of their column, with what they come back as, if not
// as they were.
var stored = []struct{ declared, value, back string }{
	{"TINYINT", `-128`, ``},
	{"TINYINT UNSIGNED", `255`, ``},
	{"MEDIUMINT", `8388607`, ``},
	{"INT", `"-2147483648"`, `-2147483648`},
	{"BIGINT", `-9223372036854775808`, ``},
	{"BIGINT", `true`, `1`},
	{"BIGINT UNSIGNED", `18446744073709551615`, ``},
	{"BIGINT UNSIGNED", `0`, ``},
	{"BIGINT UNSIGNED ZEROFILL", `42`, ``},
	{"BOOLEAN", `true`, ``},
	{"BOOLEAN", `0`, `false`},
	{"BIT(1)", `true`, ``},
	{"BIT(64)", `18446744073709551615`, ``},
	{"BIT(9)", `257`, ``},
	{"YEAR", `2155`, ``},
	{"YEAR", `0`, ``},
	{"DECIMAL(10,2)", `12345678.90`, ``},
	{"DECIMAL(10,2)", `1.5e1`, `15.00`},
	{"DECIMAL(65,30)", `-99999999999999999999999999999999999.999999999999999999999999999999`, ``},
	{"DECIMAL(8,3) ZEROFILL", `0.5`, `0.500`},
	{"FLOAT", `0.1`, ``},
	{"FLOAT", `16777216`, ``},
	{"FLOAT(7,3)", `1.235`, ``},
	{"DOUBLE", `0.1`, ``},
	{"DOUBLE", `1e300`, ``},
	{"DOUBLE", `-1.7976931348623157e308`, ``},
	{"DOUBLE", `5e-324`, ``},
	{"CHAR(4)", `" a"`, ``},
	{"VARCHAR(4)", `"a🦀 "`, ``},
	{"VARCHAR(20)", `19.990`, `"19.990"`},
	{"VARCHAR(20)", `"\\\"'; -- \u0001\n%_"`, ``},
	{"TINYTEXT", `"` + strings.Repeat("é", 127) + `"`, ``},
	{"LONGTEXT", `"` + strings.Repeat("x", 300_000) + `"`, ``},
	{"BINARY(3)", `"AAEC"`, ``},
	{"VARBINARY(10)", `"AAECAAA="`, ``},
	{"LONGBLOB", `"/////v79gIE="`, ``},
	{"JSON", `{"b":1.10,"a":[12345678901234567890123,null,"é"]}`, ``},
	{"JSON", `"text"`, ``},
	{"JSON", `5`, ``},
	{"JSON", `false`, ``},
	{"DATE", `"0001-01-01"`, ``},
	{"DATE", `"9999-12-31"`, ``},
	{"DATETIME(6)", `"2026-11-23T15:04:05.123456+02:00"`, `"2026-11-23T13:04:05.123456Z"`},
	{"DATETIME(3)", `"2026-11-23T15:04:05.120000Z"`, `"2026-11-23T15:04:05.12Z"`},
	{"DATETIME", `"2026-11-23T00:00:00Z"`, ``},
	{"TIMESTAMP(6) NULL", `"1970-01-01T00:00:01.000001Z"`, ``},
	{"TIMESTAMP NULL", `"2026-03-29T02:30:00Z"`, ``}, // a time that most zones of Europe do not have
	{"TIME", `"-838:59:59"`, ``},
	{"TIME(3)", `"25:00:00.120"`, `"25:00:00.12"`},
	{"ENUM('a','it''s','\\\\ \\n')", `"it's"`, ``},
	{"ENUM('a','it''s','\\\\ \\n')", `"\\ \n"`, ``},
	{"SET('a','b','c')", `"a,c"`, ``},
	{"SET('a','b','c')", `""`, ``},
	{"UUID", `"123e4567-e89b-12d3-a456-426614174000"`, ``},
	{"INET6", `"2001:db8::1"`, ``},
	{"INET4", `"192.0.2.1"`, ``},
	{"INT", `null`, ``},
}

// TestWhatIsStoredComesBackAsItWas: over both protocols of the server, and a filter on
// the value finds it.
func TestWhatIsStoredComesBackAsItWas(t *testing.T) {
	declared := make([]string, len(stored))
	for i, c := range stored {
		declared[i] = c.declared
	}
	o := open(t, tableOf(declared))
	table := o.table("a")
	for i, c := range stored {
		column := table.Columns[i]
		value, err := o.Bind(column, driver.JSON(c.value))
		if err != nil {
			t.Errorf("%s %.60s: %v", c.declared, c.value, err)
			continue
		}
		if _, err := o.conn.ExecContext(t.Context(), "INSERT INTO a ("+column.Name+") VALUES (?)", value); err != nil {
			t.Errorf("%s %.60s: %v", c.declared, c.value, err)
			continue
		}
		want := c.back
		if want == "" {
			want = c.value
		}
		read := column.Read
		if read == "" {
			read = column.Name
		}
		for _, values := range [][]any{nil, {1}} {
			query := "SELECT " + read + " FROM a ORDER BY row DESC LIMIT 1"
			if values != nil {
				query = "SELECT " + read + " FROM a WHERE 1 = ? ORDER BY row DESC LIMIT 1"
			}
			found, err := driver.Query(t.Context(), o.conn, query, values...)
			must(t, err)
			got, err := o.Render(nil, column, found[0][0])
			if err != nil || !same(string(got), want) {
				t.Errorf("%s %.60s: comes back as %.60s, %v", c.declared, c.value, got, err)
			}
		}
		if value == nil || column.Kind == driver.KindJSON {
			continue
		}
		if n := o.text("SELECT COUNT(*) FROM a WHERE "+compared(column, column.Name, false)+" = "+compared(column, "?", true), value); n != "1" {
			t.Errorf("%s %.60s: is not found by its value", c.declared, c.value)
		}
	}
}

// tableOf is a table with columns of types, and a number for each row.
func tableOf(declared []string) string {
	var columns strings.Builder
	for i, one := range declared {
		fmt.Fprintf(&columns, "v%d %s, ", i, one)
	}
	return "CREATE TABLE a (" + columns.String() + "row INT AUTO_INCREMENT PRIMARY KEY)"
}

// same compares numbers and texts as written.
func same(a, b string) bool {
	x, y := driver.JSON(a), driver.JSON(b)
	return x.Canonicalize() == nil && y.Canonicalize() == nil && string(x) == string(y)
}

// refused are values that the server would change, in strict mode too, or refuse.
var refused = []struct {
	declared string
	values   []string
}{
	{"TINYINT", []string{`128`, `-129`, `1.5`, `"x"`, `""`, `"12x"`, `[1]`}},
	{"TINYINT UNSIGNED", []string{`256`, `-1`}},
	{"BIGINT", []string{`9223372036854775808`, `1e30`, `1e999999999`}},
	{"BIGINT UNSIGNED", []string{`18446744073709551616`, `-1`}},
	{"BOOLEAN", []string{`2`, `-1`, `"true"`, `0.5`}},
	{"BIT(9)", []string{`512`, `-1`}},
	{"YEAR", []string{`1`, `70`, `1900`, `2156`, `"70"`}},
	{"DECIMAL(10,2)", []string{`1.005`, `123456789`, `"1.005"`, `1e9`, `true`}},
	{"DECIMAL(10,2) UNSIGNED", []string{`-0.01`}},
	{"FLOAT", []string{`16777217`, `1e39`, `true`}},
	{"FLOAT(7,3)", []string{`1.2345`, `12345`}},
	{"FLOAT UNSIGNED", []string{`-1`}},
	{"DOUBLE", []string{`1e309`, `9007199254740993`}},
	{"CHAR(4)", []string{`"abcde"`, `"a "`, `true`, `{}`}},
	{"VARCHAR(4)", []string{`"abcd "`, `"a\u0000"`}},
	{"TINYTEXT", []string{`"` + strings.Repeat("x", 255) + ` "`}},
	{"BINARY(3)", []string{`"AAE="`, `"AAECAw=="`, `"AA=E"`, `5`}},
	{"VARBINARY(3)", []string{`"AAE\n"`}},
	{"DATE", []string{`"2026-02-30"`, `"0000-00-00"`, `"2026-00-01"`, `"20260101"`, `"2026-1-1"`, `"2026-01-01T00:00:00Z"`, `20260101`}},
	{"DATETIME(3)", []string{`"2026-11-23T15:04:05.1234Z"`, `"2026-11-23 15:04:05"`, `"2026-11-23T15:04:05"`, `"2026-11-23T15:04:60Z"`, `"0000-00-00T00:00:00Z"`, `"9999-12-31T23:59:59-01:00"`, `1700000000`}},
	{"DATETIME", []string{`"2026-11-23T15:04:05.5Z"`}},
	{"TIME", []string{`"15:04"`, `"15:04:05.5"`, `"839:00:00"`, `"15:60:00"`, `150405`}},
	{"TIME(6)", []string{`"838:59:59.5"`}},
	{"ENUM('a','1')", []string{`"A"`, `""`, `"2"`, `1`, `"a "`}},
	{"SET('a','b')", []string{`"b,a"`, `"a,a"`, `"a,"`, `"c"`, `3`}},
	{"UUID", []string{`"123e4567e89b12d3a456426614174000"`, `"x"`}},
	{"INET4", []string{`"::1"`, `"1.2.3"`}},
	{"POINT", []string{`"POINT(1 1)"`, `1`}},
}

func TestAValueThatWouldBeChangedIsRefused(t *testing.T) {
	declared := make([]string, len(refused))
	for i, c := range refused {
		declared[i] = c.declared
	}
	o := open(t, tableOf(declared))
	table := o.table("a")
	for i, c := range refused {
		column := table.Columns[i]
		for _, value := range c.values {
			if bound, err := o.Bind(column, driver.JSON(value)); err == nil {
				t.Errorf("%s takes %s as %v", c.declared, value, bound)
			}
		}
	}
	o.exec("CREATE OR REPLACE TABLE a (v TIMESTAMP NOT NULL)")
	if _, err := o.Bind(o.table("a").Columns[0], driver.JSON(`null`)); err == nil {
		t.Error("null for a time that the server would make")
	}
	// MySQL parses what MariaDB keeps.
	column := driver.Column{Type: "json", Kind: driver.KindJSON}
	o.server = server{major: 8}
	for value, taken := range map[string]bool{
		`{"a":[1,-9223372036854775808,18446744073709551615,0.1,1e300,1.50]}`: true,
		`{"a":[12345678901234567890123]}`:                                    false,
		`0.12345678901234567`:                                                false,
		`[1e999]`:                                                            false,
	} {
		if _, err := o.Bind(column, driver.JSON(value)); (err == nil) != taken {
			t.Errorf("%s: %v", value, err)
		}
	}
}

// TestWhatOthersStoredIsShown: zero dates and numbers in columns of booleans, as they are.
func TestWhatOthersStoredIsShown(t *testing.T) {
	o := open(t, "CREATE TABLE a (d DATE, t DATETIME, s TIMESTAMP NULL, b BOOLEAN, p POINT, c VARCHAR(10) CHARACTER SET latin1)")
	o.exec("SET SESSION sql_mode = ''")
	o.exec("INSERT INTO a VALUES ('0000-00-00', '0000-00-00', '0000-00-00', 7, ST_GeomFromText('POINT(1 2)'), 'é')")
	table := o.table("a")
	var expressions []string
	for _, column := range table.Columns {
		if column.Read != "" {
			expressions = append(expressions, column.Read)
		} else {
			expressions = append(expressions, column.Name)
		}
	}
	found, err := driver.Query(context.Background(), o.conn, "SELECT "+strings.Join(expressions, ", ")+" FROM a")
	must(t, err)
	var got []byte
	for i, column := range table.Columns {
		got, err = o.Render(append(got, ' '), column, found[0][i])
		must(t, err)
	}
	if want := ` "0000-00-00" "0000-00-00 00:00:00" "0000-00-00 00:00:00" 7 "POINT(1 2)" "é"`; string(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}
