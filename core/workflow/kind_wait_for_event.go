package workflow

import (
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// waitForEvent is a step that waits for a signal.
type waitForEvent struct{ event *template.Template }

var _ behavior = waitForEvent{}

func parseWaitForEvent(p *parser, s *Step, members map[string]any, at string) behavior {
	w := waitForEvent{event: p.required(members, at, "event")}
	if name, ok := members["event"].(string); ok && !p.stored {
		if problem := signalProblem(name); problem != "" {
			p.fault(at+"/event", "it is a segment of a path: POST /runs/{id}/signals/{name}", "%s", problem)
		}
	} else if _, given := members["event"]; given && !ok && !p.stored {
		p.fault(at+"/event", `such as "approved"`, "event must be the name of a signal, a string, not %s", value.KindOf(members["event"]))
	}
	if p.compensating > 0 && s.Timeout == 0 && !p.stored && members["timeout"] == nil {
		p.fault(at, `give it one, such as "timeout": "24h"`,
			"waitForEvent in compensate needs a timeout: a run that undoes its steps cannot be cancelled, and would wait for ever")
	}
	return w
}

// MaxSignalName is the most bytes that the name of a signal may have. A request with a
// longer one is refused, and a step that waits for one is a fault.
const MaxSignalName = 255

// signalProblem says why no request can send a signal of a name, in which placeholders
// may stand; "" if one can.
func signalProblem(name string) string {
	literal := name
	for {
		before, after, found := strings.Cut(literal, "{{")
		if !found {
			break
		}
		_, after, _ = strings.Cut(after, "}}")
		literal = before + after
	}
	switch {
	case name == "":
		return "event is empty, and no request can send a signal without a name"
	case name == "." || name == "..":
		return "no request can send a signal of the name " + name
	case strings.Contains(literal, "/"):
		return "no request can send a signal whose name holds a slash"
	case strings.ContainsFunc(literal, func(c rune) bool { return c < 0x20 || c == 0x7f }):
		return "no request can send a signal whose name holds a control character"
	case len(literal) > MaxSignalName:
		return fmt.Sprintf("no request can send a signal whose name has more than %d bytes", MaxSignalName)
	}
	return ""
}

func (w waitForEvent) parts(*Step) []part { return templatePart("event", w.event) }

func (waitForEvent) begins() EventType { return EventWaiting }

func (w waitForEvent) begin(at *scope, _ time.Time) (Event, string, error) {
	name, err := at.text(w.event)
	return Event{Name: name}, "event", err
}

func (waitForEvent) outline(*Step) Outline { return Outline{Shape: ShapeWait} }
