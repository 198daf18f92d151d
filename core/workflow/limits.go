package workflow

import (
	"fmt"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/excerpt"
	"github.com/backflow/backflow/sdk/value"
)

// Codes of the errors of a run that exceeds its limits.
const (
	// CodeRunTooLarge is the error of a run whose values exceed Limits.Bytes, or one
	// of whose values the state store does not take.
	CodeRunTooLarge sdk.Code = "run_too_large"
	// CodeRunTooManySteps is that of a run with more than Limits.Steps.
	CodeRunTooManySteps sdk.Code = "run_too_many_steps"
)

// Limits bound what one run may grow to. What exceeds them fails the run, and the
// error names the step. A run that undoes its steps may take as much again for
// that. A child run counts for itself.
type Limits struct {
	// Bytes is the most bytes that all values recorded of a run may have: what it
	// starts with, the params of its calls, the items of its loops, results, errors
	// and output, each as JSON and as often as it is recorded.
	Bytes int
	// Steps is how many steps a run may have. Those of each iteration count, also
	// the ones that are skipped.
	Steps int
}

// Defaults of Limits.
const (
	DefaultMaxBytes = 32 << 20
	DefaultMaxSteps = 20_000
)

// DefaultLimits are those of a new Machine.
var DefaultLimits = Limits{Bytes: DefaultMaxBytes, Steps: DefaultMaxSteps}

// SetLimits sets the limits for what is decided from now on. What is recorded
// stays, whatever the limits were then.
func (m *Machine) SetLimits(l Limits) { m.limits = l }

// Bytes is how many bytes the values recorded of the run have.
func (m *Machine) Bytes() int { return m.bytes }

// valueBytes is how much an event adds to the size of its run.
func (e *Event) valueBytes() int {
	n := len(e.Params.Raw()) + len(e.Result.Raw()) + errorBytes(e.Error)
	for _, root := range e.Roots {
		n += len(root.Raw())
	}
	return n
}

func errorBytes(err *sdk.Error) int {
	if err == nil {
		return 0
	}
	n := len(err.Message) + len(err.Details)
	for _, f := range err.Faults {
		n += len(f.Pointer) + len(f.Message)
	}
	return n
}

// count adds an event that is applied to the size of the run. The end repeats what
// the decision to stop has said.
func (m *Machine) count(event *Event) {
	if event.Type == EventEnded && m.stop != nil {
		return
	}
	m.bytes += event.valueBytes()
}

// allowed are the limits of what is decided at present. To undo what it did, and to
// say why, a run may grow as much again.
func (m *Machine) allowed() Limits {
	most := m.limits
	if m.stop != nil {
		most.Bytes += m.limits.Bytes
		most.Steps += m.limits.Steps
	}
	return most
}

// longestExcerpt is how many bytes of an error's message are kept where the run has
// no room for the whole error.
const longestExcerpt = 1 << 10

// Fit returns an answer as the run has room for it. A result that it has no room
// for is left out, and the run fails for it; the step has succeeded all the same,
// and what it did is undone like that of any other. An error is kept without its
// details, and its message is cut.
func (m *Machine) Fit(event Event) Event {
	room := m.limits.Bytes - m.bytes
	if m.compensating != nil {
		room = m.allowed().Bytes - m.bytes
	}
	if event.valueBytes() <= room {
		return event
	}
	return Bare(event)
}

// Bare is an answer without its result, or without the details of its error.
func Bare(event Event) Event {
	if size := len(event.Result.Raw()); size > 0 {
		event.Dropped, event.Result = size, value.Doc{}
	}
	if event.Error != nil {
		event.Error = shortError(event.Error, longestExcerpt)
	}
	return event
}

// shortError is an error without its details, with so many bytes of its message.
func shortError(err *sdk.Error, most int) *sdk.Error {
	short := *err
	short.Details, short.Faults = nil, nil
	short.Message = excerpt.Bytes(short.Message, most)
	return &short
}

// within returns a decision as the limits allow it: one that exceeds them becomes
// the failure of the run.
func (m *Machine) within(event Event, now time.Time) Event {
	switch event.Type {
	case EventEnded:
		if m.stop != nil {
			return event
		}
	case EventFailed, EventCompensationFailed:
		return m.Fit(event)
	case EventStopping:
		if event.Error != nil {
			return m.Fit(event)
		}
	case EventEntered:
		if err := m.checkSteps(event, now); err != nil {
			return m.exceeded(event.Path, err, now)
		}
	}
	if added := event.valueBytes(); added > 0 && added > m.allowed().Bytes-m.bytes {
		return m.exceeded(event.Path, m.tooLarge(event.Path, added), now)
	}
	return event
}

// refused is the decision in place of one that the state store does not take.
func (m *Machine) refused(event Event, reason string, now time.Time) Event {
	err := limitError(CodeRunTooLarge, event.Path, reason)
	switch event.Type {
	case EventEnded:
		if m.stop != nil {
			return Event{Type: EventEnded, At: now, Status: RunFailed, Path: event.Path, Error: err}
		}
	case EventFailed, EventCompensationFailed, EventStopping:
		if event.Error != nil {
			return Bare(event)
		}
	}
	return m.exceeded(event.Path, err, now)
}

// exceeded is the decision that a step is not begun, since the run may not grow so
// far. The run fails; where it stops already, the step does.
func (m *Machine) exceeded(path string, err *sdk.Error, now time.Time) Event {
	if m.stop != nil {
		return Event{Type: EventFailed, At: now, Path: path, Error: err}
	}
	return Event{Type: EventStopping, At: now, Status: RunFailed, Path: path, Error: err}
}

// decideFull fails a run that exceeds its limits by what has come since: a result
// that there was no room for, or the steps of an onError.
func (m *Machine) decideFull(now time.Time) (Event, bool) {
	switch {
	case m.full != nil:
		return m.exceeded(m.full.path, m.full.err, now), true
	case m.bytes > m.limits.Bytes: // with what it started with, or the last error
		return m.exceeded("", m.tooLarge("", 0), now), true
	case m.steps > m.limits.Steps:
		return m.exceeded("", limitError(CodeRunTooManySteps, "",
			fmt.Sprintf("the run has %d steps, a run may have %d (state.maxRunSteps)", m.steps, m.limits.Steps)), now), true
	}
	return Event{}, false
}

// tooLarge is the error of a value of so many bytes that the run has no room for.
func (m *Machine) tooLarge(path string, added int) *sdk.Error {
	text := fmt.Sprintf("the values of the run have %d bytes", m.bytes)
	if added > 0 {
		text = fmt.Sprintf("a value of %d bytes would bring the values of the run to %d bytes", added, m.bytes+added)
	}
	return limitError(CodeRunTooLarge, path, fmt.Sprintf("%s, a run may have %d (state.maxRunBytes)", text, m.limits.Bytes))
}

func limitError(code sdk.Code, path, message string) *sdk.Error {
	if path != "" {
		message = "step " + path + ": " + message
	}
	return &sdk.Error{Code: code, Message: message, Outcome: sdk.OutcomeNotExecuted}
}
