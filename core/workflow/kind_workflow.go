package workflow

import (
	"time"

	"github.com/backflow/backflow/core/template"
)

// childWorkflow is a step "workflow": it runs another workflow, which stands in
// the Step, and waits for its end.
type childWorkflow struct{ input *template.Template }

var _ behavior = childWorkflow{}

func parseWorkflow(p *parser, s *Step, members map[string]any, at string) behavior {
	s.Workflow, s.Source = p.text(members, at, "workflow", true), members["input"]
	c := childWorkflow{input: p.optional(members, at, "input")}
	if c.input == nil {
		c.input = p.template(map[string]any{}, at+"/input")
	}
	return c
}

func (c childWorkflow) parts(*Step) []part { return templatePart("input", c.input) }

func (childWorkflow) begins() EventType { return EventChild }

func (c childWorkflow) begin(at *scope, now time.Time) (Event, string, error) {
	input, err := at.document(c.input)
	return Event{Params: input, Child: childID(now, at.key())}, "input", err
}

func (childWorkflow) outline(s *Step) Outline {
	return Outline{Shape: ShapeRun, Text: "workflow " + s.Workflow}
}
