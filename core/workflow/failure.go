package workflow

import (
	"time"

	"github.com/backflow/backflow/sdk"
)

// Failure is why a step or a run failed.
type Failure struct {
	Origin
	// Err is never nil.
	Err *sdk.Error `json:"error"`
}

// Origin is where an error comes from.
type Origin struct {
	// Integration is the one that returned the error, empty where the engine
	// itself found the fault.
	Integration string `json:"integration,omitempty"`
	// Step is the path of the step that failed. Where a step failed since one in it
	// did, it is the innermost.
	Step string `json:"step,omitempty"`
	// Child is the run whose end failed the step; nil where none did.
	Child *FailedChild `json:"child,omitempty"`
}

// FailedChild is a run that a step waited for, and that did not end well.
type FailedChild struct {
	ID string `json:"id"`
	// Step is the path of the step that failed in the run, empty where none did.
	Step string `json:"step,omitempty"`
}

// origin returns where the error of a step comes from.
func (n *node) origin() *Origin {
	if n.cause != nil {
		return n.cause
	}
	return &Origin{Integration: n.integration(), Step: n.Path}
}

// failure is the step's error with where it comes from, nil without error.
func (n *node) failure() *Failure {
	if n.Error == nil {
		return nil
	}
	return &Failure{Origin: *n.origin(), Err: n.Error}
}

// failedWith is the event of a step that failed since a step in it did.
func (n *node) failedWith(inner *node, now time.Time) Event {
	return Event{Type: EventFailed, At: now, Path: n.Path, Error: inner.Error, Origin: inner.origin(), Unknown: inner.Outcome == sdk.OutcomeUnknown}
}
