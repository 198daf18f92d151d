package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/internal/testkit/postgrestest"
	"github.com/backflow/backflow/plugins/database/internal/databasetest"
	"github.com/backflow/backflow/sdk"
)

// TestPostgreSQLSaysWhatRefused: each with its own code, the column, and no value: the
// server's details hold values, and so do many of its messages.
func TestPostgreSQLSaysWhatRefused(t *testing.T) {
	t.Parallel()
	f := onPostgres().New(t,
		`CREATE DOMAIN odd AS int CONSTRAINT is_odd CHECK (VALUE % 2 = 1)`,
		`CREATE TABLE customers (id int PRIMARY KEY, boss int CONSTRAINT has_boss REFERENCES customers, mail text, CONSTRAINT one_mail UNIQUE (mail))`,
		`CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL CONSTRAINT of_customer REFERENCES customers, total int CONSTRAINT not_negative CHECK (total >= 0), n odd,
  during int4range, CONSTRAINT one_at_a_time EXCLUDE USING gist (during WITH &&), later int CONSTRAINT later_key UNIQUE DEFERRABLE INITIALLY DEFERRED)`,
		`CREATE UNIQUE INDEX big_orders ON orders (customer) WHERE total > 100`,
		`CREATE TABLE parts (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region)`,
		`CREATE TABLE parts_eu PARTITION OF parts FOR VALUES IN ('canary-eu')`,
		`CREATE TABLE watched (id int PRIMARY KEY, v text)`,
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.v = 'plain' THEN RAISE 'no such v'; ELSIF NEW.v = 'coded' THEN RAISE 'own code' USING ERRCODE = 'ZX001'; ELSIF NEW.v = 'unique' THEN RAISE 'taken' USING ERRCODE = 'unique_violation';
  ELSIF NEW.v = 'zero' THEN PERFORM 1 / 0; END IF; RETURN NEW; END $$`,
		`CREATE TRIGGER watch BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION refuse()`,
		`CREATE TABLE computed (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a int, twice int GENERATED ALWAYS AS (a * 2) STORED, at timestamptz NOT NULL DEFAULT '2026-11-23T12:00:00Z')`,
		`INSERT INTO customers VALUES (424241, NULL, 'canary@example.com'), (424242, 424241, NULL)`,
		`INSERT INTO orders VALUES (1, 424242, 424243, 1, '[1,5)', 424244)`,
		`INSERT INTO parts VALUES (424245, 'canary-eu')`)
	refuse := func(action, params string, code sdk.Code, condition, constraint string, pointers, columns []string, says string) databasetest.Case {
		return databasetest.Case{Action: action, Params: params, Refused: &databasetest.Refusal{Code: code, Condition: condition, Constraint: constraint, Pointers: pointers, Columns: columns, Says: says}}
	}
	at := func(columns ...string) []string {
		var pointers []string
		for _, column := range columns {
			pointers = append(pointers, "/data/"+column)
		}
		return pointers
	}
	cases := []databasetest.Case{
		refuse("insert", `{"table":"customers","data":{"id":424241}}`, sdk.CodeConflict, "unique_violation", "unique", at("id"), []string{"id"}, "customers_pkey"),
		refuse("insert", `{"table":"customers","data":{"id":1,"mail":"canary@example.com"}}`, sdk.CodeConflict, "unique_violation", "unique", at("mail"), []string{"mail"}, "one_mail"),
		refuse("insert", `{"table":"orders","data":{"id":2,"customer":424242,"total":424243}}`, sdk.CodeConflict, "unique_violation", "unique", at("customer"), []string{"customer"}, "big_orders"),
		refuse("insert", `{"table":"parts","data":{"id":424245,"region":"canary-eu"}}`, sdk.CodeConflict, "unique_violation", "unique", at("id", "region"), []string{"id", "region"}, "parts_eu_pkey"),
		refuse("insert", `{"table":"orders","data":{"id":2,"customer":424242,"later":424244}}`, sdk.CodeConflict, "unique_violation", "unique", nil, nil, "later_key"),
		refuse("insert", `{"table":"orders","data":{"id":2,"customer":424249}}`, sdk.CodeConflict, "foreign_key_violation", "foreignKey", nil, []string{"customer"}, "customer refers to customers"),
		refuse("insert", `{"table":"customers","data":{"id":2,"boss":424249}}`, sdk.CodeConflict, "foreign_key_violation", "foreignKey", nil, []string{"boss"}, "boss refers to customers"),
		refuse("delete", `{"table":"customers","key":424242}`, sdk.CodeConflict, "foreign_key_violation", "foreignKey", nil, nil, "rows of table orders still refer to this one, by the foreign key of_customer"),
		refuse("delete", `{"table":"customers","key":424241}`, sdk.CodeConflict, "foreign_key_violation", "foreignKey", nil, nil, "rows of table customers still refer"),
		refuse("insert", `{"table":"orders","data":{"id":2}}`, sdk.CodeInvalidParams, "not_null_violation", "notNull", at("customer"), []string{"customer"}, "customer"),
		refuse("insert", `{"table":"orders","data":{"id":2,"customer":424242,"total":-424243}}`, sdk.CodeInvalidParams, "check_violation", "check", at("total"), []string{"total"}, "not_negative"),
		refuse("insert", `{"table":"orders","data":{"id":2,"customer":424242,"n":424242}}`, sdk.CodeInvalidParams, "check_violation", "check", at("n"), []string{"n"}, "is_odd"),
		refuse("insert", `{"table":"orders","data":{"id":2,"customer":424242,"during":"[4,6)"}}`, sdk.CodeConflict, "exclusion_violation", "exclusion", at("during"), []string{"during"}, "one_at_a_time"),
		refuse("insert", `{"table":"orders","data":{"id":2,"customer":424242,"during":"canary"}}`, sdk.CodeInvalidParams, "datatype_mismatch", "type", []string{"/data"}, nil, ""),
		refuse("insert", `{"table":"parts","data":{"id":1,"region":"canary-us"}}`, sdk.CodeInvalidParams, "check_violation", "check", []string{"/data"}, nil, "no partition"),
		refuse("insert", `{"table":"watched","data":{"id":1,"v":"plain"}}`, sdk.CodeRejected, "raise_exception", "trigger", nil, nil, "no such v"),
		refuse("insert", `{"table":"watched","data":{"id":1,"v":"coded"}}`, sdk.CodeRejected, "raise_exception", "trigger", nil, nil, "own code"),
		refuse("insert", `{"table":"watched","data":{"id":1,"v":"unique"}}`, sdk.CodeRejected, "raise_exception", "trigger", nil, nil, "taken"),
		refuse("insert", `{"table":"watched","data":{"id":1,"v":"zero"}}`, sdk.CodeInvalidParams, "datatype_mismatch", "type", []string{"/data"}, nil, ""),
		refuse("insert", `{"table":"computed","data":{"id":1}}`, sdk.CodeInvalidParams, "", "", at("id"), nil, "computed by the database"),
		refuse("insert", `{"table":"computed","data":{"twice":1}}`, sdk.CodeInvalidParams, "", "", at("twice"), nil, "computed by the database"),
	}
	for _, c := range cases {
		f.Check(c)
		failed := f.Refuse("", c.Action, c.Params)
		text := fmt.Sprintf("%v %+v %s", failed, failed.Faults, failed.Details)
		for _, value := range []string{"42424", "canary", "[1,5)"} {
			if strings.Contains(text, value) {
				t.Errorf("%s %s shows a value: %s", c.Action, c.Params, text)
			}
		}
	}
	f.Check(databasetest.Case{Action: "insert", Params: `{"table":"computed","data":{"a":4}}`, Want: `{"id":1,"a":4,"twice":8,"at":"2026-11-23T12:00:00Z"}`})
}

// TestWhatTheRoleMayNotDoIsForbidden: by its rights, by a policy of rows, or since the
// server takes no writes.
func TestWhatTheRoleMayNotDoIsForbidden(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	f := on(d.URL(), d).New(t, `CREATE TABLE kept (id int PRIMARY KEY, owner text)`, `INSERT INTO kept VALUES (1, 'me'), (2, 'other')`)
	admin := d.OpenAdmin()
	for _, statement := range []string{
		`CREATE TABLE closed (id int)`,
		`CREATE TABLE counted (id serial PRIMARY KEY, v text)`, `GRANT SELECT, INSERT ON counted TO PUBLIC`,
		`CREATE SCHEMA apart`, `CREATE TABLE apart.inner_table (id int)`, `GRANT SELECT ON apart.inner_table TO PUBLIC`,
		`ALTER TABLE kept ENABLE ROW LEVEL SECURITY`, `ALTER TABLE kept FORCE ROW LEVEL SECURITY`,
		`CREATE POLICY mine ON kept USING (owner = 'me')`,
	} {
		if _, err := admin.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	f.Check(
		databasetest.Case{Action: "insert", Params: `{"table":"closed","data":{"id":1}}`, Refused: &databasetest.Refusal{Code: sdk.CodeForbidden, Condition: "insufficient_privilege", Says: "closed"}},
		databasetest.Case{Action: "insert", Params: `{"table":"counted","data":{"v":"x"}}`, Refused: &databasetest.Refusal{Code: sdk.CodeForbidden, Condition: "insufficient_privilege", Says: "on table counted: it needs USAGE on the sequence counted_id_seq"}},
		databasetest.Case{Action: "count", Params: `{"table":"apart.inner_table"}`, Refused: &databasetest.Refusal{Code: sdk.CodeForbidden, Condition: "insufficient_privilege", Says: "it needs USAGE on the schema apart"}},
		databasetest.Case{Action: "count", Params: `{"table":"kept"}`, Want: `{"count":1}`},
		databasetest.Case{Action: "insert", Params: `{"table":"kept","data":{"id":3,"owner":"other"}}`, Refused: &databasetest.Refusal{Code: sdk.CodeForbidden, Condition: "insufficient_privilege"}},
	)
	if _, failed := f.Try("", "get", `{"table":"kept","key":2}`); failed == nil || failed.Code != sdk.CodeNotFound {
		t.Errorf("a row that the policy hides: %v", failed)
	}
}

// TestTablesOfPostgreSQLAreFoundWhereTheyAre: in the search path, or by their schema. The
// system's own are not there.
func TestTablesOfPostgreSQLAreFoundWhereTheyAre(t *testing.T) {
	t.Parallel()
	f := onPostgres().New(t,
		`CREATE SCHEMA shop`, `CREATE TABLE shop.orders (id int PRIMARY KEY, v text)`, `CREATE TABLE orders (id int PRIMARY KEY)`, `CREATE TABLE "shop.orders" (id int PRIMARY KEY, dotted bool)`,
		`CREATE TABLE shop.only (id int PRIMARY KEY)`, `CREATE SCHEMA "a.b"`, `CREATE TABLE "a.b"."c.d" (id int)`,
		`CREATE VIEW seen AS SELECT id, v FROM shop.orders`, `CREATE MATERIALIZED VIEW kept AS SELECT 1 AS one`,
		`INSERT INTO shop.orders VALUES (7, 'x')`, `CREATE TABLE nokey (v text)`, `INSERT INTO nokey VALUES ('a'), ('a'), ('b')`)
	refused := func(name, says string) databasetest.Case {
		return databasetest.Case{Action: "count", Params: `{"table":"` + name + `"}`, Refused: &databasetest.Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/table"}, Says: says}}
	}
	f.Check(
		databasetest.Case{Action: "insert", Params: `{"table":"orders","data":{"id":1}}`, Want: `{"id":1}`},
		databasetest.Case{Action: "insert", Params: `{"table":"public.orders","data":{"id":2}}`, Want: `{"id":2}`},
		databasetest.Case{Action: "insert", Params: `{"table":"shop.orders","data":{"id":1}}`, Want: `{"id":1,"dotted":null}`}, // it is in the search path
		databasetest.Case{Action: "insert", Params: `{"table":"shop.only","data":{"id":1}}`, Want: `{"id":1}`},
		databasetest.Case{Action: "insert", Params: `{"table":"a.b.c.d","data":{"id":1}}`, Want: `{"id":1}`},
		databasetest.Case{Action: "get", Params: `{"table":"seen","filters":[{"column":"id","operator":"eq","value":7}]}`, Want: `{"id":7,"v":"x"}`},
		databasetest.Case{Action: "count", Params: `{"table":"kept"}`, Want: `{"count":1}`},
		databasetest.Case{Action: "update", Params: `{"table":"nokey","filters":[{"column":"v","operator":"eq","value":"a"}],"data":{"v":"c"},"maxAffected":2}`, Want: `{"affected":2,"data":[{"v":"c"},{"v":"c"}]}`},
		refused("only", "there is no table"),
		refused("Orders", `did you mean "orders"?`),
		refused("pg_class", "there is no table"),
		refused("pg_catalog.pg_authid", "there is no table"),
		refused("information_schema.tables", "there is no table"),
		refused("orders_pkey", "there is no table"),
		refused(strings.Repeat("x", 70), "there is no table"),
		databasetest.Case{Action: "count", Params: `{"table":"public.backflow_keys"}`, Refused: &databasetest.Refusal{Code: sdk.CodeForbidden, Pointers: []string{"/table"}}},
		databasetest.Case{Action: "insert", Params: `{"table":"seen","data":{"id":8}}`, Refused: &databasetest.Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/table"}, Says: "view"}},
	)
}

// TestUpsertNamesAKeyThatPostgreSQLCanUse: one that is partial, over an expression or
// deferred is not one.
func TestUpsertNamesAKeyThatPostgreSQLCanUse(t *testing.T) {
	t.Parallel()
	f := onPostgres().New(t, `CREATE TABLE k (id int PRIMARY KEY, a int UNIQUE NULLS NOT DISTINCT, part int, expr text, later int UNIQUE DEFERRABLE, v int)`,
		`CREATE UNIQUE INDEX ON k (part) WHERE part > 0`, `CREATE UNIQUE INDEX ON k (lower(expr))`)
	f.Check(databasetest.Case{Action: "upsert", Params: `{"table":"k","data":{"id":1,"a":1,"v":1},"onConflict":["a"]}`, Want: `{"id":1,"a":1,"part":null,"expr":null,"later":null,"v":1}`})
	for _, column := range []string{"part", "expr", "later", "v"} {
		failed := f.Refuse("", "upsert", `{"table":"k","data":{"id":3,"`+column+`":"1"},"onConflict":["`+column+`"]}`)
		if failed.Code != sdk.CodeInvalidParams || len(failed.Faults) != 1 || !strings.HasPrefix(failed.Faults[0].Pointer, "/onConflict") {
			t.Errorf("%s: %v %+v", column, failed, failed.Faults)
		}
	}
}

// TestACallWaitsForALockNoLongerThanItMay, and one that runs for too long is ended.
func TestACallWaitsForALockNoLongerThanItMay(t *testing.T) {
	t.Parallel()
	f := onPostgres().NewWith(t, map[string]any{"timeouts": map[string]any{"lock": "200ms", "statement": "2s"}}, `CREATE TABLE locked (id int PRIMARY KEY, v int)`, `INSERT INTO locked VALUES (1, 1)`,
		`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(60); RETURN NEW; END $$`,
		`CREATE TABLE slow (id int)`, `CREATE TRIGGER slow BEFORE INSERT ON slow FOR EACH ROW EXECUTE FUNCTION slow()`)
	conn, err := f.DB.Conn(t.Context())
	must(t, err)
	for _, statement := range []string{"BEGIN", "UPDATE locked SET v = 2", "SELECT pg_advisory_xact_lock(hashtextextended('taken', 7463))"} {
		_, err := conn.ExecContext(t.Context(), statement)
		must(t, err)
	}
	const update = `{"table":"locked","key":1,"data":{"v":3}}`
	for key, says := range map[string]string{"": "another transaction has held a lock", "taken": "another call with this idempotency key"} {
		_, failed := f.Try(key, "update", update)
		if failed == nil || failed.Code != sdk.CodeUnavailable || !failed.Retryable || failed.RetryAfter == 0 || failed.Outcome != sdk.OutcomeNotExecuted || !strings.Contains(failed.Message, says) {
			t.Errorf("%q: %+v", key, failed)
		}
	}
	_, err = conn.ExecContext(context.Background(), "ROLLBACK")
	must(t, err)
	must(t, conn.Close())
	f.Call("taken", "update", update)
	if _, failed := f.Try("", "insert", `{"table":"slow","data":{"id":1}}`); failed == nil || failed.Code != sdk.CodeTimeout || !strings.Contains(failed.Message, "2s") {
		t.Errorf("a statement that takes long: %+v", failed)
	}
	// A call that is over leaves no statement running on the server.
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		running := `SELECT count(*) > 0 FROM pg_stat_activity WHERE query LIKE 'INSERT INTO %slow%' AND state = 'active' AND pid <> pg_backend_pid()`
		testkit.Eventually(t, 5*time.Second, "the statement runs", func() bool { return f.Scalar(running) == "true" })
		cancel()
	}()
	_, err = f.Plugin.Execute(ctx, sdk.Call{Action: "insert", Params: json.RawMessage(`{"table":"slow","data":{"id":1}}`)})
	if err == nil {
		t.Error("a call that was ended succeeded")
	}
	testkit.Eventually(t, 1900*time.Millisecond, "the statement is ended", func() bool {
		return f.Scalar(`SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'INSERT INTO %slow%' AND state = 'active' AND pid <> pg_backend_pid()`) == "0"
	})
}

// TestCallsThatStopEachOtherAreRunAgain: transactions that lock the same rows in opposite
// order deadlock, and all of them succeed.
func TestCallsThatStopEachOtherAreRunAgain(t *testing.T) {
	t.Parallel()
	d := postgrestest.New(t)
	_, err := d.OpenAdmin().Exec(`ALTER DATABASE ` + d.Name + ` SET deadlock_timeout = '10ms'`)
	must(t, err)
	f := on(d.URL(), d).New(t, `CREATE TABLE accounts (id int PRIMARY KEY, v int)`, `INSERT INTO accounts VALUES (1, 0), (2, 0)`)
	var failures []string
	done := make(chan *sdk.Error)
	const calls = 8
	for i := range calls {
		ids := []int{1, 2}
		if i%2 == 1 {
			slices.Reverse(ids)
		}
		go func() {
			_, failed := f.Try(fmt.Sprint("key-", i), "transaction", fmt.Sprintf(`{"operations":[{"action":"update","params":{"table":"accounts","key":%d,"data":{"v":%d}}},{"action":"update","params":{"table":"accounts","key":%d,"data":{"v":%d}}}]}`, ids[0], i, ids[1], i))
			done <- failed
		}()
	}
	for range calls {
		if failed := <-done; failed != nil {
			failures = append(failures, failed.Error())
		}
	}
	if len(failures) > 0 {
		t.Errorf("%q", failures)
	}
}

// TestAQueryRefusesAValueOfAnotherTypeThanItsParameter: the server finds the type, and reads
// every value as it.
func TestAQueryRefusesAValueOfAnotherTypeThanItsParameter(t *testing.T) {
	t.Parallel()
	f := onPostgres().NewWith(t, map[string]any{"queries": map[string]any{
		"text":   map[string]any{"sql": "SELECT t FROM v WHERE t = :t"},
		"number": map[string]any{"sql": "SELECT n FROM v WHERE n = :n"},
	}}, `CREATE TABLE v (t text, n int)`, `INSERT INTO v VALUES ('7', 7), ('true', 8)`)
	f.Check(
		databasetest.Case{Action: "query", Params: `{"name":"text","params":{"t":7}}`, Want: `{"data":[{"t":"7"}]}`},
		databasetest.Case{Action: "query", Params: `{"name":"text","params":{"t":true}}`, Want: `{"data":[{"t":"true"}]}`},
		databasetest.Case{Action: "query", Params: `{"name":"number","params":{"n":7}}`, Want: `{"data":[{"n":7}]}`},
		databasetest.Case{Action: "query", Params: `{"name":"number","params":{"n":70e-1}}`, Want: `{"data":[{"n":7}]}`},
		databasetest.Case{Action: "query", Params: `{"name":"number","params":{"n":9999999999}}`, Refused: &databasetest.Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/params"}}},
		databasetest.Case{Action: "query", Params: `{"name":"number","params":{"n":"x"}}`, Refused: &databasetest.Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/params"}}},
		databasetest.Case{Action: "query", Params: `{"name":"number","params":{"n":true}}`, Refused: &databasetest.Refusal{Code: sdk.CodeInvalidParams, Pointers: []string{"/params"}}},
	)
}
