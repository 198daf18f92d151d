package sim

import (
	"github.com/backflow/backflow/core/access"
	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/config"
)

// configFile is where all gateways read the config. There is no such file.
const configFile = "/sim/backflow.json"

const (
	token      = "the-token-of-the-simulation"
	hookSecret = "whsec_of_the_simulation"
)

// load makes the config as it is now into a plan, as a gateway does.
func (sim *simulation) load(integrations ...action.Integration) (*compile.Plan, error) {
	plan, err := compile.Load(configFile, compile.Options{
		Config:       config.Options{ReadFile: func(string) ([]byte, error) { return sim.config(), nil }},
		Integrations: integrations,
	})
	if err != nil {
		return nil, err
	}
	return plan, plan.Err()
}

// config is the text of the config as it is now.
func (sim *simulation) config() []byte {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	doc := object{
		"auth": object{"tokens": []any{object{
			"name": "client", "hash": access.HashOf(token).String(), "scopes": []any{"admin"},
		}}},
		"workflows": sim.workflows,
		"webhooks": []any{object{
			"name": "hook", "path": "/webhooks/hook", "provider": "sender", "secret": hookSecret, "actions": sim.actions,
		}},
		"schedules": append([]object{}, sim.schedules...),
	}
	if r := sim.retention; r.Succeeded > 0 {
		doc["state"] = object{"retention": object{
			"succeeded": r.Succeeded.String(), "failed": r.Failed.String(), "maxRuns": r.MaxRuns,
		}}
	}
	return encode(doc)
}
