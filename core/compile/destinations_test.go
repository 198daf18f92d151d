package compile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/sdk"
)

const (
	goodSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	goodKey    = "whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
)

// faultsOfText loads a config and checks it against what its own integrations publish.
func faultsOfText(t *testing.T, text string) (*Plan, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(action.NewCatalog(p.Manifests())); err != nil {
		return p, strings.ReplaceAll(err.Error(), file, "F")
	}
	return p, ""
}

func TestFaultsOfDestinationsSayWhereAndWhatToDo(t *testing.T) {
	for _, c := range []struct{ destination, egress, want string }{
		{`"url":"https://crm.example.com","secret":"` + goodSecret + `"`, ``, ``},
		{`"url":"https://crm.example.com","key":"` + goodKey + `","ordered":{"key":"{{data.id}}/{{type}}/{{payload.data.n}}","blockFor":"24h"},"rate":"5/s"`, ``, ``},
		{`"url":"http://127.0.0.1:8080/x","secret":"` + goodSecret + `"`, `"127.0.0.1"`, ``},
		{`"url":"http://crm.internal/x","secret":"` + goodSecret + `"`, `"crm.internal"`, ``},
		{`"url":"http://crm.internal/x","secret":"` + goodSecret + `"`, `"10.0.0.0/8"`, `F:1:44: destinations.crm.url: plain http is for hosts that egress.allow names, and it does not name this one (https, or name it: "egress": { "allow": ["crm.internal"] })`},
		{`"url":"http://127.0.0.1:8080/x","secret":"` + goodSecret + `"`, ``, `"egress": { "allow": ["127.0.0.1"] }`},
		{`"url":"https://10.0.0.7/x","secret":"` + goodSecret + `"`, ``, `(loopback, private, link-local, metadata or reserved), and egress.allow does not name it (name it: "egress": { "allow": ["10.0.0.7"] })`},
		{`"url":"ftp://crm.example.com","secret":"` + goodSecret + `"`, ``, `destinations.crm.url: it is no https URL (as in "https://example.com/webhooks")`},
		{`"url":"https://crm.example.com","secret":"` + goodSecret + `","headers":{"X Y":"x"}`, ``, `destinations[0].headers: "X Y" is not the name of a header (letters, digits and hyphens, as in X-Api-Key)`},
		{`"url":"https://crm.example.com","secret":"` + goodSecret + `","ordered":"data.id"`, ``, `destinations.crm.ordered: the key has no placeholder, so that it is the same for all (write "{{data.id}}")`},
		{`"url":"https://u:p@crm.example.com","secret":"` + goodSecret + `"`, ``, `destinations.crm.url: it holds a user`},
		{`"url":"https://crm.example.com/#x","secret":"` + goodSecret + `"`, ``, `destinations.crm.url: it has a fragment`},
		{`"url":"https://crm.example.com","secret":"hush hush"`, ``, `F:1:79: destinations.crm.secret: a secret is whsec_ and base64`},
		{`"url":"https://crm.example.com","secrets":["` + goodSecret + `","` + goodKey + `"]`, ``, `destinations.crm.secrets.1: it is an ed25519 key`},
		{`"url":"https://crm.example.com","key":"` + goodSecret + `"`, ``, `destinations.crm.key: a key is whsk_`},
		{`"url":"https://crm.example.com","secret":"` + goodSecret + `","headers":{"Webhook-Id":"x"}`, ``, `destinations.crm.headers.Webhook-Id: the header Webhook-Id is set by the gateway alone`},
		{`"url":"https://crm.example.com","secret":"` + goodSecret + `","ordered":"{{steps.a.result}}"`, ``, `destinations.crm.ordered: `},
	} {
		_, got := faultsOfText(t, `{ "destinations": [ { "name": "crm", `+c.destination+` } ], "egress": { "allow": [`+c.egress+`] } }`)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) || strings.Count(got, "\n") > 0 {
			t.Errorf("%s\n got  %s\n want %s", c.destination, got, c.want)
		}
		if strings.Contains(got, "hush") || strings.Contains(got, "MfKQ9r8") || strings.Contains(got, "VEVTV") {
			t.Errorf("a fault quotes a secret: %s", got)
		}
	}
}

func TestAStepNamesADestinationThatExists(t *testing.T) {
	const config = `{ "destinations": [ { "name": "crm", "url": "https://crm.example.com", "secret": "` + goodSecret + `" } ],
  "workflows": [ { "id": "w", "steps": [ { "id": "s", "type": "webhook", "action": "send", "params": { "destination": "NAME", "type": "a", "data": {} } } ] } ] }`
	for name, want := range map[string]string{
		"crm": ``, "{{input.to}}": ``, "crn": `webhook.send: there is no destination "crn" (did you mean "crm"?)`,
	} {
		if _, got := faultsOfText(t, strings.Replace(config, "NAME", name, 1)); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	_, got := faultsOfText(t, `{ "workflows": [ { "id": "w", "steps": [ { "id": "s", "type": "webhook", "action": "publish", "params": { "type": "a", "data": {} } } ] } ] }`)
	if !strings.Contains(got, "the config has no destinations to send to") {
		t.Errorf("without destinations: %s", got)
	}
}

func TestNoOtherIntegrationIsNamedLikeTheOneThatSends(t *testing.T) {
	_, got := faultsOfText(t, `{ "customIntegrations": [ { "name": "webhook", "baseUrl": "https://a.example.com", "actions": { "a": { "method": "GET", "path": "/" } } } ],
  "credentials": { "webhook": {} } }`)
	if strings.Count(got, `"webhook" is an integration of the program itself`) != 2 {
		t.Errorf("got %s", got)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "backflow-plugin-webhook"), nil, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, got := faultsOfText(t, `{ "pluginDirs": [ "`+dir+`" ] }`); !strings.Contains(got, "rename the plugin") {
		t.Errorf("got %s", got)
	}
}

func TestAWeakSecretIsAWarning(t *testing.T) {
	p, got := faultsOfText(t, `{ "destinations": [ { "name": "crm", "url": "https://crm.example.com", "secret": "whsec_AAAA" } ] }`)
	if got != "" || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0].Message, "24 to 64 bytes") {
		t.Errorf("faults %q, warnings %v", got, p.Warnings)
	}
}

// Whatever a message says, its workflow is that of its destination.
func TestEachDestinationHasItsWorkflow(t *testing.T) {
	p, got := faultsOfText(t, `{ "destinations": [ { "name": "crm", "url": "https://crm.example.com", "secret": "`+goodSecret+`", "concurrency": 7, "rate": "5/s" } ] }`)
	if got != "" {
		t.Fatal(got)
	}
	all := p.Workflows()
	if len(all) != 1 || all[0].ID != "destination:crm" || all[0].Lane == nil || all[0].Lane.Concurrency != 7 || all[0].Lane.Rate.Count != 5 || !all[0].Lane.RateOfAttempts {
		t.Errorf("workflows: %+v", all)
	}
	for _, root := range all[0].Roots() {
		if root == "input" {
			t.Error("a request could start it")
		}
	}
	if manifests := p.Manifests(); manifests["webhook"] == nil || len(manifests) != 1 || manifests["webhook"].Actions[0].Repeat != sdk.RepeatTransactional {
		t.Errorf("integrations: %+v", manifests)
	}
}
