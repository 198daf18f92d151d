package bulk

import (
	"errors"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/event"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// Bounds of a bulk.
const (
	// MaxItems is the most runs that one bulk may change. A filter that selects more
	// is refused.
	MaxItems = 100_000
	// MaxIDs is the most runs that a filter may name by their ids.
	MaxIDs = 10_000
	// ItemsPerSecond is how many items a process does in a second at most, of all
	// bulks together, so that what else it does is not held up.
	ItemsPerSecond = 50
	// Retention is how long a bulk is kept from its making. One that is not finished
	// by then ends.
	Retention = 7 * 24 * time.Hour
	// SampleSize is how many runs of a bulk are shown when it is made.
	SampleSize = 10
)

var (
	// ErrNotFound: there is no such bulk, or it is not kept any more.
	ErrNotFound = errors.New("bulk: no such bulk")
	// ErrBusy: others change the bulk all the time; try again.
	ErrBusy = errors.New("bulk: busy")
	// ErrBadCursor: a cursor that no list returned.
	ErrBadCursor = errors.New("bulk: bad cursor")
)

// Action is what is done to each run.
type Action string

// The actions.
const (
	ActionRetry  Action = "retry"  // a failed run goes on from where it failed
	ActionCancel Action = "cancel" // a run that has not ended is cancelled
	ActionRerun  Action = "rerun"  // another run with the same input takes its place
	ActionReplay Action = "replay" // what was not done of an event is done: see event.Events.Replay
)

// Permission is what a caller needs for the action: events:write for a replay, else
// runs:write.
func (a Action) Permission() []string {
	if a == ActionReplay {
		return []string{"events", "write"}
	}
	return []string{"runs", "write"}
}

// Actions are all actions.
var Actions = []Action{ActionRetry, ActionCancel, ActionRerun, ActionReplay}

// Status is where a bulk is in its life.
type Status string

// The statuses of a bulk.
const (
	StatusPreviewed Status = "previewed" // its items are fixed; nothing was done yet
	StatusRunning   Status = "running"
	StatusPaused    Status = "paused"
	StatusFinished  Status = "finished"  // ended: every item was dealt with
	StatusCancelled Status = "cancelled" // ended: the items that are left stay undone
)

// Caller is who makes or changes a bulk.
type Caller struct {
	// ID is unique among callers of all kinds, Name what is shown.
	ID, Name string
}

// Bulk is what is known of a bulk.
type Bulk struct {
	ID     string
	Action Action
	Filter Filter
	Status Status
	// Caller is who made it, and as whom the items are done.
	Caller Caller
	// Permission is what a caller needs to change it.
	Permission []string
	Counts     Counts
	// Reasons counts the items that were not done, by the code of the reason.
	Reasons    map[sdk.Code]int
	CreatedAt  time.Time
	StartedAt  time.Time // zero until it was running
	FinishedAt time.Time // zero until it ended
	// ExpiresAt is when it is not kept any more, by the clock of the process that made
	// it.
	ExpiresAt time.Time
	// Sample are some of the runs, the newest first, when it is made: else nil. Those of
	// a replay are events.
	Sample       []engine.Run
	SampleEvents []event.View
}

// Counts are the numbers of a bulk's items.
type Counts struct {
	Total   int `json:"total"`
	Pending int `json:"pending"`
	Done    int `json:"done"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	// OutcomeUnknown is how many of all had a step with an unknown outcome when the
	// bulk was made. They are skipped unless the filter names that error.
	OutcomeUnknown int `json:"outcomeUnknown"`
}

// Result is what became of an item.
type Result string

// The results of items.
const (
	ResultPending Result = "pending" // not dealt with yet
	ResultDone    Result = "done"
	ResultFailed  Result = "failed"  // it was refused
	ResultSkipped Result = "skipped" // the run is not as it has to be: nothing was to be done
)

// Item is one run of a bulk, or one event.
type Item struct {
	// Run is the id of the run, or Event the uid of the event.
	Run    string
	Event  string
	Result Result
	// Code and Detail say why an item was not done.
	Code   sdk.Code
	Detail string
	// RerunAs is the run that took its place.
	RerunAs string
}

// Filter selects runs, or for a replay events: those for which all of it holds.
type Filter struct {
	// Webhook, Type and Events are for a replay alone: the name of the webhook, the type
	// of the event, in which * is any text, and the statuses of which the event must have
	// one; none are failed.
	Webhook string         `json:"webhook,omitempty"`
	Type    string         `json:"type,omitempty"`
	Events  []event.Status `json:"events,omitempty"`
	// FromStart has a replay do everything again.
	FromStart bool   `json:"fromStart,omitempty"`
	Workflow  string `json:"workflow,omitempty"`
	// Status has the statuses of which the run must have one; none are those to which
	// the action applies.
	Status []workflow.RunStatus `json:"status,omitempty"`
	// Since and Until are times at which the run was accepted, or the event received:
	// then or later, and earlier.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Error is the code of the run's error.
	Error sdk.Code `json:"error,omitempty"`
	// IDs are those of the runs, or of the events, by either id.
	IDs []string `json:"ids,omitempty"`
}

// Request asks for a bulk.
type Request struct {
	// ID is the bulk's id, made with engine.NewRunID.
	ID     string
	Action Action
	Filter Filter
	// DryRun makes a preview: nothing is done before Resume.
	DryRun bool
	Caller Caller
	// Permission is what the caller must have at the time of each item; nil is that of
	// the action.
	Permission []string
	// Unknown has those done too of which an outcome is not known: a repeat of what they
	// call does no harm.
	Unknown bool
	// RequestID joins logs.
	RequestID string
	// Once has the bulk made at most once; the zero value is no restriction.
	Once engine.Once
}
