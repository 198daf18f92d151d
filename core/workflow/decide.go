package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Advance decides what follows from the present state, applies it, and answers
// the events, which the engine makes durable before it acts on them. It
// answers none where the run waits for a call or a timer.
func (m *Machine) Advance(now time.Time) ([]Event, error) {
	var events []Event
	for m.ended == "" {
		event, ok := m.decide(now)
		if !ok {
			break
		}
		if err := m.Apply(event); err != nil {
			return nil, err
		}
		events = append(events, event)
	}
	return events, nil
}

// decide answers the next event that follows without anything happening.
func (m *Machine) decide(now time.Time) (Event, bool) {
	if m.next > 0 {
		if last := &m.steps[m.next-1]; last.Status == StepFailed {
			return Event{Type: EventEnded, At: now, Path: last.Path, Status: RunFailed, Error: last.Error}, true
		}
	}
	if m.next >= len(m.steps) {
		return Event{Type: EventEnded, At: now, Status: RunSucceeded}, true
	}
	step := &m.steps[m.next]
	if step.Status != StepPending {
		return Event{}, false
	}
	return m.begin(step, now), true
}

// begin decides what becomes of a step whose turn has come.
func (m *Machine) begin(step *StepState, now time.Time) Event {
	fail := func(what string, err error) Event {
		return Event{Type: EventFailed, At: now, Path: step.Path, Error: &sdk.Error{
			Code:    sdk.CodeInvalidParams,
			Message: fmt.Sprintf("step %s: %s: %v", step.Path, what, err),
			Outcome: sdk.OutcomeNotExecuted,
		}}
	}
	if c := step.Step.Condition; c != nil {
		run, err := c.Eval(&m.scope)
		if err != nil {
			return fail("condition", err)
		}
		if !run {
			return Event{Type: EventSkipped, At: now, Path: step.Path}
		}
	}
	params, err := step.Step.Params.AppendJSON(nil, &m.scope)
	if err != nil {
		return fail("params", err)
	}
	const generation = 0 // a retry by hand after a definite failure will start another
	return Event{
		Type: EventScheduled, At: now, Path: step.Path,
		Params: params, Key: StepKey(m.runID, step.Path, generation),
	}
}

// Succeeded is the event of an answered call.
func (m *Machine) Succeeded(path string, result json.RawMessage, now time.Time) Event {
	return Event{Type: EventSucceeded, At: now, Path: path, Result: result}
}

// Failed decides what becomes of a step after a failed call: another attempt
// later, or the end of the step.
//
// A call whose outcome is not known is only repeated where that does no harm,
// and only while its key is honoured; else the step fails with
// sdk.CodeOutcomeUnknown and to repeat it is the user's decision.
func (m *Machine) Failed(path string, err *sdk.Error, repeat Repeat, now time.Time) Event {
	step := m.step(path)
	unknown := step.Unknown || (err.Outcome != sdk.OutcomeNotExecuted && !err.Final)
	failed := Event{Type: EventFailed, At: now, Path: path, Error: err, Unknown: unknown}

	policy := step.Step.Retry
	switch {
	case !err.Retryable || err.Final || slices.Contains(policy.NonRetryable, string(err.Code)):
		return failed
	case unknown && !repeat.Safe:
		failed.Error = outcomeUnknown(err, "the action honours no idempotency key, so it is not repeated by itself")
		return failed
	case step.Attempts >= policy.MaxAttempts:
		return failed
	}
	retryAt := now.Add(max(policy.delay(step.Attempts, step.key), err.RetryAfter))
	if unknown && repeat.expired(step.StartedAt, retryAt) {
		failed.Error = outcomeUnknown(err, "the next attempt would come after its idempotency key is forgotten")
		return failed
	}
	return Event{Type: EventAttemptFailed, At: now, Path: path, Error: err, Unknown: unknown, RetryAt: retryAt}
}

// Woken decides what becomes of a step whose retry is due: normally another
// attempt; not so where it comes so late, after an outage, that its key may be
// forgotten.
func (m *Machine) Woken(path string, repeat Repeat, now time.Time) Event {
	step := m.step(path)
	if step.Unknown && repeat.expired(step.StartedAt, now) {
		return Event{Type: EventFailed, At: now, Path: path, Unknown: true,
			Error: outcomeUnknown(step.Error, "its idempotency key may be forgotten by now")}
	}
	return Event{Type: EventRetried, At: now, Path: path}
}

// Interrupted decides what becomes of a call that was under way when its
// gateway ended: whether it was sent, and what came of it, is not known. It
// answers false where the call is simply made again with the same key, which
// spends no attempt.
func (m *Machine) Interrupted(path string, repeat Repeat, now time.Time) (Event, bool) {
	step := m.step(path)
	var why string
	switch {
	case !repeat.Safe:
		why = "the action honours no idempotency key, so it is not repeated by itself"
	case repeat.expired(step.StartedAt, now):
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

// step is the state of a step that is known to exist: paths come from Calls.
func (m *Machine) step(path string) *StepState { return &m.steps[m.byPath[path]] }
