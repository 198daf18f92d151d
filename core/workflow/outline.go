package workflow

import "github.com/backflow/backflow/core/condition"

// Shape is what kind of thing a step is to people who look at a drawing.
type Shape int

// The shapes of steps.
const (
	ShapeTask   Shape = iota // it does something
	ShapeGroup               // all of its branches are run
	ShapeChoice              // one of its branches is run
	ShapeWait                // it waits for something from outside
	ShapeRun                 // it runs another workflow
	ShapeFail                // nothing follows it but its onError
	ShapeEnd                 // nothing follows it
)

// Outline is a step as a drawing shows it.
type Outline struct {
	Shape Shape
	// Text says what the step does, such as "stripe.createCustomer".
	Text string
	// Branches are the lists of steps in a group or a choice.
	Branches []Branch
}

// Branch is one list of steps in a step.
type Branch struct {
	Title string
	// When is the condition under which it is chosen; nil where none exists.
	When  *condition.Condition
	Steps *Block
}

// Outline returns the step as a drawing shows it.
func (s *Step) Outline() Outline {
	o := s.behavior.outline(s)
	if o.Text == "" {
		o.Text = string(s.Type)
	}
	return o
}
