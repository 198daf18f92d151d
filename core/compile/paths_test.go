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

// judged loads a config of one workflow "w" whose integration "taken" has an action
// "call", and returns its faults and warnings without the name of the file.
func judged(t *testing.T, workflow string) (faults, warnings []string) {
	t.Helper()
	return judgedConfig(t, `{ "pluginDirs": ["."], "workflows": [`+workflow+`] }`)
}

func judgedConfig(t *testing.T, text string) (faults, warnings []string) {
	t.Helper()
	p := loadText(t, text, config.Options{LookupEnv: func(string) (string, bool) { return "", false }})
	manifests := p.Manifests()
	manifests["taken"] = &sdk.Manifest{Name: "taken", Actions: []sdk.ActionSpec{{
		Name: "call", Params: json.RawMessage(`{"type":"object","properties":{"amount":{"type":"integer","description":"In cents. Always."},"code":{"type":"string","examples":["A1"]}},"required":["amount"]}`),
		Result: json.RawMessage(`{"type":"object","additionalProperties":false,"properties":{"id":{"type":"string"},"rows":{"type":"array","items":{"$ref":"#/$defs/row"}}},
			"$defs":{"row":{"type":"object","additionalProperties":false,"properties":{"name":{"type":"string"},"price":{"type":"integer"}}}}}`),
	}, {Name: "free", Params: json.RawMessage(`{"type":"object"}`), Result: json.RawMessage(`{"type":"object","properties":{"status":{"type":"string"}}}`)}}}
	p.check(action.NewCatalog(manifests))
	p.Faults.Sort()
	p.Warnings.Sort()
	dir := filepath.Dir(p.Config.Path) + "/backflow.json:"
	for _, f := range p.Faults {
		faults = append(faults, strings.TrimPrefix(f.String(), dir))
	}
	for _, f := range p.Warnings {
		warnings = append(warnings, strings.TrimPrefix(f.String(), dir))
	}
	return faults, warnings
}

const (
	closedInput = `"input": { "type": "object", "additionalProperties": false, "required": ["email"], "properties": {
		"email": { "type": "string" }, "amount": { "type": "integer" }, "active": { "type": "boolean" }, "note": { "type": ["string", "null"] },
		"items": { "type": "array", "items": { "$ref": "#/$defs/item" } },
		"either": { "anyOf": [{ "type": "null" }, { "type": "object", "additionalProperties": false, "properties": { "id": {} } }] } },
		"$defs": { "item": { "type": "object", "additionalProperties": false, "properties": { "sku": { "type": "string" }, "count": { "type": "integer" } } } } }`
	openInput = `"input": { "type": "object", "properties": { "email": { "type": "string" }, "user": { "type": "object", "properties": { "name": {} } } } }`
)

func TestAPathThatCanOnlyFailIsAFault(t *testing.T) {
	for name, test := range map[string]struct{ input, source, fault, warning string }{
		"a member":                     {closedInput, `{{input.emial}}`, `input has no "emial" (did you mean "email"?)`, ""},
		"that is there":                {closedInput, `{{input.email}} {{input.items[3].sku}} {{input.either.id}}`, "", ""},
		"behind a reference":           {closedInput, `{{input.items[0].skuu}}`, `input.items[0] has no "skuu" (did you mean "sku"?)`, ""},
		"in an alternative":            {closedInput, `{{input.either.idd}}`, `input.either has no "idd" (did you mean "id"?)`, ""},
		"of a scalar":                  {closedInput, `{{input.amount.value}}`, `input.amount is a number, not an object`, ""},
		"an index of an object":        {closedInput, `{{input[0]}}`, `input is an object, not an array`, ""},
		"a name of a list":             {closedInput, `{{input.items.sku}}`, `input.items is an array, not an object`, ""},
		"in a text":                    {closedInput, `to {{input.email}} and {{input.emial}}`, `input has no "emial"`, ""},
		"with a default":               {closedInput, `{{input.emial ?? \"none\"}}`, "", `input has no "emial": the default always stands in (did you mean "email"?)`},
		"open schema":                  {openInput, `{{input.emial}}`, "", `the schema of input does not name "emial" (did you mean "email"?)`},
		"open schema, deep":            {openInput, `{{input.user.nmae}}`, "", `the schema of input.user does not name "nmae" (did you mean "name"?)`},
		"open schema of nothing":       {`"input": { "type": "object" }`, `{{input.anything.at.all}}`, "", ""},
		"no schema":                    {`"name": "w"`, `{{input.anything}}`, "", ""},
		"of the run":                   {closedInput, `{{run.idd}}`, `run has no "idd" (did you mean "id"?)`, ""},
		"of a result":                  {closedInput, `{{steps.c.result.ids}}`, `steps.c.result has no "ids" (did you mean "id"?)`, ""},
		"of a result's items":          {closedInput, `{{steps.c.result.rows[0].prise}}`, `steps.c.result.rows[0] has no "prise" (did you mean "price"?)`, ""},
		"of an open result":            {closedInput, `{{steps.f.result.other}}`, "", ""},
		"of an open result, misspelt":  {closedInput, `{{steps.f.result.statsu}}`, "", `the schema of steps.f.result does not name "statsu" (did you mean "status"?)`},
		"of what a set makes":          {closedInput, `{{steps.made.result.m}}`, `steps.made.result has no "m"`, ""},
		"of what a set passes on":      {closedInput, `{{steps.made.result.first.skuu}}`, `steps.made.result.first has no "skuu"`, ""},
		"of what a set passes on, ok":  {closedInput, `{{steps.made.result.first.sku}} {{steps.made.result.list[1]}}`, "", ""},
		"an element that there is not": {closedInput, `{{steps.made.result.list[2]}}`, `steps.made.result.list has never an element 2`, ""},
		"of an error":                  {closedInput, `{{steps.c.error.reason}}`, `steps.c.error has no "reason"`, ""},
		"an item":                      {closedInput, `{{steps.each.result[0].n}}`, `steps.each.result[0] has no "n"`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			faults, warnings := judged(t, `{ "id": "w", `+test.input+`, "steps": [
  { "id": "c", "type": "taken", "action": "call", "params": { "amount": 1 } }, { "id": "f", "type": "taken", "action": "free" },
  { "id": "made", "type": "set", "values": { "first": "{{input.items[0]}}", "list": [1, 2] } },
  { "id": "each", "type": "foreach", "items": "{{input.items ?? input.items}}", "steps": [{ "id": "i", "type": "set", "values": { "sku": 1 } }] },
  { "id": "s", "type": "set", "values": { "v": "`+test.source+`" } } ] }`)
			if open := test.input != closedInput; open {
				warnings = slices.DeleteFunc(warnings, func(w string) bool { return strings.Contains(w, `"items"`) })
			}
			one(t, "faults", faults, test.fault)
			one(t, "warnings", warnings, test.warning)
		})
	}
}

// one checks that there is one text, with these words; none if these are empty.
func one(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if want == "" && len(got) == 0 {
		return
	}
	if want == "" || len(got) != 1 || !strings.Contains(got[0], want) {
		t.Errorf("%s are %q, want %q", what, got, want)
	}
}

func TestAPathInALoopAndInAWebhookIsKnownToo(t *testing.T) {
	faults, _ := judged(t, `{ "id": "w", `+closedInput+`, "steps": [
  { "id": "e", "type": "foreach", "items": "{{input.items}}", "steps": [
    { "id": "a", "type": "set", "values": { "v": "{{item.skuu}} {{index.x}}", "w": "{{item}}" } },
    { "id": "b", "type": "set", "condition": "item.count > 'five'", "values": { "v": "{{steps.a.result.w.counts}}" } } ] } ],
  "output": "{{steps.e.result[0].w}}" }`)
	want := []string{
		`4:54: item has no "skuu" (did you mean "sku"?)`, `4:54: index is a number, not an object`,
		`5:45: > compares two numbers or two strings, and item.count is a number, 'five' is a string`,
		`5:84: steps.a.result.w has no "counts" (did you mean "count"?)`,
	}
	if len(faults) != len(want) {
		t.Fatalf("faults are %q", faults)
	}
	for i, text := range want {
		if !strings.Contains(faults[i], strings.SplitN(text, ": ", 2)[1]) {
			t.Errorf("fault %d is %s, want %s", i, faults[i], text)
		}
	}
	faults, warnings := judgedConfig(t, `{ "pluginDirs": ["."], "webhooks": [{ "name": "h", "path": "/h", "provider": "taken", "secret": "s", "actions": [
  { "id": "a", "type": "set", "condition": "{{event.typ}} === 'x'", "values": { "v": "{{event.recievedAt}} {{payload.whatever}} {{headers.x}}" } } ] }] }`)
	faults = slices.DeleteFunc(faults, func(f string) bool { return strings.Contains(f, "cannot verify") })
	if len(faults) != 2 || len(warnings) != 0 || !strings.Contains(faults[0]+faults[1], `event has no "typ" (did you mean "type"?)`) ||
		!strings.Contains(faults[0]+faults[1], `event has no "recievedAt" (did you mean "receivedAt"?)`) {
		t.Errorf("faults %q, warnings %q", faults, warnings)
	}
}

func TestAConditionIsHeldAgainstTheKindsOfItsPaths(t *testing.T) {
	for condition, test := range map[string]struct{ fault, warning string }{
		`input.active`: {},
		`input.amount > 5 && input.email !== 'x'`:  {},
		`input.note === null || input.note == 'x'`: {},
		`input.amount`:                 {"a condition must be a boolean, and input.amount is a number", ""},
		`{{input.email}}`:              {"a condition must be a boolean, and {{input.email}} is a string", ""},
		`{{input.email ?? 'x'}}`:       {"a condition must be a boolean", ""},
		`input.amount > '5'`:           {"> compares two numbers or two strings, and input.amount is a number, '5' is a string", ""},
		`input.email.length > '5'`:     {"> compares", ""},
		`input.amount === '5'`:         {"", "the comparison is always false: input.amount is a number, and '5' is a string"},
		`input.amount.startsWith('5')`: {"startsWith needs a string, and input.amount is a number", ""},
		`'x' in input.email`:           {"in looks into an array or an object", ""},
		`input.active && input.amount`: {"each side of && must be a boolean, and input.amount is a number", ""},
		`input.emial === 'x'`:          {`input has no "emial"`, ""},
		`input?.emial === 'x'`:         {"", `input has no "emial"`},
		`(input.emial ?? 'y') === 'x'`: {"", `input has no "emial"`},
		`run.id === 5`:                 {"", "always false"},
	} {
		faults, warnings := judged(t, `{ "id": "w", `+closedInput+`, "steps": [{ "id": "s", "type": "set", "condition": `+quote(condition)+`, "values": {} }] }`)
		one(t, condition, faults, test.fault)
		one(t, condition, warnings, test.warning)
	}
}

func quote(s string) string {
	raw, _ := json.Marshal(s)
	return string(raw)
}

func TestASchemaOfAnInputThatCannotBeMeant(t *testing.T) {
	for schema, test := range map[string]struct{ fault, warning string }{
		`{"required":["email"],"properties":{"email":{}},"additionalProperties":false}`: {},
		`{"required":["emial"],"properties":{"email":{}},"additionalProperties":false}`: {`input: required names "emial", and additionalProperties allows only what properties names: no value meets the schema (did you mean "email"?)`, ""},
		`{"required":["emial"],"properties":{"email":{}}}`:                              {"", `input: required names "emial", which properties does not (did you mean "email"?)`},
		`{"required":["a"]}`:                              {},
		`{"required":["a"],"additionalProperties":false}`: {`no value meets the schema`, ""},
		`{"properties":{"o":{"required":["x"],"properties":{"y":{}},"additionalProperties":false}}}`:           {`required names "x"`, ""},
		`{"properties":{"a":{}},"anyOf":[{"required":["a"]},{"required":["b"]}]}`:                              {},
		`{"properties":{"a":{}},"allOf":[{"properties":{"b":{}}}],"required":["b"]}`:                           {},
		`{"patternProperties":{"^x":{}},"properties":{"a":{}},"additionalProperties":false,"required":["xa"]}`: {},
		`{"properties":{"a":{"type":"integer","minimum":5,"maximum":1}}}`:                                      {"maximum is below minimum: no value is between 5 and 1", ""},
		`{"properties":{"a":{"type":"string","minLength":5,"maxLength":1}}}`:                                   {"maxLength is below minLength", ""},
		`{"properties":{"a":{"format":"e-mail"}}}`:                                                             {"", `the format "e-mail" is not known, and nothing is checked of it (did you mean "email"?)`},
		`{"properties":{"a":{"format":"email"}}}`:                                                              {},
		`{"propertes":{"a":{}}}`:                                     {"", `unknown keyword "propertes", which says nothing (did you mean "properties"?)`},
		`{"type":"strin"}`:                                           {`input is no valid JSON Schema: must be one of "array", "boolean", "integer", "null", "number", "object", "string" or an array`, ""},
		`{"properties":{"a":{"minLength":-1}}}`:                      {`input is no valid JSON Schema: must be at least 0 (as in "minLength": 1)`, ""},
		`{"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"y":{}}}`: {`input is no valid JSON Schema: $ref "#/$defs/x" leads nowhere (`, ""},
		`{"properties":{"a":{"pattern":"(a"}}}`:                      {"input is no valid JSON Schema: not a regular expression: missing closing ): `(a`", ""},
		`{"required":"a"}`:                                           {`input is no valid JSON Schema: must be an array, not a string (as in "required": ["name"])`, ""},
	} {
		faults, warnings := judged(t, `{ "id": "w", "steps": [], "input": `+schema+` }`)
		one(t, schema, faults, test.fault)
		one(t, schema, warnings, test.warning)
		for _, text := range slices.Concat(faults, warnings) {
			if strings.Contains(text, "mem://") || strings.Contains(text, "\n") {
				t.Errorf("%s: %s", schema, text)
			}
		}
	}
}

func TestAParamThatIsWrongIsToldWithWhatTheSchemaSaysOfIt(t *testing.T) {
	faults, _ := judged(t, `{ "id": "w", "steps": [{ "id": "a", "type": "taken", "action": "call", "params": { "amount": "5", "code": 1 } },
  { "id": "b", "type": "taken", "action": "call", "params": {} }] }`)
	want := []string{
		`taken.call: must be an integer, not a string (In cents)`, `taken.call: must be a string, not a number (such as "A1")`, `taken.call: "amount" is required (In cents)`,
	}
	if len(faults) != len(want) {
		t.Fatalf("faults are %q", faults)
	}
	for i := range want {
		one(t, "fault", faults[i:i+1], want[i])
	}
}

func TestItemsThatAreNeverAListAreAFault(t *testing.T) {
	t.Parallel()
	for items, fault := range map[string]string{
		`{{input.items}}`:        "",
		`{{input.either}}`:       `items must be a list, and {{input.either}} is null or an object`,
		`{{input.email}}`:        `items must be a list, and {{input.email}} is a string`,
		`{{input.amount}} `:      `items must be a list, not a string (such as "{{input.items}}")`,
		`{{input.items[0].sku}}`: `items must be a list, and {{input.items[0].sku}} is a string`,
		`{{input.emial}}`:        `input has no "emial" (did you mean "email"?)`,
		`{{steps.a.result}}`:     `items must be a list, and {{steps.a.result}} is an object`,
		`{{steps.a.result.l}}`:   "",
		`{{run.id}}`:             `items must be a list, and {{run.id}} is a string`,
	} {
		faults, warnings := judged(t, `{ "id": "w", `+closedInput+`, "steps": [ { "id": "a", "type": "set", "values": { "l": [1] } },
  { "id": "e", "type": "foreach", "items": "`+items+`", "steps": [ { "id": "x", "type": "set", "values": { "v": 1 } } ] } ] }`)
		if got := strings.Join(faults, "\n"); (got == "") != (fault == "") || !strings.HasSuffix(got, fault) || len(faults) > 1 || len(warnings) > 0 {
			t.Errorf("%s: faults %q, warnings %q, want %q", items, faults, warnings, fault)
		}
	}
}

func TestParamsMadeOfWhatIsNeverOfTheirKindAreAFault(t *testing.T) {
	t.Parallel()
	for params, fault := range map[string]string{
		`"amount":"{{input.amount}}"`:               "",
		`"amount":"{{input.amount ?? 1}}"`:          "",
		`"amount":"{{input.email}}"`:                `taken.call: must be a number, and "{{input.email}}" is a string`,
		`"amount":"{{input.items}}"`:                `taken.call: must be a number, and "{{input.items}}" is an array`,
		`"amount":"{{input.amount}} "`:              `taken.call: must be a number, and "{{input.amount}} " is a string (write "{{input.amount}}": with anything beside a placeholder it becomes a text)`,
		`"amount":"{{input.emial}}"`:                `input has no "emial" (did you mean "email"?)`,
		`"amount":1,"code":"{{input.amount}}"`:      `taken.call: must be a string, and "{{input.amount}}" is a number`,
		`"amount":1,"code":"no {{input.amount}}"`:   "",
		`"amount":1,"code":"{{input.note}}"`:        "",
		`"amount":"{{steps.a.result.n}}"`:           "",
		`"amount":"{{steps.a.result.s}}"`:           `taken.call: must be a number, and "{{steps.a.result.s}}" is a string`,
		`"amount":1,"more":{"x":"{{input.items}}"}`: "",
	} {
		faults, warnings := judged(t, `{ "id": "w", `+closedInput+`, "steps": [ { "id": "a", "type": "set", "values": { "n": 1, "s": "x" } },
  { "id": "c", "type": "taken", "action": "call", "params": {`+params+`} } ] }`)
		if got := strings.Join(faults, "\n"); (got == "") != (fault == "") || !strings.HasSuffix(got, fault) || len(faults) > 1 || len(warnings) > 0 {
			t.Errorf("%s: faults %q, warnings %q, want %q", params, faults, warnings, fault)
		}
	}
	faults, _ := judgedConfig(t, `{ "pluginDirs": ["."], "workflows": [
  { "id": "parent", "input": {"type":"object","properties":{"email":{"type":"string"}},"additionalProperties":false}, "steps": [
    { "id": "c", "type": "workflow", "workflow": "child", "input": { "amount": "{{input.email}}" } } ] },
  { "id": "child", "input": {"type":"object","properties":{"amount":{"type":"integer"}}}, "steps": [ { "id": "x", "type": "set", "values": { "v": 1 } } ] } ] }`)
	if len(faults) != 1 || !strings.HasSuffix(faults[0], `the input of child: must be a number, and "{{input.email}}" is a string`) {
		t.Errorf("a child: %q", faults)
	}
}
