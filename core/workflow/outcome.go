package workflow

import (
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Succeeded is the event of a call that succeeded.
func (m *Machine) Succeeded(path string, result value.Doc, now time.Time) Event {
	return Event{Type: EventSucceeded, At: now, Path: path, Result: result}
}

// Failed decides what becomes of a step after a failed call: another attempt
// later, or the end of the step. The error that is recorded says what is known after
// all calls with the step's key.
//
// A call whose effect stands or may stand is only repeated where that does no harm,
// and only while its key is honoured; else a step whose outcome is unknown fails with
// sdk.CodeOutcomeUnknown and to repeat it is the user's decision.
func (m *Machine) Failed(path string, err *sdk.Error, repeat Repeat, now time.Time) Event {
	n := m.activeCalls[path]
	after := *n // with the outcome of this attempt
	if after.Outcome = err.OutcomeAfter(n.outcome(), repeat.Keyed); repeat.Reads {
		after.Outcome = sdk.OutcomeNotExecuted
	}
	settled := *err
	settled.Outcome = after.Outcome
	failed := after.failed(&settled, now)

	policy := n.Step.Retry
	switch {
	case !err.Retryable || err.Final || slices.Contains(policy.NonRetryable, string(err.Code)):
		return failed
	case after.mayStand() && !repeat.Safe:
		return after.failed(after.notRepeated(err, "the action honours no idempotency key, so it is not repeated by itself"), now)
	case n.tries >= policy.MaxAttempts || m.isStopping(n):
		return failed
	}
	retryAt := now.Add(max(policy.delay(n.tries, n.key), err.RetryAfter))
	if after.mayStand() && repeat.expired(n.keyedAt, retryAt) {
		return after.failed(after.notRepeated(err, "the next attempt would come after its idempotency key is forgotten"), now)
	}
	if deadline := m.deadlineOf(n); !deadline.IsZero() && !retryAt.Before(deadline) {
		return failed // no attempt is left before the timeout
	}
	failed.Type, failed.RetryAt = EventAttemptFailed, retryAt
	return failed
}

// Interrupted decides what becomes of a call that was under way when its
// gateway ended: whether it was sent, and what came of it, is not known. It
// returns false where the call is simply made again with the same key, which
// spends no attempt. What becomes of that call is recorded with what is known of
// both; until then a process that takes the run up next finds the call interrupted
// again.
func (m *Machine) Interrupted(path string, repeat Repeat, now time.Time) (Event, bool) {
	n := m.activeCalls[path]
	interrupted := sdk.Fail(sdk.CodeUnavailable, "the gateway ended while the call was under way")
	n.Outcome = interrupted.OutcomeAfter(n.outcome(), repeat.Keyed)
	switch {
	case !repeat.Safe:
		return n.failed(n.notRepeated(interrupted, "the action honours no idempotency key, so it is not repeated by itself"), now), true
	case repeat.expired(n.keyedAt, now):
		return n.failed(n.notRepeated(interrupted, "its idempotency key may be forgotten by now"), now), true
	default:
		return Event{}, false
	}
}

// outcome is what is known of the step's effect so far: nothing was tried, or that of
// what was tried with its key.
func (n *node) outcome() sdk.Outcome {
	if n.Outcome == "" {
		return sdk.OutcomeNotExecuted
	}
	return n.Outcome
}

// mayStand reports whether the step's effect stands or may stand although it did not
// succeed.
func (n *node) mayStand() bool { return n.outcome() != sdk.OutcomeNotExecuted }

// notRepeated is the error of a step that is not called again although its effect
// stands or may stand. The integration's own details stay.
func (n *node) notRepeated(err *sdk.Error, why string) *sdk.Error {
	settled := *err
	settled.Outcome = n.Outcome
	if n.Outcome == sdk.OutcomeUnknown {
		settled = sdk.Error{
			Code:    sdk.CodeOutcomeUnknown,
			Message: fmt.Sprintf("it is not known whether the effect took place (%s), and %s", err.Message, why),
			Outcome: sdk.OutcomeUnknown,
			Details: err.Details,
		}
	}
	return &settled
}

// failed is the event of a step that failed with an error, which says what is known of
// its effect.
func (n *node) failed(err *sdk.Error, now time.Time) Event {
	event := Event{Type: EventFailed, At: now, Path: n.Path, Error: err}
	event.Unknown = event.outcome() == sdk.OutcomeUnknown
	return event
}

// outcome is what an event of a failure says of the effect. A journal of version 1
// may have errors of which Unknown alone says that an earlier attempt had an unknown
// outcome.
func (e *Event) outcome() sdk.Outcome {
	switch {
	case e.Error == nil:
		return sdk.OutcomeUnknown
	case e.Error.Outcome == sdk.OutcomeExecuted:
		return sdk.OutcomeExecuted
	case e.Error.Outcome == sdk.OutcomeNotExecuted && !e.Unknown:
		return sdk.OutcomeNotExecuted
	default:
		return sdk.OutcomeUnknown
	}
}

// effect is what is known of the effect of a step that did not succeed: its own, or
// that of the steps in it which did not. It may have failed, have been cancelled, or
// wait to be called again after a retry. An unknown effect comes before one that stands.
func (n *node) effect() sdk.Outcome {
	switch {
	case n.Status == StepSucceeded || n.Status == StepSkipped || n.Status == StepCompensated:
		return sdk.OutcomeNotExecuted
	case n.Step.calls() || n.Child != "":
		return n.outcome()
	default:
		return effectOf(n.blocks)
	}
}

func effectOf(blocks []*block) sdk.Outcome {
	worst := sdk.OutcomeNotExecuted
	for _, b := range blocks {
		for _, n := range b.nodes {
			effect := n.effect()
			if effect == sdk.OutcomeNotExecuted && n.Status != StepCompensated {
				effect = effectOf(n.blocks)
			}
			switch effect {
			case sdk.OutcomeUnknown:
				return sdk.OutcomeUnknown
			case sdk.OutcomeExecuted:
				worst = sdk.OutcomeExecuted
			}
		}
	}
	return worst
}

// with returns the first step that ended with that known of its effect, in the block
// or deeper; nil if none did. Steps that were undone do not count, nor do those in
// them.
func (b *block) with(outcome sdk.Outcome) *node {
	var first *node
	b.each(func(n *node) (deeper bool) {
		if first == nil && (n.Step.calls() || n.Child != "") && n.effect() == outcome {
			first = n
		}
		return first == nil && n.Status != StepCompensated
	})
	return first
}

// Outcome returns what is known of the effects of the steps that did not succeed, and
// the first step that says so. Those that were undone do not count.
func (m *Machine) Outcome() (outcome sdk.Outcome, path string) {
	for _, outcome := range []sdk.Outcome{sdk.OutcomeUnknown, sdk.OutcomeExecuted} {
		if n := m.root.with(outcome); n != nil {
			return outcome, n.Path
		}
	}
	return sdk.OutcomeNotExecuted, ""
}

// Standing returns the path of the first step that succeeded, has an effect, and was
// not undone; empty if none did. Reads says of an action that no call of it has one. A run that
// succeeded for a step counts as an effect.
func (m *Machine) Standing(reads func(integration, action string) bool) string {
	if n := m.root.standing(reads); n != nil {
		return n.Path
	}
	return ""
}

func (b *block) standing(reads func(integration, action string) bool) *node {
	for _, n := range b.nodes {
		switch {
		case n.Status == StepCompensated:
			continue
		case n.Status == StepSucceeded && (n.Child != "" || n.Step.calls() && !n.reads && !reads(n.Step.Integration, n.Step.Action)):
			return n
		}
		for _, inner := range n.blocks {
			if found := inner.standing(reads); found != nil {
				return found
			}
		}
		if n.handler != nil {
			if found := n.handler.standing(reads); found != nil {
				return found
			}
		}
	}
	return nil
}

// LostChildren are the runs that did not end well for the steps that waited for them,
// and may have steps of their own whose effect stands.
func (m *Machine) LostChildren() []Child {
	var children []Child
	m.root.each(func(n *node) (deeper bool) {
		if (n.Status == StepFailed || n.Status == StepCancelled) && n.Child != "" {
			children = append(children, n.child())
		}
		return true
	})
	return children
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
