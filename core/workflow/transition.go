package workflow

import "slices"

// transition is what an event does to the step that it is about.
type transition struct {
	allowedFrom []StepStatus // in which the step can meet the event
	to          StepStatus   // in which it is afterwards; empty: as before
}

func (t transition) allows(status StepStatus) bool { return slices.Contains(t.allowedFrom, status) }

// mayBeUndone are the statuses of steps that can be undone: a step that did not succeed,
// or is to be called again, may have had its effect all the same.
var mayBeUndone = []StepStatus{StepPending, StepSucceeded, StepFailed, StepCancelled}

// transitions is the life of a step. Users see it drawn in docs/workflows.md.
var transitions = map[EventType]transition{
	EventSkipped:            {[]StepStatus{StepPending}, StepSkipped},
	EventEntered:            {[]StepStatus{StepPending}, StepRunning},
	EventScheduled:          {[]StepStatus{StepPending}, StepRunning},
	EventWaiting:            {[]StepStatus{StepPending}, StepWaiting},
	EventChild:              {[]StepStatus{StepPending}, StepWaiting},
	EventAttemptFailed:      {[]StepStatus{StepRunning}, StepWaiting},
	EventRetried:            {[]StepStatus{StepWaiting}, StepRunning},
	EventExpired:            {[]StepStatus{StepRunning}, StepRunning},
	EventSucceeded:          {[]StepStatus{StepPending, StepRunning, StepWaiting}, StepSucceeded},
	EventTakenOver:          {[]StepStatus{StepPending}, StepSucceeded},
	EventFailed:             {[]StepStatus{StepPending, StepRunning, StepWaiting}, StepFailed},
	EventCancelled:          {[]StepStatus{StepRunning, StepWaiting}, StepCancelled},
	EventSettled:            {[]StepStatus{StepFailed, StepCancelled}, ""},
	EventCompensating:       {mayBeUndone, ""},
	EventCompensated:        {mayBeUndone, StepCompensated},
	EventCompensationFailed: {mayBeUndone, ""},
}

// StepStatus returns the status that a step has after an event of this type, empty
// where that is the one before it; false if the event is about the run.
func (t EventType) StepStatus() (StepStatus, bool) {
	next, ok := transitions[t]
	return next.to, ok
}
