package workflow

import (
	"encoding/json"
	"strings"
	"time"

	"github.com/backflow/backflow/core/condition"
	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/schema"
)

// Definition is a parsed and checked workflow. It is immutable and safe for
// concurrent use.
type Definition struct {
	ID   string
	Name string
	// Input is the schema of the input; nil accepts anything.
	Input *schema.Schema
	// InputSchema is Input as it was written.
	InputSchema json.RawMessage
	Steps       *Block
	// Output renders to the run's output; nil gives none.
	Output *template.Template
	// Timeout bounds a run from when it is first worked on; zero is no bound.
	Timeout     time.Duration
	Concurrency *Concurrency
	// Filter is that of the actions of a webhook: see Actions. Nil is none.
	Filter *condition.Condition
	// Ordered and Lane say how new runs take turns beside Concurrency; nil is not at
	// all. They are set before the definition is shared.
	Ordered *Ordered
	Lane    *Lane
	// UndoUnknown: a run with a step whose outcome is unknown undoes at once what it
	// did; else a person decides.
	UndoUnknown bool
	// Raw is the definition as JSON, as it is stored for the runs pinned to it.
	Raw json.RawMessage
	// Hash identifies the definition by its content and its Defaults.
	Hash string
	// Defaults are what holds where it says nothing.
	Defaults Defaults

	fetch *Step // the first of Steps, if it fetches what an event is about
	roots []string
	byID  map[string]*Step
	// referenced are the ids of steps whose result or error a template or
	// condition reads.
	referenced map[string]bool
}

// StepAt returns the step at a path in a run, nil if there is none.
func (d *Definition) StepAt(path string) *Step {
	return d.byID[path[strings.LastIndexByte(path, '.')+1:]]
}

// Concurrency bounds how many runs of a workflow are under way at once.
type Concurrency struct {
	// Key renders to what the limit is counted by; nil counts all runs.
	Key   *template.Template
	Limit int
	// Drop refuses a start over the limit; else it waits in the queue.
	Drop bool
}

// Block is a list of steps. They are run in order, or all at once. A step that
// names its dependencies waits for these instead.
type Block struct {
	Steps    []*Step
	Parallel bool
}

// Step is one step of a definition. Its ID is unique in the definition.
type Step struct {
	ID   string
	Type Type
	// Pointer is the step's JSON Pointer in what the definition was parsed from.
	Pointer string
	// Condition is nil where the step always runs.
	Condition *condition.Condition
	// Deps are the positions, in the step's own block, of the steps that it waits
	// for, if it says so itself.
	Deps    []int
	HasDeps bool
	Timeout time.Duration // from its beginning, over all attempts; zero is no bound
	OnError OnError
	Handler *Block // of OnErrorSteps
	// Compensate undoes the step, where the run fails after it; nil does nothing.
	Compensate *Block

	// Integration and Action are what the step calls, empty where it calls
	// nothing. The fields below are those of the call.
	Integration string
	Action      string
	// Params renders to the action's params.
	Params *template.Template
	// Source is what the params of a call, the values of a set, the items of a foreach or
	// the input of a child were compiled from, for checks before anything runs.
	Source any
	Retry  RetryPolicy

	// Workflow is the one that the step runs, empty where it runs none.
	Workflow string

	behavior behavior
	reads    readings       // into its result
	members  map[string]any // as they were written
}

// calls reports whether the step calls an action.
func (s *Step) calls() bool { return s.Action != "" }

// OnError says what becomes of a run when a step of it fails.
type OnError string

// The ways to go on after a failed step.
const (
	OnErrorFail     OnError = "fail"     // what it is part of fails
	OnErrorContinue OnError = "continue" // it goes on as if nothing happened
	OnErrorSteps    OnError = "steps"    // other steps run, then it goes on
)
