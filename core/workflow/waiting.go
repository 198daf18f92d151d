package workflow

import (
	"slices"
	"time"
)

// WaitingFor is what a step waits for, or a run in which nothing else is under
// way.
type WaitingFor string

// What is waited for.
const (
	WaitingForDecision WaitingFor = "decision" // of the user: a step's outcome is not known, and there is something to undo
	WaitingForRetry    WaitingFor = "retry"    // the time of the next attempt at a call
	WaitingForSignal   WaitingFor = "signal"   // from outside
	WaitingForChild    WaitingFor = "child"    // the end of another run
	WaitingForTimer    WaitingFor = "timer"    // a time
	WaitingForOrder    WaitingFor = "order"    // of a queued run: the run before it in its order
	WaitingForLane     WaitingFor = "lane"     // of a queued run: a place in its lane, or its rate
)

// waitingOrder is how a run that waits for several things at once is shown: first
// what needs a look.
var waitingOrder = []WaitingFor{WaitingForDecision, WaitingForRetry, WaitingForSignal, WaitingForChild, WaitingForTimer}

// Waiting is what a run waits for, and which of its steps is tried again and again.
// The zero value is a run that does neither.
type Waiting struct {
	// For is empty while anything is under way, and once the run has ended.
	For WaitingFor `json:"for,omitempty"`
	// Until is when the run goes on whatever happens: the time of the next attempt,
	// the end of a wait, the timeout of a step that waits for a signal or a run. It
	// is zero where it waits for as long as it takes.
	Until time.Time `json:"until,omitzero"`
	// Attempt is the last attempt at a step that has failed, or the one that is
	// being made after another failed, counting from 1; 0 where no step is tried
	// again. Of a decision they are those of the step whose outcome is unknown.
	Attempt     int `json:"attempt,omitempty"`
	MaxAttempts int `json:"maxAttempts,omitempty"`
	// Failure is how the attempt before failed; nil where no step is tried again.
	Failure *Failure `json:"failure,omitempty"`
}

// Waiting returns what the run waits for, and which step is tried again. Of several
// the first counts: a decision, an attempt to be made again, a signal, a run, a
// time; then what is over first, then the order of paths.
func (m *Machine) Waiting() Waiting {
	var w Waiting
	if m.ended != "" {
		return w
	}
	shown := m.undecided
	switch {
	case shown != nil:
		w.For = WaitingForDecision
	case m.Idle():
		if shown = firstOf(m.waiting); shown != nil {
			w.For, w.Until = shown.waitingFor(), m.waitingUntil(shown)
		} else if m.awaitsGivenUp() {
			w.For = WaitingForChild
		}
	}
	if w.For != WaitingForRetry && w.For != WaitingForDecision {
		shown = firstOf(m.retried)
	}
	if shown != nil {
		w.Attempt, w.MaxAttempts, w.Failure = shown.tries, shown.Step.Retry.MaxAttempts, shown.failure()
	}
	return w
}

// Equal reports whether two are the same as far as they are shown.
func (w Waiting) Equal(other Waiting) bool {
	return w.For == other.For && w.Until.Equal(other.Until) && w.Attempt == other.Attempt &&
		w.failedStep() == other.failedStep()
}

// IsZero reports whether the run neither waits nor tries a step again.
func (w Waiting) IsZero() bool { return w.Equal(Waiting{}) }

func (w Waiting) failedStep() string {
	if w.Failure == nil {
		return ""
	}
	return w.Failure.Step
}

// firstOf returns the step of a set that stands for all, nil where it is empty.
func firstOf(set map[string]*node) (first *node) {
	for _, n := range set {
		if first == nil || n.showsBefore(first) {
			first = n
		}
	}
	return first
}

func (n *node) showsBefore(other *node) bool {
	if a, b := slices.Index(waitingOrder, n.waitingFor()), slices.Index(waitingOrder, other.waitingFor()); a != b {
		return a < b
	}
	if !n.RetryAt.Equal(other.RetryAt) {
		return n.RetryAt.Before(other.RetryAt)
	}
	return n.Path < other.Path
}

// waitingFor is what a step waits for, empty if it does not.
func (n *node) waitingFor() WaitingFor {
	switch {
	case n.Status != StepWaiting:
		return ""
	case n.Step.calls():
		return WaitingForRetry
	case n.Step.Type == TypeWorkflow:
		return WaitingForChild
	case n.Step.Type == TypeWaitForEvent:
		return WaitingForSignal
	default:
		return WaitingForTimer
	}
}

// WaitingFor is what a step waits for after an event of it, or the run after one that
// is about it; empty if it does not.
func (e *Event) WaitingFor() WaitingFor {
	switch {
	case e.Type == EventAttemptFailed:
		return WaitingForRetry
	case e.Type == EventUndecided:
		return WaitingForDecision
	case e.Type == EventChild:
		return WaitingForChild
	case e.Type == EventWaiting && e.Name != "":
		return WaitingForSignal
	case e.Type == EventWaiting:
		return WaitingForTimer
	default:
		return ""
	}
}

// WaitingUntil is when the wait of the step that an event is about is over by the
// step's own times; zero if they do not say. The step has just begun, unless it
// waits for an attempt.
func (e *Event) WaitingUntil(step *Step) time.Time {
	until := e.RetryAt
	if e.Type != EventAttemptFailed && e.WaitingFor() != "" && step.Timeout > 0 {
		if over := e.At.Add(step.Timeout); until.IsZero() || over.Before(until) {
			until = over
		}
	}
	return until
}

// waitingUntil is when a step stops to wait whatever happens, zero where that is
// not said.
func (m *Machine) waitingUntil(n *node) time.Time {
	until := m.deadlineOf(n)
	if !n.RetryAt.IsZero() && (until.IsZero() || n.RetryAt.Before(until)) {
		until = n.RetryAt
	}
	return until
}
