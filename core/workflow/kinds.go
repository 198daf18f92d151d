package workflow

import (
	"slices"
	"time"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/template"
)

// Type is what a step does.
type Type string

// The types of steps.
const (
	TypeIntegration  Type = "integration"  // calls an action
	TypeSequence     Type = "sequence"     // runs steps in order
	TypeParallel     Type = "parallel"     // runs steps all at once
	TypeForeach      Type = "foreach"      // runs steps for each item
	TypeSwitch       Type = "switch"       // runs the first case whose condition holds
	TypeWait         Type = "wait"         // waits for a time
	TypeWaitForEvent Type = "waitForEvent" // waits for a signal
	TypeWorkflow     Type = "workflow"     // runs another workflow and waits for its end
	TypeSet          Type = "set"          // makes values
	TypeFail         Type = "fail"         // fails
	TypeReturn       Type = "return"       // ends the run with success
)

// kinds lists the types of steps with their keys and parsers. The behavior that
// parse returns says what a step does in a run and how it is drawn. Each type has
// a file of its own. A new type is such a file, a constant above and a row here.
var kinds = map[Type]*kind{
	TypeIntegration:  {keys: []string{"integration", "action", "params", "retry"}, parse: parseIntegration},
	TypeSequence:     {keys: []string{"steps"}, parse: parseSequence},
	TypeParallel:     {keys: []string{"steps"}, parse: parseParallel},
	TypeForeach:      {keys: []string{"items", "steps", "concurrency"}, parse: parseForeach},
	TypeSwitch:       {keys: []string{"cases", "default"}, parse: parseSwitch},
	TypeWait:         {keys: []string{"duration", "until"}, parse: parseWait},
	TypeWaitForEvent: {keys: []string{"event"}, parse: parseWaitForEvent},
	TypeWorkflow:     {keys: []string{"workflow", "input"}, parse: parseWorkflow},
	TypeSet:          {keys: []string{"values"}, parse: parseSet},
	TypeFail:         {keys: []string{"message", "code"}, parse: parseFail},
	TypeReturn:       {keys: []string{"output"}, parse: parseReturn},
}

// kind is one type of step.
type kind struct {
	// keys are those that only steps of this type have.
	keys []string
	// parse reads the keys, and reports faults to the parser. A behavior with
	// faults never runs.
	parse func(p *parser, s *Step, members map[string]any, at string) behavior
}

// commonKeys are the keys that every step can have.
var commonKeys = []string{"id", "name", "type", "condition", "timeout", "onError", "compensate", "dependsOn"}

// StepTypes returns the names of all types of steps, sorted. An integration may
// not have one of them.
func StepTypes() []string {
	types := make([]string, 0, len(kinds))
	for t := range kinds {
		types = append(types, string(t))
	}
	slices.Sort(types)
	return types
}

// StepKeys returns the keys that steps of a type can have: those of every step
// and then its own; nil if there is no such type.
func StepKeys(t Type) []string {
	k, known := kinds[t]
	if !known {
		return nil
	}
	return slices.Concat(commonKeys, k.keys)
}

// behavior is what a step does, by its type. It is immutable.
type behavior interface {
	// parts are the templates, conditions and lists of steps that only steps
	// of this type have, in the order in which faults in them are reported.
	parts(s *Step) []part
	// begins is the type of the event with which every step of this type
	// begins; EventSucceeded says that it ends at once.
	begins() EventType
	// begin decides what else that event says. Its type, time and path are
	// filled in by the caller. With an error it names the field at fault.
	begin(at *scope, now time.Time) (event Event, field string, err error)
	// outline says how the step is drawn. Without a text it is drawn with its
	// type.
	outline(s *Step) Outline
}

// container is the behavior of steps that have steps in them. They begin with
// EventEntered and are StepRunning until the steps in them have ended.
type container interface {
	behavior
	// enter opens the blocks of a step that has been entered.
	enter(n *node, event Event) error
	// advance decides what follows in a step that is under way, and the end of
	// the step itself; false if it waits for something to happen.
	advance(m *Machine, n *node, now time.Time) (Event, bool)
	// result emits, in parts, what a step that ended well has resulted in.
	result(n *node, emit func(part []byte))
}

// iterator is a container whose blocks are iterations: a path names them by
// their index.
type iterator interface {
	container
	// iteration opens the iterations up to the one of that index; nil if
	// there is none.
	iteration(n *node, index int) *block
	// steps are those of each iteration.
	steps() *Block
}

// part is a template, a condition or a list of steps in a step.
type part struct {
	key   string // its JSON Pointer within the step, without the first slash
	reads interface{ Refs() []template.Ref }
	steps *Block
}

func templatePart(key string, t *template.Template) []part {
	if t == nil {
		return nil
	}
	return []part{{key: key, reads: t}}
}

func conditionPart(key string, c *condition.Condition) part { return part{key: key, reads: c} }

func blockPart(key string, b *Block) part { return part{key: key, steps: b} }
