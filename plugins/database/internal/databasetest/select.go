package databasetest

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// entries have few values, so that there are many ties, and NULL among them.
var entries = []string{
	`CREATE TABLE entries (id {id}, a {int}, b {text}, c {double} NOT NULL, d {decimal}, ok {bool}, raw {bytes}, doc {json})`,
	`CREATE TABLE loose (a {int}, b {text}, doc {json})`,
	`CREATE VIEW seen AS SELECT a, b, doc FROM entries`,
}

// newEntries are entries of which 30 rows are there.
func (s Suite) newEntries(t *testing.T) *Fixture {
	t.Helper()
	f := s.New(t, entries...)
	var rows, loose []string
	for i := range 30 {
		pick := func(values ...string) string { return values[(i*7+i/3)%len(values)] }
		text := pick("'x'", "'y'", "NULL", "'X'", "''", "'ż'")
		rows = append(rows, fmt.Sprintf("(%d, %s, %s, %s, %s, %s, '{}')", i+1, pick("1", "2", "NULL"), text, pick("0.1", "1e300", "-3.5"),
			pick("0.0001", "123456789.1234", "-1", "NULL"), pick("TRUE", "FALSE", "NULL")))
		loose = append(loose, fmt.Sprintf("(%s, %s, '[1]')", pick("1", "NULL"), pick("'x'", "'y'")))
	}
	f.Exec(`INSERT INTO entries (id, a, b, c, d, ok, doc) VALUES `+strings.Join(rows, ", "), `INSERT INTO loose VALUES `+strings.Join(loose, ", "))
	return f
}

// pageOf is a result of select.
type pageOf struct {
	Data       []json.RawMessage
	NextCursor *string
}

func (f *Fixture) page(params string) pageOf {
	f.T.Helper()
	var page pageOf
	must(f.T, json.Unmarshal([]byte(f.Call("", "select", params)), &page))
	return page
}

// pages reads all pages, each of at most limit rows, and returns the rows.
func (f *Fixture) pages(params string, limit int, between func()) []string {
	f.T.Helper()
	var rows []string
	cursor := ""
	for range 1000 {
		page := f.page(fmt.Sprintf(`{%s,"limit":%d%s}`, params, limit, cursor))
		for _, row := range page.Data {
			rows = append(rows, string(row))
		}
		if page.NextCursor == nil {
			return rows
		}
		if len(page.Data) != limit {
			f.T.Fatalf("%s: a page has %d rows of %d, and a cursor", params, len(page.Data), limit)
		}
		cursor = fmt.Sprintf(`,"cursor":%q`, *page.NextCursor)
		between()
	}
	f.T.Fatalf("%s: the pages have no end", params)
	return nil
}

func nothing() {}

func (s Suite) selection(t *testing.T) {
	t.Run("pages are the whole, in its order, whatever the rows have in common", func(t *testing.T) {
		t.Parallel()
		f := s.newEntries(t)
		for _, params := range []string{
			`"table":"entries"`,
			`"table":"entries","order":[{"column":"a"}]`,
			`"table":"entries","order":[{"column":"a","ascending":false},{"column":"b","ascending":true}]`,
			`"table":"entries","order":[{"column":"b","ascending":false},{"column":"a"},{"column":"id","ascending":false}]`,
			`"table":"entries","order":[{"column":"c"},{"column":"ok","ascending":false}]`,
			`"table":"entries","order":[{"column":"d","ascending":false}],"columns":["b"]`,
			`"table":"entries","order":[{"column":"raw"},{"column":"b"}]`,
			`"table":"entries","filters":[{"column":"a","operator":"is","value":"not null"}],"order":[{"column":"ok"}]`,
			`"table":"loose"`,
			`"table":"loose","order":[{"column":"a","ascending":false}]`,
			`"table":"seen","order":[{"column":"b"}]`,
			`"table":"seen","columns":["doc"],"order":[{"column":"a"}]`,
		} {
			whole := f.page("{" + params + `,"limit":1000}`)
			if whole.NextCursor != nil || len(whole.Data) < 20 {
				t.Fatalf("%s: %d rows, and a cursor: %t", params, len(whole.Data), whole.NextCursor != nil)
			}
			want := make([]string, len(whole.Data))
			for i, row := range whole.Data {
				want[i] = string(row)
			}
			for _, limit := range []int{1, 3, 10, len(want)} {
				if got := f.pages(params, limit, nothing); !slices.Equal(got, want) {
					t.Errorf("%s: pages of %d rows:\n%s\nwant\n%s", params, limit, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
			}
		}
	})
	t.Run("what comes and goes between two pages moves no other row", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE entries (id {id}, a {int})`, `CREATE VIEW seen AS SELECT id, a FROM entries`)
		for _, table := range []string{"entries", "seen"} {
			f.Exec(`DELETE FROM entries`)
			for i := range 10 {
				f.Exec(fmt.Sprintf(`INSERT INTO entries (id, a) VALUES (%d, 5)`, 10*i+10))
			}
			n := 0
			got := f.pages(`"table":"`+table+`","columns":["id"],"order":[{"column":"a"},{"column":"id"}]`, 2, func() {
				n++ // 10 and 20 have been returned first
				f.Exec(fmt.Sprintf(`INSERT INTO entries (id, a) VALUES (%d, 5)`, n), fmt.Sprintf(`DELETE FROM entries WHERE id = %d`, 20*n))
			})
			if want := `{"id":10} {"id":20} {"id":30} {"id":40} {"id":50} {"id":60} {"id":70} {"id":80} {"id":90} {"id":100}`; strings.Join(got, " ") != want {
				t.Errorf("%s: %s", table, got)
			}
		}
	})
	t.Run("values are those of the rows, in the columns that are named", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE kinds (id {id}, i {int}, d {decimal}, t {long}, b {bytes}, ok {bool}, j {json})`)
		f.Call("", "insert", `{"table":"kinds","data":{"id":1,"i":9007199254740993,"d":1234567890.1234,"t":"é","b":"AAE=","ok":true,"j":{"a":[1,null]}}}`)
		f.Check(
			Case{Action: "select", Params: `{"table":"kinds"}`,
				Want: `{"data":[{"id":1,"i":9007199254740993,"d":1234567890.1234,"t":"é","b":"AAE=","ok":true,"j":{"a":[1,null]}}],"nextCursor":null}`},
			Case{Action: "select", Params: `{"table":"kinds","columns":["ok","i"]}`, Want: `{"data":[{"ok":true,"i":9007199254740993}],"nextCursor":null}`},
			Case{Action: "select", Params: `{"table":"kinds","filters":[{"column":"id","operator":"eq","value":2}]}`, Want: `{"data":[],"nextCursor":null}`},
		)
		if got := f.Call("", "select", `{"table":"kinds","columns":["ok","i","id"]}`); !strings.HasPrefix(got, `{"data":[{"ok":true,"i":9007199254740993,"id":1}]`) {
			t.Errorf("the columns are not in the order that was asked for: %s", got)
		}
	})
	t.Run("values of every kind compare as they are put in order", func(t *testing.T) {
		t.Parallel()
		choice, single, exact := "TEXT", "REAL", "INTEGER"
		ddl := []string{}
		switch s.Name {
		case PostgreSQL:
			ddl = append(ddl, `CREATE TYPE choice AS ENUM ('z', 'a', 'm')`)
			choice, exact = "choice", "NUMERIC(30,4)"
		case MariaDB:
			choice, single, exact = "ENUM('z', 'a', 'm')", "FLOAT", "DECIMAL(30,4)"
		}
		f := s.New(t, append(ddl, `CREATE TABLE kinds (id {id}, i {int}, d {decimal}, x `+exact+`, r {double}, f `+single+`, t {text}, b {bytes}, ok {bool}, at {time}, day {date}, e `+choice+`)`)...)
		large := []string{"1234567890123456", "1234567890123457"}
		if s.Name != SQLite { // which has no decimals of so many digits
			large = []string{"12345678901234567890.0001", "12345678901234567890.0002"}
		}
		for i := range 12 {
			pick := func(values ...string) string { return values[(i*5+i/4)%len(values)] }
			f.Call("", "insert", fmt.Sprintf(`{"table":"kinds","data":{"i":%s,"d":%s,"x":%s,"r":%s,"f":%s,"t":%s,"b":%s,"ok":%s,"at":%s,"day":%s,"e":%s}}`,
				pick("9007199254740992", "9007199254740993", "-1", "null"), pick("0.1", "-2.5", "10", "null"), pick(large[0], large[1], "7"),
				pick("0.1", "0.30000000000000004", "-1e300"), pick("0.1", "0.2", "16777216"), pick(`"a"`, `"B"`, `"é"`, `"z "`, `""`),
				pick(`"AA=="`, `"AAE="`, `"/w=="`), pick("true", "false", "null"),
				pick(`"2026-11-23T10:00:00Z"`, `"2026-11-23T11:30:00+02:00"`, `"2026-11-23T10:00:00.5Z"`, "null"), pick(`"2026-11-23"`, `"1999-01-01"`), pick(`"z"`, `"a"`, `"m"`)))
		}
		for _, column := range []string{"i", "d", "x", "r", "f", "t", "b", "ok", "at", "day", "e"} {
			for _, ascending := range []bool{true, false} {
				params := fmt.Sprintf(`"table":"kinds","columns":["%s","id"],"order":[{"column":"%s","ascending":%t}]`, column, column, ascending)
				whole := f.page("{" + params + "}")
				var want []string
				for _, row := range whole.Data {
					want = append(want, string(row))
				}
				if got := f.pages(params, 1, nothing); len(want) != 12 || !slices.Equal(got, want) {
					t.Errorf("%s: pages\n%s\nwant\n%s", params, strings.Join(got, "\n"), strings.Join(want, "\n"))
				}
				f.wantComparable(column, ascending, whole.Data)
			}
		}
	})
	t.Run("a cursor goes on with its own selection alone", func(t *testing.T) {
		t.Parallel()
		f := s.newEntries(t)
		const params = `"table":"entries","filters":[{"column":"c","operator":"gt","value":-5}],"order":[{"column":"a"}]`
		cursor := *f.page(`{` + params + `,"limit":2}`).NextCursor
		written, err := base64.RawURLEncoding.DecodeString(cursor)
		must(t, err)
		f.Call("", "select", fmt.Sprintf(`{%s,"cursor":%q,"columns":["b"],"limit":9}`, params, cursor))
		other := &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/cursor"}, Says: "another"}
		for _, params := range []string{
			`"table":"loose","order":[{"column":"a"}]`,
			`"table":"entries","order":[{"column":"a"}]`,
			`"table":"entries","filters":[{"column":"c","operator":"gt","value":-6}],"order":[{"column":"a"}]`,
			`"table":"entries","filters":[{"column":"c","operator":"gt","value":-5}],"order":[{"column":"a","ascending":false}]`,
			`"table":"entries","filters":[{"column":"c","operator":"gt","value":-5}],"order":[{"column":"a"},{"column":"b"}]`,
		} {
			f.Check(Case{Action: "select", Params: fmt.Sprintf(`{%s,"cursor":%q}`, params, cursor), Refused: other})
		}
		hostile := []string{"", "x", "!!", cursor + "A", cursor[1:], cursor[:len(cursor)-2], strings.Repeat("A", 100000), "' OR 1=1 --", cursor + "=", " " + cursor}
		for i := range written {
			changed := slices.Clone(written)
			changed[i] ^= 0x55
			hostile = append(hostile, base64.RawURLEncoding.EncodeToString(changed))
		}
		// Values of other types than those of the columns, all of them well written.
		const head = 1 + 16 + 1 + 1 // the version, the selection, how many to pass over, how many values
		for _, value := range []string{"n", "1", "i\x02", "u\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "f\x7f\xf8\x00\x00\x00\x00\x00\x00", "s\x01x", "s\x01\x00", "s\x01\xff", "b\x02\xff\xfe", "t\x142026-11-23T10:00:00Z"} {
			forged := string(written[:head]) + strings.Repeat(value, int(written[head-1]))
			hostile = append(hostile, base64.RawURLEncoding.EncodeToString([]byte(forged)))
		}
		for _, text := range hostile {
			body, refused := f.Try("", "select", fmt.Sprintf(`{%s,"cursor":%q}`, params, text))
			if refused != nil && (refused.Code != sdk.CodeInvalidParams || strings.Contains(refused.Message, text) && len(text) > 3) {
				t.Errorf("cursor %s: %+v", shortened(text), refused)
			}
			// One with other values is as good as a filter.
			if refused == nil && !strings.HasPrefix(body, `{"data":[`) {
				t.Errorf("cursor %s: %s", shortened(text), body)
			}
		}
	})
	t.Run("a selection that makes no sense is refused with its place", func(t *testing.T) {
		t.Parallel()
		f := s.newEntries(t)
		for _, c := range []struct{ params, pointer, says string }{
			{`"table":"entrie"`, "/table", `did you mean "entries"?`},
			{`"table":"entries","columns":["idd"]`, "/columns/0", `did you mean "id"?`},
			{`"table":"entries","columns":["id","a","id"]`, "/columns/2", "twice"},
			{`"table":"entries","order":[{"column":"aa"}]`, "/order/0/column", `did you mean "a"?`},
			{`"table":"entries","order":[{"column":"a"},{"column":"a"}]`, "/order/1/column", "twice"},
			{`"table":"entries","order":[{"column":"doc"}]`, "/order/0/column", "no order"},
			{`"table":"entries","order":[{"column":"a","ascending":"yes"}]`, "/order/0/ascending", "true or false"},
			{`"table":"entries","order":[{"ascending":true}]`, "/order/0", `"column" is missing`},
			{`"table":"entries","order":"a.desc,aa"`, "/order", `did you mean "a"?`},
			{`"table":"entries","select":"id,aa"`, "/select", `did you mean "a"?`},
			{`"table":"entries","select":"id","columns":["id"]`, "/select", "beside columns"},
			{`"table":"entries","limit":0`, "/limit", "from 1 to 1000"},
			{`"table":"entries","limit":1001`, "/limit", "from 1 to 1000"},
			{`"table":"entries","where":{"aa":["eq.1"]}`, "/where/aa/0", `did you mean "a"?`},
			{`"table":"entries","where":{"a":["1"]}`, "/where/a/0", `write eq.`},
			{`"table":"entries","where":{"a":["eq.1","eqq.1"]}`, "/where/a/1", `did you mean "eq"?`},
			{`"table":"entries","where":{"a":["eq.x"]}`, "/where/a/0", `takes an integer`},
			{`"table":"entries","where":{"a":["in.1,2"]}`, "/where/a/0", `in parentheses`},
			{`"table":"entries","where":{"b":["in.(\"a)"]}`, "/where/b/0", `quotes`},
			{`"table":"entries","where":{"a":["between.(1)"]}`, "/where/a/0", `two values`},
			{`"table":"entries","where":{"a":["is.nothing"]}`, "/where/a/0", `not.null`},
			{`"table":"entries","where":{"a":["like.1%"]}`, "/where/a/0", `columns of text`},
		} {
			f.Check(Case{Action: "select", Params: "{" + c.params + "}", Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{c.pointer}, Says: c.says}})
		}
	})
	t.Run("a query of a URL says what filters say, with values as the column has them", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, append(slices.Clone(orders[:1]), `INSERT INTO orders (id, status, amount, weight, price, paid, note, tags) VALUES
  (1, 'paid', 100, 0.5, 19.99, TRUE, 'a,b', '["red"]'), (2, 'pending', 500, 1.25, 123456789.1234, FALSE, 'x "y"', '[1]'),
  (3, '42', NULL, NULL, NULL, NULL, NULL, NULL)`, `CREATE TABLE reserved (id {id}, «order» {int}, «limit» {text}, «table» {text})`,
			`INSERT INTO reserved VALUES (1, 5, 'a', 'x'), (2, 6, 'b', 'y')`)...)
		for where, want := range map[string]string{
			`{"status":["eq.paid"]}`:                      "1",
			`{"status":["eq.42"]}`:                        "3",
			`{"amount":["gte.100","lt.500"]}`:             "1",
			`{"amount":["eq.500"],"status":["neq.paid"]}`: "2",
			`{"amount":["in.(100,500,7)"]}`:               "1,2",
			`{"amount":["in.()"]}`:                        "",
			`{"amount":["not.in.(100)"]}`:                 "2",
			`{"amount":["between.(100,499)"]}`:            "1",
			`{"amount":["is.null"]}`:                      "3",
			`{"amount":["is.not.null"]}`:                  "1,2",
			`{"amount":["not.is.null"]}`:                  "1,2",
			`{"paid":["is.true"]}`:                        "1",
			`{"paid":["eq.false"]}`:                       "2",
			`{"weight":["lte.0.5"]}`:                      "1",
			`{"price":["eq.123456789.1234"]}`:             "2",
			`{"note":["in.(\"a,b\",\"x \\\"y\\\"\")"]}`:   "1,2",
			`{"note":["eq.a,b"]}`:                         "1",
			`{"status":["like.p%"]}`:                      "1,2",
			`{"status":["ilike.PAID"]}`:                   "1",
			`{"status":["not.like.p%"]}`:                  "3",
			`{"tags":["contains.red"]}`:                   "1",
			`{"tags":["contains.1"]}`:                     "2",
			`{"\"status\"":["eq.paid"]}`:                  "1",
		} {
			if got := ids(f.page(fmt.Sprintf(`{"table":"orders","where":%s,"select":"id","order":"id"}`, where))); got != want {
				t.Errorf("%s: rows %s, want %s", where, got, want)
			}
		}
		if got := ids(f.page(`{"table":"orders","select":"id","order":"status.desc,id"}`)); got != "2,1,3" {
			t.Errorf("in order: %s", got)
		}
		if got := ids(f.page(`{"table":"reserved","where":{"\"order\"":["gt.5"],"\"limit\"":["eq.b"],"\"table\"":["eq.y"]},"select":"id","order":"limit.desc"}`)); got != "2" {
			t.Errorf("columns with reserved names: %s", got)
		}
	})
	t.Run("a result is bounded, by rows and by bytes", func(t *testing.T) {
		t.Parallel()
		// Sixteen rows that are more than 16 MiB, of which four are stored.
		f := s.New(t, `CREATE TABLE wide (id {id}, t {long})`, `CREATE TABLE four (n {int})`, `INSERT INTO four VALUES (0), (1), (2), (3)`,
			`CREATE VIEW wider AS SELECT wide.t FROM wide CROSS JOIN four`)
		f.Call("", "insert", fmt.Sprintf(`{"table":"wide","data":{"t":%q}}`, strings.Repeat("x", 1<<20+1)))
		f.Exec(`INSERT INTO wide (t) SELECT wide.t FROM wide CROSS JOIN four WHERE n > 0`)
		f.Check(Case{Action: "select", Params: `{"table":"wider"}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/limit"}, Says: "16777216 bytes"}})
		if got := len(f.pages(`"table":"wide"`, 3, nothing)); got != 4 {
			t.Errorf("%d rows", got)
		}
		// What stands in a cursor is bounded too.
		f.Check(Case{Action: "select", Params: `{"table":"wide","order":[{"column":"t"}],"limit":2}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/order"}, Says: "shorter"}})
	})
}

// wantComparable: gte and lte, with the value of any row, find the rows that are behind it
// in the order of the column, or the same, and eq finds the row itself.
func (f *Fixture) wantComparable(column string, ascending bool, rows []json.RawMessage) {
	f.T.Helper()
	operator := map[bool]string{true: "gte", false: "lte"}[ascending]
	var values []string
	for _, row := range rows {
		var member map[string]json.RawMessage
		must(f.T, json.Unmarshal(row, &member))
		if value := string(member[column]); value != "null" {
			values = append(values, value)
		}
	}
	for i, value := range values {
		if i > 0 && values[i-1] == value {
			continue
		}
		same := len(values) - len(slices.DeleteFunc(slices.Clone(values), func(other string) bool { return other == value }))
		for operator, want := range map[string]int{operator: len(values) - i, "eq": same} {
			got := f.Call("", "count", fmt.Sprintf(`{"table":"kinds","filters":[{"column":"%s","operator":"%s","value":%s}]}`, column, operator, value))
			if got != fmt.Sprintf(`{"count":%d}`, want) {
				f.T.Errorf("%s %s %s: %s, want %d of %s", column, operator, value, got, want, strings.Join(values, " "))
			}
		}
	}
}

// ids are those of the rows of a page, in their order.
func ids(page pageOf) string {
	var found []string
	for _, row := range page.Data {
		found = append(found, strings.TrimSuffix(strings.TrimPrefix(string(row), `{"id":`), "}"))
	}
	return strings.Join(found, ",")
}
