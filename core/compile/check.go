package compile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/suggest"
)

// Check checks the config against what the integrations publish, and returns all
// faults. Integrations that fail have published nothing and are passed over: their
// calls return the reason.
func (p *Plan) Check(catalog *action.Catalog) error {
	p.check(catalog)
	return p.Err()
}

// CheckReplacement returns what of the config a plugin could not do any more if
// it published another manifest. It leaves the plan as it is and is safe for
// concurrent use.
func (p *Plan) CheckReplacement(name string, manifest *sdk.Manifest) error {
	changed := p.clone()
	changed.Faults = nil
	return changed.Check(action.NewCatalog(map[string]*sdk.Manifest{name: manifest}))
}

func (p *Plan) check(catalog *action.Catalog) {
	for _, d := range p.Definitions {
		d.Walk(func(step *workflow.Step) { p.checkStep(d, step, catalog) })
		p.checkPaths(d, catalog)
		p.checkSchema(d.InputSchema, func(pointer, message, hint string) config.Fault {
			return d.Source.Fault("/input"+pointer, "input: "+message, hint)
		})
	}
	for _, name := range slices.Sorted(maps.Keys(p.Config.Credentials)) {
		p.checkCredential(p.Config.Credentials[name], catalog.Manifest(name))
	}
	for _, w := range p.Config.Webhooks {
		p.checkWebhook(w, published{catalog.Manifest(w.Provider)})
	}
}

func (p *Plan) checkStep(d Definition, step *workflow.Step, catalog *action.Catalog) {
	at := step.Pointer
	if step.Workflow != "" {
		p.checkChild(d, step)
	}
	if step.Integration == "" || step.Action == "" {
		return // a fault already
	}
	found, err := catalog.Describe(step.Integration, step.Action)
	if err != nil {
		var e *sdk.Error
		if errors.As(err, &e) && e.Code == sdk.CodeUnknownAction {
			p.Faults = append(p.Faults, d.Source.Fault(at+"/action", e.Message, ""))
		}
		return
	}
	if step.Params == nil {
		return // what they would become is not known
	}
	open := made(step.Params.Refs())
	for _, fault := range found.Faults(step.Source, open) {
		p.Faults = append(p.Faults, d.Source.Fault(at+"/params"+fault.Pointer, step.Integration+"."+step.Action+": "+fault.Message, fault.Hint))
	}
}

// checkChild makes sure that the workflow that a step runs is there.
func (p *Plan) checkChild(d Definition, step *workflow.Step) {
	var known []string
	for _, other := range p.Config.Workflows {
		known = append(known, other.ID)
	}
	if !slices.Contains(known, step.Workflow) {
		p.Faults = append(p.Faults, d.Source.Fault(step.Pointer+"/workflow", fmt.Sprintf("there is no workflow %q", step.Workflow), suggest.Hint(step.Workflow, known)))
	}
}

// made returns a function that reports whether the value at a pointer, or one that it
// is part of, is made from data: then nothing is known of it yet.
func made(refs []template.Ref) func(pointer string) bool {
	pointers := make(map[string]bool, len(refs))
	for _, ref := range refs {
		pointers[ref.Pointer] = true
	}
	return func(pointer string) bool {
		for !pointers[pointer] {
			end := strings.LastIndexByte(pointer, '/')
			if end < 0 {
				return false
			}
			pointer = pointer[:end]
		}
		return true
	}
}

// checkCredential checks an entry under "credentials" against its schema. Of
// fields that have no value yet there is nothing more to say.
func (p *Plan) checkCredential(c config.Credential, manifest *sdk.Manifest) {
	if manifest == nil {
		return
	}
	for _, fault := range credential.Check(manifest, c.Reveal(), p.Config.BaseDir) {
		if !c.Lacks(fault.Pointer) {
			p.Faults = append(p.Faults, c.Fault(fault.Pointer, fault.Message, ""))
		}
	}
}

// checkWebhook makes sure that a webhook can be verified, and with which secret.
func (p *Plan) checkWebhook(w config.Webhook, integration published) {
	provider, ok := p.WebhookProvider(w.Provider, integration)
	if _, known := p.providers[w.Provider]; ok && !(known && provider.Unpublished) {
		p.providers[w.Provider] = provider
	}
	switch {
	case !ok:
		p.Faults = append(p.Faults, config.Fault{Pos: w.Pos, Message: fmt.Sprintf("integration %q cannot verify webhooks", w.Provider)})
	case provider.Unpublished || w.Secrets.Given:
	case provider.SecretField == "" || !p.hasField(w.Provider, provider.SecretField):
		p.Faults = append(p.Faults, config.Fault{
			Pos: w.Pos, Message: fmt.Sprintf("webhook %q has no secret, and neither have the credentials of %q", w.Name, w.Provider),
			Hint: `give "secret": "{{env.…}}"`,
		})
	}
}

// hasField reports whether the credentials of an integration have a field, with
// or without a value.
func (p *Plan) hasField(integration, field string) bool {
	c, ok := p.Config.Credentials[integration]
	if !ok {
		return false
	}
	return c.Lacks("/"+field) || stringField(c.Reveal(), field) != ""
}
