package compile

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/template"
)

// compileCustom makes the custom integrations. One with faults is left out. Its
// faults are recorded unless config has reported one at the same place.
func (p *Plan) compileCustom() {
	known := make(map[config.Pos]bool, len(p.Faults))
	for _, f := range p.Faults {
		known[f.Pos] = true
	}
	for _, c := range p.Config.CustomIntegrations {
		if spec, taken := p.Plugins[c.Name]; taken {
			p.fault(c.Fault("/name", fmt.Sprintf("there is a plugin of this name, %s", spec.Path), "an integration is one or the other"))
			continue
		}
		made, err := custom.New(definitionOf(c))
		var faults template.Faults
		switch {
		case err == nil:
			p.Custom = append(p.Custom, made)
		case errors.As(err, &faults):
			for _, f := range faults {
				if fault := c.Fault(f.Pointer, f.Message, f.Hint); !known[fault.Pos] {
					p.fault(fault)
				}
			}
		default:
			p.fault(c.Fault("", err.Error(), ""))
		}
	}
}

// unsetURL stands for a base URL that has no value, because of a fault that is
// known already or in a check without the environment: the rest of the
// declaration is to be checked all the same. No such config runs.
const unsetURL = "https://unset.invalid"

// definitionOf is a declaration as package custom takes it.
func definitionOf(c config.CustomIntegration) custom.Definition {
	d := custom.Definition{Name: c.Name, BaseURL: c.BaseURL, Actions: make(map[string]custom.Action, len(c.Actions))}
	if d.BaseURL == "" {
		d.BaseURL = unsetURL
	}
	switch c.Auth.Type {
	case "bearer":
		d.Auth = custom.Bearer(c.Auth.Token.Reveal())
	case "basic":
		d.Auth = custom.Basic(c.Auth.Username.Reveal(), c.Auth.Password.Reveal())
	case "header":
		d.Auth = custom.Header(c.Auth.Name, c.Auth.Value.Reveal())
	case "query":
		d.Auth = custom.Query(c.Auth.Name, c.Auth.Value.Reveal())
	}
	for name, a := range c.Actions {
		d.Actions[name] = custom.Action{
			Method: a.Method, Path: a.Path, Query: jsonOf(a.Query), Headers: jsonOf(a.Headers), Body: jsonOf(a.Body),
			Params: jsonOf(a.Params), IdempotencyHeader: a.IdempotencyHeader, Timeout: a.Timeout,
		}
	}
	return d
}

// jsonOf returns a value as JSON; nil where the config has none.
func jsonOf(n *config.Node) []byte {
	if n == nil {
		return nil
	}
	return n.JSON()
}
