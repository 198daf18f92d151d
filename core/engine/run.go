package engine

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/value"
)

// NewRunID makes a run id: a UUIDv7 (RFC 9562), so that ids order by time and
// what is written of new runs stays at the right edge of the store's trees.
func NewRunID() string { return uuid.Must(uuid.NewV7()).String() }

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
	// StartedBy is what asks for the run. RetriedBy is what asks for it where StartedBy is
	// an event that had come before.
	StartedBy, RetriedBy Initiator
	// Once has the run made at most once; the zero value is no restriction.
	Once Once
	// Advance moves a timer on in the same write; the zero value moves none.
	Advance Advance
	// Swap changes a record in the same write; the zero value changes none.
	Swap Swap
	// Beside are further ops of the same write. A condition among them that does not
	// hold is ErrStale.
	Beside []state.Op

	instead *replacedRun // in whose place the run is started; nil for none
}

// RetryRequest asks that a run goes on.
type RetryRequest struct {
	// ID is the run's id.
	ID string
	// Now has a run that waits for another attempt at a step make it at once. Without
	// it, a run that failed goes on.
	Now bool
	// Latest has a failed run, and those of its children that failed it, go on by the
	// present definitions of their workflows.
	Latest bool
	// By is what asks for it.
	By Initiator
	// Once has it done at most once, and Swap changes a record in the same write; the
	// zero values are no restriction and no change.
	Once Once
	Swap Swap
}

// RerunRequest asks for a run in the place of one that has ended.
type RerunRequest struct {
	// ID is the id of the run that has ended, NewID that of the other: empty makes
	// a new one.
	ID, NewID string
	// RequestID joins logs.
	RequestID string
	// By is what asks for it.
	By Initiator
	// Once has it done at most once; the zero value is no restriction.
	Once Once
}

// Run is what is known of a run.
type Run struct {
	ID       string
	Workflow string
	Status   workflow.RunStatus
	// Input is the run's "input", or the payload of the event that started it.
	Input json.RawMessage
	// Output is nil until the run succeeded, and where the workflow has none.
	Output json.RawMessage
	Error  *workflow.Failure
	// Waiting is what the run waits for, and which of its steps is tried again.
	Waiting workflow.Waiting
	// StartedBy is zero where that was not recorded, RetriedBy also for a run that
	// was not retried.
	StartedBy, RetriedBy Initiator
	// RerunOf is the run whose place it took, RerunAs the one that took its place.
	RerunOf, RerunAs string

	CreatedAt  time.Time
	StartedAt  time.Time // zero until it left the queue
	FinishedAt time.Time // zero until it ended
	// OutcomeUnknown is the path of a step of which it is not known whether it took
	// effect, empty where none is. Lists leave it out.
	OutcomeUnknown string
	// Steps are in the order of the definition. Lists leave them out.
	Steps []workflow.StepState
}

// StepResult is the whole result of a step.
type StepResult struct {
	JSON json.RawMessage
	// Sensitive are texts in it that nobody is to be shown.
	Sensitive []string
}

// ListRequest selects runs, the newest first.
type ListRequest struct {
	Workflow string               // empty: all
	Statuses []workflow.RunStatus // those with any of them; empty: all
	Since    time.Time            // zero: all; else runs created then or later
	Limit    int                  // 1 to 200; 0 is 50
	Cursor   string               // NextCursor of the page before
}

// List is one page of runs, without their steps. A page may be shorter than
// asked for although more follow: NextCursor alone says whether it is the last.
type List struct {
	Runs       []Run
	NextCursor string
	// Unreadable are the ids of those whose records cannot be read. Of them Runs
	// has what their ids and entries in the index say, and why as Error.
	Unreadable []string
}

// Progress is what happened in a run since an earlier call of Follow.
type Progress struct {
	// Events are in order, without their roots and params. Entry is the number of the
	// last journal entry that they come from, for the next call.
	Events []workflow.Event
	Entry  int
	// More: further entries may be there already.
	More bool
	Run  Run // as it was when they were read, or a moment before; without steps
	// Step returns the step of the definition at a path, nil if there is none.
	Step func(path string) *workflow.Step
}
