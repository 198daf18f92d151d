package compile

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/provider"
	"github.com/backflow/backflow/sdk"
)

// TestWhatIsComparedMustBeListed: a webhook is compared with the list of its provider, or
// of an action that there is and that takes the params.
func TestWhatIsComparedMustBeListed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	config := `{ "customIntegrations": [{ "name": "acme", "baseUrl": "https://api.acme.com", "actions": {
  "list": { "method": "GET", "path": "/events", "query": { "from": "{{params.from}}", "page": "{{params.page?}}" },
    "params": { "type": "object", "required": ["from"], "properties": { "from": { "type": "string" }, "page": { "type": "integer" } }, "additionalProperties": false } } } }],
"webhooks": [
  { "name": "lists", "path": "/a", "provider": "with-list", "secret": "hush-hush", "reconcile": {} },
  { "name": "none", "path": "/b", "provider": "without", "secret": "hush-hush", "reconcile": {} },
  { "name": "good", "path": "/c", "provider": "without", "secret": "hush-hush", "reconcile": { "from": { "integration": "acme", "action": "list", "params": { "from": "{{since}}", "page": "{{cursor?}}" } } } },
  { "name": "unknown", "path": "/d", "provider": "without", "secret": "hush-hush", "reconcile": { "from": { "integration": "acme", "action": "lst" } } },
  { "name": "params", "path": "/e", "provider": "without", "secret": "hush-hush", "reconcile": { "from": { "integration": "acme", "action": "list", "params": { "size": 1, "page": "one" } } } },
  { "name": "root", "path": "/f", "provider": "without", "secret": "hush-hush", "reconcile": { "from": { "integration": "acme", "action": "list", "params": { "from": "{{sinc}}" } } } },
  { "name": "absent", "path": "/g", "provider": "without", "secret": "hush-hush", "reconcile": { "from": { "integration": "acne", "action": "list" } } },
  { "name": "no-ids", "path": "/h", "provider": "custom", "secret": "hush-hush", "custom": { "header": "X-Sig", "algorithm": "sha256", "encoding": "hex" }, "reconcile": { "from": { "integration": "acme", "action": "list", "params": { "from": "{{since}}" } } } },
  { "name": "first", "path": "/i", "provider": "without", "secret": "hush-hush", "reconcile": { "from": { "integration": "acme", "action": "list", "params": { "from": "{{since}}", "page": "{{cursor}}" } } } }] }`
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	verify := func(context.Context, sdk.WebhookRequest) (provider.Verified, error) { return provider.Verified{}, nil }
	p, err := Load(file, Options{WebhookProviders: provider.Table{
		{Name: "with-list", Verify: verify, ListsEvents: true}, {Name: "without", Verify: verify},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got := p.Check(action.NewCatalog(p.Manifests())).Error()
	for _, want := range []string{
		`:6:94: webhooks[1].reconcile: the provider "without" has no list of its events to compare with (name an action that lists them: "from": { "integration": "…", "action": "…" })`,
		`:8:142: integration "acme" has no action "lst" (did you mean "list"?)`,
		`:9:159: acme.list: "from" is required`, `:9:169: acme.list: unknown field "size"`, `:9:180: acme.list: must be an integer, not a string`,
		`:10:167: acme.list: unknown name "sinc" (did you mean "since"?)`,
		`:12:170: webhooks[7].reconcile: events without an id of their sender's cannot be found in a list`,
		`:13:189: acme.list: the first page has no cursor, and could not be asked for (write {{cursor?}}, which is left out there)`,
		`:11:123: there is no integration "acne"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in:\n%s", want, got)
		}
	}
	for _, line := range strings.Split(got, "\n") {
		if strings.Contains(line, ":5:") || strings.Contains(line, ":7:") {
			t.Errorf("a fault of a webhook that has none: %s", line)
		}
	}
}
