package compile

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/destination"
	"github.com/backflow/backflow/core/plugin/credential"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
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
	p.lacking = make(map[string]bool)
	for _, d := range p.Definitions {
		d.Walk(func(step *workflow.Step) { p.checkStep(d, step, catalog) })
		p.checkPaths(d, catalog)
		p.checkSchema(d.InputSchema, func(pointer, message, hint string) config.Fault {
			return d.Source.Fault("/input"+pointer, "input: "+message, hint)
		})
	}
	for _, c := range p.Config.CustomIntegrations {
		for _, name := range slices.Sorted(maps.Keys(c.Actions)) {
			at := pointer.Join("", "actions", name, "params")
			p.checkSchema(jsonOf(c.Actions[name].Params), func(pointer, message, hint string) config.Fault {
				return c.Fault(at+pointer, message, hint)
			})
		}
	}
	p.checkCycles()
	p.checkScopes(catalog)
	for _, name := range slices.Sorted(maps.Keys(p.Config.Credentials)) {
		p.checkCredential(p.Config.Credentials[name], catalog.Manifest(name))
	}
	for i, w := range p.Config.Webhooks {
		if w.Own() {
			p.checkOwnWebhook(w, i)
			continue
		}
		p.checkWebhook(w, i, published{catalog.Manifest(w.Provider)})
		p.checkWebhookSecrets(w, i)
		p.checkReconcile(w, i, catalog)
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
	p.checkNoCredentials(d, step, catalog.Manifest(step.Integration))
	if step.Action == action.FetchEvent {
		return // see checkWebhook
	}
	found, err := catalog.Describe(step.Integration, step.Action)
	if err != nil {
		var e *sdk.Error
		if errors.As(err, &e) && e.Code == sdk.CodeUnknownAction {
			p.fault(d.Source.Fault(at+"/action", e.Message, ""))
		}
		return
	}
	if step.Params == nil {
		return // what they would become is not known
	}
	for _, left := range step.Params.Left() {
		if !found.ReadsResults(left) {
			p.fault(d.Source.Fault(at+"/params"+left, step.Integration+"."+step.Action+": "+action.NoResults, "another step is read as {{steps.ID.result.id}}"))
		}
	}
	open := made(step.Params.Refs())
	for _, fault := range found.Faults(step.Source, open) {
		if params, _ := step.Source.(map[string]any); step.Integration == destination.Name && fault.Pointer == "/destination" {
			if name, ok := params["destination"].(string); ok {
				fault.Message, fault.Hint = fmt.Sprintf("there is no destination %q", name), suggest.Hint(name, p.destinationNames())
			}
		}
		p.fault(d.Source.Fault(at+"/params"+fault.Pointer, step.Integration+"."+step.Action+": "+fault.Message, fault.Hint))
	}
}

// checkChild makes sure that the workflow that a step runs is there.
func (p *Plan) checkChild(d Definition, step *workflow.Step) {
	known := p.workflowIDs()
	if child := p.definition(step.Workflow); child != nil && child.Input != nil {
		p.checkChildInput(d, step, *child)
	}
	if !slices.Contains(known, step.Workflow) {
		p.fault(d.Source.Fault(step.Pointer+"/workflow", fmt.Sprintf("there is no workflow %q", step.Workflow), suggest.Hint(step.Workflow, known)))
	}
}

// checkChildInput holds what a step starts another workflow with against that one's
// schema.
func (p *Plan) checkChildInput(d Definition, step *workflow.Step, child Definition) {
	input := step.Source
	if input == nil {
		input = map[string]any{}
	}
	t, err := template.Compile(input, template.Options{})
	if err != nil {
		return // a fault already
	}
	for _, f := range child.Input.OpenFaults(input, made(t.Refs())) {
		p.fault(d.Source.Fault(step.Pointer+"/input"+f.Pointer, "the input of "+child.ID+": "+f.Message, f.Hint))
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
// fields that have no value yet there is nothing more to say. On a developer's machine
// some values are faults.
func (p *Plan) checkCredential(c config.Credential, manifest *sdk.Manifest) {
	if manifest == nil {
		return
	}
	faults := credential.Check(manifest, c.Reveal(), p.Config.BaseDir)
	if p.options.Config.Dev {
		faults = append(faults, credential.CheckDev(manifest, c.Reveal())...)
	}
	for _, fault := range faults {
		if !c.Lacks(fault.Pointer) {
			p.fault(c.Fault(fault.Pointer, fault.Message, ""))
		}
	}
}

// checkNoCredentials reports an integration that a step calls without the credentials
// that it needs. In a config without any, such as a part of one that is tried alone, it
// is a warning.
func (p *Plan) checkNoCredentials(d Definition, step *workflow.Step, manifest *sdk.Manifest) {
	if _, given := p.Config.Credentials[step.Integration]; given || manifest == nil || p.lacking[step.Integration] {
		return
	}
	faults := credential.Check(manifest, nil, p.Config.BaseDir)
	if len(faults) == 0 {
		return
	}
	p.lacking[step.Integration] = true
	field := strings.TrimPrefix(faults[0].Pointer, "/")
	report := p.fault
	if len(p.Config.Credentials) == 0 {
		report = p.warn
	}
	report(d.Source.Fault(step.Pointer, fmt.Sprintf("integration %q is used without credentials: %s", step.Integration, faults[0].Message),
		fmt.Sprintf(`give "credentials": { %q: { %q: "{{env.…}}" } }`, step.Integration, field)))
}

// checkWebhookSecrets warns of secrets that are something else, by how they begin: a
// vendor's key or the id of an endpoint stand on the same page.
func (p *Plan) checkWebhookSecrets(w config.Webhook, i int) {
	if p.isBuiltIn(w.Provider) { // which knows the form of its secrets, and one signs with the secret key of its API
		return
	}
	kinds := []struct{ prefix, what string }{
		{"sk_", "a secret key"}, {"rk_", "a restricted key"}, {"pk_", "a publishable key"}, {"we_", "the id of an endpoint"},
	}
	for n, secret := range p.WebhookSecrets(w) {
		for _, kind := range kinds {
			if strings.HasPrefix(secret, kind.prefix) {
				p.warn(config.Fault{
					Pos:     p.secretPos(w, i, n),
					Message: fmt.Sprintf("the secret of webhook %q begins with %s, as %s does, which is no signing secret", w.Name, kind.prefix, kind.what),
					Hint:    "the signing secret of an endpoint begins with whsec_",
				})
			}
		}
	}
}

// secretPos returns where the n-th secret of the i-th webhook is written.
func (p *Plan) secretPos(w config.Webhook, i, n int) config.Pos {
	if !w.Secrets.Given {
		return p.Config.Credentials[w.Provider].At("/" + p.providers[w.Provider].SecretField)
	}
	at := indexPointer("/webhooks", i)
	if pos := p.Config.At(at + "/secret"); pos != p.Config.At(at) {
		return pos
	}
	return p.Config.At(indexPointer(at+"/secrets", n))
}

// checkWebhook makes sure that a webhook can be verified, and with which secret.
func (p *Plan) checkWebhook(w config.Webhook, i int, integration published) {
	provider, ok := p.WebhookProvider(w, integration)
	if ok && w.Fetch && !provider.Unpublished && provider.FetchAction == "" {
		at := indexPointer("/webhooks", i) + "/fetch"
		p.fault(config.Fault{
			Pos:     p.Config.At(at),
			Message: fmt.Sprintf("webhooks[%d].fetch: the provider %q fetches nothing for an event", i, w.Provider),
			Hint:    "leave fetch out, and have a step ask for what the event is about",
		})
	}
	if _, known := p.providers[w.Provider]; ok && !(known && provider.Unpublished) {
		p.providers[w.Provider] = provider
	}
	switch {
	case !ok && p.isBuiltIn(w.Provider): // a fault of its config
	case !ok:
		p.fault(config.Fault{Pos: w.Pos, Message: fmt.Sprintf("integration %q cannot verify webhooks", w.Provider)})
	case w.Secrets.Given:
		p.checkWebhookSecretForms(w, i, provider.CheckSecret)
	case provider.Unpublished:
	case provider.SecretField == "" || !p.hasField(w.Provider, provider.SecretField):
		p.fault(config.Fault{
			Pos: w.Pos, Message: fmt.Sprintf("webhook %q has no secret, and neither have the credentials of %q", w.Name, w.Provider),
			Hint: `give "secret": "{{env.…}}"`,
		})
	default:
		p.checkWebhookSecretForms(w, i, provider.CheckSecret)
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
