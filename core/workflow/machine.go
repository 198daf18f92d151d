package workflow

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/backflow/backflow/sdk"
)

// Machine is the state of one run, folded from its events. It is not safe for
// concurrent use: one goroutine owns it.
type Machine struct {
	definition *Definition
	runID      string
	started    bool
	steps      []StepState
	byPath     map[string]int
	next       int // the first step that has not ended
	ended      RunStatus
	failure    *Failure
	endedAt    time.Time
	scope      scope
}

// StepState is what is known of one step.
type StepState struct {
	Step   *Step
	Path   string
	Status StepStatus
	// Attempts counts the calls that may have been sent.
	Attempts   int
	StartedAt  time.Time // when it was scheduled; zero before
	FinishedAt time.Time // zero until it ended
	Result     json.RawMessage
	Error      *sdk.Error // of the last failed attempt
	RetryAt    time.Time  // when the next attempt is due, while waiting
	Unknown    bool       // an attempt had an outcome that is not known

	params json.RawMessage
	key    string
}

// Call is one attempt at a step's action, to be made by the engine.
type Call struct {
	Path        string
	Integration string
	Action      string
	Params      json.RawMessage
	Key         string
	Attempt     int // counting from 1
}

// NewMachine makes the machine of a run before its first event.
func NewMachine(definition *Definition, runID string) *Machine {
	m := &Machine{
		definition: definition,
		runID:      runID,
		steps:      make([]StepState, len(definition.Steps)),
		byPath:     make(map[string]int, len(definition.Steps)),
	}
	for i, step := range definition.Steps {
		m.steps[i] = StepState{Step: step, Path: step.ID, Status: StepPending}
		m.byPath[step.ID] = i
	}
	m.scope = scope{machine: m}
	return m
}

// Apply folds a recorded event into the machine. An event that cannot follow
// the ones before it is an error, and the machine is then of no further use.
func (m *Machine) Apply(event Event) error {
	if m.ended != "" {
		return m.impossible(event, "the run has ended")
	}
	switch event.Type {
	case EventStarted:
		if m.started {
			return m.impossible(event, "the run has started already")
		}
		m.started = true
		m.scope.raw = event.Roots
		return nil
	case EventEnded:
		m.ended = event.Status
		m.endedAt = event.At
		if event.Error != nil {
			m.failure = &Failure{Step: event.Path, Integration: m.integrationOf(event.Path, event.Error), Err: event.Error}
		}
		return nil
	}
	i, ok := m.byPath[event.Path]
	if !ok {
		return m.impossible(event, "no such step")
	}
	step := &m.steps[i]
	if !transitions[event.Type].allows(step.Status) {
		return m.impossible(event, "the step is "+string(step.Status))
	}
	step.apply(event)
	if step.Status.Ended() {
		m.next = i + 1
	}
	return nil
}

func (s *StepState) apply(event Event) {
	switch event.Type {
	case EventScheduled:
		s.Status = StepRunning
		s.StartedAt = event.At
		s.Attempts++
		s.params, s.key = event.Params, event.Key
	case EventRetried:
		s.Status = StepRunning
		s.Attempts++
		s.RetryAt = time.Time{}
	case EventSkipped:
		s.Status = StepSkipped
		s.FinishedAt = event.At
	case EventAttemptFailed:
		s.Status = StepWaiting
		s.Error = event.Error
		s.RetryAt = event.RetryAt
		s.Unknown = event.Unknown
	case EventSucceeded:
		s.Status = StepSucceeded
		s.FinishedAt = event.At
		s.Result = event.Result
		s.Error = nil
		s.params = nil
	case EventFailed:
		s.Status = StepFailed
		s.FinishedAt = event.At
		s.Error = event.Error
		s.Unknown = event.Unknown
		s.RetryAt = time.Time{}
	}
}

// from is the set of statuses in which a step can meet an event.
type from []StepStatus

func (f from) allows(status StepStatus) bool {
	for _, s := range f {
		if s == status {
			return true
		}
	}
	return false
}

// transitions is the life of a step: which events can follow which status.
var transitions = map[EventType]from{
	EventScheduled:     {StepPending},
	EventSkipped:       {StepPending},
	EventAttemptFailed: {StepRunning},
	EventRetried:       {StepWaiting},
	EventSucceeded:     {StepRunning},
	EventFailed:        {StepPending, StepRunning, StepWaiting},
}

func (m *Machine) impossible(event Event, why string) error {
	return fmt.Errorf("workflow: run %s: event %q of step %q cannot be: %s", m.runID, event.Type, event.Path, why)
}

// integrationOf names who answered a step's error: the integration, unless the
// engine found the fault before anything was called.
func (m *Machine) integrationOf(path string, err *sdk.Error) string {
	i, ok := m.byPath[path]
	if !ok || m.steps[i].Attempts == 0 || err == nil {
		return ""
	}
	return m.steps[i].Step.Integration
}

// Status is the run's status as far as the machine can tell; a run that no one
// has picked up yet is told apart by the engine.
func (m *Machine) Status() RunStatus {
	if m.ended != "" {
		return m.ended
	}
	if _, waiting := m.WaitUntil(); waiting {
		return RunWaiting
	}
	return RunRunning
}

// Failure is why the run failed, nil otherwise.
func (m *Machine) Failure() *Failure { return m.failure }

// EndedAt is when the run ended, zero before.
func (m *Machine) EndedAt() time.Time { return m.endedAt }

// Root is one of the values that the run started with, nil where it has none
// of that name.
func (m *Machine) Root(name string) json.RawMessage { return m.scope.raw[name] }

// Steps are the steps in the order of the definition. The slice is the
// machine's own: it must not be changed, nor kept past the next event.
func (m *Machine) Steps() []StepState { return m.steps }

// StepFailure is a step's error in the form that is shown, nil without error.
func (m *Machine) StepFailure(step *StepState) *Failure {
	if step.Error == nil {
		return nil
	}
	return &Failure{Integration: m.integrationOf(step.Path, step.Error), Step: step.Path, Err: step.Error}
}

// Calls are the attempts that are to be under way now.
func (m *Machine) Calls() []Call {
	if m.ended != "" || m.next >= len(m.steps) {
		return nil
	}
	step := &m.steps[m.next]
	if step.Status != StepRunning {
		return nil
	}
	return []Call{{
		Path:        step.Path,
		Integration: step.Step.Integration,
		Action:      step.Step.Action,
		Params:      step.params,
		Key:         step.key,
		Attempt:     step.Attempts,
	}}
}

// WaitUntil answers when the run goes on, if it does nothing before a time.
func (m *Machine) WaitUntil() (time.Time, bool) {
	if m.ended != "" || m.next >= len(m.steps) || m.steps[m.next].Status != StepWaiting {
		return time.Time{}, false
	}
	return m.steps[m.next].RetryAt, true
}
