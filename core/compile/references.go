package compile

import (
	"fmt"
	"maps"
	"slices"

	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/suggest"
)

// checkReferences records where each integration is named, and reports those that
// do not exist. Credentials may also be those of a built-in provider of webhooks.
func (p *Plan) checkReferences() {
	known, declared := p.integrationNames()
	note := func(name string, at config.Fault) {
		if _, noted := p.references[name]; !noted && name != "" {
			p.references[name] = at
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Config.Credentials)) {
		if !p.isBuiltIn(name) || slices.Contains(declared, name) {
			note(name, config.Fault{Pos: p.Config.Credentials[name].Pos})
		}
	}
	for _, entry := range p.Config.Plugins {
		note(entry.Name, config.Fault{Pos: entry.Pos})
	}
	verifying := map[string]bool{}
	for i, w := range p.Config.Webhooks {
		if !w.Own() && !p.isBuiltIn(w.Provider) {
			note(w.Provider, config.Fault{Pos: p.Config.At(indexPointer("/webhooks", i) + "/provider")})
			verifying[w.Provider] = true
		}
		note(w.Reconcile.From.Integration, config.Fault{Pos: w.At("/reconcile/from/integration")})
	}
	for _, d := range p.Definitions {
		d.Walk(func(step *workflow.Step) { note(step.Integration, d.Source.Fault(step.Pointer, "", "")) })
	}
	for _, name := range slices.Sorted(maps.Keys(p.references)) {
		if slices.Contains(declared, name) {
			continue
		}
		at, known := p.references[name], known
		if name == destination.Name {
			at.Message, at.Hint = "the config has no destinations to send to", `give "destinations": [{ "name": …, "url": …, "secret": … }]`
			p.fault(at)
			continue
		}
		if verifying[name] {
			known = slices.Concat(known, p.providerNames())
		}
		at.Message = fmt.Sprintf("there is no integration %q: %s", name, p.searchedDirs())
		if near := suggest.Nearest(name, workflow.StepTypes()); near != "" && suggest.Nearest(name, known) == "" {
			at.Hint = fmt.Sprintf("did you mean the type of step %q?", near)
		} else if at.Hint = suggest.Hint(name, known); at.Hint == "" && len(p.pluginDirs()) == 0 {
			at.Hint = `give "pluginDirs": ["bin/plugins"]`
		}
		p.fault(at)
	}
}

// Names reports whether the config names an integration: in a workflow, a webhook,
// the credentials or the plugins. What it does not name can be called all the same.
func (p *Plan) Names(integration string) bool {
	_, named := p.references[integration]
	return named
}

// integrationNames returns the integrations that exist, and these together with
// those that the config declares but that were not found: the missing file of a
// plugin is a fault already.
func (p *Plan) integrationNames() (known, declared []string) {
	for _, entry := range p.Config.Plugins {
		declared = append(declared, entry.Name)
		if _, found := p.Plugins[entry.Name]; found {
			known = append(known, entry.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Plugins)) {
		if !slices.Contains(known, name) {
			known = append(known, name)
		}
	}
	for _, integration := range p.options.Integrations {
		known = append(known, integration.Name())
	}
	for _, c := range p.Config.CustomIntegrations {
		known = append(known, c.Name)
	}
	for _, sender := range p.sender() {
		known = append(known, sender.Name())
	}
	return known, append(declared, known...)
}
