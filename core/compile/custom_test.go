package compile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/config"
)

// loadText loads a config beside which there is a plugin "taken".
func loadText(t *testing.T, text string, options config.Options) *Plan {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "backflow-plugin-taken"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "backflow.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{Config: options})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestACustomIntegrationIsCheckedWithoutBeingAsked(t *testing.T) {
	p := loadText(t, `{ "pluginDirs": ["."],
  "customIntegrations": [
    { "name": "crm", "baseUrl": "https://crm", "actions": { "getUser": { "method": "GET", "path": "/users/{{params.userId}}" } } },
    { "name": "taken", "baseUrl": "https://crm", "actions": { "a": { "method": "GET", "path": "/" } } },
    { "name": "faulty", "baseUrl": "https://crm", "actions": {
      "a": { "method": "GET", "path": "/{{input.id}}" },
      "b": { "method": "POST", "path": "/", "body": { "x": ["{{params.x}}", "{{parms.x}}"] }, "headers": { "Host": "x" } } } }
  ],
  "workflows": [{ "id": "w", "steps": [
    { "id": "one", "type": "crm", "action": "getUser", "params": { "userID": "{{input.id}}" } },
    { "id": "two", "type": "crm", "action": "getUsr", "params": {} },
    { "id": "three", "type": "crn", "action": "getUser", "params": {} },
    { "id": "four", "type": "faulty", "action": "a", "params": {} }
  ] }]
}`, config.Options{})
	p.CheckManifests(t.Context(), nil) // no plugin is named
	faults := p.Err().Error()
	dir := filepath.Dir(p.Config.Path)
	for _, want := range []string{
		`:4:15: customIntegrations.taken.name: there is a plugin of this name, ` + dir,
		`:6:39: customIntegrations.faulty.actions.a.path: "input" is not available here (available are params)`,
		`:7:77: customIntegrations.faulty.actions.b.body.x.1: unknown name "parms" (did you mean "params"?)`,
		`:7:116: customIntegrations.faulty.actions.b.headers.Host: the header Host is set by the gateway alone`,
		`:10:78: crm.getUser: unknown field "userID" (did you mean "userId"?)`,
		`:11:45: integration "crm" has no action "getUsr" (did you mean "getUser"?)`,
		`:12:5: there is no integration "crn": no backflow-plugin-NAME or NAME.wasm in ` + dir + ` (did you mean "crm"?)`,
	} {
		if strings.Count(faults, want) != 1 {
			t.Errorf("not one fault: %s", want)
		}
	}
	if n := strings.Count(faults, "\n") + 1; t.Failed() || n != 7 {
		t.Errorf("%d faults:\n%s", n, faults)
	}
}

func TestAFaultOfACustomIntegrationIsReportedOnce(t *testing.T) {
	p := loadText(t, `{ "customIntegrations": [{ "name": "crm", "baseUrl": "crm", "auth": { "type": "header", "value": "hush" }, "actions": {
  "a": { "method": "FETCH", "path": "/" },
  "b": { "method": "GET" },
  "c": { "method": "GET", "path": "" } } }] }`, config.Options{})
	faults := strings.Split(p.Err().Error(), "\n")
	for i, want := range []string{"not an http or https URL", `"name" is missing`, `unknown value "FETCH"`, `"path" is missing`, `a path begins with "/"`} {
		if i >= len(faults) || !strings.Contains(faults[i], want) {
			t.Errorf("fault %d is not %s", i, want)
		}
	}
	if t.Failed() || len(faults) != 5 {
		t.Errorf("%d faults:\n%s", len(faults), strings.Join(faults, "\n"))
	}
}

func TestACustomIntegrationIsCheckedWithoutItsSecrets(t *testing.T) {
	text := `{ "customIntegrations": [{ "name": "crm", "baseUrl": "{{env.CRM_URL}}", "auth": { "type": "bearer", "token": "{{env.CRM_TOKEN}}" },
  "actions": { "a": { "method": "GET", "path": "/{{params.x?}}" } } }] }`
	unset := func(string) (string, bool) { return "", false }
	p := loadText(t, text, config.Options{LookupEnv: unset, AllowUnsetEnv: true})
	if faults := p.Err(); faults == nil || strings.Contains(faults.Error(), "\n") || !strings.Contains(faults.Error(), "? leaves out a field") {
		t.Error(faults)
	}
	p = loadText(t, text, config.Options{LookupEnv: unset, Dev: true})
	if faults := p.Err().Error(); strings.Count(faults, "is not set") != 2 {
		t.Error(faults)
	}
}

func TestTheManualsCustomIntegrationsAreValid(t *testing.T) {
	page, err := os.ReadFile("../../docs/custom-integrations.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(page), "```jsonc\n")
	example, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("the manual has no example")
	}
	p := loadText(t, example, config.Options{LookupEnv: func(string) (string, bool) { return "token", true }})
	p.CheckManifests(t.Context(), nil)
	if err := p.Err(); err != nil {
		t.Error(err)
	}
}
