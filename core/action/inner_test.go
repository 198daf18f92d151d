package action_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// batch returns an action whose param "calls" is a list of calls of insert and remove.
func batch(t *testing.T) *action.Action {
	t.Helper()
	registry, _ := registryOf(t,
		sdk.ActionSpec{Name: "batch", Writes: true, Inner: "calls", Params: json.RawMessage(`{"type":"object","required":["calls"],"additionalProperties":false,
			"properties":{"calls":{"type":"array","minItems":1,"items":{"type":"object"}}}}`)},
		sdk.ActionSpec{Name: "other", Writes: true, Inner: "list", Params: json.RawMessage(`{"type":"object","properties":{"list":{"type":"array"}}}`)},
		sdk.ActionSpec{Name: "insert", Writes: true, Tables: "table", Params: json.RawMessage(`{"type":"object","required":["table","n"],"additionalProperties":false,
			"properties":{"table":{"type":"string"},"n":{"type":"integer"},"data":{"type":"object"}}}`)},
		sdk.ActionSpec{Name: "ping", Params: json.RawMessage(`{"type":"object","additionalProperties":false}`)},
	)
	return find(t, registry, "batch")
}

func TestInnerCallsAreCheckedAgainstTheSchemasOfTheirActions(t *testing.T) {
	a := batch(t)
	for params, want := range map[string][]string{
		`{"calls":[{"action":"insert","params":{"table":"a","n":1}},{"action":"ping"}]}`:       nil,
		`{"calls":[{"action":"insert","params":{"table":"a","n":"x"}}]}`:                       {`/calls/0/params/n: must be an integer, not a string`},
		`{"calls":[{"action":"ping"},{"action":"insert","params":{"tabel":"a","n":1,"x":1}}]}`: {`/calls/1/params/tabel: unknown field "tabel" (did you mean "table"?)`, `/calls/1/params/x: unknown field "x"`},
		`{"calls":[{"action":"insert"}]}`:                                                      {`/calls/0/params/n: "n" is required`, `/calls/0/params/table: "table" is required`},
		`{"calls":[{"action":"insert","params":[]}]}`:                                          {`/calls/0/params: must be an object, not an array`},
		`{"calls":[{"action":"inset","params":{}}]}`:                                           {`/calls/0/action: integration "shop" has no action "inset" (did you mean "insert"?)`},
		`{"calls":[{"action":"batch","params":{"calls":[]}}]}`:                                 {`/calls/0/action: batch cannot be called within batch: it has calls of its own`},
		`{"calls":[{"action":"other","params":{}}]}`:                                           {`/calls/0/action: other cannot be called within batch: it has calls of its own`},
		`{"calls":[{"params":{}},{"action":1},7]}`:                                             {`/calls/0/action: must be the name of an action, not null`, `/calls/1/action: must be the name of an action, not a number`, `/calls/2: must be an object, not a number`},
		`{"calls":{}}`: {`/calls: must be an array, not an object`},
		`{"calls":[]}`: {`/calls: must have at least 1 item, not 0`},
		`{}`:           {`/calls: "calls" is required`},
	} {
		if got := faultsOf(t, a, params); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", params, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
	many := `{"calls":[` + strings.Repeat(`1,`, 5000) + `1]}`
	if got := faultsOf(t, a, many); len(got) != 50 {
		t.Errorf("%d faults are shown", len(got))
	}
}

func TestAnInnerCallMayTakeValuesFromTheResultsOfEarlierOnes(t *testing.T) {
	a := batch(t)
	first := `{"action":"insert","params":{"table":"a","n":1}}`
	for second, want := range map[string][]string{
		`{"table":"a","n":"{{results[0].id}}"}`:                      nil,
		`{"table":"a","n":1,"data":"{{ results[0].row }}"}`:          nil,
		`{"table":"a","n":1,"data":{"a":["{{results[0]}}"]}}`:        nil,
		`{"table":"a","n":"{{results[0].id}} "}`:                     {`/calls/1/params/n: must be an integer, not a string`},
		`{"table":"a","n":"{{input.id}}"}`:                           {`/calls/1/params/n: must be an integer, not a string`},
		`{"table":"a","n":"{{results[1].id}}"}`:                      {`/calls/1/params/n: {{results[1].id}}: only the results of earlier calls can be read, and this is call 1`},
		`{"table":"a","n":"{{results[0].id ?? 1}}"}`:                 {`/calls/1/params/n: "{{results[0].id ?? 1}}" reads no result: write a path, as in "{{results[0].id}}", without defaults`},
		`{"table":"{{results[0].table}}","n":1}`:                     {`/calls/1/params/table: a table is written out, and not taken from a result`},
		`"{{results[0].params}}"`:                                    {`/calls/1/params: params are written out, and not taken from a result: values in them may be`},
		`{"table":"a","n":"{{results[0].id}}","x":"{{results[0]}}"}`: {`/calls/1/params/x: unknown field "x"`},
	} {
		if got := faultsOf(t, a, `{"calls":[`+first+`,{"action":"insert","params":`+second+`}]}`); !slices.Equal(got, want) {
			t.Errorf("%s:\n got %s\nwant %s", second, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
		}
	}
	if got := faultsOf(t, a, `{"calls":["{{results[0]}}"]}`); !slices.Equal(got, []string{`/calls/0: must be an object, not a string`}) {
		t.Errorf("a call that is a result: %q", got)
	}
	if got := faultsOf(t, a, `{"calls":[{"action":"{{results[0].a}}","params":{}}]}`); len(got) != 1 || !strings.HasPrefix(got[0], "/calls/0/action: ") {
		t.Errorf("an action that is a result: %q", got)
	}
}

func TestWhatIsCalledIsNeverMadeFromData(t *testing.T) {
	a := batch(t)
	for params, want := range map[string]string{
		`{"calls":"{{input.calls}}"}`:                                              "/calls",
		`{"calls":["{{input.call}}"]}`:                                             "/calls/0",
		`{"calls":[{"action":"{{input.action}}","params":{}}]}`:                    "/calls/0/action",
		`{"calls":[{"action":"insert","params":"{{input.params}}"}]}`:              "",
		`{"calls":[{"action":"insert","params":{"table":"a","n":"{{input.n}}"}}]}`: "",
	} {
		parsed, err := value.Parse([]byte(params))
		if err != nil {
			t.Fatal(err)
		}
		open := func(pointer string) bool { // what holds a placeholder
			at, ok := value.Lookup(parsed, pathOf(pointer))
			text, isText := at.(string)
			return ok && isText && strings.HasPrefix(text, "{{input")
		}
		got := ""
		for _, f := range a.Faults(parsed, open) {
			got += f.Pointer
		}
		if got != want {
			t.Errorf("%s: faults at %q, want %q", params, got, want)
		}
	}
}

// pathOf reads a JSON Pointer without escapes.
func pathOf(pointer string) value.Path {
	var path value.Path
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if name != "" && strings.Trim(name, "0123456789") == "" {
			path = append(path, value.Segment{Index: int(name[0] - '0'), IsIndex: true})
		} else if name != "" {
			path = append(path, value.Segment{Key: name})
		}
	}
	return path
}
