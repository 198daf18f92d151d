package databasetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

const shopOrders = `CREATE TABLE orders (id {int} PRIMARY KEY, status {text} NOT NULL, amount {int} CHECK (amount > 0), note {text}, meta {json}, twice {int} GENERATED ALWAYS AS (amount * 2) STORED)`

// withOrders has five orders, of which 1, 2 and 3 are open.
func (s Suite) withOrders(t *testing.T, ddl ...string) *Fixture {
	t.Helper()
	f := s.New(t, append([]string{shopOrders}, ddl...)...)
	f.Call("", "insertMany", `{"table":"orders","rows":[{"id":3,"status":"open","amount":30},{"id":1,"status":"open","amount":10,"note":"first"},
		{"id":2,"status":"open","amount":20},{"id":4,"status":"paid","amount":40},{"id":5,"status":"closed","amount":50}]}`)
	return f
}

const areOpen = `"filters":[{"column":"status","operator":"eq","value":"open"}]`

func tooMany(count string) *Refusal {
	return &Refusal{Code: sdk.CodeTooManyRows, Says: count + ` rows of table "orders" match, which are more than maxAffected, `}
}

func (s Suite) update(t *testing.T) {
	t.Run("the rows are returned as stored, in the order of their key", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		f.Check(
			Case{Action: "update", Params: `{"table":"orders",` + areOpen + `,"data":{"amount":7,"note":"n"},"maxAffected":3}`,
				Want: `{"affected":3,"data":[{"id":1,"status":"open","amount":7,"note":"n","meta":null,"twice":14},{"id":2,"status":"open","amount":7,"note":"n","meta":null,"twice":14},{"id":3,"status":"open","amount":7,"note":"n","meta":null,"twice":14}]}`},
			Case{Action: "update", Params: `{"table":"orders","key":4,"data":{"note":null,"meta":{"b":[1.50,"x"],"a":null}}}`,
				Want: `{"affected":1,"data":[{"id":4,"status":"paid","amount":40,"note":null,"meta":{"a":null,"b":[1.50,"x"]},"twice":80}]}`},
			// The same column is in the filter and in data, and the same values come to stand.
			Case{Action: "update", Params: `{"table":"orders","filters":[{"column":"status","operator":"eq","value":"paid"}],"data":{"status":"refunded","amount":40}}`,
				Want: `{"affected":1,"data":[{"id":4,"status":"refunded","amount":40,"note":null,"meta":{"a":null,"b":[1.50,"x"]},"twice":80}]}`},
			Case{Action: "update", Params: `{"table":"orders","key":"5","data":{"status":"closed"}}`, Want: `{"affected":1,"data":[{"id":5,"status":"closed","amount":50,"note":null,"meta":null,"twice":100}]}`},
			Case{Action: "update", Params: `{"table":"orders","filters":[{"column":"status","operator":"eq","value":"nowhere"}],"data":{"note":"x"}}`, Want: `{"affected":0,"data":[]}`},
		)
	})
	t.Run("more rows than may be are none", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		f.Check(
			Case{Key: "k", Action: "update", Params: `{"table":"orders",` + areOpen + `,"data":{"note":"x"}}`, Refused: tooMany("3")},
			Case{Key: "k", Action: "update", Params: `{"table":"orders",` + areOpen + `,"data":{"note":"x"},"maxAffected":2}`, Refused: tooMany("3")},
			Case{Key: "k", Action: "update", Params: `{"table":"orders","filters":[{"column":"id","operator":"gt","value":0}],"data":{"note":"x"},"maxAffected":4}`, Refused: tooMany("5")},
			Case{Key: "k", Action: "delete", Params: `{"table":"orders",` + areOpen + `}`, Refused: tooMany("3")},
			Case{Key: "k", Action: "get", Params: `{"table":"orders",` + areOpen + `}`, Refused: &Refusal{Code: sdk.CodeTooManyRows, Says: `3 rows of table "orders" match, which are more than 1`}},
		)
		if details := string(f.Refuse("k", "update", `{"table":"orders",`+areOpen+`,"data":{"note":"x"}}`).Details); details != `{"code":"too_many_rows","table":"orders","count":3,"maxAffected":1,"retryable":false}` {
			t.Error(details)
		}
		// None was kept under the key.
		f.Check(Case{Key: "k", Action: "delete", Params: `{"table":"orders",` + areOpen + `,"maxAffected":3}`, Want: `{"affected":3}`})
	})
	t.Run("rows are selected by filters or by the key of one", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		for _, action := range []string{"update", "delete"} {
			data := map[string]string{"update": `,"data":{"note":"x"}`}[action]
			for _, c := range []struct{ selection, pointer string }{
				{``, ""},
				{`,"filters":[]`, "/filters"},
				{`,"filters":[{"and":[]}]`, "/filters/0/and"},
				{`,"filters":null`, "/filters"},
				{`,"key":null`, "/key"},
				{`,"key":""`, "/key"},
				{`,"key":[1]`, "/key"},
				{`,"key":1,"filters":[{"column":"id","operator":"eq","value":1}]`, "/key"},
				{`,"key":"one"`, "/key"},
				{`,"filters":[{"column":"statsu","operator":"eq","value":"open"}]`, "/filters/0/column"},
				{`,"filters":[{"column":"id","operator":"eq","value":"one"}]`, "/filters/0/value"},
				{`,"key":1,"maxAffected":0`, "/maxAffected"},
				{`,"key":1,"maxAffected":10001`, "/maxAffected"},
				{`,"key":1,"maxAffected":"2"`, "/maxAffected"},
				{`,"key":1,"if":{}`, "/if"},
				{`,"key":1,"if":{"statsu":"open"}`, "/if/statsu"},
				{`,"key":1,"if":{"amount":"x"}`, "/if/amount"},
			} {
				f.Check(Case{Action: action, Params: `{"table":"orders"` + data + c.selection + `}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{c.pointer}}})
			}
			f.Check(Case{Action: action, Params: `{"table":"orders"` + data + `,"key":6}`, Refused: &Refusal{Code: sdk.CodeNotFound, Says: "no such row"}})
		}
	})
	t.Run("what cannot be set is refused at its place", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t, `CREATE VIEW shown AS SELECT id, status FROM orders`, `CREATE TABLE plain (a {int})`)
		refused := func(params string, code sdk.Code, pointers ...string) Case {
			return Case{Action: "update", Params: params, Refused: &Refusal{Code: code, Pointers: pointers}}
		}
		f.Check(
			refused(`{"table":"orders","key":1,"data":{}}`, sdk.CodeInvalidParams, "/data"),
			refused(`{"table":"orders","key":1,"data":{"twice":1}}`, sdk.CodeInvalidParams, "/data/twice"),
			refused(`{"table":"orders","key":1,"data":{"amount":"x","statsu":1},"if":{"nope":1}}`, sdk.CodeInvalidParams, "/data/amount", "/data/statsu", "/if/nope"),
			refused(`{"table":"orders","key":1,"data":{"status":null}}`, sdk.CodeInvalidParams, "/data/status"),
			refused(`{"table":"orders","key":1,"data":{"amount":-1}}`, sdk.CodeInvalidParams, "/data/amount"),
			refused(`{"table":"orders","key":1,"data":{"id":2}}`, sdk.CodeConflict, "/data/id"),
			refused(`{"table":"order","key":1,"data":{"id":2}}`, sdk.CodeInvalidParams, "/table"),
			refused(`{"table":"shown","filters":[{"column":"id","operator":"eq","value":1}],"data":{"status":"x"}}`, sdk.CodeInvalidParams, "/table"),
			refused(`{"table":"backflow_keys","key":"k","data":{"result":"{}"}}`, sdk.CodeForbidden, "/table"),
			Case{Action: "delete", Params: `{"table":"shown","filters":[{"column":"id","operator":"eq","value":1}]}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/table"}, Says: "can only be read"}},
			Case{Action: "delete", Params: `{"table":"plain","key":1}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/key"}, Says: "no primary key"}},
		)
	})
	t.Run("a primary key may change", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t, `CREATE TABLE pairs (a {text}, b {int}, note {text}, PRIMARY KEY (a, b))`)
		f.Call("", "insertMany", `{"table":"pairs","rows":[{"a":"x,y","b":1},{"a":"x","b":2},{"a":"\"q","b":3},{"a":"\\","b":4}]}`)
		f.Check(
			Case{Action: "update", Params: `{"table":"orders","key":1,"data":{"id":100,"note":"moved"}}`,
				Want: `{"affected":1,"data":[{"id":100,"status":"open","amount":10,"note":"moved","meta":null,"twice":20}]}`},
			Case{Action: "update", Params: `{"table":"pairs","key":"x,2","data":{"b":20}}`, Want: `{"affected":1,"data":[{"a":"x","b":20,"note":null}]}`},
			Case{Action: "update", Params: `{"table":"pairs","key":"\"x,y\",1","data":{"note":"n"}}`, Want: `{"affected":1,"data":[{"a":"x,y","b":1,"note":"n"}]}`},
			Case{Action: "update", Params: `{"table":"pairs","key":"\"\\\"q\",3","data":{"note":"m"}}`, Want: `{"affected":1,"data":[{"a":"\"q","b":3,"note":"m"}]}`},
			Case{Action: "update", Params: `{"table":"pairs","key":"\\,4","data":{"note":"o"}}`, Want: `{"affected":1,"data":[{"a":"\\","b":4,"note":"o"}]}`},
			Case{Action: "update", Params: `{"table":"pairs","filters":[{"column":"b","operator":"in","value":[1,3]}],"data":{"b":7},"maxAffected":2}`,
				Want: `{"affected":2,"data":[{"a":"\"q","b":7,"note":"m"},{"a":"x,y","b":7,"note":"n"}]}`},
			Case{Action: "update", Params: `{"table":"pairs","filters":[{"column":"b","operator":"eq","value":7}],"data":{"a":"one","b":7},"maxAffected":3}`,
				Refused: &Refusal{Code: sdk.CodeConflict, Pointers: []string{"/data/a", "/data/b"}, Condition: "unique_violation", Constraint: "unique", Columns: []string{"a", "b"}}},
		)
		for _, key := range []string{`x`, `x,1,2`, `\"x,1`, `\"x\"y,1`, `x,one`, `x,`} {
			f.Check(Case{Action: "get", Params: `{"table":"pairs","key":"` + key + `"}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/key"}}})
		}
	})
	t.Run("a repeat returns the first result, whatever became of the row", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		const params = `{"table":"orders","key":1,"data":{"note":"n"},"if":{"note":"first"}}`
		first := f.Call("k", "update", params)
		f.Exec(`DELETE FROM orders`)
		f.Check(
			Case{Key: "k", Action: "update", Params: ` {"if":{"note":"first"},"data":{"note":"n"},"key":1,"table":"orders"}`, Want: first},
			Case{Key: "k", Action: "update", Params: `{"table":"orders","key":1,"data":{"note":"n"}}`, Refused: &Refusal{Code: sdk.CodeConflict, Final: true}},
			Case{Key: "k", Action: "delete", Params: `{"table":"orders","key":1}`, Refused: &Refusal{Code: sdk.CodeConflict, Final: true}},
		)
	})
	t.Run("many rows", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE t (a {int}, b {int}, n {int}, PRIMARY KEY (a, b))`)
		f.Exec(`INSERT INTO t (a, b, n) WITH RECURSIVE x (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM x WHERE i < 249) SELECT i % 2, i, 0 FROM x`)
		got := f.Call("", "update", `{"table":"t","filters":[{"column":"a","operator":"eq","value":1}],"data":{"n":1},"maxAffected":200}`)
		if !strings.HasPrefix(got, `{"affected":125,"data":[{"a":1,"b":1,"n":1},{"a":1,"b":3,"n":1},`) || !strings.HasSuffix(got, `{"a":1,"b":249,"n":1}]}`) {
			t.Error(shortened(got))
		}
		f.Check(
			Case{Action: "delete", Params: `{"table":"t","filters":[{"column":"n","operator":"eq","value":0}],"maxAffected":125}`, Want: `{"affected":125}`},
			Case{Action: "count", Params: `{"table":"t"}`, Want: `{"count":125}`},
		)
	})
}

func (s Suite) delete(t *testing.T) {
	t.Run("the rows that are selected are gone", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		f.Check(
			Case{Action: "delete", Params: `{"table":"orders","key":4}`, Want: `{"affected":1}`},
			Case{Action: "delete", Params: `{"table":"orders",` + areOpen + `,"maxAffected":10}`, Want: `{"affected":3}`},
			Case{Action: "delete", Params: `{"table":"orders",` + areOpen + `}`, Want: `{"affected":0}`},
		)
		if got := f.Scalar(`SELECT max(id) * 10 + count(*) FROM orders`); got != "51" {
			t.Errorf("left is %s", got)
		}
	})
	t.Run("a row that others refer to stays", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t, `CREATE TABLE items (id {id}, of_order {int} NOT NULL, FOREIGN KEY (of_order) REFERENCES orders (id))`)
		f.Call("", "insert", `{"table":"items","data":{"of_order":1}}`)
		for _, refused := range []*sdk.Error{
			f.Refuse("k", "delete", `{"table":"orders","key":1}`),
			f.Refuse("k", "update", `{"table":"orders","key":1,"data":{"id":77}}`),
			f.Refuse("k", "update", `{"table":"items","key":1,"data":{"of_order":77}}`),
		} {
			if refused.Code != sdk.CodeConflict || !strings.Contains(string(refused.Details), `"code":"foreign_key_violation"`) {
				t.Errorf("%v %s", refused, refused.Details)
			}
		}
		f.Check(Case{Key: "k", Action: "delete", Params: `{"table":"orders","key":2}`, Want: `{"affected":1}`})
	})
	t.Run("a repeat deletes nothing and returns the first result", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		f.Call("k", "delete", `{"table":"orders","key":1}`)
		f.Call("", "insert", `{"table":"orders","data":{"id":1,"status":"open"}}`)
		f.Check(Case{Key: "k", Action: "delete", Params: `{"key":1,"table":"orders"}`, Want: `{"affected":1}`})
		if got := f.Scalar(`SELECT count(*) FROM orders`); got != "5" {
			t.Errorf("%s rows", got)
		}
	})
}

func (s Suite) get(t *testing.T) {
	f := s.withOrders(t, `CREATE VIEW shown AS SELECT id, status FROM orders`, `CREATE TABLE codes (code {text} PRIMARY KEY, n {int})`, `CREATE TABLE flags («on» {bool} PRIMARY KEY)`)
	f.Call("", "insertMany", `{"table":"codes","rows":[{"code":"007","n":1},{"code":"7","n":2},{"code":"a,b","n":3},{"code":"\"a\"","n":4},{"code":"true","n":5}]}`)
	f.Call("", "insert", `{"table":"flags","data":{"on":true}}`)
	f.Check(
		Case{Action: "get", Params: `{"table":"orders","key":1}`, Want: `{"id":1,"status":"open","amount":10,"note":"first","meta":null,"twice":20}`},
		Case{Action: "get", Params: `{"table":"orders","key":"1"}`, Want: `{"id":1,"status":"open","amount":10,"note":"first","meta":null,"twice":20}`},
		Case{Action: "get", Params: `{"table":"orders","filters":[{"column":"status","operator":"eq","value":"paid"}]}`, Want: `{"id":4,"status":"paid","amount":40,"note":null,"meta":null,"twice":80}`},
		Case{Action: "get", Params: `{"table":"shown","filters":[{"column":"id","operator":"eq","value":1}]}`, Want: `{"id":1,"status":"open"}`},
		Case{Action: "get", Params: `{"table":"codes","key":"007"}`, Want: `{"code":"007","n":1}`},
		Case{Action: "get", Params: `{"table":"codes","key":7}`, Want: `{"code":"7","n":2}`},
		Case{Action: "get", Params: `{"table":"codes","key":"a,b"}`, Want: `{"code":"a,b","n":3}`},
		Case{Action: "get", Params: `{"table":"codes","key":"\"a\""}`, Want: `{"code":"\"a\"","n":4}`},
		Case{Action: "get", Params: `{"table":"codes","key":true}`, Want: `{"code":"true","n":5}`},
		Case{Action: "get", Params: `{"table":"flags","key":"true"}`, Want: `{"on":true}`},
		Case{Action: "get", Params: `{"table":"orders","key":1,"columns":["status","id"]}`, Want: `{"status":"open","id":1}`},
		Case{Action: "get", Params: `{"table":"orders","key":"1","select":"note"}`, Want: `{"note":"first"}`},
		Case{Action: "get", Params: `{"table":"orders","key":"x","select":"nott"}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/select", "/key"}, Says: `did you mean "note"?`}},
		Case{Action: "get", Params: `{"table":"orders","key":1,"select":"id","columns":["id"]}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/select"}}},
		Case{Action: "get", Params: `{"table":"orders","key":9}`, Refused: &Refusal{Code: sdk.CodeNotFound, Says: `table "orders" has no such row`}},
		Case{Action: "get", Params: `{"table":"orders","filters":[{"column":"id","operator":"eq","value":9}]}`, Refused: &Refusal{Code: sdk.CodeNotFound}},
		Case{Action: "get", Params: `{"table":"orders"}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{""}}},
		Case{Action: "get", Params: `{"table":"shown","key":1}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/key"}, Says: "no primary key"}},
		Case{Action: "get", Params: `{"table":"orders","key":"1 OR 1=1"}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/key"}}},
	)
}

func (s Suite) preconditions(t *testing.T) {
	unmet := func(pointers ...string) *Refusal {
		return &Refusal{Code: sdk.CodePreconditionFailed, Pointers: pointers}
	}
	t.Run("every row must be as it is said to be, before anything is changed", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		f.Check(
			// The change is one of the very column.
			Case{Action: "update", Params: `{"table":"orders","key":1,"data":{"status":"paid"},"if":{"status":"open"}}`,
				Want: `{"affected":1,"data":[{"id":1,"status":"paid","amount":10,"note":"first","meta":null,"twice":20}]}`},
			Case{Key: "k", Action: "update", Params: `{"table":"orders","key":1,"data":{"status":"paid"},"if":{"status":"open"}}`, Refused: unmet("/if/status")},
			Case{Key: "k", Action: "update", Params: `{"table":"orders","filters":[{"column":"id","operator":"lte","value":4}],"data":{"note":"x"},"maxAffected":9,"if":{"note":null}}`, Refused: unmet("/if/note")},
			Case{Key: "k", Action: "update", Params: `{"table":"orders","filters":[{"column":"id","operator":"lte","value":4}],"data":{"note":"x"},"maxAffected":9,"if":{"note":"first","status":"open","twice":20}}`,
				Refused: unmet("/if/note", "/if/status", "/if/twice")},
			Case{Key: "k", Action: "delete", Params: `{"table":"orders","key":2,"if":{"amount":21}}`, Refused: unmet("/if/amount")},
			Case{Key: "k", Action: "delete", Params: `{"table":"orders","key":2,"if":{"amount":null}}`, Refused: unmet("/if/amount")},
			Case{Key: "k", Action: "delete", Params: `{"table":"orders","key":9,"if":{"amount":1}}`, Refused: &Refusal{Code: sdk.CodeNotFound}},
			Case{Key: "k", Action: "delete", Params: `{"table":"orders","filters":[{"column":"id","operator":"eq","value":9}],"if":{"amount":1}}`, Want: `{"affected":0}`},
			Case{Action: "update", Params: `{"table":"orders","filters":[{"column":"id","operator":"in","value":[2,3]}],"data":{"note":"x"},"maxAffected":2,"if":{"note":null,"status":"open"}}`,
				Want: `{"affected":2,"data":[{"id":2,"status":"open","amount":20,"note":"x","meta":null,"twice":40},{"id":3,"status":"open","amount":30,"note":"x","meta":null,"twice":60}]}`},
		)
		refused := f.Refuse("", "update", `{"table":"orders","key":1,"data":{"note":"y"},"if":{"status":"`+secret+`","note":"first"}}`)
		if string(refused.Details) != `{"code":"precondition_failed","table":"orders","columns":["status"],"retryable":false}` || strings.Contains(refused.Message, secret) {
			t.Errorf("%v %s", refused, refused.Details)
		}
	})
	t.Run("conditions as a query has them", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		f.Check(
			Case{Action: "update", Params: `{"table":"orders","key":"1","where":{"status":["eq.paid"]},"data":{"note":"x"}}`, Refused: unmet("/where/status/0")},
			Case{Action: "update", Params: `{"table":"orders","key":"1","where":{"status":["eq.open"],"amount":["gte.10","lt.10"],"note":["not.is.null"]},"data":{"note":"x"}}`, Refused: unmet("/where/amount/1")},
			Case{Action: "update", Params: `{"table":"orders","key":"2","where":{"note":["neq.x"]},"data":{"note":"x"}}`, Refused: unmet("/where/note/0")},
			Case{Action: "update", Params: `{"table":"orders","key":"9","where":{"status":["eq.paid"]},"data":{"note":"x"}}`, Refused: &Refusal{Code: sdk.CodeNotFound}},
			Case{Action: "delete", Params: `{"table":"orders","where":{"status":["eq.paid"]}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{""}}},
			Case{Action: "delete", Params: `{"table":"orders","key":1,"where":{"status":["paid"],"statsu":["eq.paid"]}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/where/status/0"}}},
			Case{Action: "delete", Params: `{"table":"orders","key":1,"where":{"amount":["eq.x"],"statsu":["eq.paid"]}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/where/amount/0", "/where/statsu/0"}}},
			Case{Action: "delete", Params: `{"table":"orders","key":"1","where":{"status":["in.(paid,open)"],"amount":["eq.10"]},"if":{"note":"first"}}`, Want: `{"affected":1}`},
		)
		refused := f.Refuse("", "delete", `{"table":"orders","key":3,"where":{"amount":["not.eq.30","gt.100"],"status":["eq.paid"]}}`)
		if string(refused.Details) != `{"code":"precondition_failed","table":"orders","columns":["amount","status"],"retryable":false}` {
			t.Errorf("%v %s", refused, refused.Details)
		}
	})
	t.Run("values of every kind are set, and held against what is there", func(t *testing.T) {
		t.Parallel()
		kinds := []struct{ word, value, other string }{
			{"int", `9007199254740993`, `9007199254740992`}, {"long", `"Zażółć 🦀"`, `"Zażółć"`}, {"bool", `true`, `false`}, {"double", `0.1`, `0.2`}, {"bytes", `"AAEC/w=="`, `"AAEC"`},
			{"json", `{"a":[1,null]}`, `{"a":[1]}`}, {"decimal", `1234567.0625`, `1234567.0626`}, {"time", `"2026-11-23T10:00:00.5Z"`, `"2026-11-23T10:00:00.6Z"`}, {"date", `"2026-11-23"`, `"2026-11-24"`},
		}
		ddl, row, others := `CREATE TABLE kinds (id {int} PRIMARY KEY`, `"id":%d`, `"id":%d`
		for _, k := range kinds {
			ddl += `, a_` + k.word + ` {` + k.word + `}`
			row += `,"a_` + k.word + `":` + k.value
			others += `,"a_` + k.word + `":` + k.other
		}
		f := s.New(t, ddl+`)`)
		stored := func(text string, id int) string { return `{` + fmt.Sprintf(text, id) + `}` }
		got := f.Call("", "insertMany", `{"table":"kinds","rows":[`+stored(row, 1)+`,`+stored(others, 2)+`,{"id":3}]}`)
		if want := `{"data":[` + stored(row, 1) + `,` + stored(others, 2) + `,` + f.Call("", "get", `{"table":"kinds","key":3}`) + `]}`; !f.same(got, want) {
			t.Errorf("returned %s, want %s", got, want)
		}
		for _, k := range kinds {
			set := `{"table":"kinds","key":1,"data":{"a_` + k.word + `":` + k.value + `},"if":{"a_` + k.word + `":`
			f.Check(
				Case{Action: "update", Params: set + k.other + `}}`, Refused: unmet("/if/a_" + k.word)},
				Case{Action: "update", Params: set + `null}}`, Refused: unmet("/if/a_" + k.word)},
				Case{Action: "update", Params: set + k.value + `}}`, Want: `{"affected":1,"data":[` + stored(row, 1) + `]}`},
			)
		}
		f.Check(
			Case{Action: "update", Params: `{"table":"kinds","filters":[{"column":"id","operator":"lte","value":3}],"maxAffected":3,"data":{` + strings.TrimPrefix(row, `"id":%d,`) + `}}`,
				Want: `{"affected":3,"data":[` + stored(row, 1) + `,` + stored(row, 2) + `,` + stored(row, 3) + `]}`},
			Case{Action: "upsert", Params: `{"table":"kinds","data":` + stored(others, 3) + `,"onConflict":["id"]}`, Want: stored(others, 3)},
		)
	})
	t.Run("JSON is the same in any order of its members, and its numbers count exactly", func(t *testing.T) {
		t.Parallel()
		f := s.withOrders(t)
		f.Call("", "update", `{"table":"orders","key":1,"data":{"meta":{"b":[1.5,{"y":null,"x":"é"}],"a":12345678901234567}}}`)
		for _, other := range []string{`{}`, `null`, `{"b":[1.5,{"y":null,"x":"é"}],"a":12345678901234568}`, `{"b":[1.5,{"y":null}],"a":12345678901234567}`,
			`{"b":[{"y":null,"x":"é"},1.5],"a":12345678901234567}`, `{"b":["1.5",{"y":null,"x":"é"}],"a":12345678901234567}`, `[]`} {
			f.Check(Case{Action: "delete", Params: `{"table":"orders","key":1,"if":{"meta":` + other + `}}`, Refused: unmet("/if/meta")})
		}
		f.Check(
			Case{Action: "delete", Params: `{"table":"orders","key":2,"if":{"meta":{}}}`, Refused: unmet("/if/meta")},
			Case{Action: "delete", Params: `{"table":"orders","key":1,"if":{"note":"first","meta":{ "a": 12345678901234567, "b": [15e-1, {"x":"\u00e9","y":null}] },"amount":10}}`, Want: `{"affected":1}`},
		)
	})
}
