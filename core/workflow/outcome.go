package workflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// Succeeded is the event of a call that succeeded.
func (m *Machine) Succeeded(path string, result value.Doc, now time.Time) Event {
	return Event{Type: EventSucceeded, At: now, Path: path, Result: result}
}

// Failed decides what becomes of a step after a failed call: another attempt
// later, or the end of the step.
//
// A call whose outcome is not known is only repeated where that does no harm,
// and only while its key is honoured; else the step fails with
// sdk.CodeOutcomeUnknown and to repeat it is the user's decision.
func (m *Machine) Failed(path string, err *sdk.Error, repeat Repeat, now time.Time) Event {
	n := m.activeCalls[path]
	unknown := n.Unknown || (err.Outcome != sdk.OutcomeNotExecuted && !err.Final)
	failed := Event{Type: EventFailed, At: now, Path: path, Error: err, Unknown: unknown}

	policy := n.Step.Retry
	switch {
	case !err.Retryable || err.Final || slices.Contains(policy.NonRetryable, string(err.Code)):
		return failed
	case unknown && !repeat.Safe:
		failed.Error = outcomeUnknown(err, "the action honours no idempotency key, so it is not repeated by itself")
		return failed
	case n.tries >= policy.MaxAttempts || m.isStopping(n):
		return failed
	}
	retryAt := now.Add(max(policy.delay(n.tries, n.key), err.RetryAfter))
	if unknown && repeat.expired(n.keyedAt, retryAt) {
		failed.Error = outcomeUnknown(err, "the next attempt would come after its idempotency key is forgotten")
		return failed
	}
	if deadline := m.deadlineOf(n); !deadline.IsZero() && !retryAt.Before(deadline) {
		return failed // no attempt is left before the timeout
	}
	return Event{Type: EventAttemptFailed, At: now, Path: path, Error: err, Unknown: unknown, RetryAt: retryAt}
}

// Interrupted decides what becomes of a call that was under way when its
// gateway ended: whether it was sent, and what came of it, is not known. It
// returns false where the call is simply made again with the same key, which
// spends no attempt.
func (m *Machine) Interrupted(path string, repeat Repeat, now time.Time) (Event, bool) {
	n := m.activeCalls[path]
	var why string
	switch {
	case !repeat.Safe:
		why = "the action honours no idempotency key, so it is not repeated by itself"
	case repeat.expired(n.keyedAt, now):
		why = "its idempotency key may be forgotten by now"
	default:
		return Event{}, false
	}
	interrupted := &sdk.Error{Code: sdk.CodeUnavailable, Message: "the gateway ended while the call was under way"}
	return Event{Type: EventFailed, At: now, Path: path, Unknown: true, Error: outcomeUnknown(interrupted, why)}, true
}

// outcomeUnknown is what a step fails with when it is not known whether its effect
// took place. The integration's own details stay.
func outcomeUnknown(err *sdk.Error, why string) *sdk.Error {
	return &sdk.Error{
		Code:    sdk.CodeOutcomeUnknown,
		Message: fmt.Sprintf("it is not known whether the effect took place (%s), and %s", err.Message, why),
		Outcome: sdk.OutcomeUnknown,
		Details: err.Details,
	}
}

// UnknownOutcomes returns which effects of a run that has ended may have taken
// place or not: the path of the first step that failed or was cancelled with an
// unknown outcome, empty if no step did; and the runs that did not end well for
// the steps that waited for them, which may have such steps of their own.
func (m *Machine) UnknownOutcomes() (path string, children []Child) {
	m.root.each(func(n *node) (deeper bool) {
		if n.Status == StepFailed || n.Status == StepCancelled {
			if n.Unknown && path == "" {
				path = n.Path
			}
			if n.Child != "" {
				children = append(children, n.child())
			}
		}
		return true
	})
	return path, children
}

// each calls visit for each step, and for the steps in it if visit says so.
func (b *block) each(visit func(*node) (deeper bool)) {
	for _, n := range b.nodes {
		if !visit(n) {
			continue
		}
		for _, inner := range n.inner() {
			inner.each(visit)
		}
	}
}
