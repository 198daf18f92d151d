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

// TestThePlaceOfCredentialsIsThatOfWhatTheVendorIsShown: the secret of webhooks is not.
func TestThePlaceOfCredentialsIsThatOfWhatTheVendorIsShown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "backflow.json")
	if err := os.WriteFile(file, []byte(`{ "credentials": {
  "one": { "hook": "h",
    "key": "k" },
  "two": { "key": "k", "password": "p" } },
 "customIntegrations": [{ "name": "api", "baseUrl": "https://api.example",
   "auth": { "type": "bearer", "token": "t" }, "actions": {} }, { "name": "open", "baseUrl": "https://open.example", "actions": {} }] }`), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := Load(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	secrets := json.RawMessage(`{"type":"object","properties":{"key":{"writeOnly":true},"password":{"writeOnly":true},"hook":{"writeOnly":true}}}`)
	key := json.RawMessage(`{"type":"object","properties":{"key":{"writeOnly":true},"hook":{"writeOnly":true},"base":{}}}`)
	for _, c := range []struct {
		integration string
		manifest    *sdk.Manifest
		want        string
	}{
		{"one", &sdk.Manifest{Credentials: key, Webhook: &sdk.WebhookCapability{SecretField: "hook"}}, "credentials.one.key, " + file + ":3:12"},
		{"two", &sdk.Manifest{Credentials: secrets, Webhook: &sdk.WebhookCapability{SecretField: "hook"}}, "credentials.two, " + file + ":4:10"},
		{"api", &sdk.Manifest{}, "customIntegrations.api.auth, " + file + ":6:12"},
		{"open", &sdk.Manifest{}, ""},
		{"none", &sdk.Manifest{Credentials: key}, ""},
	} {
		if got := p.PlaceOfCredentials(c.integration, c.manifest); got != c.want {
			t.Errorf("%s: %q, want %q", c.integration, got, c.want)
		}
	}
}
