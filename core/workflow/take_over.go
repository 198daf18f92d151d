package workflow

import (
	"bytes"
	"slices"
	"strconv"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// TakeOver has a run that has just started take over what an ended one did whose place
// it takes, by another definition of the same workflow: the results of the calls,
// waits and runs that succeeded there and are still the same steps here. What is left
// is decided anew. It applies the events, and returns them for the journal.
//
// A step is the same by its id, and by the steps that it is in. One without an id is
// the same by its position, its type, its integration and its action. Steps that have
// no effect, such as "set", are not taken over: the definition may make other values now.
//
// Where it cannot be told that nothing is done twice, the error says at which step:
// it has CodeConflict. Whether the outcome of each step is known is for the caller to
// check. Reads says of an action that no call of it has an effect.
func (m *Machine) TakeOver(ended *Machine, reads func(integration, action string) bool, now time.Time) ([]Event, *sdk.Error) {
	if ended.compensated > 0 {
		return nil, sdk.Refuse(sdk.CodeConflict, "the run has undone what it did")
	}
	if outcome, path := ended.Outcome(); outcome == sdk.OutcomeExecuted {
		return nil, sdk.Refuse(sdk.CodeConflict, "step %s took effect although it failed, and would take effect again", path)
	}
	t := &takeOver{reads: reads, now: now, before: ended.definition, after: m.definition, matched: map[*Step]bool{}}
	t.block(ended.root, m.definition.Steps, "")
	if t.refused == nil {
		t.checkLost(ended.definition, m.definition)
	}
	if t.refused != nil {
		return nil, t.refused
	}
	// Steps are undone in the order opposite to that in which they ended.
	slices.SortStableFunc(t.taken, func(a, b takenStep) int { return a.ended.Compare(b.ended) })
	events := t.entered
	for _, step := range t.taken {
		events = append(events, step.event)
	}
	for _, event := range events {
		if err := m.Apply(event); err != nil {
			return nil, sdk.Refuse(sdk.CodeConflict, "what step %s did cannot be taken over: %s", event.Path, err.Error())
		}
	}
	return events, nil
}

// takeOver collects what one run takes over from another.
type takeOver struct {
	reads   func(integration, action string) bool
	now     time.Time
	before  *Definition // that of the ended run
	after   *Definition
	entered []Event
	taken   []takenStep
	matched map[*Step]bool // steps of the definition that are the same as one of the ended run
	lost    []*node        // that had an effect, and are not there any more
	refused *sdk.Error
}

type takenStep struct {
	event Event
	ended time.Time // in the other run
}

func (t *takeOver) refuse(n *node, why string) {
	if t.refused == nil {
		t.refused = sdk.Refuse(sdk.CodeConflict, "step %s had succeeded, and %s", n.Path, why)
	}
}

// block takes over the steps of an open block, as far as a list of steps has them.
func (t *takeOver) block(b *block, other *Block, prefix string) {
	for _, n := range b.nodes {
		if n.Step == t.before.fetch {
			continue // what is fetched is to be what is there now
		}
		s, doubtful := t.counterpart(b, n, other)
		if s == nil {
			t.lost = append(t.lost, t.standing(n)...)
			continue
		}
		t.matched[s] = true
		standing := t.standing(n)
		switch {
		case len(standing) > 0 && doubtful:
			t.refuse(standing[0], "it cannot be told which step it is now: it has no id, and the steps around it have changed")
		case len(standing) > 0 && (s.Type != n.Step.Type || s.Integration != n.Step.Integration || s.Workflow != n.Step.Workflow):
			t.refuse(standing[0], "step "+s.ID+" is another one now")
		case n.handler != nil && t.stands(n.handler):
			t.refuse(t.standing(n)[0], "belongs to the failure of step "+n.Path+", which would be tried again")
		case s.Type != n.Step.Type:
		default:
			t.step(n, s, prefix+s.ID, standing)
		}
	}
}

// step takes over a step, or what is in it, to a path.
func (t *takeOver) step(n *node, s *Step, path string, standing []*node) {
	if _, holds := n.Step.behavior.(container); !holds {
		if n.Status == StepSucceeded && n.Step.Type.hasOutcome() {
			t.taken = append(t.taken, takenStep{ended: n.FinishedAt, event: Event{
				Type: EventTakenOver, At: t.now, Path: path, Result: n.Result, Sensitive: n.sensitive, Reads: n.reads, Child: n.Child,
			}})
		}
		return
	}
	if !slices.ContainsFunc(n.blocks, (*block).hasOutcomes) {
		return // it begins anew
	}
	event, same := entering(n, s)
	if !same {
		if len(standing) > 0 {
			t.refuse(standing[0], "what decides about it in step "+s.ID+" is not what it was")
		}
		return
	}
	event.Type, event.At, event.Path = EventEntered, t.now, path
	t.entered = append(t.entered, event)
	for i, inner := range n.blocks {
		_, other := matching(n.Step, inner.definition, s)
		prefix := path + "."
		if _, each := n.Step.behavior.(iterator); each {
			prefix = path + "[" + strconv.Itoa(i) + "]."
		}
		t.block(inner, other, prefix)
	}
}

// checkLost refuses where a step that is not there any more may be one that is new.
func (t *takeOver) checkLost(before, now *Definition) {
	isLost := func(s *Step) bool { return slices.ContainsFunc(t.lost, func(n *node) bool { return n.Step == s }) }
	for _, n := range t.lost {
		for _, id := range sortedNames(now.byID) {
			s, was := now.byID[id], before.byID[id]
			isNew := !t.matched[s] && (was == nil || isLost(was) || !s.named() || !was.named())
			if isNew && s.Type == n.Step.Type && s.Integration == n.Step.Integration && s.Action == n.Step.Action && s.Workflow == n.Step.Workflow {
				t.refuse(n, "is not where it was: step "+s.ID+" may be the same, and would repeat what it did")
				return
			}
		}
	}
}

// standing are the steps that succeeded with an effect: the step itself, or those in it.
func (t *takeOver) standing(n *node) []*node {
	var found []*node
	(&block{nodes: []*node{n}}).each(func(n *node) (deeper bool) {
		if n.Status == StepSucceeded && (n.Child != "" || n.Step.calls() && !n.reads && !t.reads(n.Step.Integration, n.Step.Action)) {
			found = append(found, n)
		}
		return true
	})
	return found
}

func (t *takeOver) stands(b *block) bool {
	return slices.ContainsFunc(b.nodes, func(n *node) bool { return len(t.standing(n)) > 0 })
}

// hasOutcomes reports whether something can be taken over from the block.
func (b *block) hasOutcomes() bool {
	found := false
	b.each(func(n *node) (deeper bool) {
		found = found || n.Status == StepSucceeded && n.Step.Type.hasOutcome()
		return !found
	})
	return found
}

// hasOutcome reports whether a step of the type results in what happened, and not in
// what follows from the definition alone.
func (t Type) hasOutcome() bool {
	switch t {
	case TypeIntegration, TypeWait, TypeWaitForEvent, TypeWorkflow:
		return true
	default:
		return false
	}
}

// counterpart returns the step of another list that is the same as one of a block, nil
// if none is. It is doubtful where it has no id and what stands around it has changed.
func (t *takeOver) counterpart(b *block, n *node, other *Block) (s *Step, doubtful bool) {
	if n.Step.named() {
		if s = other.step(n.Step.ID); s == nil || !s.named() {
			return nil, false
		}
		return s, false
	}
	if other == nil {
		return nil, false
	}
	position, steps := n.position, len(b.nodes)
	if other == t.after.Steps { // the one that fetches stands before them
		if t.before.fetch != nil {
			position, steps = position-1, steps-1
		}
		if t.after.fetch != nil {
			position, steps = position+1, steps+1
		}
	}
	if position >= len(other.Steps) {
		return nil, false
	}
	s = other.Steps[position]
	if s.named() || s.Type != n.Step.Type || s.Integration != n.Step.Integration || s.Action != n.Step.Action || s.Workflow != n.Step.Workflow {
		return nil, false
	}
	changed := len(differing(n.Step.members, s.members, "", nil)) > 0
	return s, changed && steps != len(other.Steps)
}

// named reports whether the definition gives the step an id.
func (s *Step) named() bool {
	_, given := s.members["id"]
	return given
}

// entering returns what the event says with which a step is entered that goes on where
// another one has come to; false where what decided about the steps in that has changed.
func entering(n *node, s *Step) (event Event, same bool) {
	sameMember := func(name string) bool {
		return len(differing(map[string]any{name: n.Step.members[name]}, map[string]any{name: s.members[name]}, "", nil)) == 0
	}
	switch before := n.Step.behavior.(type) {
	case iterator:
		list := []byte{'['}
		raw := make([][]byte, len(n.items))
		for i, item := range n.items {
			raw[i] = item.Raw()
		}
		list = append(append(list, bytes.Join(raw, []byte{','})...), ']')
		return Event{Params: value.TrustedDoc(list)}, sameMember("items")
	case *choice:
		taken, after := before.taken(n), s.behavior.(*choice)
		decides := before.cases
		if taken > 0 {
			decides = decides[:taken]
		}
		if len(after.cases) < len(decides) || taken == 0 && len(after.cases) != len(decides) {
			return Event{}, false
		}
		for i := range decides {
			if len(differing(whenOf(n.Step, i), whenOf(s, i), "", nil)) > 0 {
				return Event{}, false
			}
		}
		return Event{Case: taken}, true
	default:
		return Event{}, true
	}
}

// taken is the case whose steps are open in a step, counting from 1; 0 is the default.
func (c *choice) taken(n *node) int {
	return 1 + slices.IndexFunc(c.cases, func(each switchCase) bool { return len(n.blocks) > 0 && each.steps == n.blocks[0].definition })
}

// whenOf is the condition of a case as it was written.
func whenOf(s *Step, i int) map[string]any {
	cases, _ := s.members["cases"].([]any)
	if i >= len(cases) {
		return nil
	}
	one, _ := cases[i].(map[string]any)
	return map[string]any{"when": one["when"]}
}
