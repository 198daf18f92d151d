package workflow

import (
	"slices"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/template"
)

// Reader is a template or condition of a definition, with where it stands.
type Reader struct {
	// Pointer is its JSON Pointer in what the definition was parsed from. Those of its
	// paths follow.
	Pointer string
	Refs    []template.Ref
	// Condition is nil for a template.
	Condition *condition.Condition
	// Loops are the foreach steps around it, the outermost first.
	Loops []*Step
}

// Readers calls visit for every template and condition of the definition.
func (d *Definition) Readers(visit func(Reader)) {
	if d.Concurrency != nil && d.Concurrency.Key != nil {
		visit(Reader{Pointer: "/concurrency/key", Refs: d.Concurrency.Key.Refs()})
	}
	d.Steps.readers(nil, visit)
	if d.Output != nil {
		visit(Reader{Pointer: "/output", Refs: d.Output.Refs()})
	}
}

func (b *Block) readers(loops []*Step, visit func(Reader)) {
	if b == nil {
		return
	}
	for _, s := range b.Steps {
		if s.Condition != nil {
			visit(Reader{Pointer: s.Pointer + "/condition", Refs: s.Condition.Refs(), Condition: s.Condition, Loops: loops})
		}
		inside := loops
		if s.Type == TypeForeach {
			inside = append(slices.Clip(loops), s)
		}
		for _, p := range s.behavior.parts(s) {
			if c, ok := p.reads.(*condition.Condition); ok && c != nil {
				visit(Reader{Pointer: s.Pointer + "/" + p.key, Refs: c.Refs(), Condition: c, Loops: loops})
			} else if t, ok := p.reads.(*template.Template); ok && t != nil {
				visit(Reader{Pointer: s.Pointer + "/" + p.key, Refs: t.Refs(), Loops: loops})
			}
			p.steps.readers(inside, visit)
		}
		s.Handler.readers(loops, visit)
		s.Compensate.readers(loops, visit)
	}
}

// Body returns the list of steps that a sequence, parallel or foreach runs; nil for
// other types.
func (s *Step) Body() *Block {
	switch s.Type {
	case TypeSequence, TypeParallel, TypeForeach:
		for _, p := range s.behavior.parts(s) {
			if p.steps != nil {
				return p.steps
			}
		}
	}
	return nil
}
