package compile

import (
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk"
)

func TestAScopeThatNamesNothingIsAFault(t *testing.T) {
	const hash = `"sha256:0000000000000000000000000000000000000000000000000000000000000000"`
	for scope, want := range map[string]string{
		"integrations:taken:call": "", "integrations:taken:*": "", "integrations:*:call": "", "integrations:*": "", "workflows:ship:run": "",
		"workflows:*:read": "", "runs:read": "", "admin": "", "*": "",
		"integrations:takn:call":  `auth.tokens[0].scopes[0]: there is no integration "takn" (did you mean "taken"?)`,
		"integrations:takn:*":     `there is no integration "takn"`,
		"integrations:taken:cal":  `integration "taken" has no action "cal" (did you mean "call"?)`,
		"integrations:*:calll":    `no integration has an action "calll" (did you mean "call"?)`,
		"workflows:shp:run":       `there is no workflow "shp" (did you mean "ship"?)`,
		"workflows:invoices:read": `there is no workflow "invoices" (known: ship)`,
	} {
		faults, _ := judgedConfig(t, `{ "pluginDirs": ["."], "auth": { "tokens": [{ "name": "t", "hash": `+hash+`, "scopes": ["`+scope+`"] }] },
  "workflows": [{ "id": "ship", "steps": [] }] }`)
		one(t, scope, faults, want)
		if len(faults) == 1 && !strings.HasPrefix(faults[0], "1:") {
			t.Errorf("%s: %s is not at the scope", scope, faults[0])
		}
	}
}

func TestAWorkflowThatWaitsForItselfIsAFault(t *testing.T) {
	one := func(id, rest, child string) string {
		return `{ "id": "` + id + `", ` + rest + `"steps": [` + child + `] }`
	}
	run := func(id, rest string) string {
		return `{ "id": "c", "type": "workflow", "workflow": "` + id + `"` + rest + ` }`
	}
	const when = `, "condition": "input.more === true"`
	for name, test := range map[string]struct{ workflows, fault, warning string }{
		"in every run":                {one("a", "", run("a", "")), "a runs a in every run, which never ends (give a step on the way a condition)", ""},
		"in every run, by another":    {one("a", "", run("b", "")) + "," + one("b", `"timeout": "1m", `, run("a", when)), "", ""},
		"never certain":               {one("a", "", run("a", when)), "", ""},
		"in a loop":                   {one("a", "", `{ "type": "foreach", "items": "{{input.l}}", "steps": [`+run("a", "")+`] }`), "", ""},
		"in a sequence":               {one("a", "", `{ "type": "sequence", "steps": [`+run("a", "")+`] }`), "in every run", ""},
		"under its limit":             {one("a", `"concurrency": 1, `, run("a", when)), "a runs a and waits for it, while its own concurrency allows one run at a time: they wait for each other for ever", ""},
		"under its limit, by another": {one("a", `"concurrency": 1, `, run("b", "")) + "," + one("b", "", run("a", when)), "a runs b runs a and waits for it", ""},
		"the same key, passed on":     {one("a", `"concurrency": { "key": "{{input.account.id}}", "limit": 1 }, `, run("a", when+`, "input": { "account": "{{input.account}}" }`)), "wait for each other for ever", ""},
		"the whole input, passed on":  {one("a", `"concurrency": { "key": "{{input.account}}", "limit": 1 }, `, run("b", `, "input": "{{input}}"`)) + "," + one("b", "", run("a", when+`, "input": { "account": "{{input.account}}" }`)), "wait for each other for ever", ""},
		"another key":                 {one("a", `"concurrency": { "key": "{{input.account}}", "limit": 1 }, `, run("a", when+`, "input": { "account": "{{input.parent}}" }`)), "", "where the key is the same, wait for each other for ever"},
		"more than one":               {one("a", `"concurrency": 3, `, run("a", when)), "", "more runs in a row than its limit of 3"},
		"two that run a third":        {one("a", `"concurrency": 1, `, run("c", "")) + "," + one("b", "", run("c", "")) + "," + one("c", `"concurrency": 1, `, ""), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			faults, warnings := judged(t, test.workflows)
			oneOrMore(t, "faults", faults, test.fault)
			oneOrMore(t, "warnings", warnings, test.warning)
		})
	}
}

// oneOrMore checks that the first text has these words; none if these are empty.
func oneOrMore(t *testing.T, what string, got []string, want string) {
	t.Helper()
	if (want == "") != (len(got) == 0) || want != "" && !strings.Contains(got[0], want) {
		t.Errorf("%s are %q, want %q", what, got, want)
	}
}

// TestAnIntegrationThatIsUsedWithoutCredentialsIsAFault: it would only ever respond
// that it has none.
func TestAnIntegrationThatIsUsedWithoutCredentialsIsAFault(t *testing.T) {
	needy := &sdk.Manifest{
		Name: "taken", Credentials: []byte(`{"type":"object","required":["key"],"properties":{"key":{"type":"string"}}}`),
		Actions: []sdk.ActionSpec{{Name: "call", Params: []byte(`{"type":"object"}`)}},
	}
	for credentials, want := range map[string]string{
		`"credentials": { "crm": { "key": "k" } }, "customIntegrations": [{ "name": "crm", "baseUrl": "https://crm", "actions": { "a": { "method": "GET", "path": "/" } } }], `: `:2:3: integration "taken" is used without credentials: "key" is required (give "credentials": { "taken": { "key": "{{env.…}}" } })`,
		`"credentials": { "taken": { "key": "k" } }, `: "",
		`"credentials": { "taken": {} }, `:             `credentials.taken.key: "key" is required`,
	} {
		p := loadText(t, `{ `+credentials+`"pluginDirs": ["."], "workflows": [{ "id": "w", "steps": [
  { "id": "a", "type": "taken", "action": "call" }, { "id": "b", "type": "taken", "action": "call" }] }] }`, config.Options{})
		p.check(action.NewCatalog(map[string]*sdk.Manifest{"taken": needy}))
		var faults []string
		for _, f := range p.Faults {
			faults = append(faults, f.String())
		}
		if one(t, credentials, faults, want); len(p.Warnings) != 0 {
			t.Errorf("%s: warnings %v", credentials, p.Warnings)
		}
	}
	p := loadText(t, `{ "pluginDirs": ["."], "workflows": [{ "id": "w", "steps": [{ "type": "taken", "action": "call" }] }] }`, config.Options{})
	p.check(action.NewCatalog(map[string]*sdk.Manifest{"taken": needy}))
	if p.Faults != nil || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Message, "is used without credentials") {
		t.Errorf("without any credentials: faults %v, warnings %v", p.Faults, p.Warnings)
	}
}

func TestAWebhookSecretThatIsAnotherThingIsWarnedOf(t *testing.T) {
	for secret, want := range map[string]string{
		"whsec_1": "", "hush": "",
		"sk_test_1": `the secret of webhook "h" begins with sk_, as a secret key does, which is no signing secret (the signing secret of an endpoint begins with whsec_)`,
		"pk_live_1": "as a publishable key does", "we_1": "as the id of an endpoint does", "rk_live_1": "as a restricted key does",
	} {
		for _, key := range []string{`"secret": "` + secret + `"`, `"secrets": ["whsec_2", "` + secret + `"]`} {
			p := loadText(t, `{ "pluginDirs": ["."], "webhooks": [
  { "name": "h", "path": "/h", "provider": "taken", `+key+` }] }`, config.Options{})
			p.check(action.NewCatalog(map[string]*sdk.Manifest{"taken": {Name: "taken", Webhook: &sdk.WebhookCapability{}}}))
			var warnings []string
			for _, f := range p.Warnings {
				warnings = append(warnings, f.String())
			}
			one(t, key, warnings, want)
			if p.Faults != nil || want != "" && p.Warnings[0].Pos.Line != 2 {
				t.Errorf("%s: faults %v, warnings %v", key, p.Faults, warnings)
			}
		}
	}
}

// TestWhatAChildIsStartedWithMeetsItsSchema as far as it is known.
func TestWhatAChildIsStartedWithMeetsItsSchema(t *testing.T) {
	const child = `, { "id": "c", "steps": [], "input": { "type": "object", "required": ["sku"], "additionalProperties": false,
  "properties": { "sku": { "type": "string", "description": "As in the shop" }, "n": { "type": "integer" } } } }`
	for input, want := range map[string]string{
		`, "input": { "sku": "{{input.sku}}", "n": 1 }`: "", `, "input": "{{input}}"`: "",
		``:                           `the input of c: "sku" is required (As in the shop)`,
		`, "input": { "skuu": "x" }`: `the input of c: unknown field "skuu" (did you mean "sku"?)`,
		`, "input": { "sku": 5 }`:    `the input of c: must be a string, not a number (As in the shop)`,
		`, "input": "five"`:          `the input of c: must be an object, not a string`,
	} {
		faults, _ := judged(t, `{ "id": "w", "steps": [{ "id": "s", "type": "workflow", "workflow": "c"`+input+` }] }`+child)
		one(t, input, faults, want)
	}
}

// TestOneCauseIsOneFault: a type that is misspelt is not also an integration that there
// is not, without an action, and with unknown keys.
func TestOneCauseIsOneFault(t *testing.T) {
	for step, want := range map[string]string{
		`"type": "foreech", "items": "{{input.l}}", "steps": [{ "type": "set", "values": {} }]`: `"foreech" is no type of step, and a step that calls an integration has an action (did you mean "foreach"?)`,
		`"type": "Parallel", "steps": []`:                                                            `did you mean "parallel"?`,
		`"type": "waitforevent", "event": "go"`:                                                      `did you mean "waitForEvent"?`,
		`"type": "loop", "items": [1], "steps": []`:                                                  `"loop" is no type of step, and a step that calls an integration has an action (known: fail, foreach, integration,`,
		`"type": "swich", "cases": [{ "when": "true", "steps": [{ "type": "set", "valeus": {} }] }]`: "",
		`"type": "sett", "action": "a"`:                                                              `there is no integration "sett": no backflow-plugin-NAME or NAME.wasm in`,
		`"type": "takn", "action": "call"`:                                                           `there is no integration "takn": no backflow-plugin-NAME or NAME.wasm in`,
		`"typ": "set", "values": { "a": 1 }`:                                                         `unknown key "typ" (did you mean "type"?)`,
		`"tpye": "foreach", "items": [1], "steps": [{ "type": "set", "values": { "a": 1 } }]`:        `unknown key "tpye" (did you mean "type"?)`,
		`"values": { "a": 1 }`:                                                                       `the step does not say what to do (give "type", or "integration": a name)`,
		`"type": "taken"`:                                                                            "action is missing",
		`"type": "taken", "action": "call", "params": { "amount": 1, "code": "x", "coed": 1 } , "condition": "inptu.x === 1"`: `unknown name "inptu" (did you mean "input"?)`,
	} {
		faults, _ := judged(t, `{ "id": "w", "steps": [{ "id": "s", `+step+` }] }`)
		if want == "" { // two causes
			if len(faults) != 2 || !strings.Contains(faults[0], `did you mean "switch"?`) || !strings.Contains(strings.Join(faults, " "), `did you mean "values"?`) {
				t.Errorf("%s: %q", step, faults)
			}
			continue
		}
		one(t, step, faults, want)
	}
}

func TestSignalsThatNoRequestCanSendAndItemsThatAreNoListAreFaults(t *testing.T) {
	for step, want := range map[string]string{
		`"type": "waitForEvent", "event": "ann: go"`:                          "",
		`"type": "waitForEvent", "event": "paid-{{input.id}}"`:                "",
		`"type": "waitForEvent", "event": "a/b"`:                              `no request can send a signal whose name holds a slash (it is a segment of a path: POST /runs/{id}/signals/{name})`,
		`"type": "waitForEvent", "event": "a/{{input.id}}"`:                   "holds a slash",
		`"type": "waitForEvent", "event": "{{input.a / b}}"`:                  "cannot stand in a placeholder",
		`"type": "waitForEvent", "event": ".."`:                               "a signal of the name ..",
		`"type": "waitForEvent", "event": ""`:                                 "event is empty",
		`"type": "waitForEvent", "event": "a\tb"`:                             "holds a control character",
		`"type": "waitForEvent", "event": "` + strings.Repeat("x", 256) + `"`: "more than 255 bytes",
		`"type": "waitForEvent", "event": 5`:                                  "event must be the name of a signal, a string, not a number",
		`"type": "wait", "duration": "90s"`:                                   "", `"type": "wait", "duration": "{{input.d}}"`: "",
		`"type": "wait", "duration": "3 days"`:                                                           `duration: "3 days" is not a duration such as 90s or 24h`,
		`"type": "wait", "duration": 5`:                                                                  `duration: "5" is not a duration such as 90s or 24h`,
		`"type": "wait", "until": "tomorrow"`:                                                            `until: "tomorrow" is not a time of RFC 3339`,
		`"type": "foreach", "items": [1], "steps": [{ "type": "set", "values": {} }]`:                    "",
		`"type": "foreach", "items": null, "steps": [{ "type": "set", "values": {} }]`:                   `items must be a list, not null (such as "{{input.items}}")`,
		`"type": "foreach", "items": {"a": 1}, "steps": [{ "type": "set", "values": {} }]`:               "items must be a list, not an object",
		`"type": "foreach", "items": "input.items", "steps": [{ "type": "set", "values": {} }]`:          "items must be a list, not a string",
		`"type": "foreach", "items": "{{input.items[1.0]}}", "steps": [{ "type": "set", "values": {} }]`: "",
		`"type": "foreach", "items": "{{input.items[1.5]}}", "steps": [{ "type": "set", "values": {} }]`: "an index is an integer from 0 on, and 1.5 is none",
	} {
		faults, _ := judged(t, `{ "id": "w", "steps": [{ "id": "s", `+step+` }] }`)
		one(t, step, faults, want)
	}
}
