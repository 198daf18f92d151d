package workflow

import "time"

// sequence is a step that runs a list of steps in order. Other containers have
// its behavior but for what they say themselves.
type sequence struct{ body *Block }

var _ container = sequence{}

func parseSequence(p *parser, _ *Step, members map[string]any, at string) behavior {
	return sequence{body: p.blockOf(members, at, "steps", true, false)}
}

func (s sequence) parts(*Step) []part { return []part{blockPart("steps", s.body)} }

func (sequence) begins() EventType { return EventEntered }

func (sequence) begin(*scope, time.Time) (Event, string, error) {
	return Event{}, "", nil
}

func (s sequence) enter(n *node, _ Event) error {
	n.open(s.body)
	return nil
}

// advance decides about the only block in a step, and about the step when that
// has ended. Where no block was opened, nothing is left to do.
func (sequence) advance(m *Machine, n *node, now time.Time) (Event, bool) {
	if len(n.blocks) == 0 {
		return Event{Type: EventSucceeded, At: now, Path: n.Path}, true
	}
	b := n.blocks[0]
	if event, ok := m.walk(b, now); ok {
		return event, true
	}
	if failed := b.failed(); failed != nil {
		if m.inFlight(n) {
			return Event{}, false
		}
		return n.failedWith(failed, now), true
	}
	if b.done() {
		return Event{Type: EventSucceeded, At: now, Path: n.Path}, true
	}
	return Event{}, false
}

// result is that of the last step; null where no block was opened.
func (sequence) result(n *node, emit func([]byte)) {
	if len(n.blocks) == 0 {
		emit(null)
		return
	}
	n.blocks[0].emitLast(emit)
}

func (s sequence) outline(*Step) Outline {
	return Outline{Shape: ShapeGroup, Branches: []Branch{{Steps: s.body}}}
}
