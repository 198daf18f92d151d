package workflow

import (
	"fmt"
	"strings"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
)

// checkSteps returns an error if the run would have too many steps with those of a
// step that is about to be entered. Loops inside it count as far as their items are
// known by now, so that what is too large is refused before any of it begins.
func (m *Machine) checkSteps(event Event, now time.Time) *sdk.Error {
	n := m.find(event.Path)
	if n == nil {
		return nil // Apply says so
	}
	f := forecast{machine: m, now: now, most: m.allowed().Steps - m.steps, outermost: n.Path}
	f.enter(&node{StepState: n.StepState, block: n.block, position: n.position}, event)
	if f.steps <= f.most {
		return nil
	}
	message := fmt.Sprintf("it would bring the run to at least %d steps", m.steps+f.steps)
	if len(f.loops) > 0 {
		message += " with " + strings.Join(f.loops, ", ")
	}
	return limitError(CodeRunTooManySteps, n.Path, fmt.Sprintf("%s; a run may have %d (state.maxRunSteps)", message, m.limits.Steps))
}

const (
	// maxForecast is how many bytes of items are rendered for one forecast. Loops
	// beyond it are counted when they begin.
	maxForecast = 16 << 20
	// maxLoops is how many loops a message names.
	maxLoops = 3
)

// forecast counts the steps that are certain to come when a step is entered. It
// opens steps that are not those of the run.
type forecast struct {
	machine   *Machine
	now       time.Time
	most      int // counting may end beyond it
	outermost string

	steps    int
	rendered int
	loops    []string // the first of each loop, for people
}

// enter counts what is in a step.
func (f *forecast) enter(n *node, event Event) {
	inside, ok := n.Step.behavior.(container)
	if !ok || inside.enter(n, event) != nil {
		return
	}
	each, ok := inside.(iterator)
	if !ok {
		for _, b := range n.blocks {
			f.block(b)
		}
		return
	}
	if inner := n.Path[len(f.outermost):]; len(f.loops) < maxLoops && strings.Count(inner, "[") == strings.Count(inner, "[0]") {
		f.loops = append(f.loops, fmt.Sprintf("%d items of %s", len(n.items), n.Path))
	}
	alike := !readsItem(each.steps())
	for i := range n.items {
		before := f.steps
		f.block(each.iteration(n, i))
		switch left := len(n.items) - i - 1; {
		case alike:
			f.steps += (f.steps - before) * left
			return
		case f.steps > f.most:
			f.steps += len(each.steps().Steps) * left
			return
		}
	}
}

// block counts the steps of a block that is opened.
func (f *forecast) block(b *block) {
	f.steps += len(b.nodes)
	for _, n := range b.nodes {
		if f.steps > f.most || f.rendered > maxForecast {
			return
		}
		if event, ok := f.begin(n); ok {
			f.enter(n, event)
		}
	}
}

// begin returns how a step that has steps in it will begin, where that is certain.
func (f *forecast) begin(n *node) (Event, bool) {
	inside, ok := n.Step.behavior.(container)
	if !ok {
		return Event{}, false
	}
	at := f.machine.scopeAt(n)
	if c := n.Step.Condition; c != nil {
		if !at.knows(c.Refs()) {
			return Event{}, false
		}
		if run, err := c.Eval(at); err != nil || !run {
			return Event{}, false
		}
	}
	for _, p := range inside.parts(n.Step) {
		if p.reads != nil && !at.knows(p.reads.Refs()) {
			return Event{}, false
		}
	}
	event, _, err := inside.begin(at, f.now)
	f.rendered += event.valueBytes()
	return event, err == nil
}

// knows reports whether all that is referred to is known by now: the steps among it
// have ended.
func (s *scope) knows(refs []template.Ref) bool {
	for _, ref := range refs {
		if ref.Root != "steps" {
			continue
		}
		if len(ref.Path) == 0 {
			return false
		}
		if _, ended := s.stepsRoot()[ref.Path[0].Key]; !ended {
			return false
		}
	}
	return true
}

// readsItem reports whether anything that opens steps in a block may depend on the
// iteration.
func readsItem(b *Block) bool {
	if b == nil {
		return false
	}
	read := func(refs []template.Ref) bool {
		for _, ref := range refs {
			if ref.Root == "item" || ref.Root == "index" {
				return true
			}
		}
		return false
	}
	for _, s := range b.Steps {
		inside, ok := s.behavior.(container)
		if !ok {
			continue
		}
		if s.Condition != nil && read(s.Condition.Refs()) {
			return true
		}
		for _, p := range inside.parts(s) {
			if p.reads != nil && read(p.reads.Refs()) || readsItem(p.steps) {
				return true
			}
		}
	}
	return false
}
