package workflow

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/pointer"
)

// MaxDifferences is how many differences between two definitions are listed.
const MaxDifferences = 50

// Differences lists why the run cannot go on with another definition of its
// workflow, at most MaxDifferences: where that differs from what shaped the steps
// that are done, or does not have a step that has begun. Each has a JSON Pointer into
// the other definition, empty where nothing is there. Kept are the paths of steps
// whose children go on: see Retry.
//
// Of a step that is done everything but its name, retry, timeout and compensate
// must be the same, and the step before it. Of one that has begun only its type and
// its onError, and what led to the steps in it; it is begun again.
func (m *Machine) Differences(other *Definition, kept []string) []sdk.Fault {
	c := &comparison{kept: kept}
	c.block(m.root, other.Steps)
	return c.faults
}

// comparison collects the differences between a run and a definition.
type comparison struct {
	kept   []string
	faults []sdk.Fault
}

func (c *comparison) add(at, format string, args ...any) {
	fault := sdk.Fault{Pointer: at, Message: fmt.Sprintf(format, args...)}
	if len(c.faults) < MaxDifferences && !slices.Contains(c.faults, fault) { // iterations have the same
		c.faults = append(c.faults, fault)
	}
}

// block compares the steps of an open block with a list of steps.
func (c *comparison) block(b *block, other *Block) {
	for _, n := range b.nodes {
		if !n.touched {
			continue
		}
		s := other.step(n.Step.ID)
		switch {
		case s == nil:
			c.add("", "step %s has begun, and is not there any more", n.Step.ID)
		case s.Type != n.Step.Type:
			c.add(s.Pointer+"/type", "step %s has begun with the type %s, which is %s now", s.ID, n.Step.Type, s.Type)
		case n.satisfied():
			if before, now := b.definition.predecessor(n.Step), other.predecessor(s); before != now {
				c.add(s.Pointer, "step %s is done, and came after %s; now it comes after %s", s.ID, orNone(before), orNone(now))
			}
			c.same(n.Step, s)
		default:
			c.begun(n, s)
		}
	}
}

// begun compares a step that is to go on with another definition of it.
func (c *comparison) begun(n *node, s *Step) {
	if n.Step.OnError != s.OnError {
		c.add(s.Pointer+"/onError", "step %s has begun, and its onError is not what it was", s.ID)
	} else if n.handler != nil {
		c.block(n.handler, s.Handler)
	}
	if len(n.blocks) == 0 {
		switch {
		case slices.Contains(c.kept, n.Path):
			c.members(n.Step, s, "the run that it started goes on")
		case n.Step.calls() && n.effect() == sdk.OutcomeExecuted:
			c.members(n.Step, s, "it took effect, and is called again under the same key")
		}
		return
	}
	c.members(n.Step, s, "it has begun")
	for _, inner := range n.blocks {
		key, other := matching(n.Step, inner.definition, s)
		if other == nil {
			c.add(s.Pointer, "the %s of step %s have begun, and are not there any more", key, s.ID)
			continue
		}
		c.block(inner, other)
	}
}

// same compares all of a step that is done, with the steps in it.
func (c *comparison) same(step, other *Step) {
	c.members(step, other, "it is done")
	if step.OnError != other.OnError {
		c.add(other.Pointer+"/onError", "step %s: it is done, and its onError is not what it was", other.ID)
	} else if step.OnError == OnErrorSteps {
		c.sameBlock(other, "onError", step.Handler, other.Handler)
	}
	for _, p := range step.behavior.parts(step) {
		if p.steps != nil {
			_, now := matching(step, p.steps, other)
			c.sameBlock(other, p.key, p.steps, now)
		}
	}
	for _, p := range other.behavior.parts(other) {
		if _, before := matching(other, p.steps, step); p.steps != nil && before == nil {
			c.add(other.Pointer+"/"+p.key, "step %s: it is done, and had no %s", other.ID, p.key)
		}
	}
}

// sameBlock compares a list of steps in a step that is done.
func (c *comparison) sameBlock(in *Step, key string, list, other *Block) {
	if other == nil || !slices.EqualFunc(list.Steps, other.Steps, func(a, b *Step) bool { return a.ID == b.ID && a.Type == b.Type }) {
		c.add(in.Pointer+"/"+key, "step %s: it is done, and the steps in it are not what they were", in.ID)
		return
	}
	for i, s := range list.Steps {
		c.same(s, other.Steps[i])
	}
}

// matching returns the list of steps of another definition of a step that stands
// where a list of the step does, nil if none does, and its key.
func matching(step *Step, list *Block, other *Step) (key string, _ *Block) {
	for _, p := range step.behavior.parts(step) {
		if p.steps == list && list != nil {
			key = p.key
		}
	}
	for _, p := range other.behavior.parts(other) {
		if p.key == key {
			return key, p.steps
		}
	}
	return key, nil
}

// unshaping are the keys of a step that do not shape what it results in, or are
// compared by themselves.
var unshaping = []string{"id", "type", "integration", "name", "retry", "timeout", "compensate", "onError"}

// members compares what a step says, but for the steps in it.
func (c *comparison) members(step, other *Step, why string) {
	if step.Integration != other.Integration {
		c.add(other.Pointer+"/type", "step %s: %s, and called %s; it would call %s", other.ID, why, step.Integration, other.Integration)
	}
	skipped := slices.Clone(unshaping)
	for _, s := range []*Step{step, other} {
		for _, p := range s.behavior.parts(s) {
			if p.reads == nil {
				skipped = append(skipped, p.key)
			}
		}
	}
	for _, at := range differing(step.members, other.members, "", skipped) {
		c.add(other.Pointer+at, "step %s: %s, and this is not what it was", other.ID, why)
	}
}

// differing returns the pointers at which two JSON values differ, as deep as can be.
// Those in skipped, without their first slash, are passed over.
func differing(a, b any, at string, skipped []string) []string {
	if at != "" && slices.Contains(skipped, at[1:]) {
		return nil
	}
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			return []string{at}
		}
		keys := maps.Clone(a)
		maps.Copy(keys, b)
		var found []string
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			before, was := a[key]
			now, is := b[key]
			inner := pointer.Join(at, key)
			switch {
			case was && is:
				found = append(found, differing(before, now, inner, skipped)...)
			case !slices.Contains(skipped, inner[1:]):
				found = append(found, inner)
			}
		}
		return found
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return []string{at}
		}
		var found []string
		for i := range a {
			found = append(found, differing(a[i], b[i], at+"/"+strconv.Itoa(i), skipped)...)
		}
		return found
	case json.Number:
		if b, ok := b.(json.Number); !ok || a != b {
			return []string{at}
		}
	default:
		if a != b {
			return []string{at}
		}
	}
	return nil
}

// step returns the step of that id, nil if the list has none.
func (b *Block) step(id string) *Step {
	if b == nil {
		return nil
	}
	i := slices.IndexFunc(b.Steps, func(s *Step) bool { return s.ID == id })
	if i < 0 {
		return nil
	}
	return b.Steps[i]
}

// predecessor is the id of the step that a step of the list waits for because it stands
// before it; empty where it waits for none, or says itself for which.
func (b *Block) predecessor(s *Step) string {
	i := slices.Index(b.Steps, s)
	if b.Parallel || s.HasDeps || i == 0 {
		return ""
	}
	return b.Steps[i-1].ID
}

func orNone(id string) string {
	if id == "" {
		return "none"
	}
	return id
}
