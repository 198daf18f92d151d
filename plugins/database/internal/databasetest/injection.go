package databasetest

import (
	"bufio"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// hostileTexts are texts that some database, driver or template would take for more than
// a text: one JSON string a line.
//
//go:embed hostile.txt
var hostileTexts string

// hostile are the texts of hostile.txt, and names longer than any database has.
func hostile(t testing.TB) []string {
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
	return texts
}

// identifiers are where an action takes the name of a table or a column: %s is the name
// as a JSON string. Each is all that is wrong with its params. at is the place of the
// fault; under is where the name itself is the member at fault.
var identifiers = []struct{ action, params, at, under string }{
	{action: "insert", params: `{"table":%s,"data":{"name":"x"}}`, at: "/table"},
	{action: "insert", params: `{"table":"victims","data":{"id":7,%s:"x"}}`, under: "/data"},
}

// values are where an action takes a value that is stored or compared: %s is the value.
// They have no other effect than rows of the table victims.
var values = []struct {
	action, params string
	// stored: the value is then that of the column name in a new row, which is returned.
	stored bool
}{
	{action: "insert", params: `{"table":"victims","data":{"name":%s}}`, stored: true},
}

// victims are two tables with a row each.
var victims = []string{
	`CREATE TABLE victims (id {id}, name {long})`, `CREATE TABLE secrets (id {id}, secret {text})`,
	`INSERT INTO victims (name) VALUES ('first')`, `INSERT INTO secrets (secret) VALUES ('do not show')`,
}

func (s Suite) injection(t *testing.T) {
	for _, place := range identifiers {
		t.Run(fmt.Sprintf("no name is SQL: %s %s%s", place.action, place.at, place.under), func(t *testing.T) {
			t.Parallel()
			f := s.New(t, victims...)
			before := f.Dump()
			for _, name := range hostile(t) {
				quoted, err := json.Marshal(name)
				must(t, err)
				at := place.at
				if place.under != "" {
					at = pointer.Join(place.under, name)
				}
				params := fmt.Sprintf(place.params, quoted)
				_, failed := f.Try("key", place.action, params)
				if failed == nil {
					t.Errorf("%s is taken", shortened(params))
					continue
				}
				if failed.Code != sdk.CodeInvalidParams || failed.Outcome != sdk.OutcomeNotExecuted || len(failed.Faults) == 0 || failed.Faults[0].Pointer != at {
					t.Errorf("%s: %s %s at %s", shortened(params), failed.Code, shortened(failed.Message), shortened(fmt.Sprint(failed.Faults)))
				}
				if len(failed.Message) > 1000 || strings.Contains(failed.Message, "do not show") {
					t.Errorf("%s: the message is %s", shortened(params), shortened(failed.Message))
				}
			}
			if after := f.Dump(); after != before {
				t.Errorf("the rows were\n%sand are\n%s", before, shortened(after))
			}
		})
	}
	for _, place := range values {
		t.Run("a value is nothing but a value: "+place.action+" "+place.params, func(t *testing.T) {
			t.Parallel()
			f := s.New(t, victims...)
			secrets, rows := f.rows(`SELECT * FROM secrets`), 1
			for _, value := range hostile(t) {
				quoted, err := json.Marshal(value)
				must(t, err)
				params := fmt.Sprintf(place.params, quoted)
				body, failed := f.Try("", place.action, params)
				if failed != nil {
					// A character that no text of these databases can hold.
					if !strings.ContainsRune(value, 0) || failed.Code != sdk.CodeInvalidParams {
						t.Errorf("%s: %s", shortened(params), shortened(failed.Error()))
					}
					continue
				}
				if !place.stored {
					continue
				}
				rows++
				var row struct{ Name string }
				if err := json.Unmarshal([]byte(body), &row); err != nil || row.Name != value {
					t.Errorf("%s: returned %s", shortened(params), shortened(body))
				}
				if got := f.Scalar(`SELECT name FROM victims ORDER BY id DESC LIMIT 1`); got != value {
					t.Errorf("%s: stored is %s", shortened(params), shortened(got))
				}
			}
			if got := f.Scalar(`SELECT count(*) FROM victims`); got != fmt.Sprint(rows) {
				t.Errorf("%s rows, want %d", got, rows)
			}
			if got := f.rows(`SELECT * FROM secrets`); fmt.Sprint(got) != fmt.Sprint(secrets) {
				t.Errorf("another table has %s", got)
			}
		})
	}
}
