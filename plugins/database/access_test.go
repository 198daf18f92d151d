package main

import (
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

const usersDDL = `CREATE TABLE users (
  id       INTEGER PRIMARY KEY,
  name     TEXT NOT NULL,
  apiToken TEXT UNIQUE DEFAULT 'hunter2' CHECK (apiToken <> 'bad'),
  "order"  INTEGER REFERENCES orders (id)
)`

// limited is a fixture whose credentials hold more than a url.
func limited(t testing.TB, more string, ddl ...string) *fixture {
	t.Helper()
	f := newFixture(t, ddl...)
	f.plugin = configured(t, f.dir, `{"url":"sqlite://data/app.db","migrations":"migrations",`+more+`}`, f.clock)
	return f
}

func TestATableThatIsNotNamedIsClosedWhetherItIsThereOrNot(t *testing.T) {
	f := limited(t, `"tables":{"payments":{},"gone":{}}`, paymentsDDL, `CREATE TABLE orders (id INTEGER PRIMARY KEY)`)
	closed := f.refused("", `{"table":"orders","data":{}}`)
	absent := f.refused("", `{"table":"absent","data":{}}`)
	if closed.Code != sdk.CodeForbidden || closed.Faults[0].Pointer != "/table" {
		t.Errorf("%+v", closed)
	}
	if got := strings.ReplaceAll(absent.Message, "absent", "orders"); absent.Code != closed.Code || got != closed.Message {
		t.Errorf("one that is there: %q, one that is not: %q", closed.Message, absent.Message)
	}
	if other := f.refused("", `{"table":"Payments","data":{}}`); other.Code != sdk.CodeForbidden {
		t.Errorf("another case of letters: %v", other)
	}
	if gone := f.refused("", `{"table":"gone","data":{}}`); gone.Code != sdk.CodeInvalidParams || gone.Message != `there is no table "gone"` {
		t.Errorf("one that is named and not there: %v", gone)
	}
	f.insert("", `{"table":"payments","data":{"stripe_id":"pi_1","amount":1}}`)
}

func TestAnOperationThatIsNotNamedIsClosed(t *testing.T) {
	f := limited(t, `"tables":{"payments":{"operations":["select","count"]}}`, paymentsDDL)
	refusal := f.refused("", `{"table":"payments","data":{"stripe_id":"pi_1","amount":1}}`)
	if refusal.Code != sdk.CodeForbidden || !strings.Contains(refusal.Message, `table "payments" is closed to insert`) || !strings.Contains(refusal.Message, "opens it to select, count") {
		t.Errorf("%v", refusal)
	}
}

func TestTheTablesOfThePluginAreClosedInAnyCase(t *testing.T) {
	for _, more := range []string{`"numbers":"exact"`, `"tables":{"payments":{}}`} {
		f := limited(t, more, paymentsDDL)
		for _, table := range []string{"backflow_keys", "BACKFLOW_KEYS", "goose_db_version", "Goose_DB_Version"} {
			if refusal := f.refused("", `{"table":"`+table+`","data":{}}`); refusal.Code != sdk.CodeForbidden || !strings.Contains(refusal.Message, "belongs to Backflow itself") {
				t.Errorf("%s: %v", table, refusal)
			}
		}
	}
}

// TestAnExcludedColumnIsNotThere: neither to write, nor in the result, nor in a hint,
// nor in what is said of a constraint.
func TestAnExcludedColumnIsNotThere(t *testing.T) {
	f := limited(t, `"tables":{"users":{"exclude":["APITOKEN"]}}`, `CREATE TABLE orders (id INTEGER PRIMARY KEY)`, usersDDL)
	if got, want := f.insert("", `{"table":"users","data":{"name":"a"}}`), `{"id":1,"name":"a","order":null}`; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
	for _, column := range []string{"apiToken", "apitoken", "apiTokn"} {
		refusal := f.refused("", `{"table":"users","data":{"name":"b","`+column+`":"x"}}`)
		if want := `table "users" has no column "` + column + `"`; refusal.Code != sdk.CodeInvalidParams || refusal.Message != want {
			t.Errorf("%s: %v, want %s", column, refusal, want)
		}
	}
	// The default of the excluded column is there already, under its unique key.
	refusal := f.refused("", `{"table":"users","data":{"name":"b"}}`)
	if refusal.Code != sdk.CodeConflict || strings.Contains(strings.ToLower(refusal.Message+string(refusal.Details)), "apitoken") {
		t.Errorf("%+v %s", refusal, refusal.Details)
	}
	if refusal.Faults != nil || !strings.Contains(string(refusal.Details), `"code":"unique_violation"`) {
		t.Errorf("%+v %s", refusal, refusal.Details)
	}
	// orders is closed: a foreign key to it does not say its name.
	f.exec(`UPDATE users SET apiToken = 'other'`)
	refusal = f.refused("", `{"table":"users","data":{"name":"b","order":5}}`)
	if refusal.Code != sdk.CodeConflict || refusal.Message != "a foreign key refuses it" {
		t.Errorf("%v", refusal)
	}
}

// TestAnExcludedPrimaryKeyIsNotShown: the row is found again by it all the same, to be
// returned as the trigger left it.
func TestAnExcludedPrimaryKeyIsNotShown(t *testing.T) {
	f := limited(t, `"tables":{"codes":{"exclude":["code"]}}`,
		`CREATE TABLE codes (code TEXT PRIMARY KEY DEFAULT 'c', used INTEGER, n INTEGER DEFAULT 1) WITHOUT ROWID`,
		`CREATE TRIGGER doubled AFTER INSERT ON codes BEGIN UPDATE codes SET n = 2; END`)
	if got, want := f.insert("", `{"table":"codes","data":{"used":0}}`), `{"used":0,"n":2}`; got != want {
		t.Errorf("answered %s, want %s", got, want)
	}
}

func TestAMisspeltExclusionClosesTheTable(t *testing.T) {
	f := limited(t, `"tables":{"payments":{"exclude":["amuont"]}}`, paymentsDDL)
	refusal := f.refused("", `{"table":"payments","data":{"stripe_id":"pi_1","amount":1}}`)
	if refusal.Code != sdk.CodeForbidden || !strings.Contains(refusal.Message, "names a column that it does not have") {
		t.Errorf("%v", refusal)
	}
}

func TestNumbersAsTextKeepEveryDigit(t *testing.T) {
	f := limited(t, `"numbers":"string"`, kindsDDL)
	for data, answered := range map[string]string{
		`"i":9007199254740993`:        `"i":"9007199254740993"`,
		`"n":19.990`:                  `"n":"19.99"`,
		`"r":0.5`:                     `"r":0.5`,
		`"ok":true`:                   `"ok":true`,
		`"a":9007199254740993`:        `"a":"9007199254740993"`,
		`"a":0.5`:                     `"a":0.5`,
		`"j":{"id":9007199254740993}`: `"j":{"id":9007199254740993}`,
		`"i":"12"`:                    `"i":"12"`,
		`"t":"5"`:                     `"t":"5"`,
	} {
		if got := f.insert("", `{"table":"kinds","data":{`+data+`}}`); !strings.Contains(got, answered) {
			t.Errorf("%s: answered %s, want %s in it", data, got, answered)
		}
	}
}

func TestAStatementEndsAtItsTimeout(t *testing.T) {
	f := limited(t, `"timeouts":{"statement":"30ms"}`,
		`CREATE TABLE slow (n INTEGER, m INTEGER)`,
		`CREATE TRIGGER slowly AFTER INSERT ON slow BEGIN
  UPDATE slow SET m = (WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT max(x) FROM c); END`)
	refusal := f.refused("k", `{"table":"slow","data":{"n":1}}`)
	if refusal.Code != sdk.CodeTimeout || !refusal.Retryable {
		t.Errorf("%+v", refusal)
	}
}
