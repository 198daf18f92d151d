package settings

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/plugins/database/internal/access"
	"github.com/backflow/backflow/plugins/database/internal/driver"
	"github.com/backflow/backflow/sdk/schema"
)

func TestAnEntryIsReadWhole(t *testing.T) {
	read, err := Read([]byte(`{
  "url": "sqlite://a.db", "migrations": "m", "numbers": "string",
  "queries": {"open": {"sql": "SELECT 1"}, "close": {"sql": "DELETE FROM a", "write": true}},
  "tables": {"orders": {"operations": ["select", "insert"], "exclude": ["secret"]}, "log": {}},
  "pool": {"maxConnections": 8, "maxIdle": 0, "maxIdleTime": "1m", "maxLifetime": "1h30m"},
  "timeouts": {"connect": "1s", "statement": "2s", "lock": "500ms"}
}`))
	if err != nil {
		t.Fatal(err)
	}
	url := "sqlite://a.db"
	want := Settings{
		URL: &url, Migrations: "m", NumbersAsText: true,
		Queries: map[string]Query{"open": {SQL: "SELECT 1"}, "close": {SQL: "DELETE FROM a", Write: true}},
		Tables: map[string]access.Rule{
			"orders": {Operations: []access.Operation{access.Select, access.Insert}, Exclude: []string{"secret"}},
			"log":    {},
		},
		Options: driver.Options{
			MaxConnections: 8, MaxIdleTime: time.Minute, MaxLifetime: 90 * time.Minute,
			ConnectTimeout: time.Second, StatementTimeout: 2 * time.Second, LockTimeout: 500 * time.Millisecond,
		},
	}
	if diff := cmp.Diff(want, read); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsLeftOutHasItsDefault(t *testing.T) {
	for text, want := range map[string]driver.Options{`{}`: Defaults, `{"pool":{},"timeouts":{}}`: Defaults} {
		if read, err := Read([]byte(text)); err != nil || read.Options != want || read.Tables != nil || read.NumbersAsText {
			t.Errorf("%s: %+v, %v", text, read, err)
		}
	}
	read, err := Read([]byte(`{"pool":{"maxConnections":3}}`))
	if err != nil || read.Options.MaxIdle != 3 {
		t.Errorf("%+v, %v: more are kept than there may be", read.Options, err)
	}
}

// wrong are entries that cannot be meant, with what an error says of each. Those that
// the schema cannot refuse are marked with a star.
var wrong = []struct{ entry, says string }{
	{`{"uri":"sqlite://hunter2"}`, `unknown field "uri"; did you mean "url"?`},
	{`{"URL":"sqlite://hunter2"}`, `unknown field "URL"`},
	{`{"url":["hunter2"]}`, "url: cannot unmarshal a list"},
	{`{"pool":{"maxConnection":5}}`, `unknown field "pool.maxConnection"; did you mean "maxConnections"?`},
	{`{"pool":{"maxConnections":0}}`, "pool.maxConnections: is 0; write a number from 1 to 1000"},
	{`{"pool":{"maxConnections":1001}}`, "pool.maxConnections"},
	{`{"pool":{"maxConnections":"5"}}`, "pool.maxConnections: cannot unmarshal a string"},
	{`{"pool":{"maxConnections":2.5}}`, "pool.maxConnections: cannot unmarshal a number"},
	{`*{"pool":{"maxConnections":5,"maxIdle":6}}`, "pool.maxIdle: is 6; write a number from 0 to that of pool.maxConnections, 5"},
	{`{"pool":{"maxIdleTime":"5"}}`, `pool.maxIdleTime: "5" is no span of time; write one such as 5s`},
	{`*{"pool":{"maxLifetime":"0s"}}`, `pool.maxLifetime: "0s" is no span`},
	{`{"timeouts":{"lock":"-5s"}}`, `timeouts.lock: "-5s" is no span`},
	{`{"timeouts":{"statement":"soon"}}`, `timeouts.statement: "soon" is no span`},
	{`{"timeouts":{"connect":5}}`, "timeouts.connect: cannot unmarshal a number"},
	{`{"numbers":"text"}`, `numbers: "text" is neither "exact" nor "string"`},
	{`{"migrations":""}`, "migrations: is empty"},
	{`{"queries":{"open":{}}}`, "queries.open.sql: is missing"},
	{`{"queries":{"open":{"sql":" \n"}}}`, "queries.open.sql: is missing"},
	{`{"queries":{"open":"SELECT 1"}}`, "queries.open: cannot unmarshal a string"},
	{`{"queries":{"open":{"sql":"SELECT 1","writes":true}}}`, `unknown field "queries.open.writes"; did you mean "write"?`},
	{`{"queries":{"":{"sql":"SELECT 1"}}}`, "queries: a query has no name"},
	{`{"tables":{}}`, "tables: is empty, which closes every table"},
	{`{"tables":{"":{}}}`, "tables: a table has no name"},
	{`{"tables":["orders"]}`, "tables: cannot unmarshal a list"},
	{`*{"tables":{"Backflow_Keys":{}}}`, "tables.Backflow_Keys: belongs to Backflow itself"},
	{`{"tables":{"orders":{"operations":[]}}}`, "tables.orders.operations: is empty"},
	{`{"tables":{"orders":{"operations":["insert","selekt"]}}}`, `tables.orders.operations[1]: there is no operation "selekt"; did you mean "select"?`},
	{`{"tables":{"orders":{"operations":["transaction"]}}}`, `there is no operation "transaction"`},
	{`{"tables":{"orders":{"exclude":[]}}}`, "tables.orders.exclude: is empty"},
	{`{"tables":{"orders":{"exclude":[""]}}}`, "tables.orders.exclude: a column has no name"},
	{`{"tables":{"orders":{"excludes":["a"]}}}`, `unknown field "tables.orders.excludes"; did you mean "exclude"?`},
	{`{"url":"sqlite://hunter2","url":"x"}`, "no name stands twice"},
	{`[]`, "the entry: cannot unmarshal a list"},
}

func TestAWrongEntryIsRefusedWithItsFieldAndNoSecret(t *testing.T) {
	for _, c := range wrong {
		_, err := Read([]byte(strings.TrimPrefix(c.entry, "*")))
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: says %v, want %q in it", c.entry, err, c.says)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: a secret is in the message: %v", c.entry, err)
		}
	}
}

func TestEveryFaultOfAnEntryIsNamed(t *testing.T) {
	_, err := Read([]byte(`{"numbers":"x","pool":{"maxIdle":-1},"timeouts":{"lock":"x","connect":"y"},"tables":{"a":{"operations":["b"]}}}`))
	for _, field := range []string{"numbers", "pool.maxIdle", "timeouts.lock", "timeouts.connect", "tables.a.operations[0]"} {
		if err == nil || !strings.Contains(err.Error(), field+": ") {
			t.Errorf("%v: lacks %s", err, field)
		}
	}
}

// TestTheSchemaRefusesWhatTheReaderDoes: what the gateway checks with a place in the
// config, and what the plugin reads, is the same.
func TestTheSchemaRefusesWhatTheReaderDoes(t *testing.T) {
	compiled, err := schema.Compile(Schema("^sqlite://.", "Where it is."))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range wrong {
		text, reader := strings.CutPrefix(c.entry, "*")
		faults, err := compiled.Check([]byte(text))
		if refused := len(faults) > 0 || err != nil; refused == reader {
			t.Errorf("%s: %v %v", c.entry, faults, err)
		}
	}
	for _, text := range []string{
		`{}`, `{"tables":{"a":{}}}`, `{"numbers":"exact","timeouts":{"statement":"1h0.5s"}}`, `{"pool":{"maxConnections":1000,"maxIdle":0}}`,
		`{"queries":{"a":{"sql":"SELECT 1","write":false}}}`, `{"tables":{"a":{"operations":["insert","insertMany","upsert","update","delete","get","select","count"]}}}`,
	} {
		if faults, err := compiled.Check([]byte(text)); len(faults) > 0 || err != nil {
			t.Errorf("%s: %v %v", text, faults, err)
		}
		if _, err := Read([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}
