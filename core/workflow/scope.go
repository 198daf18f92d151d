package workflow

import (
	"encoding/json"

	"github.com/backflow/backflow/core/value"
)

// scope is what templates and conditions of a run see. Values are parsed when
// they are first asked for, and a step's result only if any template or
// condition of the definition reads it.
type scope struct {
	machine *Machine
	raw     map[string]json.RawMessage
	parsed  map[string]any
	steps   map[string]any
}

// Root answers one root value, as template.Scope.
func (s *scope) Root(name string) (any, bool) {
	switch name {
	case "run":
		return map[string]any{"id": s.machine.runID, "workflow": s.machine.definition.ID}, true
	case "steps":
		return s.stepsRoot(), true
	}
	if v, ok := s.parsed[name]; ok {
		return v, true
	}
	raw, ok := s.raw[name]
	if !ok {
		return nil, false
	}
	v, err := value.Parse(raw)
	if err != nil {
		// What is recorded was checked at the border when it came in.
		return nil, false
	}
	if s.parsed == nil {
		s.parsed = make(map[string]any, len(s.raw))
	}
	s.parsed[name] = v
	return v, true
}

func (s *scope) stepsRoot() map[string]any {
	if s.steps == nil {
		s.steps = make(map[string]any, len(s.machine.definition.referenced))
	}
	for i := range s.machine.steps {
		step := &s.machine.steps[i]
		id := step.Step.ID
		if step.Status != StepSucceeded || !s.machine.definition.referenced[id] {
			continue
		}
		if _, done := s.steps[id]; done {
			continue
		}
		if result, err := value.Parse(step.Result); err == nil {
			s.steps[id] = map[string]any{"result": result}
		}
	}
	return s.steps
}
