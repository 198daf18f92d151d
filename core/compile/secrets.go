package compile

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin"
	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
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

// SandboxWebhooks returns the webhooks whose events come from the sandbox of a plugin:
// those that it verifies, if it runs there.
func (p *Plan) SandboxWebhooks(name string) []config.Webhook {
	if !p.Sandbox[name] || p.isBuiltIn(name) {
		return nil
	}
	var webhooks []config.Webhook
	for _, w := range p.Config.Webhooks {
		if w.Provider == name {
			webhooks = append(webhooks, w)
		}
	}
	return webhooks
}

// AskProvider asks the plugin that is the provider of webhooks, if it is one, what it
// publishes: WebhookSecrets then finds the secret in its credentials. The plugin is
// handed no credential.
func (p *Plan) AskProvider(ctx context.Context, launcher plugin.Launcher, name string) error {
	spec, isPlugin := p.Plugins[name]
	if !isPlugin || p.isBuiltIn(name) {
		return nil
	}
	asked := p.inspect(ctx, launcher, []plugin.Spec{spec})[name]
	if asked.err != nil {
		return asked.err
	}
	if provider, ok := p.options.WebhookProviders.Lookup(name, published{asked.manifest}); ok {
		p.providers[name] = provider
	}
	return nil
}

// SecretField returns where in the credentials of a provider the secret of its
// webhooks is, as far as that is known: see AskProvider. It is "" where they have
// none.
func (p *Plan) SecretField(provider string) string { return p.providers[provider].SecretField }

// EventTypes returns the types of which a provider makes samples, as far as they are
// known: see AskProvider.
func (p *Plan) EventTypes(provider string) []string { return p.providers[provider].EventTypes }

// NewWebhookSecret makes a secret for a webhook as its sender would.
func (p *Plan) NewWebhookSecret(w config.Webhook) string {
	provider, _ := p.WebhookProvider(w, published{})
	return provider.NewSecret()
}

// PlaceOfCredentials returns the field of the config, and its place, that has what an
// integration shows its vendor, such as "credentials.shop.apiKey,
// backflow.json:4:17". It is "" where the config gives none.
func (p *Plan) PlaceOfCredentials(integration string, manifest *sdk.Manifest) string {
	for _, custom := range p.Config.CustomIntegrations {
		if custom.Name == integration && custom.Auth.Type != "" {
			return fmt.Sprintf("customIntegrations.%s.auth, %s", integration, custom.Fault("/auth", "", "").Pos)
		}
	}
	c, given := p.Config.Credentials[integration]
	if !given {
		return ""
	}
	// The secret of webhooks is not shown to the vendor. Of several others any may be
	// the one that is refused.
	fields := slices.DeleteFunc(credential.SecretFields(manifest.Credentials), func(field string) bool {
		return manifest.Webhook != nil && field == manifest.Webhook.SecretField
	})
	if len(fields) == 1 && p.hasField(integration, fields[0]) {
		return fmt.Sprintf("credentials.%s.%s, %s", integration, fields[0], c.At(pointer.Join("", fields[0])))
	}
	return fmt.Sprintf("credentials.%s, %s", integration, c.Pos)
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
