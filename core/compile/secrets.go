package compile

import (
	"encoding/json"

	"github.com/backflow/backflow/core/config"
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
		if secret := stringField(p.Config.Credentials[w.Provider].Reveal(), p.secretFields[w.Provider]); secret != "" {
			secrets = append(secrets, secret)
		}
	}
	return secrets
}

// stringField reads a string member of a JSON object; "" where there is none.
func stringField(object []byte, name string) string {
	var members map[string]json.RawMessage
	var text string
	if json.Unmarshal(object, &members) != nil || json.Unmarshal(members[name], &text) != nil {
		return ""
	}
	return text
}
