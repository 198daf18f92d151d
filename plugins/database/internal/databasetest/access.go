package databasetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

const users = `CREATE TABLE users (id {id}, name {text} NOT NULL, token {text} DEFAULT 'hunter2', age {int}, CONSTRAINT by_token UNIQUE (token), CONSTRAINT no_minor CHECK (age > 17 OR token IS NULL))`

func (s Suite) access(t *testing.T) {
	t.Run("a table that is not named is closed, in the same words whether it is there or not", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"tables": map[string]any{"payments": map[string]any{}}}, payments, ordersTable)
		there := f.Refuse("", "insert", `{"table":"orders","data":{"customer":"a"}}`)
		absent := f.Refuse("", "insert", `{"table":"absent","data":{"customer":"a"}}`)
		if there.Code != sdk.CodeForbidden || there.Faults[0].Pointer != "/table" {
			t.Errorf("%+v", there)
		}
		if strings.ReplaceAll(fmt.Sprintf("%+v", absent), "absent", "orders") != fmt.Sprintf("%+v", there) {
			t.Errorf("one that is there: %+v\none that is not: %+v", there, absent)
		}
		f.Call("", "insert", `{"table":"payments","data":{"stripe_id":"a","amount":1}}`)
	})
	t.Run("an operation that is not named is closed, and so within a transaction", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"tables": map[string]any{"orders": map[string]any{"operations": []string{"select"}}, "payments": map[string]any{}}}, payments, ordersTable)
		f.Check(
			Case{Action: "insert", Params: `{"table":"orders","data":{"customer":"a"}}`, Refused: &Refusal{Code: sdk.CodeForbidden, Pointers: []string{"/table"}, Says: "closed to insert"}},
			Case{Action: "transaction", Params: of("insert", `{"table":"payments","data":{"stripe_id":"a","amount":1}}`, "insert", `{"table":"orders","data":{"customer":"a"}}`), Refused: &Refusal{
				Code: sdk.CodeForbidden, Pointers: []string{"/operations/1/params/table"}, Says: "closed to insert"}},
		)
	})
	t.Run("a column that is excluded is not there", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"tables": map[string]any{"users": map[string]any{"exclude": []string{"token"}}}}, users)
		f.Check(
			Case{Action: "insert", Params: `{"table":"users","data":{"id":1,"name":"a","age":20}}`, Want: `{"id":1,"name":"a","age":20}`},
			Case{Action: "insert", Params: `{"table":"users","data":{"name":"b","token":"x"}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/data/token"}, Says: `has no column "token"`}},
		)
		for _, c := range []struct {
			params string
			code   sdk.Code
		}{
			{`{"table":"users","data":{"name":"b","age":21}}`, sdk.CodeConflict},     // its default is there, and unique
			{`{"table":"users","data":{"name":"b","age":2}}`, sdk.CodeInvalidParams}, // the check is about it too
			{`{"table":"users","data":{"name":"b","tokens":2}}`, sdk.CodeInvalidParams},
		} {
			refused := f.Refuse("", "insert", c.params)
			said := strings.ReplaceAll(strings.ToLower(fmt.Sprintf("%+v %s", refused, refused.Details)), `"tokens"`, "")
			said = strings.ReplaceAll(said, "/data/tokens", "")
			if refused.Code != c.code || strings.Contains(said, "token") || strings.Contains(said, "hunter2") {
				t.Errorf("%s: %s %s", c.params, refused.Code, said)
			}
		}
	})
	t.Run("a column that is excluded is nothing to any action", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"tables": map[string]any{"users": map[string]any{"exclude": []string{"token"}}, "everyone": map[string]any{"exclude": []string{"token"}}}},
			users, `CREATE VIEW everyone AS SELECT id, name, token FROM users`)
		f.Exec(`INSERT INTO users (id, name, token, age) VALUES (1, 'a', 'hunter2-a', 20), (2, 'b', 'hunter2-b', 30)`)
		const a = `{"id":1,"name":"a","age":20}`
		f.Check(
			Case{Action: "get", Params: `{"table":"users","key":1}`, Want: a},
			Case{Action: "select", Params: `{"table":"users","limit":1}`, Want: `{"data":[` + a + `],"nextCursor":` + f.cursor(`{"table":"users","limit":1}`) + `}`},
			Case{Action: "select", Params: `{"table":"everyone","order":[{"column":"id"}]}`, Want: `{"data":[{"id":1,"name":"a"},{"id":2,"name":"b"}],"nextCursor":null}`},
			Case{Action: "update", Params: `{"table":"users","key":1,"data":{"age":21}}`, Want: `{"affected":1,"data":[{"id":1,"name":"a","age":21}]}`},
			Case{Action: "upsert", Params: `{"table":"users","data":{"id":1,"name":"a","age":20},"onConflict":["id"]}`, Want: a},
			Case{Action: "insertMany", Params: `{"table":"users","rows":[{"id":3,"name":"c","age":40}]}`, Want: `{"data":[{"id":3,"name":"c","age":40}]}`},
			Case{Action: "count", Params: `{"table":"users"}`, Want: `{"count":3}`},
		)
		for _, c := range []struct{ action, params, at string }{
			{"select", `{"table":"users","columns":["id","token"]}`, "/columns/1"},
			{"select", `{"table":"users","filters":[{"column":"token","operator":"like","value":"h%"}]}`, "/filters/0/column"},
			{"select", `{"table":"users","where":{"token":["eq.hunter2"]}}`, "/where/token/0"},
			{"select", `{"table":"users","order":[{"column":"token"}]}`, "/order/0/column"},
			{"select", `{"table":"everyone","filters":[{"column":"token","operator":"is","value":null}]}`, "/filters/0/column"},
			{"count", `{"table":"users","filters":[{"not":{"column":"token","operator":"is","value":null}}]}`, "/filters/0/not/column"},
			{"get", `{"table":"users","filters":[{"column":"token","operator":"eq","value":"hunter2-a"}]}`, "/filters/0/column"},
			{"update", `{"table":"users","key":1,"data":{"age":20},"if":{"token":"hunter2-a"}}`, "/if/token"},
			{"update", `{"table":"users","key":1,"data":{"token":"x"}}`, "/data/token"},
			{"delete", `{"table":"users","filters":[{"column":"token","operator":"eq","value":"hunter2-a"}]}`, "/filters/0/column"},
			{"insertMany", `{"table":"users","rows":[{"name":"d","token":"x"}]}`, "/rows/0/token"},
			{"upsert", `{"table":"users","data":{"name":"d"},"onConflict":["token"]}`, "/onConflict/0"},
		} {
			f.Check(Case{Action: c.action, Params: c.params, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{c.at}, Says: `has no column "token"`}})
		}
		// Row 3 has the default in the column, which is unique. What the database says of
		// that is not repeated.
		for action, params := range map[string]string{
			"insert":     `{"table":"users","data":{"name":"d","age":50}}`,
			"insertMany": `{"table":"users","rows":[{"name":"d","age":50}]}`,
			"update":     `{"table":"users","key":1,"data":{"age":5}}`,
		} {
			refused := f.Refuse("", action, params)
			if said := strings.ToLower(fmt.Sprintf("%+v %s", refused, refused.Details)); strings.Contains(said, "token") || strings.Contains(said, "hunter2") {
				t.Errorf("%s: %s", action, said)
			}
		}
	})
	t.Run("rows whose primary key is excluded are still changed one by one", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"tables": map[string]any{"codes": map[string]any{"exclude": []string{"code"}}}}, `CREATE TABLE codes (code {text} NOT NULL PRIMARY KEY, n {int}, CONSTRAINT once UNIQUE (n))`)
		f.Exec(`INSERT INTO codes (code, n) VALUES ('s3cret-1', 1), ('s3cret-2', 2)`)
		f.Check(
			Case{Action: "get", Params: `{"table":"codes","key":"s3cret-1"}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/key"}, Says: "has no primary key"}},
			Case{Action: "get", Params: `{"table":"codes","filters":[{"column":"n","operator":"eq","value":1}]}`, Want: `{"n":1}`},
			Case{Action: "update", Params: `{"table":"codes","filters":[{"column":"n","operator":"eq","value":1}],"data":{"n":5}}`, Want: `{"affected":1,"data":[{"n":5}]}`},
			Case{Action: "select", Params: `{"table":"codes","order":[{"column":"n"}]}`, Want: `{"data":[{"n":2},{"n":5}],"nextCursor":null}`},
			Case{Action: "delete", Params: `{"table":"codes","filters":[{"column":"n","operator":"eq","value":5}]}`, Want: `{"affected":1}`},
		)
		for _, text := range []string{f.cursor(`{"table":"codes","limit":1,"order":[{"column":"n"}]}`), f.Call("", "select", `{"table":"codes"}`)} {
			if strings.Contains(text, "s3cret") {
				t.Error(text)
			}
		}
	})
	t.Run("a table is closed under each of its names", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"tables": map[string]any{"users": map[string]any{"operations": []string{"count"}, "exclude": []string{"token"}}}}, users, payments)
		for _, table := range []string{"payments", "public.payments", "PAYMENTS", "Users", "public.backflow_keys", "BACKFLOW_KEYS", "Goose_Db_Version", "information_schema.tables", "sqlite_schema"} {
			f.Check(Case{Action: "select", Params: `{"table":"` + table + `"}`, Refused: &Refusal{Code: sdk.CodeForbidden, Pointers: []string{"/table"}}})
		}
		f.Check(Case{Action: "count", Params: `{"table":"users"}`, Want: `{"count":0}`},
			Case{Engines: []string{PostgreSQL}, Action: "count", Params: `{"table":"public.users"}`, Want: `{"count":0}`},
			Case{Engines: []string{PostgreSQL}, Action: "select", Params: `{"table":"public.users"}`, Refused: &Refusal{Code: sdk.CodeForbidden, Pointers: []string{"/table"}, Says: "closed to select"}},
			Case{Engines: []string{PostgreSQL}, Action: "count", Params: `{"table":"public.users","filters":[{"column":"token","operator":"eq","value":"x"}]}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/filters/0/column"}}})
	})
	t.Run("numbers are strings where the config says so", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"numbers": "string"}, `CREATE TABLE numbers (id {id}, i {int}, n {decimal}, r {double}, ok {bool}, j {json}, t {text})`)
		f.Check(Case{Action: "insert", Params: `{"table":"numbers","data":{"id":1,"i":9007199254740993,"n":"19.9","r":0.5,"ok":true,"j":{"a":1},"t":"5"}}`,
			Want: `{"id":"1","i":"9007199254740993","n":"` + f.decimal("19.9") + `","r":0.5,"ok":true,"j":{"a":1},"t":"5"}`})
	})
}

// cursor is the nextCursor of a select, as JSON.
func (f *Fixture) cursor(params string) string {
	f.T.Helper()
	_, cursor, _ := strings.Cut(f.Call("", "select", params), `"nextCursor":`)
	return strings.TrimSuffix(cursor, "}")
}
