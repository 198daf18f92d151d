package workflow

import (
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// set is a step that makes values.
type set struct{ values *template.Template }

var _ behavior = set{}

func parseSet(p *parser, step *Step, members map[string]any, at string) behavior {
	s := set{values: p.required(members, at, "values")}
	if _, ok := members["values"].(map[string]any); !ok && members["values"] != nil {
		p.fault(at+"/values", "", "values must be an object, not %s", value.KindOf(members["values"]))
	}
	step.Source = members["values"]
	return s
}

func (s set) parts(*Step) []part { return templatePart("values", s.values) }

func (set) begins() EventType { return EventSucceeded }

func (s set) begin(at *scope, _ time.Time) (Event, string, error) {
	values, err := at.document(s.values)
	return Event{Result: values}, "values", err
}

func (set) outline(*Step) Outline { return Outline{} }
