package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
)

const (
	changedDDL  = `CREATE TABLE rows (id INTEGER PRIMARY KEY, code TEXT UNIQUE, n INTEGER NOT NULL DEFAULT 1, r REAL, ok BOOLEAN, j JSON, d DATETIME, twice INTEGER GENERATED ALWAYS AS (n * 2), a TEXT, b TEXT, UNIQUE (a, b))`
	pairsDDL    = `CREATE TABLE pairs (a TEXT, b INTEGER, note TEXT, PRIMARY KEY (a, b)) WITHOUT ROWID`
	changedRows = `INSERT INTO rows (id, code, n, r, ok, j, a, b) VALUES (1, 'a', 1, 0.5, 1, '{"x":[1]}', 'p', 'q'), (2, 'b', 1, NULL, 0, NULL, 'p', 'r'), (3, NULL, 2, 1e300, NULL, '5', NULL, NULL)`
	pairsRows   = `INSERT INTO pairs (a, b) VALUES ('x', 1), ('x,y', 2)`
)

// FuzzChanges: whatever an action is asked for, it is refused with a reason that is the
// caller's and changes nothing, or it changes as many rows as it says, and no more than
// it may.
func FuzzChanges(f *testing.F) {
	for _, seed := range [][2]string{
		{"update", `{"table":"rows","filters":[{"column":"n","operator":"eq","value":1}],"data":{"n":5,"j":{"a":null}},"maxAffected":2,"if":{"r":null}}`},
		{"update", `{"table":"rows","key":1,"data":{"id":9,"code":null},"if":{"j":{"x":[1.0]},"ok":true},"where":{"code":["eq.a","not.in.(b,\"c\")"]}}`},
		{"update", `{"table":"pairs","key":"\"x,y\",2","data":{"b":1}}`},
		{"update", `{"table":"rows","filters":[{"or":[{"column":"code","operator":"like","value":"%\\_"},{"not":{"column":"d","operator":"is","value":null}}]}],"data":{"twice":1}}`},
		{"update", `{"table":"rows","filters":[{"column":"id","operator":"between","value":[1,3]}],"data":{"a":"p","b":"q"},"maxAffected":3}`},
		{"delete", `{"table":"rows","filters":[{"column":"id","operator":"in","value":[1,2]}],"maxAffected":2}`},
		{"delete", `{"table":"rows","filters":[{"column":"j","operator":"contains","value":1}]}`},
		{"delete", `{"table":"rows","filters":[]}`},
		{"delete", `{"table":"pairs","key":"x,1"}`},
		{"upsert", `{"table":"rows","data":{"code":"a","n":7},"onConflict":["code"]}`},
		{"upsert", `{"table":"rows","data":{"b":"q","a":"p"},"onConflict":["b","a"]}`},
		{"upsert", `{"table":"rows","data":{"id":2,"code":"a"},"onConflict":["id"]}`},
		{"insertMany", `{"table":"rows","rows":[{},{"n":1},{"n":2},{"code":"a"},{"code":"z","d":"2026-11-23T10:00:00Z"}]}`},
		{"insertMany", `{"table":"pairs","rows":[{"a":"1","b":1},{"a":"2","b":1},{"a":"1","b":1}]}`},
		{"get", `{"table":"rows","key":"3"}`},
		{"get", `{"table":"rows","filters":[{"column":"code","operator":"ilike","value":"A\"; DROP TABLE rows"}]}`},
		{"count", `{"table":"rows","filters":[{"and":[{"column":"r","operator":"gt","value":0.1}]}]}`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	base := newFixture(f, changedDDL, pairsDDL)
	var manifest []string
	for _, action := range base.plugin.Manifest().Actions {
		manifest = append(manifest, action.Name)
	}
	before := ""
	f.Fuzz(func(t *testing.T, action string, params []byte) {
		if !slices.Contains(manifest, action) || action == "transaction" {
			return
		}
		fix := *base
		fix.t = t
		if before == "" || fix.everything() != before {
			fix.exec(`DELETE FROM rows; DELETE FROM pairs; ` + changedRows + `; ` + pairsRows)
			before = fix.everything()
		}
		result, err := fix.plugin.Execute(t.Context(), sdk.Call{Action: action, Params: params})
		if err != nil {
			var refusal *sdk.Error
			if !errors.As(err, &refusal) || refusal.Outcome != sdk.OutcomeNotExecuted || refusal.Code == sdk.CodeInternal || refusal.Code == sdk.CodeUpstream {
				t.Fatalf("%s %s: %v", action, params, err)
			}
			if after := fix.everything(); after != before {
				t.Fatalf("%s %s: refused with %v, and the rows are not as before:\n%s\n%s", action, params, err, before, after)
			}
			return
		}
		fix.checkChange(action, params, result.Body, before)
	})
}

// checkChange compares what a call says that it did with what it has done to five rows.
func (f *fixture) checkChange(action string, params, body []byte, before string) {
	f.t.Helper()
	var asked struct {
		MaxAffected int               `json:"maxAffected"`
		Rows        []json.RawMessage `json:"rows"`
	}
	var did struct {
		Affected int               `json:"affected"`
		Data     []json.RawMessage `json:"data"`
	}
	if err := errors.Join(json.Unmarshal(params, &asked), json.Unmarshal(body, &did)); err != nil {
		f.t.Fatalf("%s %s: returned %s: %v", action, params, body, err)
	}
	asked.MaxAffected = max(asked.MaxAffected, 1)
	now := f.everything()
	rows := strings.Count(now, "\n") - strings.Count(before, "\n")
	changed := 0
	for line := range strings.Lines(now) {
		if !strings.Contains(before, line) {
			changed++
		}
	}
	wrong := false
	switch action {
	case "insert":
		wrong = rows != 1 || changed != 1
	case "insertMany":
		wrong = rows != len(asked.Rows) || changed != rows || len(did.Data) != rows
	case "upsert":
		wrong = rows > 1 || rows < 0 || changed > 1
	case "update":
		wrong = rows != 0 || changed > did.Affected || did.Affected > asked.MaxAffected || len(did.Data) != did.Affected
	case "delete":
		wrong = rows != -did.Affected || changed != 0 || did.Affected > asked.MaxAffected
	default:
		wrong = now != before
	}
	if wrong {
		f.t.Fatalf("%s %s: returned %s, and the rows are\n%s\nnow\n%s", action, params, body, before, now)
	}
}

// everything is each row of the two tables on a line of its own.
func (f *fixture) everything() string {
	f.t.Helper()
	const quoted = `SELECT coalesce(group_concat(line, ''), '') FROM (SELECT %s || char(10) AS line FROM %s ORDER BY 1)`
	row := func(table string, columns ...string) string {
		for i, column := range columns {
			columns[i] = "replace(quote(" + column + "), char(10), ' ')"
		}
		return f.scalar(fmt.Sprintf(quoted, "'"+table+" ' || "+strings.Join(columns, " || ',' || "), table))
	}
	return row("rows", "id", "code", "n", "r", "ok", "j", "d", "a", "b") + row("pairs", "a", "b", "note")
}
