package workflow

import (
	"encoding/json"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/value"
)

// scope is what all templates and conditions of a run see. Values are parsed
// when they are first asked for, and a step's result only if any template or
// condition of the definition reads it.
type scope struct {
	machine *Machine
	raw     map[string]json.RawMessage
	parsed  map[string]any
}

// view is the scope at one step: it sees the results of the steps before it,
// in its own block and in those around it, and the item of its iteration.
type view struct {
	scope *scope
	node  *node // nil is the end of the run
	steps map[string]any
}

func (s *scope) at(n *node) *view { return &view{scope: s, node: n} }

// Root answers one root value, as template.Scope.
func (v *view) Root(name string) (any, bool) {
	switch name {
	case "run":
		return map[string]any{"id": v.scope.machine.runID, "workflow": v.scope.machine.definition.ID}, true
	case "steps":
		return v.stepsRoot(), true
	case "item", "index":
		return v.iteration(name)
	}
	s := v.scope
	if parsed, ok := s.parsed[name]; ok {
		return parsed, true
	}
	raw, ok := s.raw[name]
	if !ok {
		return nil, false
	}
	parsed, err := value.Parse(raw)
	if err != nil {
		// What is recorded was checked at the border when it came in.
		return nil, false
	}
	if s.parsed == nil {
		s.parsed = make(map[string]any, len(s.raw))
	}
	s.parsed[name] = parsed
	return parsed, true
}

// iteration answers the item or the index of the innermost iteration.
func (v *view) iteration(name string) (any, bool) {
	if v.node == nil {
		return nil, false
	}
	for b := v.node.block; b != nil; {
		if b.item != nil {
			if name == "index" {
				return b.index, true
			}
			item, err := value.Parse(b.item)
			return item, err == nil
		}
		if b.owner == nil {
			break
		}
		b = b.owner.block
	}
	return nil, false
}

// stepsRoot gathers the steps that have ended, in the blocks from here outwards.
func (v *view) stepsRoot() map[string]any {
	if v.steps != nil {
		return v.steps
	}
	v.steps = map[string]any{}
	b := v.scope.machine.root
	if v.node != nil {
		b = v.node.block
	}
	for b != nil {
		for _, n := range b.nodes {
			v.add(n)
		}
		if b.owner == nil {
			break
		}
		v.add(b.owner) // steps of onError and compensate see what they belong to
		b = b.owner.block
	}
	return v.steps
}

func (v *view) add(n *node) {
	if !v.scope.machine.definition.referenced[n.Step.ID] {
		return
	}
	switch n.Status {
	case StepSucceeded, StepCompensated:
		v.steps[n.Step.ID] = n.shownResult()
	case StepFailed:
		v.steps[n.Step.ID] = map[string]any{"error": n.parsedError()}
	}
}

// shownResult is a step that ended well as templates see it. It is made once, as
// such a step does not change.
func (n *node) shownResult() any {
	if n.shown == nil {
		// What is recorded was checked when it came in.
		parsed, err := value.Parse(n.resultOrNull())
		if err != nil {
			parsed = nil
		}
		n.shown = map[string]any{"result": parsed}
	}
	return n.shown
}

func (n *node) parsedError() any {
	members := map[string]any{"code": string(n.Error.Code), "message": n.Error.Message}
	if details, err := value.Parse(n.Error.Details); err == nil {
		members["details"] = details
	}
	return members
}

// render renders a template to JSON; nil renders to nothing.
func (v *view) render(t *template.Template) (json.RawMessage, error) {
	if t == nil {
		return nil, nil
	}
	return t.JSON(v)
}

// text renders a template that must come out as a string.
func (v *view) text(t *template.Template) (string, error) {
	rendered, err := t.Render(v)
	if err != nil {
		return "", err
	}
	return value.Text(rendered)
}

// key is the idempotency key of the step.
func (v *view) key() string { return StepKey(v.scope.machine.runID, v.node.Path, v.node.generation) }
