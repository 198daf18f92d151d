package compile

import (
	"slices"

	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/webhook"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// eventTypeParam is the param of an action that fetches what an event is about whose
// variants say which right it needs for events of a type.
const eventTypeParam = "type"

// fetch notes what it needs to fetch what the events of a webhook are about: those of
// the types that its filter lets through, as far as the integration says which types
// there are.
func (r *rightsFinder) fetch(p *Plan, d Definition, use Use, spec *sdk.ActionSpec, known []string) {
	var noted []string
	for _, eventType := range p.typesOf(d, known) {
		treatment := spec.For([]byte(`{"` + eventTypeParam + `":` + string(value.AppendString(nil, eventType)) + `}`))
		for _, right := range treatment.Permissions {
			if !slices.Contains(noted, right) {
				noted = append(noted, right)
				r.needed[right] = append(r.needed[right], use)
			}
		}
	}
	if len(noted) == 0 {
		use.What += ", of which the integration knows no right"
		r.open = append(r.open, use)
	}
}

// typesOf returns the types of events that run the actions of a webhook: of those that
// are known the ones that its filter lets through, and those that it names.
func (p *Plan) typesOf(d Definition, known []string) []string {
	for _, w := range p.Config.Webhooks {
		if event.WorkflowID(w.Name) != d.ID || w.Filter.Types == nil {
			continue
		}
		filter := webhook.FilterTypes(w.Filter.Types)
		types := slices.DeleteFunc(slices.Clone(known), func(eventType string) bool { return !filter.MayPass(eventType) })
		for _, pattern := range w.Filter.Types {
			if !slices.Contains(types, pattern) {
				types = append(types, pattern)
			}
		}
		return types
	}
	return known
}
