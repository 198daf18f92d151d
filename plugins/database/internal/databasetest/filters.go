package databasetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// orders are rows for filters: id 1 to 6, some of whose columns are NULL.
var orders = []string{
	`CREATE TABLE orders (id {id}, status {text} NOT NULL, amount {int}, weight {double}, price {decimal}, paid {bool}, note {text}, raw {bytes}, tags {json})`,
	`INSERT INTO orders (id, status, amount, weight, price, paid, note, tags) VALUES
  (1, 'paid', 100, 0.5, 19.99, TRUE, 'Äpfel 50% off', '["red", "blue"]'),
  (2, 'pending', 500, 1.25, 123456789.1234, FALSE, 'apfel_5', '[]'),
  (3, 'paid', 9007199254740993, -1, 0.0001, TRUE, 'a\b [x] *?', '["red"]'),
  (4, 'refunded', 9007199254740992, 1e300, -19.99, FALSE, '', '{"a": 1, "b": [2, {"c": "x"}]}'),
  (5, 'pending', NULL, NULL, NULL, NULL, NULL, NULL),
  (6, 'Paid', 0, 0, 0, FALSE, 'say ''x''; --', '{"a": 2}')`,
}

func (s Suite) filters(t *testing.T) {
	newOrders := func(t *testing.T) *Fixture {
		statements := orders
		if s.Name == MariaDB { // where a backslash in quotes is an escape
			statements = []string{orders[0], strings.ReplaceAll(orders[1], `\`, `\\`)}
		}
		return s.New(t, statements...)
	}
	t.Run("each operator finds the rows that it says", func(t *testing.T) {
		t.Parallel()
		f := newOrders(t)
		for filter, want := range map[string]string{
			`{"column":"amount","operator":"eq","value":100}`:                                                   "1",
			`{"column":"amount","operator":"eq","value":9007199254740993}`:                                      "3",
			`{"column":"amount","operator":"neq","value":100}`:                                                  "2,3,4,6", // NULL is neither equal nor unequal
			`{"column":"amount","operator":"gt","value":500}`:                                                   "3,4",
			`{"column":"amount","operator":"gte","value":500}`:                                                  "2,3,4",
			`{"column":"amount","operator":"gt","value":9007199254740992}`:                                      "3",
			`{"column":"amount","operator":"lt","value":100}`:                                                   "6",
			`{"column":"amount","operator":"lte","value":100}`:                                                  "1,6",
			`{"column":"amount","operator":"between","value":[100,500]}`:                                        "1,2",
			`{"column":"amount","operator":"between","value":[500,100]}`:                                        "",
			`{"column":"amount","operator":"in","value":[100,500,7]}`:                                           "1,2",
			`{"column":"amount","operator":"in","value":[]}`:                                                    "",
			`{"not":{"column":"amount","operator":"in","value":[]}}`:                                            "1,2,3,4,5,6",
			`{"column":"amount","operator":"is","value":null}`:                                                  "5",
			`{"column":"amount","operator":"is","value":"not null"}`:                                            "1,2,3,4,6",
			`{"column":"paid","operator":"is","value":true}`:                                                    "1,3",
			`{"column":"paid","operator":"is","value":false}`:                                                   "2,4,6",
			`{"not":{"column":"paid","operator":"is","value":true}}`:                                            "2,4,5,6",
			`{"column":"paid","operator":"eq","value":true}`:                                                    "1,3",
			`{"column":"paid","operator":"neq","value":true}`:                                                   "2,4,6",
			`{"column":"weight","operator":"eq","value":0.5}`:                                                   "1",
			`{"column":"weight","operator":"gte","value":1.25}`:                                                 "2,4",
			`{"column":"weight","operator":"lt","value":0}`:                                                     "3",
			`{"column":"price","operator":"eq","value":19.99}`:                                                  "1",
			`{"column":"price","operator":"eq","value":"19.9900"}`:                                              "1",
			`{"column":"price","operator":"gt","value":0}`:                                                      "1,2,3",
			`{"column":"price","operator":"lt","value":0.0001}`:                                                 "4,6",
			`{"column":"note","operator":"eq","value":"say 'x'; --"}`:                                           "6",
			`{"column":"note","operator":"like","value":"%pfel%"}`:                                              "1,2",
			`{"column":"note","operator":"like","value":"Apfel%"}`:                                              "",
			`{"column":"note","operator":"ilike","value":"APFEL%"}`:                                             "2",
			`{"column":"status","operator":"like","value":"paid"}`:                                              "1,3",
			`{"column":"status","operator":"ilike","value":"PAID"}`:                                             "1,3,6",
			`{"column":"note","operator":"like","value":"%50\\%%"}`:                                             "1",
			`{"column":"note","operator":"like","value":"apfel\\__"}`:                                           "2",
			`{"column":"note","operator":"like","value":"a\\\\b%"}`:                                             "3",
			`{"column":"note","operator":"like","value":"%[x]%"}`:                                               "3",
			`{"column":"note","operator":"like","value":"%[abc]%"}`:                                             "",
			`{"column":"note","operator":"like","value":"%*?"}`:                                                 "3",
			`{"column":"note","operator":"like","value":"_pfel%"}`:                                              "1,2",
			`{"column":"note","operator":"like","value":""}`:                                                    "4",
			`{"column":"note","operator":"contains","value":"50%"}`:                                             "1",
			`{"column":"note","operator":"contains","value":"APFEL"}`:                                           "",
			`{"column":"note","operator":"contains","value":"\\b"}`:                                             "3",
			`{"column":"note","operator":"contains","value":"_"}`:                                               "2",
			`{"column":"tags","operator":"contains","value":"red"}`:                                             "1,3",
			`{"column":"tags","operator":"contains","value":["blue","red"]}`:                                    "1",
			`{"column":"tags","operator":"contains","value":[]}`:                                                "1,2,3",
			`{"column":"tags","operator":"contains","value":{"a":1}}`:                                           "4",
			`{"column":"tags","operator":"contains","value":{"a":1.0}}`:                                         "4",
			`{"column":"tags","operator":"contains","value":{"b":[{"c":"x"}]}}`:                                 "4",
			`{"column":"tags","operator":"contains","value":{}}`:                                                "4,6",
			`{"column":"tags","operator":"contains","value":1}`:                                                 "",
			`{"not":{"column":"tags","operator":"contains","value":"red"}}`:                                     "2,4,6",
			`{"column":"tags","operator":"is","value":null}`:                                                    "5",
			`{"or":[{"column":"id","operator":"eq","value":1},{"column":"paid","operator":"is","value":null}]}`: "1,5",
			`{"and":[{"column":"id","operator":"gt","value":1},{"column":"id","operator":"lt","value":3}]}`:     "2",
			`{"not":[{"column":"id","operator":"gt","value":1},{"column":"id","operator":"lt","value":6}]}`:     "1,6",
			`{"not":{"not":{"column":"id","operator":"eq","value":1}}}`:                                         "1",
			`{"and":[{"or":[{"column":"id","operator":"eq","value":1},{"column":"id","operator":"eq","value":2}]},{"not":{"column":"status","operator":"eq","value":"pending"}}]}`: "1",
		} {
			f.wantFound("orders", "["+filter+"]", want)
		}
		equal := "1,3"
		if s.Name == MariaDB { // where texts are equal as the column's collation has it, by default without regard to case
			equal = "1,3,6"
		}
		f.wantFound("orders", `[{"column":"status","operator":"eq","value":"paid"}]`, equal)
		f.wantFound("orders", `[{"column":"status","operator":"in","value":["paid","nothing"]}]`, equal)
		f.wantFound("orders", `[{"column":"id","operator":"gt","value":1},{"column":"status","operator":"eq","value":"pending"}]`, "2,5")
		f.Check(
			Case{Action: "count", Params: `{"table":"orders"}`, Want: `{"count":6}`},
			Case{Action: "count", Params: `{"table":"orders","filters":[]}`, Want: `{"count":6}`},
			Case{Action: "count", Params: `{"table":"orders","filters":[{"column":"status","operator":"eq","value":"nothing"}]}`, Want: `{"count":0}`},
		)
	})
	t.Run("a filter that makes no sense is refused with its place", func(t *testing.T) {
		t.Parallel()
		f := newOrders(t)
		f.wantFound("orders", `[`+strings.Repeat(`{"column":"id","operator":"in","value":[`+strings.Repeat("1,", 999)+`1]},`, 14)+`{"column":"id","operator":"in","value":[`+strings.Repeat("1,", 999)+`1]}]`, "1")
		for _, c := range []struct{ filters, pointer, says string }{
			{`[{"column":"statu","operator":"eq","value":1}]`, "/filters/0/column", `did you mean "status"?`},
			{`[{"column":"status","operator":"equals","value":1}]`, "/filters/0/operator", `no operator "equals"`},
			{`[{"column":"amount","operator":"eq","value":null}]`, "/filters/0/value", "use the operator is"},
			{`[{"column":"amount","operator":"in","value":[1,null]}]`, "/filters/0/value/1", "use the operator is"},
			{`[{"column":"amount","operator":"in","value":1}]`, "/filters/0/value", "must be a list"},
			{`[{"column":"amount","operator":"in","value":[1,"x"]}]`, "/filters/0/value/1", "takes an integer"},
			{`[{"column":"amount","operator":"between","value":[1]}]`, "/filters/0/value", "two values"},
			{`[{"column":"amount","operator":"eq","value":"x"}]`, "/filters/0/value", "takes an integer"},
			{`[{"column":"amount","operator":"eq","value":{}}]`, "/filters/0/value", "takes"},
			{`[{"column":"amount","operator":"like","value":"1%"}]`, "/filters/0", "is for columns of text"},
			{`[{"column":"amount","operator":"contains","value":1}]`, "/filters/0", "contains is for"},
			{`[{"column":"amount","operator":"is","value":true}]`, "/filters/0/value", "neither true nor false"},
			{`[{"column":"amount","operator":"is","value":5}]`, "/filters/0/value", `"not null"`},
			{`[{"column":"tags","operator":"eq","value":[]}]`, "/filters/0", "use contains"},
			{`[{"column":"tags","operator":"gt","value":1}]`, "/filters/0", "use contains"},
			{`[{"column":"note","operator":"like","value":5}]`, "/filters/0/value", "must be a string"},
			{`[{"column":"note","operator":"like","value":"a\\"}]`, "/filters/0/value", "ends with the escape"},
			{`[{"column":"note","operator":"like","value":"` + strings.Repeat("x", 9000) + `"}]`, "/filters/0/value", "9000 bytes"},
			{`[{"column":"note","operator":"eq","value":"a\u0000b"}]`, "/filters/0/value", "NUL"},
			{`[{"or":[{"column":"id","operator":"eq","value":1},{"not":{"column":"no","operator":"eq","value":1}}]}]`, "/filters/0/or/1/not/column", `no column "no"`},
			{`[{"or":[]}]`, "/filters/0/or", "must not be empty"},
			{`[{"column":"id"}]`, "/filters/0", "must have column, operator and value"},
			{`[{"column":"id","operator":"eq","value":1,"or":[{"column":"id","operator":"eq","value":1}]}]`, "/filters/0", "or one of and, or, not"},
			// Every database takes as many values as are let through.
			{`[` + strings.Repeat(`{"column":"id","operator":"in","value":[`+strings.Repeat("1,", 999)+`1]},`, 15) + `{"column":"id","operator":"eq","value":1}]`, "/filters/15/value", "more than 15000 values"},
			{`[` + strings.Repeat(`{"not":`, 20) + `{"column":"id","operator":"eq","value":1}` + strings.Repeat("}", 20) + `]`, "/filters/0" + strings.Repeat("/not", 16), "16 deep"},
		} {
			f.Check(Case{Action: "count", Params: `{"table":"orders","filters":` + c.filters + `}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{c.pointer}, Says: c.says}})
		}
	})
}

// wantFound: filters find the rows with these ids, and no other, and they are counted.
func (f *Fixture) wantFound(table, filters, want string) {
	f.T.Helper()
	page := f.page(fmt.Sprintf(`{"table":%q,"filters":%s,"columns":["id"]}`, table, filters))
	if got := ids(page); got != want {
		f.T.Errorf("%s: rows %s, want %s", filters, got, want)
	}
	if got := f.Call("", "count", fmt.Sprintf(`{"table":%q,"filters":%s}`, table, filters)); got != fmt.Sprintf(`{"count":%d}`, len(page.Data)) {
		f.T.Errorf("%s: %d rows, and %s", filters, len(page.Data), got)
	}
}
