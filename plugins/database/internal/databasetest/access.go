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
	t.Run("numbers are strings where the config says so", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, map[string]any{"numbers": "string"}, `CREATE TABLE numbers (id {id}, i {int}, n {decimal}, r {double}, ok {bool}, j {json}, t {text})`)
		f.Check(Case{Action: "insert", Params: `{"table":"numbers","data":{"id":1,"i":9007199254740993,"n":"19.9","r":0.5,"ok":true,"j":{"a":1},"t":"5"}}`,
			Want: `{"id":"1","i":"9007199254740993","n":"` + f.decimal("19.9") + `","r":0.5,"ok":true,"j":{"a":1},"t":"5"}`})
	})
}
