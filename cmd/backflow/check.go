package main

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

// check holds a config against what the integrations publish. Integrations
// that have published nothing, for they fail, are passed over: their calls are
// answered with the reason.
func (l *loaded) check(registry *action.Registry) {
	for _, d := range l.definitions {
		d.Walk(func(step *workflow.Step) { l.checkStep(d, step, registry) })
	}
	for _, name := range slices.Sorted(maps.Keys(l.config.Credentials)) {
		l.checkCredential(l.config.Credentials[name], manifestOf(registry, name))
	}
	for _, w := range l.config.Webhooks {
		l.checkWebhook(w, manifestOf(registry, w.Provider))
	}
}

func (l *loaded) checkStep(d definition, step *workflow.Step, registry *action.Registry) {
	at := step.Pointer
	if step.Workflow != "" {
		l.checkChild(d, step)
	}
	if step.Integration == "" || step.Action == "" {
		return // a fault that is told already
	}
	found, err := registry.Find(step.Integration, step.Action)
	if err != nil {
		var e *sdk.Error
		if errors.As(err, &e) && e.Code == sdk.CodeUnknownAction {
			l.faults = append(l.faults, d.source.Fault(at+"/action", e.Message, ""))
		}
		return
	}
	if step.Params == nil {
		return // what they would become cannot be told
	}
	refs := step.Params.Refs()
	for _, fault := range found.Faults(step.Source, func(pointer string) bool { return dynamic(pointer, refs) }) {
		l.faults = append(l.faults, d.source.Fault(at+"/params"+fault.Pointer, step.Integration+"."+step.Action+": "+fault.Message, ""))
	}
}

// checkChild makes sure that the workflow that a step runs is there.
func (l *loaded) checkChild(d definition, step *workflow.Step) {
	var known []string
	for _, other := range l.config.Workflows {
		known = append(known, other.ID)
	}
	if !slices.Contains(known, step.Workflow) {
		l.faults = append(l.faults, d.source.Fault(step.Pointer+"/workflow", fmt.Sprintf("there is no workflow %q", step.Workflow), suggest.Hint(step.Workflow, known)))
	}
}

// dynamic reports whether the value at a pointer is, or is part of, one that is
// made from data: then nothing is known of it yet.
func dynamic(pointer string, refs []template.Ref) bool {
	for _, ref := range refs {
		if pointer == ref.Pointer || strings.HasPrefix(pointer, ref.Pointer+"/") {
			return true
		}
	}
	return false
}

// checkCredential holds an entry under "credentials" against its schema. Of
// fields that have no value yet there is nothing more to say.
func (l *loaded) checkCredential(c config.Credential, manifest *sdk.Manifest) {
	if manifest == nil {
		return
	}
	for _, fault := range credential.Check(manifest, c.Reveal(), l.config.BaseDir) {
		if !c.Lacks(fault.Pointer) {
			l.faults = append(l.faults, c.Fault(fault.Pointer, fault.Message, ""))
		}
	}
}

// checkWebhook makes sure that somebody can verify a webhook, and with what.
func (l *loaded) checkWebhook(w config.Webhook, manifest *sdk.Manifest) {
	if manifest != nil && manifest.Webhook != nil {
		l.secretFields[w.Provider] = manifest.Webhook.SecretField
	}
	switch {
	case manifest == nil:
	case manifest.Webhook == nil:
		l.faults = append(l.faults, config.Fault{Pos: w.Pos, Message: fmt.Sprintf("integration %q cannot verify webhooks", w.Provider)})
	case w.Secrets.Given:
	case manifest.Webhook.SecretField == "" || !l.hasField(w.Provider, manifest.Webhook.SecretField):
		l.faults = append(l.faults, config.Fault{
			Pos: w.Pos, Message: fmt.Sprintf("webhook %q has no secret, and neither have the credentials of %q", w.Name, w.Provider),
			Hint: `give "secret": "{{env.…}}"`,
		})
	}
}

// hasField reports whether the credentials of an integration have a field, be
// it without a value yet.
func (l *loaded) hasField(integration, field string) bool {
	c, ok := l.config.Credentials[integration]
	if !ok {
		return false
	}
	return c.Lacks("/"+field) || stringField(c.Reveal(), field) != ""
}

// manifestOf answers what an integration publishes, nil if it has not yet.
func manifestOf(registry *action.Registry, name string) *sdk.Manifest {
	integration, ok := registry.Integration(name)
	if !ok {
		return nil
	}
	return integration.Manifest()
}
