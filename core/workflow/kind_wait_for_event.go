package workflow

import (
	"time"

	"github.com/backflow/backflow/core/template"
)

// waitForEvent is a step that waits for a signal.
type waitForEvent struct{ event *template.Template }

var _ behavior = waitForEvent{}

func parseWaitForEvent(p *parser, s *Step, members map[string]any, at string) behavior {
	w := waitForEvent{event: p.required(members, at, "event")}
	if p.compensating > 0 && s.Timeout == 0 && !p.stored && members["timeout"] == nil {
		p.fault(at, `give it one, such as "timeout": "24h"`,
			"waitForEvent in compensate needs a timeout: a run that undoes its steps cannot be cancelled, and would wait for ever")
	}
	return w
}

func (w waitForEvent) parts(*Step) []part { return templatePart("event", w.event) }

func (waitForEvent) begins() EventType { return EventWaiting }

func (w waitForEvent) begin(at *scope, _ time.Time) (Event, string, error) {
	name, err := at.text(w.event)
	return Event{Name: name}, "event", err
}

func (waitForEvent) outline(*Step) Outline { return Outline{Shape: ShapeWait} }
