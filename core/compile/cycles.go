package compile

import (
	"fmt"
	"slices"
	"strings"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/core/workflow"
)

// call is a step that runs a workflow as a child.
type call struct {
	from Definition
	step *workflow.Step
	// always says that it runs in every run of its workflow.
	always bool
}

// checkCycles finds workflows that run themselves, by way of others or directly: those
// that do so in every run can never end, and those that hold a place of their own limit
// meanwhile wait for themselves.
func (p *Plan) checkCycles() {
	calls := make(map[string][]call) // by the workflow that they run
	byID := make(map[string]Definition)
	for _, d := range p.Definitions {
		byID[d.ID] = d
		d.calls(func(c call) { calls[c.step.Workflow] = append(calls[c.step.Workflow], c) })
	}
	for _, w := range p.Config.Workflows {
		if d, ok := byID[w.ID]; ok {
			for _, way := range waysBack(d.ID, calls) {
				p.checkCycle(d, way)
			}
		}
	}
}

// calls calls visit for each step that runs a workflow.
func (d Definition) calls(visit func(call)) {
	var walk func(b *workflow.Block, always bool)
	walk = func(b *workflow.Block, always bool) {
		if b == nil {
			return
		}
		for _, s := range b.Steps {
			certain := always && s.Condition == nil
			if s.Workflow != "" {
				visit(call{d, s, certain})
			}
			body := s.Body()
			for _, inner := range s.Inner() {
				// A list may be empty, and a case may not be taken.
				walk(inner, certain && inner == body && s.Type != workflow.TypeForeach)
			}
		}
	}
	walk(d.Steps, true)
}

// waysBack returns the shortest ways by which a workflow runs itself, one for each of
// the steps that run it: each a list of calls, the one that runs it last.
func waysBack(id string, calls map[string][]call) [][]call {
	var ways [][]call
	for _, last := range calls[id] {
		reached := map[string]bool{}
		queue := [][]call{{last}}
		for len(queue) > 0 {
			way := queue[0]
			queue = queue[1:]
			first := way[0].from.ID
			if first == id {
				ways = append(ways, way)
				break
			}
			if reached[first] {
				continue
			}
			reached[first] = true
			for _, before := range calls[first] {
				queue = append(queue, append([]call{before}, way...))
			}
		}
	}
	return ways
}

// checkCycle judges one way by which a workflow runs itself.
func (p *Plan) checkCycle(d Definition, way []call) {
	last := way[len(way)-1]
	at := last.step.Pointer + "/workflow"
	names := []string{d.ID}
	always := true
	for _, c := range way {
		names = append(names, c.step.Workflow)
		always = always && c.always
	}
	text := strings.Join(names, " runs ")
	limit := d.Concurrency
	switch {
	case always:
		p.fault(last.from.Source.Fault(at, text+" in every run, which never ends", "give a step on the way a condition"))
	case limit == nil:
	case limit.Limit == 1 && sameKey(d, way):
		p.fault(last.from.Source.Fault(at, fmt.Sprintf("%s and waits for it, while its own concurrency allows one run at a time: they wait for each other for ever", text),
			"raise the limit, or give the runs different keys"))
	default:
		p.warn(last.from.Source.Fault(at, fmt.Sprintf("%s and waits for it, under the concurrency of %s: more runs in a row than its limit of %d, where the key is the same, wait for each other for ever", text, d.ID, limit.Limit), ""))
	}
}

// sameKey reports whether the run at the end of the way is counted by the same key for
// certain: what it is made of is passed on unchanged.
func sameKey(d Definition, way []call) bool {
	if d.Concurrency.Key == nil {
		return true
	}
	for _, ref := range d.Concurrency.Key.Refs() {
		path := ref.String()
		for _, c := range slices.Backward(way) {
			if path = passedOn(c.step.Source, path); path == "" {
				return false
			}
		}
		if path != ref.String() {
			return false
		}
	}
	return true
}

// passedOn returns the path of the caller that a child's path into its input stands for;
// "" where it is not known.
func passedOn(input any, path string) string {
	whole := func(source any) string {
		text, ok := source.(string)
		if !ok || !strings.HasPrefix(text, "{{") {
			return ""
		}
		expr, end, fault := template.ScanExpr(text, 2, template.Options{})
		if fault != nil || end != len(text) || !expr.IsPath() {
			return ""
		}
		return expr.Refs()[0].String()
	}
	rest, ok := strings.CutPrefix(path, "input")
	if !ok {
		return ""
	}
	if from := whole(input); from != "" {
		return from + rest
	}
	members, _ := input.(map[string]any)
	name, rest, _ := strings.Cut(strings.TrimPrefix(rest, "."), ".")
	if rest != "" {
		rest = "." + rest
	}
	if from := whole(members[name]); from != "" {
		return from + rest
	}
	return ""
}
