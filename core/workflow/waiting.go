package workflow

// WaitingFor is what a run, or a step of it, waits for.
type WaitingFor string

// What can be waited for.
const (
	WaitingForRetry    WaitingFor = "retry"    // the next attempt of a call that failed
	WaitingForTimer    WaitingFor = "timer"    // a time that a step "wait" names
	WaitingForSignal   WaitingFor = "signal"   // a signal that a step "waitForEvent" names
	WaitingForChild    WaitingFor = "child"    // the end of a run that a step "workflow" started
	WaitingForDecision WaitingFor = "decision" // a retry or a cancellation by a person: an outcome is unknown
)

// WaitingFor is what the step waits for, empty unless its status is StepWaiting.
func (s *StepState) WaitingFor() WaitingFor {
	switch {
	case s.Status != StepWaiting:
		return ""
	case s.Child != "":
		return WaitingForChild
	case s.Event != "":
		return WaitingForSignal
	case s.Step.calls():
		return WaitingForRetry
	default:
		return WaitingForTimer
	}
}

// Waiting returns what the run waits for, and the step that says until when: of
// several the one that goes on by itself first, else the first by its path. It
// returns false while a call is under way, and once the run has ended.
func (m *Machine) Waiting() (WaitingFor, StepState, bool) {
	if !m.Idle() || m.ended != "" {
		return "", StepState{}, false
	}
	var first *node
	for _, n := range m.waiting {
		if first == nil || n.before(first) {
			first = n
		}
	}
	if first == nil {
		return "", StepState{}, false
	}
	return first.WaitingFor(), first.StepState, true
}

// before reports whether a waiting step goes on by itself before another one.
func (n *node) before(other *node) bool {
	switch {
	case n.RetryAt.Equal(other.RetryAt):
		return n.Path < other.Path
	case n.RetryAt.IsZero() || other.RetryAt.IsZero():
		return other.RetryAt.IsZero()
	default:
		return n.RetryAt.Before(other.RetryAt)
	}
}
