package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

func TestSeedPaymentIsInsertedWithANumericAmount(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	body := f.insert("", `{"table":"payments","data":{"stripe_id":"pi_123","amount":2000}}`)
	if want := `{"id":1,"stripe_id":"pi_123","amount":2000}`; body != want {
		t.Errorf("answered %s, want %s", body, want)
	}
	if got := f.scalar("SELECT typeof(amount) || ' ' || amount FROM payments WHERE stripe_id = 'pi_123'"); got != "integer 2000" {
		t.Errorf("amount is stored as %s", got)
	}
}

const kindsDDL = `CREATE TABLE kinds (
  "key" INTEGER PRIMARY KEY, i INTEGER, r REAL, n DECIMAL(20,2), t TEXT, b BLOB, ok BOOLEAN, j JSON, jb JSONB,
  d DATETIME, a, v VARCHAR(3), twice INTEGER GENERATED ALWAYS AS (i * 2), "sp ace""q" TEXT, "ключ" TEXT)`

// TestTheRowComesBackAsStored: for each kind of column what is sent, what is
// answered, and what SQLite says it has.
func TestTheRowComesBackAsStored(t *testing.T) {
	f := newFixture(t, kindsDDL)
	for _, c := range []struct{ column, sent, answered, stored string }{
		{"i", `9223372036854775807`, `9223372036854775807`, "integer"},
		{"i", `-9223372036854775808`, `-9223372036854775808`, "integer"},
		{"i", `20.0`, `20`, "integer"},
		{"i", `2e3`, `2000`, "integer"},
		{"i", `"2000"`, `2000`, "integer"},
		{"i", `true`, `1`, "integer"},
		{"i", `null`, `null`, "null"},
		{"r", `0.1`, `0.1`, "real"},
		{"r", `5`, `5`, "real"},
		{"r", `1e300`, `1e+300`, "real"},
		{"r", `0.1000000000000000055511`, `0.1`, "real"},
		{"n", `19.990`, `19.99`, "real"},
		{"n", `"19.99"`, `19.99`, "real"},
		{"n", `1000000`, `1000000`, "integer"},
		{"n", `9007199254740993`, `9007199254740993`, "integer"},
		{"n", `1e20`, `100000000000000000000`, "real"},
		{"t", `"Zażółć 日本 🦀 \"\\\n"`, `"Zażółć 日本 🦀 \"\\\n"`, "text"},
		{"t", `"007"`, `"007"`, "text"},
		{"t", `12345678901234567890`, `"12345678901234567890"`, "text"},
		{"t", `19.990`, `"19.990"`, "text"},
		{"t", `"'); DROP TABLE kinds; --"`, `"'); DROP TABLE kinds; --"`, "text"},
		{"b", `"AAEC/w=="`, `"AAEC/w=="`, "blob"},
		{"b", `""`, `""`, "blob"},
		{"ok", `true`, `true`, "integer"},
		{"ok", `0`, `false`, "integer"},
		{"j", `{"b":12345678901234567890,"a":[19.990,"\u0000"]}`, `{"b":12345678901234567890,"a":[19.990,"\u0000"]}`, "text"},
		{"j", `[ 1, 2 ]`, `[1,2]`, "text"},
		{"j", `"123"`, `"123"`, "text"},
		{"j", `false`, `false`, "text"},
		{"j", `1.5`, `1.5`, "real"},
		{"jb", `{"a":1}`, `{"a":1}`, "text"},
		{"d", `"2026-11-23T10:00:00.000Z"`, `"2026-11-23T10:00:00.000Z"`, "text"},
		{"d", `1795428000`, `1795428000`, "integer"},
		{"a", `"5"`, `"5"`, "text"},
		{"a", `5`, `5`, "integer"},
		{"a", `0.5`, `0.5`, "real"},
		{"v", `"longer than three"`, `"longer than three"`, "text"},
		{`sp ace\"q`, `"x"`, `"x"`, "text"},
		{"ключ", `"x"`, `"x"`, "text"},
	} {
		body := f.insert("", `{"table":"kinds","data":{"`+c.column+`":`+c.sent+`}}`)
		if want := `"` + c.column + `":` + c.answered; !strings.Contains(body+",", want+",") && !strings.Contains(body, want+"}") {
			t.Errorf("%s %s: answered %s, want %s", c.column, c.sent, body, want)
		}
		column := `"` + strings.ReplaceAll(strings.ReplaceAll(c.column, `\"`, `"`), `"`, `""`) + `"`
		if got := f.scalar("SELECT typeof(" + column + `) FROM kinds ORDER BY "key" DESC LIMIT 1`); got != c.stored {
			t.Errorf("%s %s: stored as %s, want %s", c.column, c.sent, got, c.stored)
		}
	}
}

func TestColumnsAreAnsweredInTheTablesOrder(t *testing.T) {
	f := newFixture(t, `CREATE TABLE t (z TEXT, a INTEGER DEFAULT 7, m TEXT GENERATED ALWAYS AS (z || '!') STORED, b)`)
	if got, want := f.insert("", `{"table":"t","data":{"b":1,"z":"x"}}`), `{"z":"x","a":7,"m":"x!","b":1}`; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
	if got, want := f.insert("", `{"table":"t","data":{}}`), `{"z":null,"a":7,"m":null,"b":null}`; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
}

// TestAValueThatDoesNotFitIsRefused: SQLite would store each of these as
// something else than was sent.
func TestAValueThatDoesNotFitIsRefused(t *testing.T) {
	f := newFixture(t, kindsDDL, `CREATE TABLE loose (s STRING, n NUMERIC)`)
	for _, c := range []struct{ table, column, sent, says string }{
		{"kinds", "i", `"abc"`, "takes an integer"},
		{"kinds", "i", `""`, "takes an integer"},
		{"kinds", "i", `" 5"`, "takes an integer"},
		{"kinds", "i", `20.5`, "takes an integer"},
		{"kinds", "i", `9223372036854775808`, "out of range"},
		{"kinds", "i", `12345678901234567890`, "out of range"},
		{"kinds", "i", `1e999999999`, "out of range"},
		{"kinds", "i", `{}`, "declare the column as JSON"},
		{"kinds", "i", `[1]`, "declare the column as JSON"},
		{"kinds", "t", `{"a":1}`, "declare the column as JSON"},
		{"kinds", "t", `true`, "takes a string"},
		{"kinds", "t", `"a\u0000b"`, "NUL"},
		{"kinds", "a", `"\u0000"`, "NUL"},
		{"kinds", "a", `true`, "BOOLEAN"},
		{"kinds", "r", `1e400`, "double"},
		{"kinds", "r", `9007199254740993`, "rounded"},
		{"kinds", "r", `"x"`, "takes a number"},
		{"kinds", "n", `12345678901234567890`, "rounded"},
		{"kinds", "n", `1234567890123456789.25`, "rounded"},
		{"kinds", "n", `"n/a"`, "takes a number"},
		{"kinds", "n", `false`, "takes a number"},
		{"kinds", "b", `"not base64!"`, "base64"},
		{"kinds", "b", `5`, "base64"},
		{"kinds", "ok", `"true"`, "true or false"},
		{"kinds", "ok", `2`, "true or false"},
		{"kinds", "j", `12345678901234567890`, "rounded"},
		{"kinds", "d", `"20261123"`, "would turn this text into a number"},
		{"loose", "s", `"007"`, "would turn this text into a number"},
		{"loose", "s", `" +.5e1 "`, "would turn this text into a number"},
		{"kinds", "twice", `2`, "computed by the database"},
	} {
		refusal := f.refused("", `{"table":"`+c.table+`","data":{"`+c.column+`":`+c.sent+`}}`)
		if refusal.Code != sdk.CodeInvalidParams || len(refusal.Faults) != 1 || refusal.Faults[0].Pointer != "/data/"+c.column {
			t.Errorf("%s %s: %+v", c.column, c.sent, refusal)
		}
		if !strings.Contains(refusal.Message, c.says) {
			t.Errorf("%s %s: says %q, want %q in it", c.column, c.sent, refusal.Message, c.says)
		}
	}
}

func TestEveryFaultIsNamedWithAHint(t *testing.T) {
	f := newFixture(t, paymentsDDL, `CREATE TABLE "a/b" ("x~y" INTEGER)`)
	refusal := f.refused("", `{"table":"payments","data":{"stripeid":"x","amount":"much","Amount":1}}`)
	want := []sdk.Fault{
		{Pointer: "/data/stripeid", Message: `table "payments" has no column "stripeid"; did you mean "stripe_id"?`},
		{Pointer: "/data/amount", Message: `column "amount" (INTEGER) takes an integer`},
		{Pointer: "/data/Amount", Message: `table "payments" has no column "Amount"; did you mean "amount"?`},
	}
	for i, fault := range want {
		if i >= len(refusal.Faults) || refusal.Faults[i] != fault {
			t.Fatalf("faults %+v, want %+v", refusal.Faults, want)
		}
	}
	if refusal := f.refused("", `{"table":"Payment","data":{}}`); refusal.Faults[0].Pointer != "/table" || !strings.Contains(refusal.Message, `did you mean "payments"?`) {
		t.Errorf("%+v", refusal)
	}
	if refusal := f.refused("", `{"table":"a/b","data":{"x~y":"no"}}`); refusal.Faults[0].Pointer != "/data/x~0y" {
		t.Errorf("%+v", refusal)
	}
}

func TestNamesCannotCarrySQL(t *testing.T) {
	f := newFixture(t, paymentsDDL, `CREATE VIEW shown AS SELECT * FROM payments`)
	for _, table := range []string{
		`payments; DROP TABLE payments; --`, `payments\" (stripe_id) VALUES ('x'); --`, `main.payments`, `\"payments\"`, `PAYMENTS`, ` payments`,
		`payments\u0000`, `payments\u0000; DROP TABLE payments`, ``, `sqlite_schema`, `sqlite_master`, `pragma_table_list`, `shown`,
		`backflow_keys `, `main.backflow_keys`, `\"goose_db_version`, strings.Repeat(`payments`, 10000), `payments`,
	} {
		data := `{"stripe_id":"x","amount":1,"rowid":5}`
		if refusal := f.refused("", `{"table":"`+table+`","data":`+data+`}`); refusal.Code != sdk.CodeInvalidParams || len(refusal.Message) > 400 {
			t.Errorf("table %.60q: %v", table, refusal)
		}
	}
	for _, column := range []string{
		`amount\") VALUES (1); DROP TABLE payments; --`, `amount, stripe_id`, `amount\u0000`, `*`, ``, `oid`, `_rowid_`, `\"amount\"`, `1`, `?`, `amount'`,
	} {
		if refusal := f.refused("", `{"table":"payments","data":{"stripe_id":"x","amount":1,"`+column+`":5}}`); refusal.Code != sdk.CodeInvalidParams {
			t.Errorf("column %q: %v", column, refusal)
		}
	}
	if got := f.scalar("SELECT count(*) FROM payments"); got != "0" {
		t.Errorf("%s rows", got)
	}
}

func TestParamsAreReadStrictly(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	for _, params := range []string{
		``, `null`, `[]`, `{`, `{"table":"payments"}`, `{"data":{}}`, `{"table":1,"data":{}}`, `{"table":"payments","data":[]}`,
		`{"table":"payments","data":{},"extra":1}`, `{"table":"payments","data":{"amount":1,"amount":2,"stripe_id":"x"}}`,
		`{"table":"payments","table":"payments","data":{}}`, `{"table":"payments","data":{}} {}`,
		"{\"table\":\"payments\",\"data\":{\"amount\":1,\"stripe_id\":\"\xff\"}}", `{"table":"payments","data":{"amount":1,"stripe_id":"\ud800"}}`,
		`{"table":"payments","data":{"amount":01,"stripe_id":"x"}}`, `{"table":"payments","data":{"amount":1,"\u0061mount":2,"stripe_id":"x"}}`,
	} {
		if refusal := f.refused("k", params); refusal.Code != sdk.CodeInvalidParams {
			t.Errorf("%s: %v", params, refusal)
		}
	}
}

// TestConstraintsAreNamedWithoutValues: what other rows forbid is a conflict, what
// is wrong with the row is a fault at its place, a trigger's own refusal is one of
// its own. None is final: another row or schema, and the same call succeeds.
func TestConstraintsAreNamedWithoutValues(t *testing.T) {
	f := newFixture(t, paymentsDDL,
		`CREATE TABLE items (
  payment INTEGER NOT NULL REFERENCES payments (id),
  later   INTEGER REFERENCES payments (id) DEFERRABLE INITIALLY DEFERRED,
  code    TEXT UNIQUE ON CONFLICT IGNORE)`,
		`CREATE TRIGGER guarded BEFORE INSERT ON items WHEN NEW.code = 'secret-42' BEGIN SELECT RAISE(ABORT, 'codes are closed'); END`,
		`CREATE TRIGGER undone AFTER INSERT ON items WHEN NEW.code = 'secret-45' BEGIN SELECT RAISE(ROLLBACK, 'all is undone'); END`,
		`CREATE TABLE strict_one (n INTEGER) STRICT`,
		`CREATE TABLE spans ("from" INTEGER, [to] INTEGER, note TEXT, CONSTRAINT "in order" CHECK ("from" < [to] AND note <> 'from (to)'), CONSTRAINT named CHECK (length(note) < 9))`,
		`CREATE TABLE logged (n INTEGER)`, `CREATE TABLE log (n INTEGER NOT NULL)`,
		`CREATE TRIGGER writes AFTER INSERT ON logged BEGIN INSERT INTO log VALUES (NEW.n); END`)
	f.insert("", `{"table":"payments","data":{"id":1,"stripe_id":"secret-41","amount":5}}`)
	f.insert("", `{"table":"items","data":{"payment":1,"code":"secret-43"}}`)
	for _, c := range []struct {
		params   string
		code     sdk.Code
		says     string
		pointers string
		details  string
	}{
		{`{"table":"payments","data":{"stripe_id":"secret-41","amount":6}}`, sdk.CodeConflict, "UNIQUE constraint failed: payments.stripe_id", "/data/stripe_id", `{"code":"unique_violation","table":"payments","constraint":"unique","columns":["stripe_id"],"retryable":false}`},
		{`{"table":"payments","data":{"id":1,"stripe_id":"secret-44","amount":6}}`, sdk.CodeConflict, "payments.id", "/data/id", `{"code":"unique_violation","table":"payments","constraint":"unique","columns":["id"],"retryable":false}`},
		{`{"table":"payments","data":{"stripe_id":"secret-42"}}`, sdk.CodeInvalidParams, "NOT NULL constraint failed: payments.amount", "/data/amount", `{"code":"not_null_violation","table":"payments","constraint":"notNull","columns":["amount"],"retryable":false}`},
		{`{"table":"payments","data":{"stripe_id":"secret-42","amount":null}}`, sdk.CodeInvalidParams, "payments.amount", "/data/amount", `{"code":"not_null_violation","table":"payments","constraint":"notNull","columns":["amount"],"retryable":false}`},
		{`{"table":"payments","data":{"stripe_id":"secret-42","amount":-424242}}`, sdk.CodeInvalidParams, "CHECK constraint failed: amount > 0", "/data/amount", `{"code":"check_violation","table":"payments","constraint":"check","columns":["amount"],"retryable":false}`},
		{`{"table":"spans","data":{"from":424242,"to":1,"note":"n"}}`, sdk.CodeInvalidParams, "CHECK constraint failed: in order", "/data/from /data/to /data/note", `{"code":"check_violation","table":"spans","constraint":"check","columns":["from","to","note"],"retryable":false}`},
		{`{"table":"spans","data":{"from":1,"to":2,"note":"secret-424242"}}`, sdk.CodeInvalidParams, "CHECK constraint failed: named", "/data/note", `{"code":"check_violation","table":"spans","constraint":"check","columns":["note"],"retryable":false}`},
		{`{"table":"logged","data":{}}`, sdk.CodeInvalidParams, "NOT NULL constraint failed: log.n", "/data", `{"code":"not_null_violation","table":"logged","constraint":"notNull","retryable":false}`},
		{`{"table":"items","data":{"payment":424242}}`, sdk.CodeConflict, "payment refers to payments", "", `{"code":"foreign_key_violation","table":"items","constraint":"foreignKey","retryable":false}`},
		{`{"table":"items","data":{"payment":1,"later":424242}}`, sdk.CodeConflict, "FOREIGN KEY constraint failed", "", `{"code":"foreign_key_violation","constraint":"foreignKey","retryable":false}`},
		{`{"table":"items","data":{"payment":1,"code":"secret-42"}}`, sdk.CodeRejected, "codes are closed", "", `{"code":"raise_exception","table":"items","constraint":"trigger","retryable":false}`},
		{`{"table":"items","data":{"payment":1,"code":"secret-45"}}`, sdk.CodeRejected, "all is undone", "", `{"code":"raise_exception","table":"items","constraint":"trigger","retryable":false}`},
		{`{"table":"items","data":{"payment":1,"code":"secret-43"}}`, sdk.CodeConflict, "let no row come to be", "", ""},
		{`{"table":"backflow_keys","data":{"idempotency_key":"a key","digest":"","result":"","recorded_at":1}}`, sdk.CodeForbidden, "closed to every action", "/table", ""},
		{`{"table":"BACKFLOW_KEYS","data":{}}`, sdk.CodeForbidden, "closed to every action", "/table", ""},
		{`{"table":"Goose_DB_version","data":{}}`, sdk.CodeForbidden, "closed to every action", "/table", ""},
	} {
		refusal := f.refused("a key", c.params)
		var pointers []string
		for _, fault := range refusal.Faults {
			pointers = append(pointers, fault.Pointer)
		}
		if refusal.Code != c.code || refusal.Final || refusal.Retryable || !strings.Contains(refusal.Message, c.says) ||
			strings.Join(pointers, " ") != c.pointers || string(refusal.Details) != c.details {
			t.Errorf("%s: %+v %s", c.params, refusal, refusal.Details)
		}
		if shown := fmt.Sprintf("%+v", refusal); strings.Contains(shown, "secret") || strings.Contains(shown, "4242") {
			t.Errorf("%s: a value is in the error: %s", c.params, shown)
		}
	}
	// The plugin goes on after each of them.
	f.insert("a key", `{"table":"items","data":{"payment":1,"later":1,"code":"c"}}`)
}

func TestTriggersAreSeenInTheAnswer(t *testing.T) {
	f := newFixture(t,
		`CREATE TABLE t (id INTEGER PRIMARY KEY, s TEXT)`, `CREATE TRIGGER t1 AFTER INSERT ON t BEGIN UPDATE t SET s = upper(s) WHERE id = NEW.id; INSERT INTO log VALUES (1); END`,
		`CREATE TABLE log (n)`,
		`CREATE TABLE w (k TEXT PRIMARY KEY, s TEXT) WITHOUT ROWID`, `CREATE TRIGGER w1 AFTER INSERT ON w BEGIN UPDATE w SET s = upper(s) WHERE k = NEW.k; END`,
		`CREATE TABLE r (rowid TEXT, oid TEXT, _rowid_ TEXT)`, `CREATE TRIGGER r1 AFTER INSERT ON r BEGIN INSERT INTO log VALUES (2); END`,
		`CREATE TABLE bin (j JSONB)`, `CREATE TRIGGER b1 AFTER INSERT ON bin BEGIN UPDATE bin SET j = jsonb(j); END`)
	for params, want := range map[string]string{
		`{"table":"t","data":{"s":"abc"}}`:                         `{"id":1,"s":"ABC"}`,
		`{"table":"w","data":{"k":"k","s":"abc"}}`:                 `{"k":"k","s":"ABC"}`,
		`{"table":"r","data":{"rowid":"a","oid":"b"}}`:             `{"rowid":"a","oid":"b","_rowid_":null}`,
		`{"table":"bin","data":{"j":{"b":[1,2.50],"a":"\u0000"}}}`: `{"j":{"b":[1,2.50],"a":"\u0000"}}`,
	} {
		if got := f.insert("", params); got != want {
			t.Errorf("%s: answered %s, want %s", params, got, want)
		}
	}
}

func TestANewColumnIsSeenAtOnce(t *testing.T) {
	f := newFixture(t, paymentsDDL)
	f.insert("", `{"table":"payments","data":{"stripe_id":"a","amount":1}}`)
	f.exec(`ALTER TABLE payments ADD COLUMN note TEXT`)
	if got, want := f.insert("", `{"table":"payments","data":{"stripe_id":"b","amount":1,"note":"n"}}`), `{"id":2,"stripe_id":"b","amount":1,"note":"n"}`; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
	f.exec(`DROP TABLE payments`)
	f.refused("", `{"table":"payments","data":{"stripe_id":"c","amount":1}}`)
}
