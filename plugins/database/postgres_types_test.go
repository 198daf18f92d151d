package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit/postgrestest"
	"github.com/backflow/backflow/plugins/database/internal/databasetest"
	"github.com/backflow/backflow/sdk"
)

// onPostgres are the suite's means over PostgreSQL, for what it alone has.
func onPostgres() databasetest.Suite { return databasetest.NewSuite(start, postgresEngine) }

// on is onPostgres over one database, which the plugin reaches by a url.
func on(url string, d *postgrestest.Database) databasetest.Suite {
	return databasetest.NewSuite(start, databasetest.Engine{Name: databasetest.PostgreSQL, Fresh: func(t testing.TB) databasetest.Place {
		return databasetest.Place{URL: url, Dir: t.TempDir(), DB: d.Open()}
	}})
}

// TestEveryTypeOfPostgreSQLKeepsWhatItTakes: a value comes back as it was sent, or in the
// one form that the type has, and what the server would change is refused.
func TestEveryTypeOfPostgreSQLKeepsWhatItTakes(t *testing.T) {
	t.Parallel()
	f := onPostgres().New(t,
		`CREATE TYPE mood AS ENUM ('sad', 'it''s "odd"', 'ok')`,
		`CREATE DOMAIN cents AS bigint CHECK (VALUE >= 0)`,
		`CREATE DOMAIN price AS numeric(10,2)`,
		`CREATE DOMAIN small_price AS price CHECK (VALUE < 100)`,
		`CREATE TYPE pair AS (a int, b text)`,
		`CREATE EXTENSION citext`, `CREATE EXTENSION hstore`)
	const same = "\x00"
	for i, c := range []struct {
		kind string
		// sent to wanted; same for what comes back as it is, and what begins with ! is what a
		// refusal says.
		values [][2]string
	}{
		{"smallint", [][2]string{{"32767", same}, {`"-32768"`, "-32768"}, {"32768", "!from -32768 to 32767"}, {"1.5", "!takes an integer"}, {"true", "!takes an integer"}, {"20.0", "20"}}},
		{"integer", [][2]string{{"-2147483648", same}, {"2147483648", "!from -2147483648 to 2147483647"}}},
		{"bigint", [][2]string{{"9007199254740993", same}, {"-9223372036854775808", same}, {"9223372036854775808", "!from -9223372036854775808"}, {`"x"`, "!takes an integer"}}},
		{"oid", [][2]string{{"4294967295", same}, {"-1", "!from 0"}}},
		{"numeric", [][2]string{{"1.50", same}, {"12345678901234567890.12345678901234567890", same}, {"1e3", "1000"}, {`"NaN"`, same}, {`"Infinity"`, same}, {`"-Infinity"`, same}, {`"infinity"`, "!takes a number"}, {"1e200000", "!131072"}, {"1e-16384", "!16383"}, {"1e-16383", "0." + strings.Repeat("0", 16382) + "1"}}},
		{"numeric(10,2)", [][2]string{{"19.9", "19.90"}, {"19.990", "19.99"}, {"1.005", "!at most 2 digits after the point"}, {"99999999.99", same}, {"100000000", "!below ten to the power of 8"}, {`"0.10"`, "0.10"}, {"0e9", "0.00"}}},
		{"numeric(2,5)", [][2]string{{"0.00012", same}, {"0.001", "!below ten to the power of -3"}}},
		{"numeric(3,-2)", [][2]string{{"12300", same}, {"12345", "!multiples of ten to the power of 2"}, {"100000", "!below"}}},
		{"small_price", [][2]string{{"9.5", "9.50"}, {"1.005", "!at most 2"}, {"100", "!check"}}},
		{"cents", [][2]string{{"5", same}, {"-5", "!check"}}},
		{"real", [][2]string{{"0.1", same}, {"1.5", same}, {"0.123456789", "!rounded"}, {"1e39", "!range"}, {`"NaN"`, same}, {"16777217", "!rounded"}}},
		{"double precision", [][2]string{{"0.1", same}, {"1e-7", "1e-07"}, {"1e21", "1e+21"}, {"123456789.123456789", "123456789.12345679"}, {"9007199254740993", "!rounded"}, {"1e400", "!range"}, {"1e-400", "!range"}, {`"-Infinity"`, same}}},
		{"money", [][2]string{{"19.90", same}, {"-0.01", same}, {"19.999", "!at most 2 digits"}, {`"Infinity"`, "!takes a number"}}},
		{"text", [][2]string{{`""`, same}, {`"a\u0000b"`, "!NUL"}, {"19.990", `"19.990"`}, {"true", "!takes a string"}, {`{"a":1}`, "!no object"}, {`"\\x41 '' \" $1 {{x}}"`, same}}},
		{"varchar(3)", [][2]string{{`"äöü"`, same}, {`"abcd"`, "!at most 3 characters"}, {`"ab   "`, "!at most 3 characters"}, {`"ab "`, same}}},
		{"char(4)", [][2]string{{`"ab"`, same}, {`"ab "`, "!ends in a blank"}, {`"abcde"`, "!at most 4"}}},
		{"citext", [][2]string{{`"AbC"`, same}}},
		{"name", [][2]string{{`"abc"`, same}, {`"` + strings.Repeat("x", 64) + `"`, "!at most 63 bytes"}}},
		{"bytea", [][2]string{{`"AAH/"`, same}, {`""`, same}, {`"AAH"`, "!base64"}, {"1", "!base64"}}},
		{"boolean", [][2]string{{"true", same}, {"false", same}, {"1", "!true or false"}, {`"true"`, "!true or false"}}},
		{"json", [][2]string{{`{"b":1.50,"a":[1e2,"é"]}`, same}, {`"x"`, same}, {"5", same}, {`"\u0000"`, same}}},
		{"jsonb", [][2]string{{`{"a":[9007199254740993,1.50],"b":null}`, same}, {"[]", same}, {`"\u0000"`, "!NUL"}, {`"\\u0000"`, same}}},
		{"date", [][2]string{{`"2026-11-23"`, same}, {`"0001-01-01"`, same}, {`"2026-02-30"`, "!takes a day"}, {`"2026-11-23T00:00:00Z"`, "!takes a day"}, {`"infinity"`, same}}},
		{"time", [][2]string{{`"12:30:00.5"`, same}, {`"12:30"`, `"12:30:00"`}, {`"24:00"`, "!time of day"}, {`"12:30:00.1234567"`, "!6 digits"}}},
		{"timetz", [][2]string{{`"12:30:00+02"`, same}, {`"12:30:00"`, "!time of day"}}},
		{"timestamp", [][2]string{{`"2026-11-23T12:00:00.123456Z"`, same}, {`"2026-11-23T12:00:00+02:00"`, `"2026-11-23T10:00:00Z"`}, {`"2026-11-23 12:00"`, "!RFC 3339"}, {`"-infinity"`, same}}},
		{"timestamptz", [][2]string{{`"2026-11-23T12:00:00Z"`, same}, {`"2026-11-23T12:00:00.5-08:00"`, `"2026-11-23T20:00:00.5Z"`}, {`"2026-11-23T12:00:00.1234567Z"`, "!6 digits"}, {`"2026-11-23T12:00:60Z"`, "!RFC 3339"}, {`"infinity"`, same}, {"1700000000", "!RFC 3339"}, {`"0001-01-01T00:00:00Z"`, same}}},
		{"timestamptz(3)", [][2]string{{`"2026-11-23T12:00:00.120Z"`, `"2026-11-23T12:00:00.12Z"`}, {`"2026-11-23T12:00:00.1234Z"`, "!3 digits"}}},
		{"interval", [][2]string{{`"1 day 02:00:00"`, same}, {`"P1DT2H"`, `"1 day 02:00:00"`}, {`"soon"`, "!does not fit"}}},
		{"uuid", [][2]string{{`"0190163d-8694-739b-aea5-966c26f8ad91"`, same}, {`"0190163D-8694-739B-AEA5-966C26F8AD91"`, `"0190163d-8694-739b-aea5-966c26f8ad91"`}, {`"0190163d"`, "!takes a UUID"}}},
		{"inet", [][2]string{{`"10.0.0.7"`, same}, {`"10.0.0.0/8"`, same}, {`"10.0.0"`, "!does not fit"}}},
		{"cidr", [][2]string{{`"10.0.0.0/8"`, same}}},
		{"macaddr", [][2]string{{`"08:00:2b:01:02:03"`, same}}},
		{"mood", [][2]string{{`"ok"`, same}, {`"it's \"odd\""`, same}, {`"glad"`, "!takes one of sad, it's"}}},
		{"bit(3)", [][2]string{{`"101"`, same}, {`"10"`, "!does not fit"}}},
		{"xml", [][2]string{{`"<a>1</a>"`, same}}},
		{"tsvector", [][2]string{{`"'a' 'b'"`, same}}},
		{"int4range", [][2]string{{`"[1,5)"`, same}}},
		{"point", [][2]string{{`"(1,2)"`, same}}},
		{"pair", [][2]string{{`"(1,x)"`, same}}},
		{"hstore", [][2]string{{`"\"a\"=>\"1\""`, same}}},
		{"int[]", [][2]string{{"[1,null,3]", same}, {"[]", same}, {"[[1,2],[3,4]]", same}, {"[[1],[2,3]]", "!same length"}, {"[[]]", "!same length"}, {"[1,[2]]", "!same length"}, {"[[1],2]", "!same length"}, {"[2147483648]", "!from -2147483648"}, {"[[[[[[[1]]]]]]]", "!six"}, {`"{1}"`, "!takes a list"}}},
		{"text[]", [][2]string{{`["a","","NULL",null,"{x}","\"\\","a,b"]`, same}}},
		{"bytea[]", [][2]string{{`["AAH/",""]`, same}}},
		{"timestamptz[]", [][2]string{{`["2026-11-23T12:00:00Z",null]`, same}}},
		{"jsonb[]", [][2]string{{`[{"a":[1]},[1,2],"x"]`, same}}},
		{"numeric(6,2)[]", [][2]string{{"[1.50]", same}, {"[1.005]", "!at most 2"}}},
		{"char(3)[]", [][2]string{{`["a"]`, same}}},
		{"mood[]", [][2]string{{`["ok"]`, same}, {`["glad"]`, "!takes one of"}}},
		{"small_price[]", [][2]string{{"[9.50]", same}}},
		{"real[]", [][2]string{{`[0.1,"NaN"]`, same}}},
	} {
		table := fmt.Sprintf("t%d", i)
		f.Exec("CREATE TABLE " + table + " (v " + c.kind + ")")
		for _, v := range c.values {
			params := `{"table":"` + table + `","data":{"v":` + v[0] + `}}`
			if says, refused := strings.CutPrefix(v[1], "!"); refused {
				failed := f.Refuse("", "insert", params)
				if failed.Code != sdk.CodeInvalidParams || !strings.Contains(fmt.Sprint(failed, failed.Faults), says) {
					t.Errorf("%s takes %s: %v", c.kind, v[0], failed)
				}
				continue
			}
			want := v[1]
			if want == same {
				want = v[0]
			}
			if got := f.Call("", "insert", params); got != `{"v":`+want+`}` {
				t.Errorf("%s: %s came back as %.200s", c.kind, v[0], got)
			}
		}
		f.Check(databasetest.Case{Action: "insert", Params: `{"table":"` + table + `","data":{"v":null}}`, Want: `{"v":null}`})
	}
}

// TestValuesThatOthersStoredInPostgreSQLAreShown: also those that no caller could send.
func TestValuesThatOthersStoredInPostgreSQLAreShown(t *testing.T) {
	t.Parallel()
	f := onPostgres().New(t, `CREATE TABLE odd (id int PRIMARY KEY, v timestamptz, d date, a int[], j json)`,
		`INSERT INTO odd VALUES (1, '0044-03-15 12:00:00+00 BC', '0044-03-15 BC', '[0:1]={7,8}', '{"a":1,"a":2}'), (2, '12026-01-01 00:00:00+00', '12026-01-01', '{}', ' [1]')`)
	f.Check(
		databasetest.Case{Action: "get", Params: `{"table":"odd","key":1}`, Want: `{"id":1,"v":"0044-03-15 12:00:00+00 BC","d":"0044-03-15 BC","a":[7,8],"j":"{\"a\":1,\"a\":2}"}`},
		databasetest.Case{Action: "get", Params: `{"table":"odd","key":2}`, Want: `{"id":2,"v":"12026-01-01 00:00:00+00","d":"12026-01-01","a":[],"j":[1]}`},
	)
}
