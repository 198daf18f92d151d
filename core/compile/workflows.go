package compile

import (
	"errors"
	"fmt"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/config"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/core/workflow"
)

// Definition is a workflow or the actions of a webhook, with its place.
type Definition struct {
	*workflow.Definition
	Source config.Definition
}

func (p *Plan) parseDefinitions() {
	for _, w := range p.Config.Workflows {
		d, err := workflow.Parse(w.Raw, workflow.InputRoots)
		p.addDefinition(w, d, err)
	}
	for i, w := range p.Config.Webhooks {
		if err := webhook.CheckPath(w.Path, p.options.OwnsPath); err != nil && w.Path != "" { // an empty one is a fault already
			at := indexPointer("/webhooks", i) + "/path"
			p.fault(config.Fault{Pos: p.Config.At(at), Message: fmt.Sprintf("webhooks[%d].%v", i, err)})
		}
		actions := workflow.Actions{Steps: w.Actions.Raw}
		if filter, err := WebhookFilter(w); err != nil {
			p.faultsAt(indexPointer("/webhooks", i)+"/filter", fmt.Sprintf("webhooks[%d].filter", i), err)
		} else {
			p.checkEventPaths(i, "filter", filter.Refs())
			actions.Filter = w.Filter.Condition
		}
		if w.Fetch && !w.Own() && !p.isBuiltIn(w.Provider) && w.Provider != "" { // of a built-in one it is a fault
			actions.Fetch = &workflow.Fetch{Integration: w.Provider, Action: action.FetchEvent}
		}
		if _, err := WebhookRespond(w); err != nil {
			p.faultsAt(indexPointer("/webhooks", i)+"/respond", fmt.Sprintf("webhooks[%d].respond", i), err)
		}
		d, err := workflow.ParseActions(event.WorkflowID(w.Name), actions, workflow.EventRoots)
		p.place(i, &w, d)
		p.addDefinition(w.Actions, d, err)
	}
}

// addDefinition takes a definition over, also one with faults: a plan with faults
// does not start, but what the definition names is checked with the rest.
func (p *Plan) addDefinition(source config.Definition, d *workflow.Definition, err error) {
	if d != nil {
		p.Definitions = append(p.Definitions, Definition{d, source})
	}
	p.Faults = append(p.Faults, faultsOf(source, err)...)
}

// ParseWorkflow parses a workflow of a config alone. The error is config.Faults.
func ParseWorkflow(source config.Definition) (*workflow.Definition, error) {
	d, err := workflow.Parse(source.Raw, workflow.InputRoots)
	if faults := faultsOf(source, err); len(faults) > 0 {
		faults.Sort()
		return d, faults
	}
	return d, nil
}

// faultsOf gives the faults of a definition their places.
func faultsOf(source config.Definition, err error) config.Faults {
	if err == nil {
		return nil
	}
	var faults template.Faults
	if !errors.As(err, &faults) {
		return config.Faults{source.Fault("", err.Error(), "")}
	}
	placed := make(config.Faults, len(faults))
	for i, f := range faults {
		placed[i] = source.Fault(f.Pointer, f.Message, f.Hint)
	}
	return placed
}
