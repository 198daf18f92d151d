package compile

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk"
)

var ledgerManifest = &sdk.Manifest{Name: "taken", Actions: []sdk.ActionSpec{
	{Name: "batch", Inner: "calls", Params: json.RawMessage(`{"type":"object","required":["calls"],"additionalProperties":false,
		"properties":{"note":{"type":"string"},"calls":{"type":"array","items":{"type":"object","additionalProperties":false,"properties":{"action":{},"params":{}}}}}}`)},
	{Name: "insert", Tables: "table", Params: json.RawMessage(`{"type":"object","required":["table"],"additionalProperties":false,
		"properties":{"table":{"type":"string"},"n":{"type":"integer"},"data":{"type":"object"}}}`)},
}}

// TestTheCallsWithinACallAreCheckedAtTheirPlaces: each fault has the line and the column
// of what is wrong.
func TestTheCallsWithinACallAreCheckedAtTheirPlaces(t *testing.T) {
	for params, want := range map[string][]string{
		`"calls": [{ "action": "insert",
"params": { "table": "a", "n": "{{input.n}}", "data": "{{input.data}}" } }, { "action": "insert",
"params": { "table": "{{input.table}}", "n": "{{results[0].id}}", "data": { "of": ["{{results[0]}}"] } } }]`: nil,
		`"calls": [
{ "action": "inser", "params": {} }]`: {`3:13: taken.batch: integration "taken" has no action "inser" (did you mean "insert"?)`},
		`"calls": [
{ "action": "batch", "params": {} }]`: {`3:13: taken.batch: batch cannot be called within batch: it has calls of its own`},
		`"calls": [
{ "action": "insert", "params": { "tabel": "a", "n": "x" } }]`: {`3:44: taken.batch: unknown field "tabel" (did you mean "table"?)`, `3:54: taken.batch: must be an integer, not a string`},
		`"calls": [
{ "action": "insert", "params": { "table": "a",
  "n": "{{results[0].id}}" } }]`: {`4:8: taken.batch: {{results[0].id}}: only the results of earlier calls can be read, and this is call 0`},
		`"calls": [{ "action": "insert", "params": { "table": "a" } }, { "action": "insert", "params": {
  "table": "{{results[0].t}}" } }]`: {`3:12: taken.batch: a table is written out, and not taken from a result`},
		`"calls": [{ "action": "insert", "params": { "table": "a" } }, { "action": "insert", "params": { "table": "a",
  "data": { "a": "x {{results[0].t}}" } } }]`: {`3:18: what reads a result of another call is not rendered here, and stands alone (make "{{results[0].id}}" all that the field holds)`},
		`"calls": [], "note":
 "{{results[0].t}}"`: {`3:2: taken.batch: there are no "results" here: they are for the params of the calls within one action (another step is read as {{steps.ID.result.id}})`},
		`"calls":
 "{{input.calls}}"`: {`3:2: taken.batch: what is called is written out, and never made from data (write the list with the action of each; values in params may be placeholders)`},
		`"calls": [{ "action":
 "{{input.action}}", "params": {} }]`: {`3:2: taken.batch: what is called is written out, and never made from data (write the list with the action of each; values in params may be placeholders)`},
		`"calls": [{ "action": "insert", "params": { "table": "a", "n":
 "{{run.id}}" } }]`: {`3:2: taken.insert: must be a number, and "{{run.id}}" is a string`},
	} {
		p := loadText(t, `{ "pluginDirs": ["."], "workflows": [{ "id": "w", "steps": [{ "id": "s", "type": "taken", "action": "batch",
"params": { `+params+` } }] }] }`, config.Options{LookupEnv: func(string) (string, bool) { return "", false }})
		p.check(action.NewCatalog(map[string]*sdk.Manifest{"taken": ledgerManifest}))
		p.Faults.Sort()
		var got []string
		for _, f := range p.Faults {
			got = append(got, strings.TrimPrefix(f.String(), filepath.Dir(p.Config.Path)+"/backflow.json:"))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", params, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
}

func TestAnActionWithoutCallsReadsNoResults(t *testing.T) {
	faults, _ := judged(t, `{ "id": "w", "steps": [{ "id": "s", "type": "taken", "action": "call", "params": { "amount": 1, "code":
 "{{results[0].id}}" } }] }`)
	one(t, "faults", faults, `2:2: taken.call: there are no "results" here`)
}
