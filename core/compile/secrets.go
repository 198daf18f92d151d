package compile

import (
	"encoding/json"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
)

// WebhookSecrets returns what the events of a webhook are signed with: its own
// secrets, else that in the credentials of its provider. There are none where
// these are unset in the environment of a developer's machine.
func (p *Plan) WebhookSecrets(w config.Webhook) []string {
	var secrets []string
	for _, secret := range w.Secrets.Values {
		secrets = append(secrets, secret.Reveal())
	}
	if !w.Secrets.Given {
		if secret := stringField(p.Config.Credentials[w.Provider].Reveal(), p.providers[w.Provider].SecretField); secret != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// WebhookProvider returns the provider of a webhook. The integration is the one
// of its name, nil where none exists; ok is false where neither verifies
// webhooks.
func (p *Plan) WebhookProvider(name string, integration webhook.Integration) (provider webhook.Provider, ok bool) {
	return p.options.WebhookProviders.Lookup(name, integration)
}

// NewWebhookSecret makes a secret for a webhook as its sender would.
func (p *Plan) NewWebhookSecret(w config.Webhook) string {
	provider, _ := p.WebhookProvider(w.Provider, published{})
	return provider.NewSecret()
}

// published is an integration of which nothing but the manifest is known, nil
// before it has published one.
type published struct{ manifest *sdk.Manifest }

func (p published) Manifest() *sdk.Manifest { return p.manifest }

// stringField reads a string member of a JSON object; "" without one.
func stringField(object []byte, name string) string {
	var members map[string]json.RawMessage
	var text string
	if json.Unmarshal(object, &members) != nil || json.Unmarshal(members[name], &text) != nil {
		return ""
	}
	return text
}
