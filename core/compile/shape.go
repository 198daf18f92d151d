package compile

import (
	"maps"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/value"
)

// shape is what is known of a value before there is one: what a path into it leads to.
type shape interface {
	step(seg value.Segment) (shape, schema.Presence)
	// each is what the items of a list are.
	each() shape
	// names are the members that are known, sorted.
	names() []string
	kinds() value.Kinds
}

var (
	_ shape = anything{}
	_ shape = placed{}
	_ shape = members{}
	_ shape = listed{}
	_ shape = kindOnly(0)
	_ shape = rendered{}
)

// anything is a value of which nothing is known.
type anything struct{}

func (anything) step(value.Segment) (shape, schema.Presence) { return anything{}, schema.Open }
func (anything) each() shape                                 { return anything{} }
func (anything) names() []string                             { return nil }
func (anything) kinds() value.Kinds                          { return value.AnyKind }

// placed is a value that meets a schema.
type placed struct{ schema.Place }

func (p placed) step(seg value.Segment) (shape, schema.Presence) {
	next, presence := p.Step(seg)
	return placed{next}, presence
}
func (p placed) each() shape        { return placed{p.Each()} }
func (p placed) names() []string    { return p.Names() }
func (p placed) kinds() value.Kinds { return p.Kinds() }

// members is an object with these members and no others.
type members map[string]shape

func (m members) step(seg value.Segment) (shape, schema.Presence) {
	if next, ok := m[seg.Key]; ok && !seg.IsIndex {
		return next, schema.Declared
	}
	return anything{}, schema.Impossible
}
func (members) each() shape        { return anything{} }
func (m members) names() []string  { return slices.Sorted(maps.Keys(m)) }
func (members) kinds() value.Kinds { return value.OneKind(value.KindObject) }

// listed is a list whose items are alike.
type listed struct{ item shape }

func (l listed) step(seg value.Segment) (shape, schema.Presence) {
	if !seg.IsIndex {
		return anything{}, schema.Impossible
	}
	return l.item, schema.Declared
}
func (l listed) each() shape      { return l.item }
func (listed) names() []string    { return nil }
func (listed) kinds() value.Kinds { return value.OneKind(value.KindArray) }

// kindOnly is a scalar of one of these kinds.
type kindOnly value.Kinds

func (kindOnly) step(value.Segment) (shape, schema.Presence) { return anything{}, schema.Impossible }
func (kindOnly) each() shape                                 { return anything{} }
func (kindOnly) names() []string                             { return nil }
func (k kindOnly) kinds() value.Kinds                        { return value.Kinds(k) }

func kindOf(kind value.Kind) shape { return kindOnly(value.OneKind(kind)) }

// rendered is an object or list of a template.
type rendered struct {
	source any
	scope  shapes
}

func (r rendered) step(seg value.Segment) (shape, schema.Presence) {
	switch source := r.source.(type) {
	case map[string]any:
		if next, ok := source[seg.Key]; ok && !seg.IsIndex {
			return r.scope.of(next), schema.Declared
		}
	case []any:
		if seg.IsIndex && seg.Index < len(source) {
			return r.scope.of(source[seg.Index]), schema.Declared
		}
	}
	return anything{}, schema.Impossible
}

func (rendered) each() shape { return anything{} }

func (r rendered) names() []string {
	source, _ := r.source.(map[string]any)
	return slices.Sorted(maps.Keys(source))
}

func (r rendered) kinds() value.Kinds { return value.OneKind(value.KindOf(r.source)) }

// shapes knows what paths lead to at one place of a definition.
type shapes struct {
	*known
	loops []*workflow.Step // around the place, the outermost first
}

// known is what is known of one definition.
type known struct {
	definition Definition
	// results returns the schema of what an action results in; nil if none is known.
	results func(integration, action string) *schema.Schema
	// around are the foreach steps around each step, the outermost first.
	around map[*workflow.Step][]*workflow.Step
}

func newKnown(d Definition, results func(integration, action string) *schema.Schema) *known {
	k := &known{definition: d, results: results, around: make(map[*workflow.Step][]*workflow.Step)}
	d.Walk(func(step *workflow.Step) {
		loops := k.around[step]
		for _, block := range step.Inner() {
			for _, inner := range block.Steps {
				k.around[inner] = loops
			}
		}
		if body := step.Body(); body != nil && step.Type == workflow.TypeForeach {
			for _, inner := range body.Steps {
				k.around[inner] = append(slices.Clip(loops), step)
			}
		}
	})
	return k
}

// of returns the shape of what a template renders to.
func (s shapes) of(source any) shape {
	switch source := source.(type) {
	case map[string]any, []any:
		return rendered{source, s}
	case string:
		if !strings.HasPrefix(source, "{{") {
			return kindOf(value.KindString)
		}
		expr, end, fault := template.ScanExpr(source, 2, template.Options{})
		switch {
		case fault != nil:
			return anything{}
		case end != len(source):
			return kindOf(value.KindString)
		case expr.IsPath():
			return s.at(expr.Refs()[0])
		}
		return anything{}
	default:
		return kindOf(value.KindOf(source))
	}
}

// at returns the shape of what a path leads to.
func (s shapes) at(ref template.Ref) shape {
	found, rest := s.root(ref)
	for _, seg := range rest {
		found, _ = found.step(seg)
	}
	return found
}

// root returns the shape at the beginning of a path: of a root, or of what a step has
// left; rest is the path behind that.
func (s shapes) root(ref template.Ref) (found shape, rest value.Path) {
	text := kindOf(value.KindString)
	switch ref.Root {
	case "input":
		if s.definition.Input != nil {
			return placed{s.definition.Input.Root()}, ref.Path
		}
	case "run":
		return members{"id": text, "workflow": text}, ref.Path
	case "event":
		return members{"id": text, "type": text, "webhook": text, "receivedAt": text, "livemode": kindOf(value.KindBool), "flags": anything{}}, ref.Path
	case "index":
		return kindOf(value.KindNumber), ref.Path
	case "item":
		if n := len(s.loops); n > 0 {
			outer := s
			outer.loops = s.loops[:n-1]
			return outer.of(s.loops[n-1].Source).each(), ref.Path
		}
	case "steps":
		if len(ref.Path) < 2 || ref.Path[0].IsIndex {
			break
		}
		step, ok := s.definition.Step(ref.Path[0].Key)
		switch {
		case !ok:
		case ref.Path[1].Key == "result":
			return s.result(step), ref.Path[2:]
		case ref.Path[1].Key == "error":
			return members{"code": text, "message": text, "details": anything{}}, ref.Path[2:]
		}
	}
	return anything{}, ref.Path
}

// result returns the shape of a step's result.
func (s shapes) result(step *workflow.Step) shape {
	if step.Condition != nil {
		return anything{} // where it is skipped, there is none
	}
	switch step.Type {
	case workflow.TypeSet:
		return shapes{s.known, s.around[step]}.of(step.Source)
	case workflow.TypeForeach:
		if inner := last(step.Body()); inner != nil {
			return listed{s.result(inner)}
		}
	case workflow.TypeSequence:
		if inner := last(step.Body()); inner != nil {
			return s.result(inner)
		}
	case workflow.TypeParallel:
		all := members{}
		for _, inner := range body(step) {
			all[inner.ID] = s.result(inner)
		}
		return all
	case workflow.TypeIntegration:
		if result := s.results(step.Integration, step.Action); result != nil {
			return placed{result.Root()}
		}
	}
	return anything{}
}

// body returns the steps that a step runs.
func body(step *workflow.Step) []*workflow.Step {
	if b := step.Body(); b != nil {
		return b.Steps
	}
	return nil
}

// last returns the last step of a list; nil where there is none.
func last(b *workflow.Block) *workflow.Step {
	if b == nil || len(b.Steps) == 0 {
		return nil
	}
	return b.Steps[len(b.Steps)-1]
}
