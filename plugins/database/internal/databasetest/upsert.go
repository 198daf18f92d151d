package databasetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

const people = `CREATE TABLE people (id {int} PRIMARY KEY, email {text} NOT NULL UNIQUE, tenant {int}, number {int}, name {text}, visits {int} DEFAULT 1, UNIQUE (tenant, number))`

func (s Suite) upsert(t *testing.T) {
	t.Run("a row that is larger than a call returns is neither returned nor changed", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE wide (id {id}, n {int}, a {long}, b {long}, c {long})`)
		f.Call("", "insert", fmt.Sprintf(`{"table":"wide","data":{"id":1,"n":1,"a":%q}}`, strings.Repeat("x", 6<<20)))
		f.Exec(`UPDATE wide SET b = a, c = a`)
		refused := &Refusal{Code: sdk.CodeRejected, Says: "16777216 bytes"}
		f.Check(
			Case{Action: "get", Params: `{"table":"wide","key":1}`, Refused: refused},
			Case{Action: "get", Params: `{"table":"wide","key":1,"columns":["n"]}`, Want: `{"n":1}`},
			Case{Key: "upsert", Action: "upsert", Params: `{"table":"wide","data":{"id":1,"n":2},"onConflict":["id"]}`, Refused: refused},
			Case{Key: "update", Action: "update", Params: `{"table":"wide","key":1,"data":{"n":2}}`, Refused: refused},
			Case{Action: "get", Params: `{"table":"wide","key":1,"columns":["n"]}`, Want: `{"n":1}`},
		)
	})
	t.Run("inserts, or changes the row with the same key, and returns it as stored", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, people)
		f.Check(
			Case{Action: "upsert", Params: `{"table":"people","data":{"id":1,"email":"a@x"},"onConflict":["id"]}`, Engines: []string{SQLite, PostgreSQL},
				Want: `{"id":1,"email":"a@x","tenant":null,"number":null,"name":null,"visits":1}`},
			Case{Action: "insert", Params: `{"table":"people","data":{"id":1,"email":"a@x"}}`, Engines: []string{MariaDB},
				Want: `{"id":1,"email":"a@x","tenant":null,"number":null,"name":null,"visits":1}`},
		)
		f.Exec(`CREATE TABLE tags (tenant {int}, name {text}, note {text}, uses {int} DEFAULT 3, PRIMARY KEY (tenant, name))`)
		f.Check(
			Case{Action: "upsert", Params: `{"table":"tags","data":{"name":"red","tenant":1},"onConflict":["name","tenant"]}`, Want: `{"tenant":1,"name":"red","note":null,"uses":3}`},
			Case{Action: "upsert", Params: `{"table":"tags","data":{"name":"red","tenant":1,"note":"n","uses":9},"onConflict":["tenant","name"]}`, Want: `{"tenant":1,"name":"red","note":"n","uses":9}`},
			// What is not given stays, and a change to what is there already returns the row.
			Case{Action: "upsert", Params: `{"table":"tags","data":{"name":"red","tenant":1,"note":"m"},"onConflict":["tenant","name"]}`, Want: `{"tenant":1,"name":"red","note":"m","uses":9}`},
			Case{Action: "upsert", Params: `{"table":"tags","data":{"name":"red","tenant":1,"note":"m"},"onConflict":["tenant","name"]}`, Want: `{"tenant":1,"name":"red","note":"m","uses":9}`},
			Case{Action: "upsert", Params: `{"table":"tags","data":{"name":"red","tenant":1},"onConflict":["tenant","name"]}`, Want: `{"tenant":1,"name":"red","note":"m","uses":9}`},
			Case{Action: "upsert", Params: `{"table":"tags","data":{"name":"red","tenant":1,"note":null},"onConflict":["tenant","name"]}`, Want: `{"tenant":1,"name":"red","note":null,"uses":9}`},
			Case{Action: "upsert", Params: `{"table":"tags","data":{"name":"red","tenant":2,"note":"other"},"onConflict":["tenant","name"]}`, Want: `{"tenant":2,"name":"red","note":"other","uses":3}`},
		)
		if got := f.Scalar(`SELECT count(*) FROM tags`); got != "2" {
			t.Errorf("%s rows", got)
		}
	})
	t.Run("onConflict names one unique key, and data has its values", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, people, `CREATE TABLE plain (a {int})`)
		refused := func(data, onConflict, says string, pointers ...string) Case {
			return Case{Action: "upsert", Params: `{"table":"people","data":` + data + `,"onConflict":` + onConflict + `}`,
				Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: pointers, Says: says}}
		}
		f.Check(
			refused(`{"name":"x"}`, `["name"]`, `must be the columns of one unique key of table "people": `, "/onConflict"),
			refused(`{"name":"x"}`, `["name"]`, `["email"]`, "/onConflict"),
			refused(`{"name":"x"}`, `["name"]`, `["tenant", "number"]`, "/onConflict"),
			refused(`{"tenant":1}`, `["tenant"]`, `["id"]`, "/onConflict"),
			refused(`{"id":1,"email":"x"}`, `["id","email"]`, `one unique key`, "/onConflict"),
			refused(`{"name":"x"}`, `["email"]`, `has no value for column "email"`, "/data"),
			refused(`{"email":null}`, `["email"]`, `must not be null`, "/data/email"),
			refused(`{"email":"x"}`, `["emial"]`, `did you mean "email"?`, "/onConflict/0"),
			refused(`{"email":"x"}`, `[]`, `must not be empty`, "/onConflict"),
			refused(`{"email":"x"}`, `["email","email"]`, `is named twice`, "/onConflict/1"),
			refused(`{"emial":"x"}`, `["email"]`, `did you mean "email"?`, "/data/emial", "/data"),
			Case{Action: "upsert", Params: `{"table":"plain","data":{"a":1},"onConflict":["a"]}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/onConflict"}, Says: "it has none"}},
		)
	})
	t.Run("another unique key is a conflict, and never another row that is changed", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, people)
		f.Call("", "insert", `{"table":"people","data":{"id":1,"email":"a@x"}}`)
		f.Call("", "insert", `{"table":"people","data":{"id":2,"email":"b@x"}}`)
		f.Check(
			Case{Action: "upsert", Params: `{"table":"people","data":{"id":2,"email":"a@x","name":"n"},"onConflict":["id"]}`, Engines: []string{SQLite, PostgreSQL},
				Refused: &Refusal{Code: sdk.CodeConflict, Pointers: []string{"/data/email"}, Condition: "unique_violation", Constraint: "unique", Columns: []string{"email"}}},
			Case{Action: "upsert", Params: `{"table":"people","data":{"id":2,"email":"a@x","name":"n"},"onConflict":["id"]}`, Engines: []string{MariaDB},
				Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/data/email"}, Says: "this database cannot be told"}},
			Case{Action: "upsert", Params: `{"table":"people","data":{"id":3,"tenant":1,"number":1,"email":"a@x"},"onConflict":["number","tenant"]}`, Engines: []string{MariaDB},
				Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/data/id", "/data/email"}}},
		)
	})
	t.Run("the row of the key is changed, whatever a default or a generated column is in conflict with", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE links (email {text} NOT NULL, code {text} NOT NULL DEFAULT 'x', name {text}, slug {text} GENERATED ALWAYS AS (lower(name)) STORED, visits {int}, `+
			`PRIMARY KEY (code), UNIQUE (slug), UNIQUE (email))`)
		conflict := []string{"/data/code"}
		if s.Name == MariaDB { // which key it is, is not known there
			conflict = nil
		}
		f.Exec(`INSERT INTO links (email, code, name) VALUES ('a', 'x', 'A'), ('b', 'y', 'B')`)
		f.Check(
			Case{Action: "upsert", Params: `{"table":"links","data":{"email":"b","visits":7},"onConflict":["email"]}`, Want: `{"email":"b","code":"y","name":"B","slug":"b","visits":7}`},
			Case{Action: "upsert", Params: `{"table":"links","data":{"email":"b"},"onConflict":["email"]}`, Want: `{"email":"b","code":"y","name":"B","slug":"b","visits":7}`},
			Case{Action: "upsert", Params: `{"table":"links","data":{"email":"c","visits":8},"onConflict":["email"]}`, Refused: &Refusal{Code: sdk.CodeConflict, Pointers: conflict}},
			Case{Action: "upsert", Params: `{"table":"links","data":{"email":"b","name":"A"},"onConflict":["email"]}`, Refused: &Refusal{Code: sdk.CodeConflict, Pointers: []string{"/data/slug"}}},
			Case{Action: "get", Params: `{"table":"links","key":"x"}`, Want: `{"email":"a","code":"x","name":"A","slug":"a","visits":null}`},
		)
	})
	t.Run("a row that triggers change is returned as they left it", func(t *testing.T) {
		t.Parallel()
		if s.Name != SQLite {
			return // the text of a trigger is SQLite's
		}
		f := s.New(t, `CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER, twice INTEGER)`,
			`CREATE TRIGGER inserted AFTER INSERT ON t BEGIN UPDATE t SET twice = 2 * NEW.n WHERE id = NEW.id; END`,
			`CREATE TRIGGER updated AFTER UPDATE OF n ON t BEGIN UPDATE t SET twice = 2 * NEW.n WHERE id = NEW.id; END`)
		f.Check(
			Case{Action: "upsert", Params: `{"table":"t","data":{"id":1,"n":2},"onConflict":["id"]}`, Want: `{"id":1,"n":2,"twice":4}`},
			Case{Action: "upsert", Params: `{"table":"t","data":{"id":1,"n":3},"onConflict":["id"]}`, Want: `{"id":1,"n":3,"twice":6}`},
			Case{Action: "insertMany", Params: `{"table":"t","rows":[{"n":5},{"n":6}]}`, Want: `{"data":[{"id":2,"n":5,"twice":10},{"id":3,"n":6,"twice":12}]}`},
			Case{Action: "update", Params: `{"table":"t","key":2,"data":{"n":7,"id":20}}`, Want: `{"affected":1,"data":[{"id":20,"n":7,"twice":14}]}`},
		)
	})
	t.Run("a repeat changes nothing and returns the first result", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE tags (name {text} PRIMARY KEY, uses {int})`)
		first := f.Call("k", "upsert", `{"table":"tags","data":{"name":"red","uses":1},"onConflict":["name"]}`)
		f.Call("", "upsert", `{"table":"tags","data":{"name":"red","uses":2},"onConflict":["name"]}`)
		f.Check(
			Case{Key: "k", Action: "upsert", Params: `{"onConflict":["name"],"table":"tags","data":{"uses":1,"name":"red"}}`, Want: first},
			Case{Key: "k", Action: "insert", Params: `{"table":"tags","data":{"name":"red","uses":1}}`, Refused: &Refusal{Code: sdk.CodeConflict, Final: true}},
		)
		if got := f.Scalar(`SELECT uses FROM tags`); got != "2" {
			t.Errorf("uses is %s", got)
		}
	})
}
