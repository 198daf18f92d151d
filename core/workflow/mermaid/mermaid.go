// Package mermaid draws a workflow as a Mermaid flowchart
// (https://mermaid.js.org/syntax/flowchart.html), a text that many programs
// show as a picture.
//
// Arrows say what waits for what. A step with steps in it is a frame around
// them, each case of a switch is a frame whose arrow says when it is taken, and
// dotted arrows lead to what runs when a step fails and to its compensate.
//
// The package imports core/workflow and sdk/excerpt. It knows nothing of runs.
package mermaid

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/excerpt"
)

// Flowchart draws a definition that workflow.Parse has accepted. The same
// definition always gives the same text, which ends with a line end.
func Flowchart(d *workflow.Definition) string {
	c := &chart{ids: map[*workflow.Step]string{}}
	c.line("flowchart TD")
	c.indent++
	c.line(`begin(["%s"])`, escape(d.ID))
	c.block(d.Steps)
	first, last := ends(d.Steps)
	for _, s := range first {
		c.line("begin --> %s", c.ids[s])
	}
	c.line(`finish(["end"])`)
	if len(first) == 0 {
		c.line("begin --> finish")
	}
	for _, s := range last {
		c.leave(s, "finish")
	}
	return c.text.String()
}

// chart is a drawing under way. Its names of steps are numbers: a step's id may
// be a word that means something to Mermaid.
type chart struct {
	text   strings.Builder
	indent int
	last   int
	ids    map[*workflow.Step]string
}

func (c *chart) line(format string, args ...any) {
	c.text.WriteString(strings.Repeat("  ", c.indent))
	fmt.Fprintf(&c.text, format, args...)
	c.text.WriteByte('\n')
}

// name makes a name that nothing else in the chart has.
func (c *chart) name() string {
	c.last++
	return "n" + strconv.Itoa(c.last)
}

// block draws the steps of a block, and the arrows between them.
func (c *chart) block(b *workflow.Block) {
	for _, s := range b.Steps {
		c.step(s)
	}
	for i, s := range b.Steps {
		for _, position := range b.WaitsFor(i) {
			c.leave(b.Steps[position], c.ids[s])
		}
	}
}

// leave draws the arrows by which a run goes on after a step.
func (c *chart) leave(s *workflow.Step, to string) {
	switch s.Outline().Shape {
	case workflow.ShapeFail:
	case workflow.ShapeEnd:
		return
	default:
		c.line("%s --> %s", c.ids[s], to)
	}
	switch s.OnError {
	case workflow.OnErrorSteps:
		c.line("%s -.-> %s", c.handler(s), to)
	case workflow.OnErrorContinue:
		c.line(`%s -. "onError: continue" .-> %s`, c.ids[s], to)
	}
}

// handler is the name of the frame around a step's onError.
func (c *chart) handler(s *workflow.Step) string { return c.ids[s] + "e" }

func (c *chart) step(s *workflow.Step) {
	name := c.name()
	c.ids[s] = name
	outline := s.Outline()
	text := label(s, outline.Text)
	switch outline.Shape {
	case workflow.ShapeGroup:
		c.frame(name, text, func() { c.group(outline.Branches) })
	case workflow.ShapeChoice:
		c.frame(name, text, func() { c.choice(outline.Branches) })
	case workflow.ShapeWait:
		c.line(`%s[/"%s"/]`, name, text)
	case workflow.ShapeRun:
		c.line(`%s[["%s"]]`, name, text)
	case workflow.ShapeFail, workflow.ShapeEnd:
		c.line(`%s(["%s"])`, name, text)
	default:
		c.line(`%s["%s"]`, name, text)
	}
	if s.OnError == workflow.OnErrorSteps {
		c.beside(s, c.handler(s), "onError", s.Handler)
	}
	if s.Compensate != nil {
		c.beside(s, name+"c", "compensate", s.Compensate)
	}
}

// beside draws the steps that belong to a step without being in it.
func (c *chart) beside(s *workflow.Step, name, what string, b *workflow.Block) {
	c.frame(name, what+" of "+escape(s.ID), func() { c.block(b) })
	c.line("%s -. \"%s\" .-> %s", c.ids[s], what, name)
}

// group draws lists of steps that are all run.
func (c *chart) group(branches []workflow.Branch) {
	for _, b := range branches {
		if b.Title == "" {
			c.block(b.Steps)
			continue
		}
		c.frame(c.name(), b.Title, func() { c.block(b.Steps) })
	}
}

// choice draws a choice, and what is chosen from.
func (c *chart) choice(branches []workflow.Branch) {
	choice := c.name()
	c.line(`%s{"?"}`, choice)
	for _, b := range branches {
		name, when := c.name(), b.Title
		c.frame(name, b.Title, func() { c.block(b.Steps) })
		if b.When != nil {
			when = b.When.String()
		}
		c.line(`%s -- "%s" --> %s`, choice, escape(when), name)
	}
}

func (c *chart) frame(name, title string, draw func()) {
	c.line(`subgraph %s["%s"]`, name, title)
	c.indent++
	draw()
	c.indent--
	c.line("end")
}

// label is what stands in a step's shape: its id, what it does, and when.
func label(s *workflow.Step, does string) string {
	text := escape(s.ID) + "<br>" + escape(does)
	if s.Condition != nil {
		text += "<br>if " + escape(s.Condition.String())
	}
	return text
}

// ends are the steps of a block that wait for no other, and those that no other
// waits for.
func ends(b *workflow.Block) (first, last []*workflow.Step) {
	awaited := map[int]bool{}
	for i, s := range b.Steps {
		before := b.WaitsFor(i)
		if len(before) == 0 {
			first = append(first, s)
		}
		for _, position := range before {
			awaited[position] = true
		}
	}
	for i, s := range b.Steps {
		if !awaited[i] {
			last = append(last, s)
		}
	}
	return first, last
}

// longest is how much of a condition is shown, in characters.
const longest = 80

// escape makes text safe within the quotes of a label, where Mermaid knows
// entities with # for &, and shows HTML.
func escape(text string) string {
	return strings.NewReplacer(
		"#", "#35;", "&", "#38;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;", "\n", " ", "\r", " ",
	).Replace(excerpt.Fit(text, longest))
}
