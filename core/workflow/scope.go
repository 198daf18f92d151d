package workflow

import (
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// scope is what templates and conditions see at one step: the values that the
// run started with, the results of the steps before it, in its own block and in
// those around it, and the item of its iteration. A step's result is parsed only
// if some template or condition of the definition reads it.
type scope struct {
	machine *Machine
	node    *node // nil is the end of the run
	steps   map[string]any
	fetched map[string]any // the payload with what was fetched, once it was asked for
}

func (m *Machine) scopeAt(n *node) *scope { return &scope{machine: m, node: n} }

// Root implements template.Scope.
func (s *scope) Root(name string) (any, bool) {
	switch name {
	case "run":
		return map[string]any{"id": s.machine.runID, "workflow": s.machine.definition.ID}, true
	case "steps":
		return s.stepsRoot(), true
	case "item", "index":
		return s.iteration(name)
	case "payload":
		return s.payload()
	}
	return s.machine.roots.Root(name)
}

// iteration returns the item or the index of the innermost iteration.
func (s *scope) iteration(name string) (any, bool) {
	if s.node == nil {
		return nil, false
	}
	for b := s.node.block; b != nil; {
		if !b.item.IsZero() {
			if name == "index" {
				return b.index, true
			}
			return b.item.Value(), true
		}
		if b.owner == nil {
			break
		}
		b = b.owner.block
	}
	return nil, false
}

// stepsRoot collects the steps that have ended, in the blocks from here outwards.
func (s *scope) stepsRoot() map[string]any {
	if s.steps != nil {
		return s.steps
	}
	s.steps = map[string]any{}
	b := s.machine.root
	if s.node != nil {
		b = s.node.block
	}
	for b != nil {
		for _, n := range b.nodes {
			s.add(n)
		}
		if b.owner == nil {
			break
		}
		s.add(b.owner) // steps of onError and compensate see what they belong to
		b = b.owner.block
	}
	return s.steps
}

func (s *scope) add(n *node) {
	if !s.machine.definition.referenced[n.Step.ID] {
		return
	}
	switch n.Status {
	case StepSucceeded, StepCompensated:
		s.steps[n.Step.ID] = n.shownResult()
	case StepFailed:
		s.steps[n.Step.ID] = map[string]any{"error": n.parsedError()}
	}
}

// shownResult is a step that ended well as templates see it. It is made once, as
// such a step does not change.
func (n *node) shownResult() any {
	if n.shown == nil {
		n.shown = map[string]any{"result": n.resultOrNull().Value()}
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

// document renders a template to a document; nil renders to none.
func (s *scope) document(t *template.Template) (value.Doc, error) {
	if t == nil {
		return value.Doc{}, nil
	}
	rendered, err := t.JSON(s)
	if err != nil {
		return value.Doc{}, err
	}
	return value.TrustedDoc(rendered), nil
}

// text renders a template that must come out as a string.
func (s *scope) text(t *template.Template) (string, error) {
	rendered, err := t.Render(s)
	if err != nil {
		return "", err
	}
	return value.Text(rendered)
}

// key is the idempotency key of the step.
func (s *scope) key() string { return StepKey(s.machine.runID, s.node.Path, s.node.generation) }
