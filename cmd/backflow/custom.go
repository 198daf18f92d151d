package main

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/custom"
	"github.com/backflow/backflow/core/template"
)

// declare makes the custom integrations. What is wrong with one is a fault,
// unless one is told of the same place already, and it is not there then.
func (l *loaded) declare() {
	told := make(map[config.Pos]bool, len(l.faults))
	for _, f := range l.faults {
		told[f.Pos] = true
	}
	for _, c := range l.config.CustomIntegrations {
		if spec, taken := l.pluginNamed(c.Name); taken {
			l.faults = append(l.faults, c.Fault("/name", fmt.Sprintf("there is a plugin of this name, %s", spec), "an integration is one or the other"))
			continue
		}
		made, err := custom.New(definitionOf(c))
		var faults template.Faults
		switch {
		case err == nil:
			l.declared = append(l.declared, made)
		case errors.As(err, &faults):
			for _, f := range faults {
				if fault := c.Fault(f.Pointer, f.Message, f.Hint); !told[fault.Pos] {
					l.faults = append(l.faults, fault)
				}
			}
		default:
			l.faults = append(l.faults, c.Fault("", err.Error(), ""))
		}
	}
}

// pluginNamed answers the file of the plugin of that name.
func (l *loaded) pluginNamed(name string) (path string, ok bool) {
	for _, spec := range l.specs {
		if spec.Name == name {
			return spec.Path, true
		}
	}
	return "", false
}

// declares reports whether the config has a custom integration of that name,
// be it a faulty one.
func (l *loaded) declares(name string) bool {
	for _, c := range l.config.CustomIntegrations {
		if c.Name == name {
			return true
		}
	}
	return false
}

// unsetURL stands for a base URL that has no value, because of a fault that is
// told already or in a check without the environment: the rest of the
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

// jsonOf answers a value as JSON; nil where the config has none.
func jsonOf(n *config.Node) []byte {
	if n == nil {
		return nil
	}
	return n.JSON()
}
