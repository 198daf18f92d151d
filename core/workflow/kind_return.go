package workflow

import (
	"time"

	"github.com/backflow/backflow/core/template"
)

// returning is a step "return": it ends the run with success.
type returning struct{ output *template.Template } // nil is null

var _ behavior = returning{}

func parseReturn(p *parser, _ *Step, members map[string]any, at string) behavior {
	if p.compensating > 0 {
		p.fault(at+"/type", "how the run ends is decided when steps are undone", "compensate cannot return")
	}
	return returning{output: p.optional(members, at, "output")}
}

func (r returning) parts(*Step) []part { return templatePart("output", r.output) }

func (returning) begins() EventType { return EventStopping }

func (r returning) begin(at *scope, _ time.Time) (Event, string, error) {
	output, err := at.document(r.output)
	return Event{Status: RunSucceeded, Result: output}, "output", err
}

func (returning) outline(*Step) Outline { return Outline{Shape: ShapeEnd} }
