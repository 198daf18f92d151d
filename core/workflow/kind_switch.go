package workflow

import (
	"fmt"
	"strconv"
	"time"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/sdk/value"
)

// choice is a step "switch": it runs the first case whose condition holds.
type choice struct {
	sequence // of the case that is taken
	cases    []switchCase
	other    *Block // where no case is taken; nil does nothing
}

type switchCase struct {
	when  *condition.Condition
	steps *Block
}

var _ container = (*choice)(nil)

func parseSwitch(p *parser, _ *Step, members map[string]any, at string) behavior {
	list, ok := members["cases"].([]any)
	if !ok || len(list) == 0 {
		p.fault(at, `give "cases": [{ "when": a condition, "steps": [] }]`, "switch needs cases")
	}
	c := &choice{}
	for i, item := range list {
		at := fmt.Sprintf("%s/cases/%d", at, i)
		members, ok := item.(map[string]any)
		if !ok {
			p.fault(at, "", "a case must be an object, not %s", value.KindOf(item))
			continue
		}
		p.checkKeys(members, at, []string{"when", "steps"})
		c.cases = append(c.cases, switchCase{when: p.conditionOf(members, at, "when"), steps: p.blockOf(members, at, "steps", true, false)})
	}
	c.other = p.blockOf(members, at, "default", false, false)
	return c
}

func (c *choice) parts(*Step) []part {
	parts := make([]part, 0, 2*len(c.cases)+1)
	for i, taken := range c.cases {
		at := "cases/" + strconv.Itoa(i)
		parts = append(parts, conditionPart(at+"/when", taken.when), blockPart(at+"/steps", taken.steps))
	}
	return append(parts, blockPart("default", c.other))
}

func (c *choice) begin(at *scope, _ time.Time) (Event, string, error) {
	for i, taken := range c.cases {
		holds, err := taken.when.Eval(at)
		if err != nil {
			return Event{}, fmt.Sprintf("case %d", i+1), err
		}
		if holds {
			return Event{Case: i + 1}, "", nil
		}
	}
	return Event{}, "", nil
}

func (c *choice) enter(n *node, event Event) error {
	taken := c.other
	if event.Case > 0 && event.Case <= len(c.cases) {
		taken = c.cases[event.Case-1].steps
	}
	if taken != nil {
		n.open(taken)
	}
	return nil
}

func (c *choice) outline(*Step) Outline {
	o := Outline{Shape: ShapeChoice}
	for i, taken := range c.cases {
		o.Branches = append(o.Branches, Branch{Title: "case " + strconv.Itoa(i+1), When: taken.when, Steps: taken.steps})
	}
	if c.other != nil {
		o.Branches = append(o.Branches, Branch{Title: "default", Steps: c.other})
	}
	return o
}
