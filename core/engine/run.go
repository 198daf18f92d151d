package engine

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

var (
	// ErrNotFound: there is no such run.
	ErrNotFound = errors.New("engine: no such run")
	// ErrUnknownWorkflow: the running config has no such workflow.
	ErrUnknownWorkflow = errors.New("engine: no such workflow")
	// ErrStopped: the engine takes no new runs, it is stopping.
	ErrStopped = errors.New("engine: stopped")
	// ErrOverloaded: too many runs are being started at once; try again.
	ErrOverloaded = errors.New("engine: overloaded")
	// ErrBadInput: what a run was to be started with is not what its workflow needs.
	ErrBadInput = errors.New("engine: bad input")
	// ErrTooLarge: an input or a signal over MaxInput.
	ErrTooLarge = errors.New("engine: too large")
	// ErrFull: the limit of the workflow is reached and it drops further runs.
	ErrFull = errors.New("engine: the workflow's limit is reached")
	// ErrEnded: the run has ended.
	ErrEnded = errors.New("engine: the run has ended")
	// ErrBusy: somebody else is changing the run; try again.
	ErrBusy = errors.New("engine: busy")
	// ErrBadCursor: a cursor that no list returned.
	ErrBadCursor = errors.New("engine: bad cursor")
	// ErrFenced: this process's lease is gone, so it can write nothing any more.
	// Nothing was changed.
	ErrFenced = errors.New("engine: the lease of this process is gone")
	// ErrUnavailable is matched by errors after which it is not known whether a
	// request took effect, or a read had no answer: the store cannot be reached.
	ErrUnavailable = state.ErrUnavailable
	// ErrClosed is the error of a store that is closed: the process is ending.
	ErrClosed = state.ErrClosed
)

// StartRequest asks for a run.
type StartRequest struct {
	// ID is the run's id; empty makes a new one. A caller that must know the id
	// before the write (to record it beside the run) makes it with NewRunID.
	ID string
	// Workflow is the id of a definition that the engine knows.
	Workflow string
	// Roots are the values that templates see, by root name: "input" for
	// workflows; "payload", "event" and "headers" for webhooks.
	Roots map[string]value.Doc
	// RequestID joins logs.
	RequestID string
	// Once has the run made at most once; the zero value is no restriction.
	Once Once
	// Advance moves a timer on in the same write; the zero value moves none.
	Advance Advance
}

// Run is what is known of a run.
type Run struct {
	ID       string
	Workflow string
	Status   workflow.RunStatus
	// Input is the run's "input", or the payload of the event that started it.
	Input json.RawMessage
	// Output is nil until the run succeeded, and where the workflow has none.
	Output     json.RawMessage
	Error      *workflow.Failure
	CreatedAt  time.Time
	StartedAt  time.Time // zero until it left the queue
	FinishedAt time.Time // zero until it ended
	// Steps are in the order of the definition. Lists leave them out.
	Steps []Step
}

// Step is what is known of one step of a run.
type Step struct {
	ID       string
	Path     string
	Status   workflow.StepStatus
	Attempts int
	// Integration is that of the action which the step calls; empty where it
	// calls none.
	Integration string
	// StartedAt and FinishedAt are zero while unknown.
	StartedAt  time.Time
	FinishedAt time.Time
	Result     json.RawMessage
	Error      *workflow.Failure
}

// ListRequest selects runs, the newest first.
type ListRequest struct {
	Workflow string             // empty: all
	Status   workflow.RunStatus // empty: all
	Since    time.Time          // zero: all; else runs created then or later
	Limit    int                // 1 to 200; 0 is 50
	Cursor   string             // NextCursor of the page before
}

// List is one page of runs, without their steps. A page may be shorter than
// asked for although more follow: NextCursor alone says whether it is the last.
type List struct {
	Runs       []Run
	NextCursor string
}

// Workflow describes a definition that can be started.
type Workflow struct {
	ID   string
	Name string
	// Input is the schema of the input; nil accepts anything.
	Input json.RawMessage
	Steps []WorkflowStep
	// Definition is all of it, as it was written.
	Definition json.RawMessage
}

// WorkflowStep describes one step of a definition.
type WorkflowStep struct {
	ID          string
	Type        string
	Integration string // of steps that call an action
	Action      string
	Workflow    string // of steps that run another workflow
	// Steps are those in the step, in the order of the definition.
	Steps []WorkflowStep
}

// callError makes sure that what an integration answered is an *sdk.Error.
func callError(err error) *sdk.Error {
	var e *sdk.Error
	if errors.As(err, &e) {
		return e
	}
	return &sdk.Error{Code: sdk.CodeInternal, Message: err.Error(), Outcome: sdk.OutcomeUnknown}
}
