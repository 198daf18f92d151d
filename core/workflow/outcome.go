package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/sdk"
)

// Succeeded is the event of an answered call.
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

// woken decides what becomes of a step whose retry is due: normally another
// attempt; not so where it comes so late, after an outage, that its key may be
// forgotten.
func (m *Machine) retryDue(n *node, repeat Repeat, now time.Time) Event {
	if n.Unknown && repeat.expired(n.keyedAt, now) {
		return Event{Type: EventFailed, At: now, Path: n.Path, Unknown: true,
			Error: outcomeUnknown(n.Error, "its idempotency key may be forgotten by now")}
	}
	return Event{Type: EventRetried, At: now, Path: n.Path}
}

// Interrupted decides what becomes of a call that was under way when its
// gateway ended: whether it was sent, and what came of it, is not known. It
// answers false where the call is simply made again with the same key, which
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

// outcomeUnknown is what a step fails with when it cannot be told whether its
// effect took place. The integration's own details stay.
func outcomeUnknown(err *sdk.Error, why string) *sdk.Error {
	return &sdk.Error{
		Code:    sdk.CodeOutcomeUnknown,
		Message: fmt.Sprintf("it is not known whether the effect took place (%s), and %s", err.Message, why),
		Outcome: sdk.OutcomeUnknown,
		Details: err.Details,
	}
}

// FailedChildren are the runs whose failure failed the steps that a retry would
// begin again.
func (m *Machine) FailedChildren() []Child {
	var children []Child
	m.root.each(func(n *node) (deeper bool) {
		if n.satisfied() {
			return false
		}
		if n.Status == StepFailed && n.Child != "" {
			children = append(children, n.child())
		}
		return true
	})
	return children
}

// UnknownOutcomes are what of a run that has ended may have taken effect or not: the
// first step that failed or was cancelled with an unknown outcome, empty if there
// is none; and the runs that did not end well for the steps that waited for them,
// whose own doubts come on top.
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

// Retry decides that a failed run goes on from where it failed. CanRetry must
// have allowed it. Kept are the paths of FailedChildren that are retried
// themselves: their steps wait for them again. The other steps start another
// run, with keys of its own.
func (m *Machine) Retry(kept []string, now time.Time) Event {
	event := Event{Type: EventRetry, At: now}
	if len(kept) > 0 {
		event.Params = appendJSON(nil, kept)
	}
	return event
}

// applyRetry folds a retry: what failed or was cancelled is as if its turn had
// not come. A step that failed for certain gets another key, or the vendor would
// answer the same again; one whose outcome is unknown keeps its key.
func (m *Machine) applyRetry(event Event) error {
	if event.Type != EventRetry || m.CanRetry() != nil {
		return m.impossible(event, "the run has ended")
	}
	var kept []string
	if event.Params != nil {
		if err := json.Unmarshal(event.Params, &kept); err != nil {
			return m.impossible(event, "the children that it keeps are no list")
		}
	}
	m.ended, m.endedAt, m.failure, m.stop = "", time.Time{}, nil, nil
	if m.definition.Timeout > 0 {
		m.deadline = event.At.Add(m.definition.Timeout)
	}
	m.reopen(m.root, kept, event.At)
	return nil
}

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
		n.Status, n.FinishedAt, n.Error, n.Unknown, n.expired = StepRunning, time.Time{}, nil, false, false
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
		n.Status, n.FinishedAt, n.Error, n.Unknown = StepWaiting, time.Time{}, nil, false
		if n.Step.Timeout > 0 {
			n.deadline = at.Add(n.Step.Timeout)
		}
		m.track(n)
		return
	}
	if n.Status == StepFailed && !n.Unknown {
		n.generation++
		n.keyedAt = time.Time{}
	}
	n.Status, n.FinishedAt, n.Error, n.RetryAt, n.Event, n.Child = StepPending, time.Time{}, nil, time.Time{}, "", ""
	n.tries = 0
}
