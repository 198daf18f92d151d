package workflow

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// OpenChildren are the runs of the steps that a retry would begin again: those that
// failed the step, or were given up with it.
func (m *Machine) OpenChildren() []Child {
	var children []Child
	m.root.reopened(func(n *node) {
		if n.Status.Ended() && n.Child != "" {
			children = append(children, n.child())
		}
	})
	return children
}

// reopened calls visit for each step that a retry begins again, and for the steps in
// it.
func (b *block) reopened(visit func(*node)) {
	for _, n := range b.nodes {
		switch {
		case n.satisfied(): // also if it failed, and that was dealt with
		case n.handler != nil: // the run had gone on behind the failure
			n.handler.reopened(visit)
		default:
			visit(n)
			for _, inner := range n.blocks {
				inner.reopened(visit)
			}
		}
	}
}

// CanRepeat says why the calls that a retry makes again must not be made: one took
// effect although its step failed, and its key would not keep it from taking effect
// once more. It returns nil where a retry does no harm.
func (m *Machine) CanRepeat(now time.Time, lookup Lookup) *sdk.Error {
	var refused *sdk.Error
	m.root.reopened(func(n *node) {
		if refused != nil || !n.Step.calls() || n.effect() != sdk.OutcomeExecuted {
			return
		}
		switch repeat, known := lookup(n.Step.Integration, n.Step.Action, n.params); {
		case !known:
			refused = sdk.Refuse(sdk.CodeUnavailable, "integration %s is not ready", n.Step.Integration).Later(0)
		case !repeat.Safe || repeat.expired(n.keyedAt, now):
			refused = sdk.Refuse(sdk.CodeConflict, "step %s took effect although its result could not be kept, and would take effect again: no idempotency key keeps it from that", n.Path)
		}
	})
	return refused
}

// Retry decides that a run goes on from where it failed, or waits for a decision.
// CanRetry must have allowed it. Kept are the paths of OpenChildren that are retried
// themselves, or have succeeded meanwhile: their steps wait for them again. The other
// steps start another run, with keys of its own.
func (m *Machine) Retry(kept []string, now time.Time) Event {
	event := Event{Type: EventRetry, At: now}
	if len(kept) > 0 {
		event.Params = value.TrustedDoc(appendJSON(nil, kept))
	}
	return event
}

// applyRetry folds a retry: steps that failed or were cancelled become pending
// again. A step that had no effect for certain gets another key, or the vendor would
// repeat its response; one whose effect stands or may stand keeps its key.
func (m *Machine) applyRetry(event Event) error {
	if event.Type != EventRetry || m.CanRetry() != nil {
		return m.impossible(event, "the run is "+string(m.Status()))
	}
	var kept []string
	if !event.Params.IsZero() {
		if err := json.Unmarshal(event.Params.Raw(), &kept); err != nil {
			return m.impossible(event, "the children that it keeps are no list")
		}
	}
	m.ended, m.endedAt, m.failure, m.stop, m.undecided, m.full = "", time.Time{}, nil, nil, nil, nil
	m.Begin(event.At)
	if event.Name == RetryLatest {
		// What was cancelled may be called with other params than its key was sent with.
		m.root.each(func(n *node) (deeper bool) {
			if n.Status == StepCancelled && n.effect() == sdk.OutcomeNotExecuted {
				n.generation++
				n.keyedAt = time.Time{}
			}
			return !n.satisfied()
		})
	}
	m.fetchAgain()
	m.reopen(m.root, kept, event.At)
	return nil
}

// RetryLatest is the Name of the event of a retry from which on the run goes by
// another definition.
const RetryLatest = "latest"

func (m *Machine) reopen(b *block, kept []string, at time.Time) {
	for _, n := range b.nodes {
		if n.satisfied() { // also if it failed, and that was dealt with
			continue
		}
		if n.handler != nil { // the run had gone on behind the failure
			m.reopen(n.handler, kept, at)
			continue
		}
		m.reopenStep(n, kept, at)
	}
}

func (m *Machine) reopenStep(n *node, kept []string, at time.Time) {
	if len(n.blocks) > 0 && (n.Status == StepFailed || n.Status == StepCancelled) {
		n.Status, n.FinishedAt, n.Error, n.Outcome, n.expired = StepRunning, time.Time{}, nil, "", false
		if n.Step.Timeout > 0 {
			n.deadline = at.Add(n.Step.Timeout)
		}
		for _, inner := range n.blocks {
			m.reopen(inner, kept, at)
		}
		m.track(n)
		return
	}
	if slices.Contains(kept, n.Path) {
		n.Status, n.FinishedAt, n.Error, n.Outcome, n.awaited = StepWaiting, time.Time{}, nil, "", false
		if n.Step.Timeout > 0 {
			n.deadline = at.Add(n.Step.Timeout)
		}
		m.track(n)
		return
	}
	if n.Child != "" || n.Status == StepFailed && n.Outcome == sdk.OutcomeNotExecuted {
		n.generation++
		n.keyedAt, n.Outcome = time.Time{}, ""
	}
	n.Status, n.FinishedAt, n.Error, n.RetryAt, n.Event, n.Child = StepPending, time.Time{}, nil, time.Time{}, "", ""
	n.awaited = false
	m.track(n)
	n.tries = 0
}

// CanRetry says why a run cannot be retried, nil if it can.
func (m *Machine) CanRetry() *sdk.Error {
	refuse := func(message string) *sdk.Error {
		return &sdk.Error{Code: sdk.CodeConflict, Message: message, Outcome: sdk.OutcomeNotExecuted}
	}
	switch {
	case m.undecided != nil:
		return nil
	case m.ended == "":
		return refuse("the run has not ended")
	case m.ended != RunFailed:
		return refuse("the run is " + string(m.ended) + ": only a failed run can be retried")
	case m.compensated > 0:
		return refuse("the run has undone what it did: start a new one")
	default:
		return nil
	}
}
