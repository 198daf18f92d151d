package sim

import (
	"bytes"

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

// changeConfig makes a change of what the config is made from. It is called with
// the simulation's lock, or before anything runs.
func (sim *simulation) changeConfig(change func()) {
	change()
	sim.configText = nil
}

// load makes the config as it is now into a plan, as a gateway does. A text is
// loaded once: gateways that start with the same one share what was made of it.
func (sim *simulation) load(integrations ...action.Integration) (*compile.Plan, error) {
	text := sim.config()
	sim.loading.Lock()
	defer sim.loading.Unlock()
	if sim.plan == nil || !bytes.Equal(sim.planText, text) {
		plan, err := compile.Load(configFile, compile.Options{
			Config:       config.Options{ReadFile: func(string) ([]byte, error) { return sim.config(), nil }},
			Integrations: integrations,
		})
		if err != nil {
			return nil, err
		}
		if err := plan.Err(); err != nil {
			return nil, err
		}
		sim.planText, sim.plan = text, plan
	}
	return sim.plan.WithIntegrations(integrations...), nil
}

// config is the text of the config as it is now.
func (sim *simulation) config() []byte {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	if sim.configText == nil {
		sim.configText = sim.encodeConfig()
	}
	return sim.configText
}

func (sim *simulation) encodeConfig() []byte {
	hook := object{"name": "hook", "path": "/webhooks/hook", "provider": "sender", "secret": hookSecret, "actions": sim.actions}
	if sim.placement.ordered != nil {
		hook["ordered"] = sim.placement.ordered
	}
	if sim.placement.lane != nil {
		hook["lane"] = sim.placement.lane
	}
	if sim.reconcile != nil {
		hook["reconcile"] = sim.reconcile
	}
	doc := object{
		"auth": object{"tokens": []any{object{
			"name": "client", "hash": access.HashOf(token).String(), "scopes": []any{"admin"},
		}}},
		"workflows": sim.workflows,
		"webhooks":  []any{hook},
		"schedules": append([]object{}, sim.schedules...),
	}
	if r := sim.retention; r.Succeeded > 0 {
		doc["state"] = object{"retention": object{
			"succeeded": r.Succeeded.String(), "failed": r.Failed.String(), "maxRuns": r.MaxRuns,
		}}
	}
	return encode(doc)
}
