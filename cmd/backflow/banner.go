package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/compile"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/workflow"
)

// banner prints what a developer needs first: the address, the token, lines to
// paste, and which integrations cannot be called yet.
func (p *program) banner(plan *compile.Plan, registry *action.Registry, saved devState) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nBackflow is listening on %s\nDevelopment token: %s\n", saved.Address, saved.Token)
	for _, integration := range registry.Integrations() {
		if status := integration.Status(); status.State != action.StateReady {
			fmt.Fprintf(&b, "\n%s is %s", integration.Name(), status.State)
			if status.Reason != "" {
				fmt.Fprintf(&b, ": %s", status.Reason)
			}
			fmt.Fprintln(&b)
		} else if m := integration.Manifest(); m != nil {
			writeFirstCalls(&b, saved, m)
		}
	}
	p.writeEvents(&b, plan, registry, saved)
	for _, d := range plan.Definitions {
		if !slices.Contains(d.Roots(), "input") {
			continue
		}
		writePost(&b, "Run the workflow "+d.ID, saved, shellQuote(saved.Address+"/workflows/"+d.ID+"/runs?wait=30s"), sampleInput(d, registry))
	}
	for _, w := range saved.Webhooks {
		if eventType := sampleEvent(plan.Definitions, w.Name, eventTypesOf(plan, registry, w.Name)); eventType != "" {
			fmt.Fprintf(&b, "\nSend a signed sample event to %s:\n\n  %s trigger %s %s\n", w.Path, p.calledAs, w.Provider, eventType)
		}
	}
	fmt.Fprintln(&b)
	fmt.Fprint(p.stdout, b.String())
}

// eventTypesOf returns the types of which the provider of a webhook makes samples, and
// that its filter may let through.
func eventTypesOf(plan *compile.Plan, registry *action.Registry, name string) []string {
	for _, w := range plan.Config.Webhooks {
		if w.Name == name {
			integration, _ := registry.Integration(w.Provider)
			provider, _ := plan.WebhookProvider(w, integration)
			if provider.SignsURL && plan.Config.Server.PublicURL == "" {
				return nil // it would be refused
			}
			filter, err := compile.WebhookFilter(w)
			if err != nil {
				return nil // the plan has no faults
			}
			return slices.DeleteFunc(slices.Clone(provider.EventTypes), func(eventType string) bool { return !filter.MayPass(eventType) })
		}
	}
	return nil
}

// sampleInput is an input that makes sense for a workflow: the first of the examples of
// its schema. Without any, what a step takes from the input has the value of the same
// param in the action's example.
func sampleInput(d compile.Definition, registry *action.Registry) string {
	// https://json-schema.org/draft/2020-12/json-schema-validation#name-examples
	var given struct{ Examples []json.RawMessage }
	var compact bytes.Buffer
	if json.Unmarshal(d.InputSchema, &given) == nil && len(given.Examples) > 0 && json.Compact(&compact, given.Examples[0]) == nil {
		return compact.String()
	}
	input := map[string]json.RawMessage{}
	d.Walk(func(step *workflow.Step) { sampleParams(input, step, registry) })
	data, err := json.Marshal(input)
	if err != nil {
		return "{}"
	}
	return string(data)
}

// sampleParams adds to an input what one step takes from it.
func sampleParams(input map[string]json.RawMessage, step *workflow.Step, registry *action.Registry) {
	if step.Params == nil {
		return
	}
	example := map[string]json.RawMessage{}
	if found, err := registry.Find(step.Integration, step.Action); err == nil {
		for _, e := range slices.Backward(found.Spec().Examples) {
			var params map[string]json.RawMessage
			if json.Unmarshal(e.Params, &params) == nil {
				maps.Copy(example, params)
			}
		}
	}
	for _, ref := range step.Params.Refs() {
		if ref.Root != "input" || len(ref.Path) != 1 {
			continue
		}
		value, ok := example[strings.TrimPrefix(ref.Pointer, "/")]
		if !ok {
			value = json.RawMessage(`"…"`)
		}
		if _, set := input[ref.Path[0].Key]; !set {
			input[ref.Path[0].Key] = value
		}
	}
}

// sampleEvent chooses an event type to try a webhook with: one that a condition
// of its actions names, else the first; "" where the provider has no types.
func sampleEvent(definitions []compile.Definition, name string, types []string) string {
	for _, d := range definitions {
		if d.ID != event.WorkflowID(name) {
			continue
		}
		named := ""
		d.Walk(func(step *workflow.Step) {
			if named != "" || step.Condition == nil {
				return
			}
			for _, eventType := range types {
				// The longest: some are a part of others, as transfer.created of
				// treasury.inbound_transfer.created.
				if len(eventType) > len(named) && strings.Contains(step.Condition.String(), eventType) {
					named = eventType
				}
			}
		})
		if named != "" {
			return named
		}
	}
	if len(types) > 0 {
		return types[0]
	}
	return ""
}

// shellQuote quotes for a POSIX shell.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
