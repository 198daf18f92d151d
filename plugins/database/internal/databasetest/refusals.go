package databasetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

// secret is a value that no error may repeat.
const secret = "s3cret-424242"

func (s Suite) refusals(t *testing.T) {
	t.Run("a constraint is named, with its columns and no value", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments,
			`CREATE TABLE items (id {id}, payment {int} NOT NULL, code {text}, CONSTRAINT of_payment FOREIGN KEY (payment) REFERENCES payments (id))`,
			`CREATE TABLE pairs (id {id}, a {int}, b {text}, CONSTRAINT pair UNIQUE (a, b))`)
		f.Call("", "insert", `{"table":"payments","data":{"stripe_id":"`+secret+`","amount":1}}`)
		f.Call("", "insert", `{"table":"pairs","data":{"a":424242,"b":"`+secret+`"}}`)
		for _, c := range []Case{
			{Params: `{"table":"payments","data":{"stripe_id":"` + secret + `","amount":6}}`, Refused: &Refusal{
				Code: sdk.CodeConflict, Pointers: []string{"/data/stripe_id"}, Condition: "unique_violation", Constraint: "unique", Columns: []string{"stripe_id"}}},
			{Params: `{"table":"payments","data":{"id":1,"stripe_id":"other","amount":6}}`, Refused: &Refusal{
				Code: sdk.CodeConflict, Pointers: []string{"/data/id"}, Condition: "unique_violation", Constraint: "unique", Columns: []string{"id"}}},
			{Params: `{"table":"pairs","data":{"a":424242,"b":"` + secret + `"}}`, Refused: &Refusal{
				Code: sdk.CodeConflict, Pointers: []string{"/data/a", "/data/b"}, Condition: "unique_violation", Constraint: "unique", Columns: []string{"a", "b"}}},
			{Params: `{"table":"payments","data":{"amount":6}}`, Refused: &Refusal{
				Code: sdk.CodeInvalidParams, Pointers: []string{"/data/stripe_id"}, Condition: "not_null_violation", Constraint: "notNull", Columns: []string{"stripe_id"}}},
			{Params: `{"table":"payments","data":{"stripe_id":null,"amount":6}}`, Refused: &Refusal{
				Code: sdk.CodeInvalidParams, Pointers: []string{"/data/stripe_id"}, Condition: "not_null_violation", Constraint: "notNull", Columns: []string{"stripe_id"}}},
			{Params: `{"table":"payments","data":{"stripe_id":"` + secret + `x","amount":-424242}}`, Refused: &Refusal{
				Code: sdk.CodeInvalidParams, Pointers: []string{"/data/amount"}, Condition: "check_violation", Constraint: "check", Columns: []string{"amount"}}},
		} {
			c.Action, c.Key = "insert", "a key"
			f.Check(c)
			if shown := fmt.Sprintf("%+v", f.Refuse(c.Key, c.Action, c.Params)); strings.Contains(shown, secret) || strings.Contains(shown, "424242") {
				t.Errorf("%s: a value is in the error: %s", c.Params, shown)
			}
		}
		refused := f.Refuse("a key", "insert", `{"table":"items","data":{"payment":424242}}`)
		if shown := fmt.Sprintf("%+v %s", refused, refused.Details); refused.Code != sdk.CodeConflict || refused.Retryable || strings.Contains(shown, "424242") ||
			!strings.Contains(shown, `"code":"foreign_key_violation"`) || !strings.Contains(shown, `"constraint":"foreignKey"`) {
			t.Error(shown)
		}
		// None of them was kept under the key.
		f.Check(Case{Key: "a key", Action: "insert", Params: `{"table":"items","data":{"payment":1}}`, Want: `{"id":` + f.next("items") + `,"payment":1,"code":null}`})
	})
	t.Run("what is not there is named, with a hint", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments)
		f.Check(
			Case{Action: "insert", Params: `{"table":"payment","data":{}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/table"}, Says: `did you mean "payments"?`}},
			Case{Action: "insert", Params: `{"table":"payments","data":{"stripeid":"x","Amount":1}}`, Refused: &Refusal{
				Code: sdk.CodeInvalidParams, Pointers: []string{"/data/stripeid", "/data/Amount"}, Says: `did you mean "stripe_id"?`}},
		)
	})
	t.Run("a value that does not fit is refused, never changed", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE kinds (i {int}, t {long}, r {double}, b {bytes}, ok {bool}, twice {int} GENERATED ALWAYS AS (i * 2) STORED)`)
		for column, values := range map[string][]string{
			"i":     {`"abc"`, `""`, `20.5`, `9223372036854775808`, `1e999999999`, `{}`, `[1]`, `"12x"`},
			"t":     {`{"a":1}`, `true`, `"a\u0000b"`, `["a"]`},
			"r":     {`1e400`, `"x"`, `9007199254740993`, `{}`},
			"b":     {`"not base64!"`, `5`, `"AA=A"`},
			"ok":    {`"true"`, `2`, `"maybe"`},
			"twice": {`2`},
		} {
			for _, value := range values {
				f.Check(Case{Action: "insert", Params: `{"table":"kinds","data":{"` + column + `":` + value + `}}`, Refused: &Refusal{
					Code: sdk.CodeInvalidParams, Pointers: []string{"/data/" + column}}})
			}
		}
	})
	t.Run("the plugin's own tables are closed", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, payments)
		for _, table := range []string{"backflow_keys", "goose_db_version"} {
			f.Check(Case{Action: "insert", Params: `{"table":"` + table + `","data":{}}`, Refused: &Refusal{Code: sdk.CodeForbidden, Pointers: []string{"/table"}}})
		}
	})
}

// next is the id that the next row of a table gets: in some databases one that was
// refused has taken an id.
func (f *Fixture) next(table string) string {
	f.T.Helper()
	switch f.Engine.Name {
	case PostgreSQL:
		return f.Scalar(`SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM ` + table + `_id_seq`)
	case MariaDB:
		f.Exec(`ANALYZE TABLE ` + table)
		return f.Scalar(`SELECT auto_increment FROM information_schema.tables WHERE table_schema = database() AND table_name = '` + table + `'`)
	}
	return f.Scalar(`SELECT coalesce(max(id), 0) + 1 FROM ` + table)
}
