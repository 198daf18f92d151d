package workflow

import (
	"testing"

	"github.com/backflow/backflow/sdk/value"
)

// smallest has, for each type of step, the members of a smallest step and the
// event with which it begins.
var smallest = map[Type]struct {
	members string
	begins  EventType
}{
	TypeIntegration:  {`"integration":"shop","action":"pay"`, EventScheduled},
	TypeSequence:     {`"steps":[]`, EventEntered},
	TypeParallel:     {`"steps":[]`, EventEntered},
	TypeForeach:      {`"items":[1],"steps":[{"type":"set","values":{}}]`, EventEntered},
	TypeSwitch:       {`"cases":[{"when":"true","steps":[]}]`, EventEntered},
	TypeWait:         {`"duration":"1s"`, EventWaiting},
	TypeWaitForEvent: {`"event":"paid"`, EventWaiting},
	TypeWorkflow:     {`"workflow":"other"`, EventChild},
	TypeSet:          {`"values":{}`, EventSucceeded},
	TypeFail:         {`"message":"no"`, EventFailed},
	TypeReturn:       {``, EventStopping},
}

// TestEveryTypeOfStepBegins: the Machine takes the event with which a step begins,
// and no success of a step that has not begun, unless that is how it begins.
func TestEveryTypeOfStepBegins(t *testing.T) {
	for _, name := range StepTypes() {
		step, known := smallest[Type(name)]
		if !known {
			t.Errorf("%s: smallest has no step of this type", name)
			continue
		}
		members := step.members
		if members != "" {
			members = "," + members
		}
		raw := `{"id":"flow","steps":[{"id":"step","type":"` + name + `"` + members + `}]}`
		_, events := begin(t, raw, "{}")
		if len(events) < 2 || events[1].Type != step.begins {
			t.Errorf("%s: %v, want %s after %s", name, events, step.begins, EventStarted)
		}
		m := NewMachine(parse(t, raw), "run-1")
		apply(t, m, Event{Type: EventStarted, At: noon, Roots: map[string]value.Doc{"input": document("{}")}})
		early := m.Apply(Event{Type: EventSucceeded, At: noon, Path: "step", Result: document("{}")})
		if (early == nil) != (step.begins == EventSucceeded) {
			t.Errorf("%s: a success of a step that has not begun: %v", name, early)
		}
	}
}
