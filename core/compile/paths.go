package compile

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/pointer"
	"github.com/backflow/backflow/sdk/schema"
	"github.com/backflow/backflow/sdk/suggest"
	"github.com/backflow/backflow/sdk/value"
)

// checkPaths holds the paths of templates and conditions against what is known of
// the values that they lead into: by the schema of the input, what integrations
// publish of their results, and what other steps make. What can only fail is a fault,
// what works and cannot be meant a warning.
func (p *Plan) checkPaths(d Definition, catalog *action.Catalog) {
	known := newKnown(d, resultsOf(catalog))
	d.Readers(func(r workflow.Reader) {
		here := shapes{known, r.Loops}
		for _, ref := range r.Refs {
			p.checkPath(here, r.Pointer+ref.Pointer, ref)
		}
		if r.Condition != nil {
			p.checkKinds(here, r)
		}
	})
	d.Walk(func(step *workflow.Step) {
		here := shapes{known, known.around[step]}
		if step.Type == workflow.TypeForeach {
			p.checkItems(here, step)
		}
		if found, err := catalog.Describe(step.Integration, step.Action); err == nil && step.Params != nil {
			p.checkMade(here, step.Source, placed{found.Params()}, step.Pointer+"/params", step.Integration+"."+step.Action)
			calls, _ := found.Inner(step.Source, made(step.Params.Refs())) // what is wrong with them is a fault already
			for _, call := range calls {
				at := pointer.Join(step.Pointer+"/params"+call.Pointer, "params")
				p.checkMade(here, call.Params, placed{call.Action.Params()}, at, step.Integration+"."+call.Action.Spec().Name)
			}
		}
		if child := p.definition(step.Workflow); child != nil && child.Input != nil {
			p.checkMade(here, step.Source, placed{child.Input.Root()}, step.Pointer+"/input", "the input of "+child.ID)
		}
	})
}

// definition returns the workflow of an id, nil if the config has no such one.
func (p *Plan) definition(id string) *Definition {
	for i := range p.Definitions {
		if p.Definitions[i].ID == id {
			return &p.Definitions[i]
		}
	}
	return nil
}

// checkMade checks that what placeholders lead to can be of a kind that is wanted
// where they stand. What is written out is checked against the schema itself.
func (p *Plan) checkMade(here shapes, source any, wanted shape, at, of string) {
	switch source := source.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(source)) {
			if next, presence := wanted.step(value.Segment{Key: name}); presence != schema.Impossible {
				p.checkMade(here, source[name], next, pointer.Join(at, name), of)
			}
		}
	case []any:
		for i, item := range source {
			if next, presence := wanted.step(value.Segment{Index: i, IsIndex: true}); presence != schema.Impossible {
				p.checkMade(here, item, next, pointer.Join(at, strconv.Itoa(i)), of)
			}
		}
	case string:
		made, allowed := here.of(source).kinds(), wanted.kinds()
		if !strings.Contains(source, "{{") || made == 0 || allowed == 0 || made&allowed != 0 {
			return
		}
		hint := ""
		if alone := strings.TrimSpace(source); alone != source && here.of(alone).kinds()&allowed != 0 {
			hint = fmt.Sprintf("write %q: with anything beside a placeholder it becomes a text", alone)
		}
		p.fault(here.definition.Source.Fault(at, fmt.Sprintf("%s: must be %s, and %q is %s", of, allowed, source, made), hint))
	}
}

// checkItems checks that the placeholder from which a foreach takes its items can lead
// to a list.
func (p *Plan) checkItems(here shapes, step *workflow.Step) {
	items, ok := step.Source.(string)
	if !ok || !strings.HasPrefix(items, "{{") || !strings.HasSuffix(items, "}}") {
		return // what is written out is checked where it is parsed
	}
	if kinds := here.of(items).kinds(); kinds != 0 && !kinds.Has(value.KindArray) {
		p.fault(here.definition.Source.Fault(step.Pointer+"/items", fmt.Sprintf("items must be a list, and %s is %s", items, kinds), ""))
	}
}

// resultsOf returns a function that finds the schema of an action's result. Each is
// compiled once.
func resultsOf(catalog *action.Catalog) func(integration, action string) *schema.Schema {
	compiled := make(map[[2]string]*schema.Schema)
	return func(integration, name string) *schema.Schema {
		key := [2]string{integration, name}
		if result, done := compiled[key]; done {
			return result
		}
		var result *schema.Schema
		if found, err := catalog.Describe(integration, name); err == nil && len(found.Spec().Result) > 0 {
			result, _ = schema.Compile(found.Spec().Result) // one that does not compile says nothing
		}
		compiled[key] = result
		return result
	}
}

// checkPath checks one path.
func (p *Plan) checkPath(here shapes, at string, ref template.Ref) {
	found, rest := here.root(ref)
	walked := append(value.Path{{Key: ref.Root}}, ref.Path[:len(ref.Path)-len(rest)]...)
	for _, seg := range rest {
		next, presence := found.step(seg)
		names := found.names()
		name := walked.String()
		switch {
		case presence == schema.Impossible && ref.Covered:
			p.warn(here.definition.Source.Fault(at, absence(name, seg, found)+": the default always stands in", near(seg, names)))
			return
		case presence == schema.Impossible:
			p.fault(here.definition.Source.Fault(at, absence(name, seg, found), near(seg, names)))
			return
		case presence == schema.Open && !seg.IsIndex && len(names) > 0:
			// What an integration publishes of a result is seldom all of it.
			hint := near(seg, names)
			if ref.Root == "input" || suggest.Nearest(seg.Key, names) != "" {
				p.warn(here.definition.Source.Fault(at, fmt.Sprintf("the schema of %s does not name %q", name, seg.Key), hint))
			}
			return
		}
		found, walked = next, append(slices.Clip(walked), seg)
	}
}

// near suggests one of the known names.
func near(seg value.Segment, names []string) string {
	const most = 12
	if seg.IsIndex {
		return ""
	}
	if suggest.Nearest(seg.Key, names) == "" && len(names) > most {
		return ""
	}
	return suggest.Hint(seg.Key, names)
}

// absence says why a path leads nowhere.
func absence(name string, seg value.Segment, in shape) string {
	wanted := value.KindObject
	if seg.IsIndex {
		wanted = value.KindArray
	}
	switch kinds := in.kinds(); {
	case !kinds.Has(wanted) && kinds != 0:
		return fmt.Sprintf("%s is %s, not %s", name, kinds, wanted)
	case seg.IsIndex:
		return fmt.Sprintf("%s has never an element %d", name, seg.Index)
	default:
		return fmt.Sprintf("%s has no %q", name, seg.Key)
	}
}

// checkKinds checks what a condition does with values of the kinds that they have.
func (p *Plan) checkKinds(here shapes, r workflow.Reader) {
	for _, f := range r.Condition.Check(func(ref template.Ref) value.Kinds { return here.at(ref).kinds() }) {
		if fault := here.definition.Source.Fault(r.Pointer, f.Message, f.Hint); f.Constant {
			p.warn(fault)
		} else {
			p.fault(fault)
		}
	}
}
