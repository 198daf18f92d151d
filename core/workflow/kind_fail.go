package workflow

import (
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
)

// fail is a step that fails.
type fail struct {
	message *template.Template
	code    sdk.Code
}

var _ behavior = fail{}

func parseFail(p *parser, _ *Step, members map[string]any, at string) behavior {
	f := fail{message: p.required(members, at, "message"), code: CodeFailed}
	if code := p.text(members, at, "code", false); code != "" {
		f.code = sdk.Code(code)
	}
	return f
}

func (f fail) parts(*Step) []part { return templatePart("message", f.message) }

func (fail) begins() EventType { return EventFailed }

func (f fail) begin(at *scope, _ time.Time) (Event, string, error) {
	message, err := at.text(f.message)
	return Event{Error: &sdk.Error{Code: f.code, Message: message, Outcome: sdk.OutcomeNotExecuted}}, "message", err
}

func (fail) outline(*Step) Outline { return Outline{Shape: ShapeFail} }
