package databasetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

func (s Suite) insertMany(t *testing.T) {
	t.Run("rows are returned in their order, whatever columns they have", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE t (id {id}, a {int} DEFAULT 7, b {text})`)
		f.Check(
			Case{Action: "insertMany", Params: `{"table":"t","rows":[{"b":"one"},{"b":"two"},{},{"a":1,"b":"four"},{"b":"five","a":null},{"b":"six"}]}`,
				Want: `{"data":[{"id":1,"a":7,"b":"one"},{"id":2,"a":7,"b":"two"},{"id":3,"a":7,"b":null},{"id":4,"a":1,"b":"four"},{"id":5,"a":null,"b":"five"},{"id":6,"a":7,"b":"six"}]}`},
			Case{Action: "insertMany", Params: `{"table":"t","rows":[]}`, Want: `{"data":[]}`},
		)
	})
	t.Run("all of them or none, and the row that is refused is named", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments)
		f.Call("", "insert", `{"table":"payments","data":{"stripe_id":"taken","amount":1}}`)
		f.Check(
			Case{Key: "k", Action: "insertMany", Params: `{"table":"payments","rows":[{"stripe_id":"a","amount":1},{"stripe_id":"b","amount":1},{"stripe_id":"taken","amount":1}]}`,
				Refused: &Refusal{Code: sdk.CodeConflict, Pointers: []string{"/rows/2/stripe_id"}, Condition: "unique_violation", Constraint: "unique", Columns: []string{"stripe_id"}}},
			Case{Key: "k", Action: "insertMany", Params: `{"table":"payments","rows":[{"stripe_id":"a","amount":1},{"stripe_id":"a","amount":1}]}`,
				Refused: &Refusal{Code: sdk.CodeConflict, Pointers: []string{"/rows/1/stripe_id"}, Condition: "unique_violation", Constraint: "unique", Columns: []string{"stripe_id"}}},
			Case{Key: "k", Action: "insertMany", Params: `{"table":"payments","rows":[{"stripe_id":"a","amount":1},{"amount":1,"stripe_id":"b","note":"x"},{"stripe_id":"c","amount":0}]}`,
				Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/rows/2/amount"}, Condition: "check_violation", Constraint: "check", Columns: []string{"amount"}}},
			Case{Action: "insertMany", Params: `{"table":"payments","rows":[{"stripe_id":"a","amount":"x"},{"stripe_id":"b","amuont":1}]}`,
				Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/rows/0/amount", "/rows/1/amuont"}}},
			Case{Key: "k", Action: "insertMany", Params: `{"table":"payments","rows":[{"id":10,"stripe_id":"a","amount":1},{"id":11,"stripe_id":"b","amount":1}]}`,
				Want: `{"data":[{"id":10,"stripe_id":"a","amount":1,"note":null},{"id":11,"stripe_id":"b","amount":1,"note":null}]}`},
		)
	})
	t.Run("a thousand rows at most", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE t (n {int} PRIMARY KEY, a {int}, b {text}, c {text})`)
		rows := make([]string, 1000)
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"n":%d,"a":%d,"b":"b","c":null}`, len(rows)-i, i)
		}
		text := "[" + strings.Join(rows, ",") + "]"
		f.Check(
			Case{Action: "insertMany", Params: `{"table":"t","rows":` + text + `}`, Want: `{"data":` + text + `}`},
			Case{Action: "insertMany", Params: `{"table":"t","rows":[{},` + text[1:] + `}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/rows"}}},
		)
	})
	t.Run("more values than one statement takes", func(t *testing.T) {
		t.Parallel()
		const columns, count = 40, 900 // 36,000 values
		var names, values []string
		for i := range columns {
			names = append(names, fmt.Sprintf("c%d {int}", i))
			values = append(values, fmt.Sprintf(`"c%d":%d`, i, i))
		}
		f := s.New(t, `CREATE TABLE wide (n {int} PRIMARY KEY, `+strings.Join(names, ", ")+`)`)
		rows := make([]string, count)
		for i := range rows {
			rows[i] = fmt.Sprintf(`{"n":%d,%s}`, i, strings.Join(values, ","))
		}
		text := "[" + strings.Join(rows, ",") + "]"
		f.Check(Case{Action: "insertMany", Params: `{"table":"wide","rows":` + text + `}`, Want: `{"data":` + text + `}`})
	})
	t.Run("a repeat returns the first result", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE t (id {id}, b {text})`)
		first := f.Call("k", "insertMany", `{"table":"t","rows":[{"b":"one"},{"b":"two"}]}`)
		f.Exec(`DELETE FROM t`)
		f.Check(
			Case{Key: "k", Action: "insertMany", Params: ` {"rows":[{"b":"one"}, {"b":"two"}], "table":"t"}`, Want: first},
			Case{Key: "k", Action: "insertMany", Params: `{"table":"t","rows":[{"b":"two"},{"b":"one"}]}`, Refused: &Refusal{Code: sdk.CodeConflict, Final: true}},
		)
		if got := f.Scalar(`SELECT count(*) FROM t`); got != "0" {
			t.Errorf("%s rows", got)
		}
	})
}
