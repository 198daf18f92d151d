package workflow

import (
	"time"

	"github.com/backflow/backflow/sdk/value"
)

// integration is a step that calls an action. What it calls stands in the Step.
type integration struct{}

var _ behavior = integration{}

func parseIntegration(p *parser, s *Step, members map[string]any, at string) behavior {
	if _, given := members["integration"]; given {
		s.Integration = p.text(members, at, "integration", true)
	} else if members["type"] == string(TypeIntegration) {
		p.fault(at, `give "integration": a name`, "integration is missing")
	}
	s.Action = p.text(members, at, "action", true)
	params, given := members["params"]
	if !given {
		params = map[string]any{}
	}
	if _, ok := params.(map[string]any); !ok {
		p.fault(at+"/params", "", "params must be an object, not %s", value.KindOf(params))
		return integration{}
	}
	opts := p.options()
	opts.Results = true // whether the action has calls that read any is known with its manifest
	s.Params, s.Source = p.templateWith(params, at+"/params", opts), params
	if retry, given := members["retry"]; given {
		p.retry(&s.Retry, retry, at+"/retry")
	}
	return integration{}
}

func (integration) parts(s *Step) []part { return templatePart("params", s.Params) }

func (integration) begins() EventType { return EventScheduled }

func (integration) begin(at *scope, _ time.Time) (Event, string, error) {
	params, err := at.document(at.node.Step.Params)
	return Event{Params: params, Key: at.key(), Generation: at.node.generation}, "params", err
}

func (integration) outline(s *Step) Outline { return Outline{Text: s.Integration + "." + s.Action} }
