package databasetest

import (
	"testing"

	"github.com/backflow/backflow/sdk"
)

// tableKinds is about tables of which the databases have kinds of their own.
func (s Suite) tableKinds(t *testing.T) {
	t.Run("a table whose rows have no key", func(t *testing.T) {
		t.Parallel()
		f := s.New(t, `CREATE TABLE log (line {text}, n {int})`, `CREATE TABLE codes (code {text} UNIQUE, n {int} NOT NULL, m {int} NOT NULL, UNIQUE (n, m))`)
		f.Exec(`INSERT INTO log (line, n) VALUES ('a', 1), ('a', 1), ('b', NULL)`)
		f.Check(Case{Action: "insertMany", Params: `{"table":"codes","rows":[{"n":1,"m":1},{"n":1,"m":2}]}`, Want: `{"data":[{"code":null,"n":1,"m":1},{"code":null,"n":1,"m":2}]}`})
		const as = `"filters":[{"column":"line","operator":"eq","value":"a"}]`
		keyed := []string{SQLite, PostgreSQL} // they number rows themselves
		f.Check(
			Case{Engines: keyed, Action: "update", Params: `{"table":"log",` + as + `,"data":{"n":2}}`, Refused: &Refusal{Code: sdk.CodeTooManyRows}},
			Case{Engines: keyed, Action: "update", Params: `{"table":"log",` + as + `,"data":{"n":2},"maxAffected":2,"if":{"n":1}}`,
				Want: `{"affected":2,"data":[{"line":"a","n":2},{"line":"a","n":2}]}`},
			Case{Engines: keyed, Action: "delete", Params: `{"table":"log",` + as + `,"maxAffected":2}`, Want: `{"affected":2}`},
			Case{Engines: []string{MariaDB}, Action: "delete", Params: `{"table":"log",` + as + `,"maxAffected":2}`,
				Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/table"}, Says: "no primary key, and no unique key whose columns are never null"}},
			// Another unique key does, of columns that are never null.
			Case{Action: "update", Params: `{"table":"codes","filters":[{"column":"n","operator":"eq","value":1}],"data":{"code":null,"n":5},"maxAffected":2}`,
				Want: `{"affected":2,"data":[{"code":null,"n":5,"m":1},{"code":null,"n":5,"m":2}]}`},
			Case{Action: "delete", Params: `{"table":"codes","filters":[{"column":"m","operator":"eq","value":2}]}`, Want: `{"affected":1}`},
		)
	})
	t.Run("a table of PostgreSQL's own kinds", func(t *testing.T) {
		t.Parallel()
		if s.Name != PostgreSQL {
			return // there are none of the kind
		}
		f := s.New(t, `CREATE SCHEMA other`, `CREATE TYPE mood AS ENUM ('sad', 'ok')`,
			`CREATE TABLE other.parts (id BIGINT, at DATE, note TEXT, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)`,
			`CREATE TABLE other.old PARTITION OF other.parts FOR VALUES FROM ('2000-01-01') TO ('2026-01-01')`,
			`CREATE TABLE other.young PARTITION OF other.parts FOR VALUES FROM ('2026-01-01') TO ('2100-01-01')`,
			`CREATE TABLE counted (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ref UUID UNIQUE DEFAULT gen_random_uuid(), m mood, tags TEXT[], j JSON, at TIMESTAMPTZ, n INT)`,
			`CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE counted SET n = n * 2 WHERE id = NEW.id; RETURN NULL; END'`,
			`CREATE TRIGGER twice AFTER INSERT OR UPDATE OF m ON counted FOR EACH ROW EXECUTE FUNCTION twice()`)
		f.Check(
			Case{Action: "insertMany", Params: `{"table":"other.parts","rows":[{"id":1,"at":"2025-01-01"},{"id":1,"at":"2027-01-01"}]}`,
				Want: `{"data":[{"id":1,"at":"2025-01-01","note":null},{"id":1,"at":"2027-01-01","note":null}]}`},
			// The row moves into another partition.
			Case{Action: "update", Params: `{"table":"other.parts","key":"1,2025-01-01","data":{"at":"2028-01-01","note":"moved"},"if":{"note":null}}`,
				Want: `{"affected":1,"data":[{"id":1,"at":"2028-01-01","note":"moved"}]}`},
			Case{Action: "upsert", Params: `{"table":"other.parts","data":{"id":1,"at":"2028-01-01","note":"again"},"onConflict":["at","id"]}`, Want: `{"id":1,"at":"2028-01-01","note":"again"}`},
			Case{Action: "delete", Params: `{"table":"other.parts","filters":[{"column":"id","operator":"eq","value":1}],"maxAffected":2}`, Want: `{"affected":2}`},
			Case{Action: "insert", Params: `{"table":"counted","data":{"ref":"7b1f9d1e-0f0e-4b8e-9d0f-0a1b2c3d4e5f","m":"ok","tags":["a","b"],"j":{"b":1,"a":[2]},"at":"2026-11-23T11:00:00+01:00","n":3}}`,
				Want: `{"id":1,"ref":"7b1f9d1e-0f0e-4b8e-9d0f-0a1b2c3d4e5f","m":"ok","tags":["a","b"],"j":{"b":1,"a":[2]},"at":"2026-11-23T10:00:00Z","n":6}`},
			Case{Action: "update", Params: `{"table":"counted","key":1,"data":{"m":"sad"},"if":{"ref":"7B1F9D1E-0F0E-4B8E-9D0F-0A1B2C3D4E5F","m":"ok","tags":["a","b"],"j":{"a":[2.0],"b":1},"at":"2026-11-23T10:00:00Z"}}`,
				Want: `{"affected":1,"data":[{"id":1,"ref":"7b1f9d1e-0f0e-4b8e-9d0f-0a1b2c3d4e5f","m":"sad","tags":["a","b"],"j":{"b":1,"a":[2]},"at":"2026-11-23T10:00:00Z","n":12}]}`},
			Case{Action: "update", Params: `{"table":"counted","key":1,"data":{"m":"sad"},"if":{"tags":["b","a"],"j":{"a":[2]},"m":"ok"}}`,
				Refused: &Refusal{Code: sdk.CodePreconditionFailed, Pointers: []string{"/if/tags", "/if/j", "/if/m"}}},
			Case{Action: "upsert", Params: `{"table":"counted","data":{"ref":"7b1f9d1e-0f0e-4b8e-9d0f-0a1b2c3d4e5f","n":5},"onConflict":["ref"]}`,
				Want: `{"id":1,"ref":"7b1f9d1e-0f0e-4b8e-9d0f-0a1b2c3d4e5f","m":"sad","tags":["a","b"],"j":{"b":1,"a":[2]},"at":"2026-11-23T10:00:00Z","n":5}`},
			Case{Action: "update", Params: `{"table":"counted","key":1,"data":{"id":2}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/data/id"}}},
			Case{Action: "count", Params: `{"table":"counted","filters":[{"column":"tags","operator":"contains","value":["a"]}]}`,
				Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/filters/0/value"}, Says: `column "tags"`}},
			Case{Action: "update", Params: `{"table":"counted","key":1,"data":{"m":"angry"}}`, Refused: &Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/data/m"}}},
		)
	})
	t.Run("a table that others inherit from: no row is changed but those that were found", func(t *testing.T) {
		t.Parallel()
		if s.Name != PostgreSQL {
			return // the others have no heirs
		}
		// The first row of each table is at the same place in it, and keys hold for one table alone.
		f := s.New(t, `CREATE TABLE bare (a INT, v TEXT)`, `CREATE TABLE bare_heir () INHERITS (bare)`, `CREATE TABLE keyed (id INT PRIMARY KEY, v TEXT)`, `CREATE TABLE keyed_heir () INHERITS (keyed)`,
			`INSERT INTO bare VALUES (1, 'base')`, `INSERT INTO bare_heir VALUES (2, 'heir')`, `INSERT INTO keyed VALUES (1, 'base')`, `INSERT INTO keyed_heir VALUES (1, 'heir'), (2, 'heir')`)
		f.Check(
			Case{Action: "update", Params: `{"table":"bare","filters":[{"column":"a","operator":"eq","value":1}],"data":{"v":"new"}}`, Want: `{"affected":1,"data":[{"a":1,"v":"new"}]}`},
			Case{Action: "delete", Params: `{"table":"bare","filters":[{"column":"v","operator":"eq","value":"new"}]}`, Want: `{"affected":1}`},
			Case{Action: "select", Params: `{"table":"bare"}`, Want: `{"data":[{"a":2,"v":"heir"}],"nextCursor":null}`},
			Case{Action: "get", Params: `{"table":"keyed","key":1}`, Refused: &Refusal{Code: sdk.CodeTooManyRows}},
			Case{Action: "update", Params: `{"table":"keyed","key":1,"data":{"v":"new"}}`, Refused: &Refusal{Code: sdk.CodeTooManyRows}},
			Case{Action: "update", Params: `{"table":"keyed","filters":[{"column":"v","operator":"eq","value":"base"}],"data":{"v":"new"}}`, Want: `{"affected":1,"data":[{"id":1,"v":"new"}]}`},
			Case{Action: "upsert", Params: `{"table":"keyed","data":{"id":1,"v":"newer"},"onConflict":["id"]}`, Want: `{"id":1,"v":"newer"}`},
		)
		if got := len(f.pages(`"table":"keyed"`, 1, func() {})); got != 3 {
			t.Errorf("the pages have %d rows", got)
		}
		f.Check(
			Case{Action: "delete", Params: `{"table":"keyed","filters":[{"column":"v","operator":"eq","value":"newer"}]}`, Want: `{"affected":1}`},
			Case{Action: "select", Params: `{"table":"keyed"}`, Want: `{"data":[{"id":1,"v":"heir"},{"id":2,"v":"heir"}],"nextCursor":null}`},
		)
	})
}
