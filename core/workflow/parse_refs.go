package workflow

import (
	"fmt"
	"maps"
	"slices"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/suggest"
)

// refChecker makes sure that what a step reads of other steps can be there when
// it begins, and records what is read.
type refChecker struct {
	*parser
	referenced map[string]bool
	reads      map[*Step]readings
	inside     map[*Step]*Step // the step that one is in, or is part of
	fetch      *Step           // that of the definition, nil if it has none
}

// visibleSteps are the steps that can be read at one place. A failed one can be
// read there for its error.
type visibleSteps map[string]*Step

func (p *parser) checkRefs(d *Definition) {
	c := &refChecker{parser: p, referenced: map[string]bool{}, reads: map[*Step]readings{}, inside: map[*Step]*Step{}, fetch: d.fetch}
	c.block(d.Steps, nil, visibleSteps{})
	if d.Output != nil {
		all := visibleSteps{}
		for _, s := range d.Steps.Steps {
			all[s.ID] = s
		}
		c.refs(d.Output.Refs(), "/output", all)
	}
	d.referenced = c.referenced
	d.Walk(func(s *Step) { s.reads = c.readsOf(s) })
}

// readsOf returns what is read of a step's result. What reads of the result of a step
// around it may read all of it.
func (c *refChecker) readsOf(s *Step) readings {
	for around := c.inside[s]; around != nil; around = c.inside[around] {
		if len(c.reads[around]) > 0 {
			return readings{{}}
		}
	}
	return c.reads[s]
}

// block checks the steps of a block of a step, nil for the workflow's own, at a place
// from which outer can be seen.
func (c *refChecker) block(b *Block, owner *Step, outer visibleSteps) {
	if b == nil {
		return
	}
	for i, s := range b.Steps {
		seen := maps.Clone(outer)
		for _, position := range b.before(i) {
			seen[b.Steps[position].ID] = b.Steps[position]
		}
		c.inside[s] = owner
		if s != c.fetch { // which reads the event alone, before anything is fetched
			c.step(s, seen)
		}
	}
}

// before are the positions of all steps that have ended when a step begins.
func (b *Block) before(i int) []int {
	var positions []int
	var add func(int)
	add = func(i int) {
		for _, dep := range b.WaitsFor(i) {
			if !slices.Contains(positions, dep) {
				positions = append(positions, dep)
				add(dep)
			}
		}
	}
	add(i)
	return positions
}

func (c *refChecker) step(s *Step, seen visibleSteps) {
	if s.Condition != nil {
		c.refs(s.Condition.Refs(), s.Pointer+"/condition", seen)
	}
	for _, p := range s.behavior.parts(s) {
		if p.reads != nil {
			c.refs(p.reads.Refs(), s.Pointer+"/"+p.key, seen)
		}
		c.block(p.steps, s, seen)
	}
	own := maps.Clone(seen)
	own[s.ID] = s
	c.block(s.Handler, s, own)
	c.block(s.Compensate, s, own)
}

func (c *refChecker) refs(refs []template.Ref, pointer string, seen visibleSteps) {
	for _, ref := range refs {
		c.fetchReads(ref)
		if ref.Root != "steps" {
			continue
		}
		if message, hint := c.ref(ref, seen); message != "" {
			c.faults = append(c.faults, template.Fault{Pointer: pointer + ref.Pointer, Offset: ref.Offset, Message: message, Hint: hint})
		}
	}
}

// ref says what is wrong with a path into another step; "" if nothing is.
func (c *refChecker) ref(ref template.Ref, seen visibleSteps) (message, hint string) {
	if len(ref.Path) == 0 || ref.Path[0].IsIndex {
		return ref.String() + " names no step", "write {{steps.ID.result…}}"
	}
	id := ref.Path[0].Key
	s, visible := seen[id]
	_, exists := c.byID[id]
	switch {
	case !exists:
		return fmt.Sprintf("there is no step %q", id), suggest.Hint(id, sortedNames(c.byID))
	case !visible:
		return fmt.Sprintf("step %q cannot be read here: it has not run for certain when this step begins", id),
			"a step sees those before it, in its own list and in those around it; of a step with steps in it, only its own result"
	case len(ref.Path) < 2 || (ref.Path[1].Key != "result" && ref.Path[1].Key != "error"):
		return ref.String() + ": a step has a result, and an error where it failed", "write {{steps." + id + ".result…}}"
	}
	c.referenced[s.ID] = true
	if ref.Path[1].Key == "result" {
		c.reads[s] = append(c.reads[s], ref.Path[2:])
	}
	return "", ""
}
