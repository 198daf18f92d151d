package databasetest

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// newQueries is a fixture with statements in the config.
func (s Suite) newQueries(t *testing.T, queries map[string]string, ddl ...string) *Fixture {
	t.Helper()
	given := map[string]any{}
	for name, sql := range queries {
		name, writes := strings.CutSuffix(name, "!")
		given[name] = map[string]any{"sql": s.SQL(sql), "write": writes}
	}
	return s.NewWith(t, map[string]any{"queries": given}, ddl...)
}

func (s Suite) query(t *testing.T) {
	t.Run("a query returns the rows of its statement, for its parameters", func(t *testing.T) {
		t.Parallel()
		f := s.newQueries(t, map[string]string{
			"byStatus": `SELECT id, amount FROM orders WHERE status = :status AND (amount >= :least OR :least < 0) ORDER BY id; -- :no`,
			"totals":   `SELECT status, COUNT(*) AS n, MAX(amount) AS most FROM orders GROUP BY status ORDER BY status`,
			"texts":    `SELECT ':a' AS a, 'it''s :b' AS b, /* :c */ status AS «:d» FROM orders WHERE id = :id -- it's`,
			"twice":    `SELECT id, status, id, id + 1 AS id_2 FROM orders WHERE id = :id`,
			"nothing":  `SELECT id FROM orders WHERE 1 = 0`,
		}, `CREATE TABLE orders (id {id}, status {text}, amount {int})`,
			`INSERT INTO orders (id, status, amount) VALUES (1, 'paid', 9007199254740993), (2, 'pending', 5), (3, 'paid', 7)`)
		f.Check(
			Case{Action: "query", Params: `{"name":"byStatus","params":{"status":"paid","least":-1}}`, Want: `{"data":[{"id":1,"amount":9007199254740993},{"id":3,"amount":7}]}`},
			Case{Action: "query", Params: `{"name":"byStatus","params":{"status":"paid","least":8}}`, Want: `{"data":[{"id":1,"amount":9007199254740993}]}`},
			Case{Action: "query", Params: `{"name":"byStatus","params":{"status":"' OR 1=1 --","least":0}}`, Want: `{"data":[]}`},
			Case{Action: "query", Params: `{"name":"totals"}`, Want: `{"data":[{"status":"paid","n":2,"most":9007199254740993},{"status":"pending","n":1,"most":5}]}`},
			Case{Action: "query", Params: `{"name":"texts","params":{"id":2}}`, Want: `{"data":[{"a":":a","b":"it's :b",":d":"pending"}]}`},
			Case{Action: "query", Params: `{"name":"twice","params":{"id":1}}`, Want: `{"data":[{"id":1,"status":"paid","id_3":1,"id_2":2}]}`},
			Case{Action: "query", Params: `{"name":"nothing","params":{}}`, Want: `{"data":[]}`},
			Case{Action: "query", Params: `{"name":"byStatu","params":{}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/name"}, Says: `did you mean "byStatus"?`}},
			Case{Action: "query", Params: `{"name":"byStatus","params":{"statu":"x","least":1}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/params/statu", "/params"}, Says: `did you mean "status"?`}},
			Case{Action: "query", Params: `{"name":"totals","params":{"x":1}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/params/x"}, Says: `no parameter "x"`}},
		)
	})
	t.Run("a parameter of another type than the statement has a use for is refused, once and for all", func(t *testing.T) {
		t.Parallel()
		f := s.newQueries(t, map[string]string{"byId": `SELECT id FROM orders WHERE id = :id`, "byStatus": `SELECT id FROM orders WHERE status = :id`}, `CREATE TABLE orders (id {id}, status {text})`)
		for _, name := range []string{"byId", "byStatus"} {
			for _, value := range []string{`true`, `1.5`, `"x"`, `{"a":1}`, `1e300`, `99999999999999999999`} {
				_, refused := f.Try("", "query", `{"name":"`+name+`","params":{"id":`+value+`}}`)
				if refused != nil && (refused.Code != sdk.CodeInvalidParams || refused.Retryable) {
					t.Errorf("%s %s: %+v", name, value, refused)
				}
			}
		}
	})
	t.Run("values come back as those of their columns", func(t *testing.T) {
		t.Parallel()
		f := s.newQueries(t, map[string]string{"all": `SELECT i, d, r, t, b, n FROM kinds`},
			`CREATE TABLE kinds (id {id}, i {int}, d {decimal}, r {double}, t {long}, b {bytes}, n {int})`)
		f.Call("", "insert", `{"table":"kinds","data":{"i":-9007199254740993,"d":123456789.1234,"r":0.1,"t":"é \"x\"","b":"AP8="}}`)
		f.Check(Case{Action: "query", Params: `{"name":"all"}`, Want: `{"data":[{"i":-9007199254740993,"d":123456789.1234,"r":0.1,"t":"é \"x\"","b":"AP8=","n":null}]}`})
	})
	t.Run("a query that may write does so once for its key", func(t *testing.T) {
		t.Parallel()
		f := s.newQueries(t, map[string]string{
			"raise!":  `UPDATE orders SET amount = amount + :by WHERE status = :status`,
			"insert!": `INSERT INTO orders (id, status, amount) VALUES (:id, :status, :amount)`,
		}, `CREATE TABLE orders (id {id}, status {text} NOT NULL, amount {int} CHECK (amount < 100))`,
			`INSERT INTO orders (id, status, amount) VALUES (1, 'paid', 1), (2, 'paid', 2), (3, 'new', 3)`)
		var group sync.WaitGroup
		for range 5 {
			group.Go(func() {
				if got := f.Call("key", "query", `{"name":"raise","params":{"by":10,"status":"paid"}}`); got != `{"affected":2}` {
					t.Error(got)
				}
			})
		}
		group.Wait()
		if got := f.Scalar(`SELECT SUM(amount) FROM orders`); got != "26" {
			t.Errorf("the sum is %s", got)
		}
		f.Check(
			Case{Key: "key", Action: "query", Params: `{"name":"raise","params":{"by":11,"status":"paid"}}`, Refused: &Refusal{Code: sdk.CodeConflict, Final: true}},
			Case{Action: "query", Params: `{"name":"raise","params":{"by":1,"status":"none"}}`, Want: `{"affected":0}`},
			Case{Action: "query", Params: `{"name":"insert","params":{"id":4,"status":"x","amount":null}}`, Want: `{"affected":1}`},
		)
		for condition, params := range map[string]string{
			"unique_violation":   `{"id":1,"status":"x","amount":1}`,
			"not_null_violation": `{"id":9,"status":null,"amount":1}`,
			"check_violation":    `{"id":9,"status":"x","amount":1000}`,
		} {
			if refused := f.Refuse("a key", "query", `{"name":"insert","params":`+params+`}`); !strings.Contains(string(refused.Details), condition) || refused.Final {
				t.Errorf("%s: %+v %s", params, refused, refused.Details)
			}
		}
	})
	t.Run("a query is part of a transaction", func(t *testing.T) {
		t.Parallel()
		f := s.newQueries(t, map[string]string{"raise!": `UPDATE orders SET amount = amount + 1`, "sum": `SELECT MAX(amount) AS most FROM orders`},
			`CREATE TABLE orders (id {id}, amount {int})`, `INSERT INTO orders (id, amount) VALUES (1, 5)`)
		f.Check(Case{Action: "transaction", Params: `{"operations":[{"action":"query","params":{"name":"raise"}},{"action":"query","params":{"name":"sum"}}]}`,
			Want: `{"results":[{"affected":1},{"data":[{"most":6}]}]}`})
		if got := f.Scalar(`SELECT amount FROM orders`); got != "6" {
			t.Errorf("the amount is %s", got)
		}
	})
	t.Run("a wrong statement is an error of the start, which names it", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE t (id {int})`)
		for sql, says := range map[string]string{
			`SELECT * FROM nowhere`:           "nowhere",
			`SELECT 1; SELECT 2`:              "line 1, column 11: a second statement",
			`DELETE FROM t`:                   `say "write": true`,
			`SELECT 1 FROM FROM t`:            "FROM",
			`DROP TABLE t`:                    "begins with DROP",
			"SELECT id\nFROM t WHERE id = 'x": "line 2, column 19: a quote or a comment begins here",
		} {
			plugin := s.start(f.Clock.Now)
			entry, err := json.Marshal(map[string]any{"url": f.URL, "queries": map[string]any{"wrong": map[string]any{"sql": sql}, "right": map[string]any{"sql": "SELECT 1"}}})
			must(t, err)
			err = plugin.Configure(context.Background(), sdk.Config{Credentials: entry, BaseDir: f.Dir, DataDir: f.Dir})
			if err == nil || !strings.Contains(err.Error(), "queries.wrong.sql") || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "queries.right") {
				t.Errorf("%s: %v, want %s", sql, err, says)
			}
		}
	})
	t.Run("the database itself keeps a query from writing that may not", func(t *testing.T) {
		t.Parallel()
		queries, ddl := map[string]string{}, []string{`CREATE TABLE log (n {int})`}
		switch s.Name {
		case PostgreSQL:
			ddl = append(ddl, `CREATE SEQUENCE counter`, `CREATE FUNCTION add_line() RETURNS int LANGUAGE sql AS 'INSERT INTO log VALUES (1) RETURNING n'`)
			queries["function"], queries["sequence"], queries["table"] = `SELECT add_line()`, `SELECT nextval('counter')`, `SELECT 1 AS n INTO other`
			queries["mode"] = `SELECT set_config('transaction_read_only', 'off', false)`
		case MariaDB:
			ddl = append(ddl, `CREATE SEQUENCE counter`, `CREATE FUNCTION add_line() RETURNS INT BEGIN INSERT INTO log VALUES (1); RETURN 1; END`)
			queries["function"], queries["sequence"] = `SELECT add_line()`, `SELECT NEXTVAL(counter)`
		default:
			return // what writes in SQLite is a statement, and no function
		}
		f := s.newQueries(t, queries, ddl...)
		for name := range queries {
			body, refused := f.Try("", "query", `{"name":"`+name+`"}`)
			if refused == nil || name != "mode" && refused.Code != sdk.CodeForbidden {
				t.Errorf("%s: %s %+v", name, body, refused)
			}
		}
		if got := f.Scalar(`SELECT COUNT(*) FROM log`); got != "0" {
			t.Errorf("%s lines", got)
		}
	})
	t.Run("a result is bounded", func(t *testing.T) {
		t.Parallel()
		f := s.newQueries(t, map[string]string{
			"many": `SELECT a.n FROM ten a, ten b, ten c, ten d, ten e`,
			"wide": `SELECT t FROM one CROSS JOIN ten`,
		}, `CREATE TABLE ten (n {int})`, `INSERT INTO ten VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)`, `CREATE TABLE one (id {id}, t {long})`)
		f.Call("", "insert", `{"table":"one","data":{"t":"`+strings.Repeat("x", 2<<20)+`"}}`)
		f.Check(
			Case{Action: "query", Params: `{"name":"many"}`, Refused: &Refusal{Code: sdk.CodeRejected, Says: "more than 10000 rows"}},
			Case{Action: "query", Params: `{"name":"wide"}`, Refused: &Refusal{Code: sdk.CodeRejected, Says: "16777216 bytes"}},
		)
	})
}
