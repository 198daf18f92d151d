package main

import (
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/sdk"
)

// webhookSecrets are what the events of a webhook are signed with: its own
// secrets; else that in the credentials of its provider; else, on a developer's
// machine, the one that was made.
func (l *loaded) webhookSecrets(w config.Webhook, manifest *sdk.Manifest, made string) []string {
	var secrets []string
	for _, secret := range w.Secrets.Values {
		secrets = append(secrets, secret.Reveal())
	}
	if len(secrets) == 0 && len(w.Secrets.Unset) == 0 && manifest != nil && manifest.Webhook != nil {
		if secret := stringField(l.config.Credentials[w.Provider].Reveal(), manifest.Webhook.SecretField); secret != "" {
			secrets = append(secrets, secret)
		}
	}
	if len(secrets) == 0 && made != "" {
		secrets = append(secrets, made)
	}
	return secrets
}
