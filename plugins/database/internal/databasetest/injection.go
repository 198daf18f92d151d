package databasetest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/internal/testkit"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// hostileTexts are texts that some database, driver or template would take for more than
// a text: one JSON string a line.
//
//go:embed hostile.txt
var hostileTexts string

// hostile are the texts of hostile.txt, and names longer than any database has; of them a
// third, another for the next place, unless long tests run.
func hostile(t testing.TB, place int) []string {
	t.Helper()
	long := strings.Repeat("victims\"`'", 64<<10/10)
	texts := []string{long, "name" + strings.Repeat("e", 64<<10)}
	lines := bufio.NewScanner(strings.NewReader(hostileTexts))
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			t.Fatalf("hostile.txt: %s: %v", lines.Text(), err)
		}
		texts = append(texts, text)
	}
	if testkit.LongRun() {
		return texts
	}
	var some []string
	for i, text := range texts {
		if (i+place)%3 == 0 {
			some = append(some, text)
		}
	}
	return some
}

// one selects the row that is there.
const one = `"filters":[{"column":"id","operator":"eq","value":1}]`

// identifiers are where an action takes the name of a table or a column, or another word
// of a list: %s is the name as a JSON string. Each is all that is wrong with its params. at
// is the place of the fault; under is where the name itself is the member at fault, and
// at is then what follows.
var identifiers = []struct{ action, params, at, under string }{
	{action: "insert", params: `{"table":%s,"data":{"name":"x"}}`, at: "/table"},
	{action: "insert", params: `{"table":"victims","data":{"id":7,%s:"x"}}`, under: "/data"},
	{action: "insertMany", params: `{"table":%s,"rows":[{"name":"x"}]}`, at: "/table"},
	{action: "insertMany", params: `{"table":"victims","rows":[{"name":"x"},{"id":7,%s:"x"}]}`, under: "/rows/1"},
	{action: "upsert", params: `{"table":%s,"data":{"id":1,"name":"x"},"onConflict":["id"]}`, at: "/table"},
	{action: "upsert", params: `{"table":"victims","data":{"id":1,%s:"x"},"onConflict":["id"]}`, under: "/data"},
	{action: "upsert", params: `{"table":"victims","data":{"id":1,"name":"x"},"onConflict":[%s]}`, at: "/onConflict/0"},
	{action: "update", params: `{"table":%s,"data":{"name":"x"},` + one + `}`, at: "/table"},
	{action: "update", params: `{"table":"victims","data":{"name":"x",%s:"x"},` + one + `}`, under: "/data"},
	{action: "update", params: `{"table":"victims","data":{"name":"x"},"filters":[{"column":%s,"operator":"eq","value":"x"}]}`, at: "/filters/0/column"},
	{action: "update", params: `{"table":"victims","data":{"name":"x"},` + one + `,"if":{%s:"x"}}`, under: "/if"},
	{action: "update", params: `{"table":"victims","data":{"name":"x"},"key":"1","where":{%s:["eq.x"]}}`, under: "/where", at: "/0"},
	{action: "delete", params: `{"table":%s,` + one + `}`, at: "/table"},
	{action: "delete", params: `{"table":"victims","filters":[{"column":%s,"operator":"eq","value":"x"}]}`, at: "/filters/0/column"},
	{action: "delete", params: `{"table":"victims",` + one + `,"if":{%s:"x"}}`, under: "/if"},
	{action: "delete", params: `{"table":"victims","key":"1","where":{%s:["eq.x"]}}`, under: "/where", at: "/0"},
	{action: "get", params: `{"table":%s,` + one + `}`, at: "/table"},
	{action: "get", params: `{"table":"victims","filters":[{"column":%s,"operator":"eq","value":"x"}]}`, at: "/filters/0/column"},
	{action: "select", params: `{"table":%s}`, at: "/table"},
	{action: "select", params: `{"table":"victims","columns":["id",%s]}`, at: "/columns/1"},
	{action: "select", params: `{"table":"victims","select":%s}`, at: "/select"},
	{action: "select", params: `{"table":"victims","filters":[{"or":[{"column":"id","operator":"eq","value":1},{"not":{"column":%s,"operator":"eq","value":"x"}}]}]}`, at: "/filters/0/or/1/not/column"},
	{action: "select", params: `{"table":"victims","filters":[{"column":"id","operator":%s,"value":1}]}`, at: "/filters/0/operator"},
	{action: "select", params: `{"table":"victims","where":{%s:["eq.x"]}}`, under: "/where", at: "/0"},
	{action: "select", params: `{"table":"victims","order":[{"column":%s,"ascending":true}]}`, at: "/order/0/column"},
	{action: "select", params: `{"table":"victims","order":%s}`, at: "/order"},
	{action: "select", params: `{"table":"victims","cursor":%s}`, at: "/cursor"},
	{action: "count", params: `{"table":%s}`, at: "/table"},
	{action: "count", params: `{"table":"victims","filters":[{"column":%s,"operator":"eq","value":"x"}]}`, at: "/filters/0/column"},
	{action: "query", params: `{"name":%s,"params":{"name":"x"}}`, at: "/name"},
	{action: "query", params: `{"name":"add","params":{"name":"x",%s:"x"}}`, under: "/params"},
	{action: "transaction", params: `{"operations":[{"action":%s,"params":{}}]}`, at: "/operations/0/action"},
	{action: "transaction", params: `{"operations":[{"action":"insert","params":{"table":"secrets","data":{"secret":"x"}}},{"action":"insert","params":{"table":"victims","data":{%s:"x"}}}]}`, under: "/operations/1/params/data"},
}

// values are where an action takes a value that is stored or compared: %s is the value.
// They have no other effect than on rows of the table victims.
var values = []struct {
	action, params string
	// stored: the value is then that of the column name in the newest row, which is
	// returned at this place.
	stored string
	// added: there is one row more.
	added bool
	// odd: some of the values are none of those that are taken there.
	odd bool
}{
	{action: "insert", params: `{"table":"victims","data":{"name":%s}}`, stored: "name", added: true},
	{action: "insertMany", params: `{"table":"victims","rows":[{"name":%s}]}`, stored: "data.0.name", added: true},
	{action: "upsert", params: `{"table":"victims","data":{"id":1,"name":%s},"onConflict":["id"]}`, stored: "name"},
	{action: "update", params: `{"table":"victims","data":{"name":%s},` + one + `}`, stored: "data.0.name"},
	{action: "update", params: `{"table":"victims","data":{"name":"hit"},"filters":[{"column":"name","operator":"eq","value":%s}]}`},
	{action: "update", params: `{"table":"victims","data":{"name":"hit"},` + one + `,"if":{"name":%s}}`, odd: true},
	{action: "delete", params: `{"table":"victims","filters":[{"column":"name","operator":"eq","value":%s}]}`},
	{action: "delete", params: `{"table":"victims","filters":[{"column":"name","operator":"in","value":["x",%s]}]}`},
	{action: "delete", params: `{"table":"victims","key":%s}`, odd: true},
	{action: "get", params: `{"table":"victims","key":%s}`, odd: true},
	{action: "get", params: `{"table":"victims","filters":[{"column":"name","operator":"eq","value":%s}]}`, odd: true},
	{action: "count", params: `{"table":"victims","filters":[{"column":"name","operator":"between","value":["zzzz",%s]}]}`},
	{action: "count", params: `{"table":"victims","filters":[{"column":"name","operator":"like","value":%s}]}`, odd: true},
	{action: "count", params: `{"table":"victims","filters":[{"column":"name","operator":"ilike","value":%s}]}`, odd: true},
	{action: "count", params: `{"table":"victims","filters":[{"column":"name","operator":"contains","value":%s}]}`},
	{action: "select", params: `{"table":"victims","where":{"name":[%s]}}`, odd: true},
	{action: "query", params: `{"name":"find","params":{"name":%s}}`},
	{action: "query", params: `{"name":"add","params":{"name":%s}}`, added: true},
	{action: "transaction", params: `{"operations":[{"action":"update","params":{"table":"victims","data":{"name":%s},` + one + `}}]}`, stored: "results.0.data.0.name", odd: true},
}

// statements are the named ones of the config.
var statements = map[string]any{"queries": map[string]any{
	"find": map[string]any{"sql": "SELECT id, name FROM victims WHERE name = :name"},
	"add":  map[string]any{"sql": "INSERT INTO victims (name) VALUES (:name)", "write": true},
}}

// victims are two tables with a row each.
var victims = []string{
	`CREATE TABLE victims (id {id}, name {long})`, `CREATE TABLE secrets (id {id}, secret {text})`,
	`INSERT INTO victims (name) VALUES ('first')`, `INSERT INTO secrets (secret) VALUES ('do not show')`,
}

func (s Suite) injection(t *testing.T) {
	t.Run("no name is SQL, wherever an action takes one", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, statements, victims...)
		before := f.Dump()
		for number, place := range identifiers {
			for _, name := range hostile(t, number) {
				at := place.at
				if place.under != "" {
					at = pointer.Join(place.under, name) + place.at
				}
				params := fmt.Sprintf(place.params, quoted(name))
				_, failed := f.Try("key", place.action, params)
				if failed == nil {
					t.Errorf("%s %s is taken", place.action, shortened(params))
					continue
				}
				if failed.Code != sdk.CodeInvalidParams || failed.Outcome != sdk.OutcomeNotExecuted || len(failed.Faults) == 0 || failed.Faults[0].Pointer != at {
					t.Errorf("%s %s: %s %s at %s", place.action, shortened(params), failed.Code, shortened(failed.Message), shortened(fmt.Sprint(failed.Faults)))
				}
				if len(failed.Message) > 1000 || strings.Contains(failed.Message, "do not show") {
					t.Errorf("%s %s: the message is %s", place.action, shortened(params), shortened(failed.Message))
				}
			}
			if after := f.Dump(); after != before {
				t.Fatalf("%s %s: the rows were\n%sand are\n%s", place.action, place.params, before, shortened(after))
			}
		}
	})
	t.Run("a value is nothing but a value, wherever an action takes one", func(t *testing.T) {
		t.Parallel()
		f := s.NewWith(t, statements, victims...)
		secrets := f.rows(`SELECT * FROM secrets`)
		for number, place := range values {
			f.Exec(`DELETE FROM victims`, `INSERT INTO victims (id, name) VALUES (1, 'first')`)
			rows := 1
			for _, value := range hostile(t, number) {
				params := fmt.Sprintf(place.params, quoted(value))
				body, failed := f.Try("", place.action, params)
				if failed != nil {
					// NUL is a character that no text of these databases can hold.
					if !place.odd && !strings.ContainsRune(value, 0) || !slices.Contains(refusals, failed.Code) {
						t.Errorf("%s %s: %s", place.action, shortened(params), shortened(failed.Error()))
					}
					continue
				}
				if place.added {
					rows++
				}
				if place.stored == "" {
					continue
				}
				if got := member(t, body, place.stored); got != value {
					t.Errorf("%s %s: returned %s", place.action, shortened(params), shortened(body))
				}
				if got := f.Scalar(`SELECT name FROM victims ORDER BY id DESC LIMIT 1`); got != value {
					t.Errorf("%s %s: stored is %s", place.action, shortened(params), shortened(got))
				}
			}
			if got := f.Scalar(`SELECT count(*) FROM victims`); got != fmt.Sprint(rows) {
				t.Errorf("%s %s: %s rows, want %d", place.action, place.params, got, rows)
			}
			if place.stored == "" && !place.added && f.Scalar(`SELECT name FROM victims`) != "first" {
				t.Errorf("%s %s: a row was changed", place.action, place.params)
			}
			if got := f.rows(`SELECT * FROM secrets`); !slices.Equal(got, secrets) {
				t.Fatalf("%s %s: another table has %s", place.action, place.params, got)
			}
		}
	})
}

// refusals are what may be said of a value that fits nothing.
var refusals = []sdk.Code{sdk.CodeInvalidParams, sdk.CodeNotFound, sdk.CodePreconditionFailed}

// member is what is at a place of a JSON text, such as "data.0.name".
func member(t testing.TB, text, path string) any {
	t.Helper()
	found := parse(t, text)
	for part := range strings.SplitSeq(path, ".") {
		switch within := found.(type) {
		case map[string]any:
			found = within[part]
		case []any:
			found = within[0]
		}
	}
	return found
}
