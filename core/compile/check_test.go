package compile

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk"
)

func TestCredentialsAreCheckedAndAFaultIsReportedOnce(t *testing.T) {
	const webhook = `, "webhooks": [{ "name": "w", "path": "/w", "provider": "acme"`
	for name, c := range map[string]struct{ config, want string }{
		"unset":             {`"credentials": { "acme": { "key": "{{env.KEY}}" } }`, `credentials.acme.key: the environment variable KEY is not set`},
		"misspelt":          {`"credentials": { "acme": { "key": "k", "sceret": "s" } }`, `credentials.acme.sceret: unknown field "sceret" (did you mean "secret"?)`},
		"missing":           {`"credentials": { "acme": {} }`, `credentials.acme.key: "key" is required`},
		"wrong type":        {`"credentials": { "acme": { "key": 5 } }`, `credentials.acme.key: must be a string, not a number`},
		"webhook, unset":    {`"credentials": { "acme": { "key": "k" } }` + webhook + `, "secrets": ["{{env.KEY}}"] }]`, `webhooks[0].secrets[0]: the environment variable KEY is not set`},
		"its secret, unset": {`"credentials": { "acme": { "key": "k", "secret": "{{env.KEY}}" } }` + webhook + ` }]`, `credentials.acme.secret: the environment variable KEY is not set`},
		"no secret":         {`"credentials": { "acme": { "key": "k" } }` + webhook + ` }]`, `webhook "w" has no secret`},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "backflow.json")
			if err := os.WriteFile(file, []byte(`{ "pluginDirs": ["."], `+c.config+` }`), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(filepath.Dir(file), "backflow-plugin-acme"), nil, 0o700); err != nil {
				t.Fatal(err)
			}
			p, err := Load(file, Options{Config: config.Options{LookupEnv: func(string) (string, bool) { return "", false }}})
			if err != nil {
				t.Fatal(err)
			}
			p.check(action.NewCatalog(map[string]*sdk.Manifest{"acme": {
				Name: "acme",
				Credentials: json.RawMessage(`{ "type": "object", "required": ["key"], "additionalProperties": false,
					"properties": { "key": { "type": "string" }, "secret": { "type": "string" } } }`),
				Webhook: &sdk.WebhookCapability{SecretField: "secret"},
			}}))
			if len(p.Faults) != 1 || !strings.Contains(p.Faults[0].String(), c.want) {
				t.Errorf("faults are\n%v\nwant\n%s", p.Faults, c.want)
			}
		})
	}
}
