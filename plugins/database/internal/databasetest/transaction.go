package databasetest

import (
	"strconv"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

const (
	ordersTable = `CREATE TABLE orders (id {id}, customer {text} NOT NULL, total {decimal}, data {json})`
	itemsTable  = `CREATE TABLE items (id {id}, order_id {int} NOT NULL, sku {text} NOT NULL UNIQUE, CONSTRAINT of_order FOREIGN KEY (order_id) REFERENCES orders (id))`
)

// of writes the params of a transaction of operations, each of which is an action and
// its params.
func of(operations ...string) string {
	var written []string
	for i := 0; i+1 < len(operations); i += 2 {
		written = append(written, `{"action":"`+operations[i]+`","params":`+operations[i+1]+`}`)
	}
	return `{"operations":[` + strings.Join(written, ",") + `]}`
}

func (s Suite) transaction(t *testing.T) {
	t.Run("all operations are done, and later ones read what earlier ones returned", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, ordersTable, itemsTable)
		f.Check(Case{Key: "k", Action: "transaction", Params: of(
			"insert", `{"table":"orders","data":{"id":7,"customer":"a","total":19.9,"data":{"n":[1,{"deep":"x"}]}}}`,
			"insert", `{"table":"items","data":{"id":1,"order_id":"{{results[0].id}}","sku":"{{ results[0].data.n[1].deep }}"}}`,
			"insert", `{"table":"orders","data":{"id":8,"customer":"of {{results[0].id}}","total":"{{results[0].total}}","data":"{{results[0].data}}"}}`,
		), Want: `{"results":[{"id":7,"customer":"a","total":` + f.decimal("19.9") + `,"data":{"n":[1,{"deep":"x"}]}},{"id":1,"order_id":7,"sku":"x"},` +
			`{"id":8,"customer":"of {{results[0].id}}","total":` + f.decimal("19.9") + `,"data":{"n":[1,{"deep":"x"}]}}]}`})
	})
	t.Run("a read within sees what was written before it", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, ordersTable)
		f.Check(Case{Action: "transaction", Params: of(
			"count", `{"table":"orders"}`,
			"insert", `{"table":"orders","data":{"id":1,"customer":"a"}}`,
			"count", `{"table":"orders","filters":[{"column":"id","operator":"eq","value":"{{results[1].id}}"}]}`,
		), Want: `{"results":[{"count":0},{"id":1,"customer":"a","total":null,"data":null},{"count":1}]}`})
	})
	t.Run("maxAffected and if hold within, and every action may be part of it", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"queries": map[string]any{
			"total": map[string]any{"sql": "SELECT count(*) AS n FROM orders"},
			"raise": map[string]any{"sql": "UPDATE orders SET total = total + 1 WHERE customer = :who", "write": true},
		}}, ordersTable)
		const all = `"filters":[{"column":"id","operator":"gt","value":0}]`
		rows := `{"table":"orders","rows":[{"id":1,"customer":"a","total":1},{"id":2,"customer":"b","total":2}]}`
		f.Check(
			Case{Action: "transaction", Params: of("insertMany", rows, "update", `{"table":"orders",`+all+`,"data":{"total":3}}`), Refused: &Refusal{
				Code: sdk.CodeTooManyRows, Pointers: []string{"/operations/1"}, Says: "operation 1 (update)"}},
			Case{Action: "transaction", Params: of("insertMany", rows, "delete", `{"table":"orders","key":"{{results[0].data[1].id}}","if":{"customer":"a"}}`), Refused: &Refusal{
				Code: sdk.CodePreconditionFailed, Pointers: []string{"/operations/1/params/if/customer"}, Says: "nothing of the transaction is done"}},
			Case{Action: "transaction", Params: of("insertMany", rows, "get", `{"table":"orders","key":3}`), Refused: &Refusal{
				Code: sdk.CodeNotFound, Pointers: []string{"/operations/1"}}},
		)
		body := f.Call("k", "transaction", of(
			"insertMany", rows,
			"update", `{"table":"orders",`+all+`,"data":{"total":3},"maxAffected":2}`,
			"upsert", `{"table":"orders","data":{"id":"{{results[0].data[1].id}}","customer":"c"},"onConflict":["id"]}`,
			"query", `{"name":"raise","params":{"who":"{{results[2].customer}}"}}`,
			"query", `{"name":"total"}`,
			"select", `{"table":"orders","columns":["id","customer"],"order":[{"column":"id"}]}`,
			"get", `{"table":"orders","key":"{{results[5].data[1].id}}"}`,
			"delete", `{"table":"orders","key":"{{results[6].id}}"}`,
			"count", `{"table":"orders"}`,
		))
		for _, part := range []string{`{"affected":2,`, `"customer":"c"`, `{"affected":1}`, `{"data":[{"n":2}]}`, `{"data":[{"id":1,"customer":"a"},{"id":2,"customer":"c"}],"nextCursor":null}`, `{"count":1}`} {
			if !strings.Contains(body, part) {
				t.Errorf("returned %s, which lacks %s", body, part)
			}
		}
	})
	t.Run("a query that only reads cannot write within a transaction either", func(t *testing.T) {
		t.Parallel()
		if s.Name != PostgreSQL {
			return // no statement that reads can write there, or nothing can keep it from that: see docs/database.md
		}
		f := s.NewWith(t, map[string]any{"queries": map[string]any{
			"read": map[string]any{"sql": "SELECT sneaky()"}, "total": map[string]any{"sql": "SELECT count(*) AS n FROM orders"},
		}}, ordersTable, `CREATE FUNCTION sneaky() RETURNS bigint LANGUAGE sql AS $$ DELETE FROM orders RETURNING id $$`)
		const insert = `{"table":"orders","data":{"id":1,"customer":"a"}}`
		f.Check(
			Case{Action: "transaction", Params: of("insert", insert, "query", `{"name":"read"}`), Refused: &Refusal{Code: sdk.CodeForbidden, Pointers: []string{"/operations/1"}}},
			Case{Action: "transaction", Params: of("insert", insert, "query", `{"name":"total"}`, "insert", `{"table":"orders","data":{"id":2,"customer":"b"}}`),
				Want: `{"results":[{"id":1,"customer":"a","total":null,"data":null},{"data":[{"n":1}]},{"id":2,"customer":"b","total":null,"data":null}]}`},
		)
	})
	t.Run("what was read is data: it is not read as a reference again", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, ordersTable)
		f.Check(Case{Action: "transaction", Params: of(
			"insert", `{"table":"orders","data":{"id":1,"customer":"a","data":{"text":"{{results[0].id}} "}}}`,
			"insert", `{"table":"orders","data":{"id":2,"customer":"{{results[0].data.text}}"}}`,
			"insert", `{"table":"orders","data":{"id":3,"customer":"{{results[1].customer}}"}}`,
		), Want: `{"results":[{"id":1,"customer":"a","total":null,"data":{"text":"{{results[0].id}} "}},{"id":2,"customer":"{{results[0].id}} ","total":null,"data":null},` +
			`{"id":3,"customer":"{{results[0].id}} ","total":null,"data":null}]}`})
	})
	t.Run("one that fails undoes all, and says which it is and where", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, ordersTable, itemsTable)
		f.Call("", "transaction", of("insert", `{"table":"orders","data":{"customer":"a"}}`, "insert", `{"table":"items","data":{"order_id":"{{results[0].id}}","sku":"x"}}`))
		const first = `{"table":"orders","data":{"customer":"b"}}`
		f.Check(
			Case{Key: "k", Action: "transaction", Params: of("insert", first, "insert", `{"table":"items","data":{"order_id":"{{results[0].id}}","sku":"x"}}`), Refused: &Refusal{
				Code: sdk.CodeConflict, Pointers: []string{"/operations/1/params/data/sku"}, Says: "operation 1 (insert): ",
				Condition: "unique_violation", Constraint: "unique", Columns: []string{"sku"}}},
			Case{Key: "k", Action: "transaction", Params: of("insert", first, "insert", `{"table":"items","data":{"order_id":"{{results[0].id}}","sky":"y"}}`), Refused: &Refusal{
				Code: sdk.CodeInvalidParams, Pointers: []string{"/operations/1/params/data/sky"}, Says: "nothing of the transaction is done"}},
			Case{Key: "k", Action: "transaction", Params: of("insert", first, "insert", `{"table":"item","data":{}}`), Refused: &Refusal{
				Code: sdk.CodeInvalidParams, Pointers: []string{"/operations/1/params/table"}, Says: `did you mean "items"?`}},
			Case{Key: "k", Action: "transaction", Params: of("insert", first, "insert", `{"table":"backflow_keys","data":{}}`), Refused: &Refusal{
				Code: sdk.CodeForbidden, Pointers: []string{"/operations/1/params/table"}}},
			Case{Key: "k", Action: "transaction", Params: of("insert", first, "insert", `{"table":"items","data":{"sku":"y","order_id":"{{results[0].data[0].id}}"}}`), Refused: &Refusal{
				Code: sdk.CodeInvalidParams, Pointers: []string{"/operations/1/params/data/order_id"}, Says: "{{results[0].data[0].id}}: "}},
		)
		// None of them was kept under the key.
		f.Call("k", "transaction", of("insert", first))
	})
	t.Run("what cannot be meant is refused before anything is done, every fault with its place", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, ordersTable)
		const ok = `{"table":"orders","data":{"customer":"b"}}`
		refused := func(params string, pointers ...string) {
			t.Helper()
			f.Check(Case{Action: "transaction", Params: params, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: pointers}})
		}
		refused(`{}`, "")
		refused(`{"operations":{}}`, "/operations")
		refused(`{"operations":[]}`, "/operations")
		refused(`{"operations":[5]}`, "/operations/0")
		refused(`{"operations":[{"action":"insert"}]}`, "/operations/0")
		refused(`{"operations":[{"action":"insert","params":[]}]}`, "/operations/0/params")
		refused(`{"operations":[{"action":"insert","params":`+ok+`,"key":"x"}]}`, "/operations/0/key")
		refused(of("insert", ok, "insrt", ok, "transaction", of("insert", ok)), "/operations/1/action", "/operations/2/action")
		refused(of("insert", `{"table":"orders","data":{"customer":"{{results[0].id}}"}}`), "/operations/0/params/data/customer")
		refused(of("insert", ok, "insert", `{"table":"orders","data":{"customer":"{{results[2].id}}"}}`), "/operations/1/params/data/customer")
		refused(of("insert", ok, "insert", `{"table":"orders","data":{"customer":"{{results.id}}"}}`), "/operations/1/params/data/customer")
		refused(of("insert", ok, "insert", `{"table":"{{results[0].customer}}","data":{}}`), "/operations/1/params/table")
		refused(of("insert", `{"table":"orders"}`, "insert", `{"data":{},"tabel":""}`), "/operations/0/params", "/operations/1/params/tabel", "/operations/1/params")
		many := make([]string, 0, 202)
		for range 101 {
			many = append(many, "insert", ok)
		}
		refused(of(many...), "/operations")
		if got := strings.Count(f.Call("", "transaction", of(many[:200]...)), `"customer":"b"`); got != 100 {
			t.Errorf("%d of 100 operations are done", got)
		}
	})
	t.Run("a repeat returns the first result, whatever order the params are written in", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, ordersTable)
		first := f.Call("k", "transaction", of("insert", `{"table":"orders","data":{"customer":"a","total":1}}`, "insert", `{"table":"orders","data":{"customer":"b"}}`))
		again := f.Call("k", "transaction", `{"operations":[ {"params":{"data":{"total":1,"customer":"a"},"table":"orders"},"action":"insert"},{"action":"insert","params":{"table":"orders","data":{"customer":"b"}}}]}`)
		if again != first || f.Scalar(`SELECT count(*) FROM orders`) != "2" {
			t.Errorf("%s, first %s; %s rows", again, first, f.Scalar(`SELECT count(*) FROM orders`))
		}
		f.Check(Case{Key: "k", Action: "transaction", Params: of("insert", `{"table":"orders","data":{"customer":"b"}}`, "insert", `{"table":"orders","data":{"customer":"a","total":1}}`),
			Refused: &Refusal{Code: sdk.CodeConflict, Final: true}})
	})
	t.Run("the results have a bound together", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE big (id {id}, body {long})`)
		insert := `{"table":"big","data":{"body":"` + strings.Repeat("x", 1<<20) + `"}}`
		var operations []string
		for range 17 {
			operations = append(operations, "insert", insert)
		}
		f.Check(Case{Action: "transaction", Params: of(operations...), Refused: &Refusal{
			Code: sdk.CodeInvalidParams, Pointers: []string{"/operations/15"}, Says: "larger than " + strconv.Itoa(16<<20) + " bytes"}})
	})
}

// decimal is how a number is shown of a column of the type {decimal}.
func (f *Fixture) decimal(number string) string {
	if f.Engine.Name == SQLite {
		return number
	}
	_, fraction, _ := strings.Cut(number, ".")
	if fraction == "" {
		number += "."
	}
	return number + strings.Repeat("0", 4-len(fraction))
}
