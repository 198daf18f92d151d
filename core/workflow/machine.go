package workflow

import (
	"fmt"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// Machine is the state of one run, folded from its events. It is not safe for
// concurrent use: one goroutine owns it.
type Machine struct {
	definition   *Definition
	runID        string
	root         *block // nil until the run has started
	byPath       map[string]*node
	activeCalls  map[string]*node // whose action is being called
	waiting      map[string]*node // that wait for a time, a signal or a child
	retried      map[string]*node // under way, and an attempt at their call has failed
	withDeadline map[string]*node // under way, with a deadline
	givenUp      map[string]*node // that have given up a child, of which it is to be known how it ended
	deadline     time.Time        // of the run; zero is no bound

	stop              *stop   // why the run goes no further, once that is decided
	undecided         *node   // whose outcome is unknown, while a person has to say what follows
	compensable       []*node // to be undone, the last first: they have a compensate, and their effect may stand
	compensating      *node   // whose compensate is being run
	compensated       int     // how many were undone, or could not be
	notUndone         string  // path of the first step that could not be undone
	compensationFault string  // the same, and why

	isChild bool // of another run

	limits Limits
	bytes  int   // of the values recorded
	steps  int   // of all blocks that were opened; iterations count when their loop is entered
	full   *full // a result that there was no room for

	ended   RunStatus
	endedAt time.Time
	failure *Failure
	output  value.Doc
	roots   template.Docs // that the run started with
}

// stop is the decision that a run goes no further.
type stop struct {
	status RunStatus
	path   string
	err    *sdk.Error
	origin *Origin
	output value.Doc
	parent bool // the run was cancelled by its parent, and not by a person
}

// full is the step whose result was left out, and the error of the run that follows.
type full struct {
	path string
	err  *sdk.Error
}

// NewMachine makes the machine of a run before its first event.
func NewMachine(definition *Definition, runID string) *Machine {
	m := &Machine{
		definition:   definition,
		runID:        runID,
		limits:       DefaultLimits,
		byPath:       map[string]*node{},
		activeCalls:  map[string]*node{},
		waiting:      map[string]*node{},
		retried:      map[string]*node{},
		withDeadline: map[string]*node{},
		givenUp:      map[string]*node{},
	}
	return m
}

// Apply folds a recorded event into the machine. An event that cannot follow
// the ones before it is an error, and the machine is then of no further use.
func (m *Machine) Apply(event Event) error {
	m.count(&event)
	if event.Type == EventStarted {
		return m.applyStarted(event)
	}
	if m.root == nil {
		return m.impossible(event, "the run has not started")
	}
	if event.Type == EventParked {
		return m.applyParked(event)
	}
	if m.ended != "" || event.Type == EventRetry {
		return m.applyRetry(event)
	}
	switch event.Type {
	case EventStopping:
		if m.stop != nil && !m.canStillCancel() {
			return m.impossible(event, "the run is stopping already")
		}
		m.undecided = nil
		m.stop = &stop{status: event.Status, path: event.Path, err: event.Error, origin: event.Origin, output: event.Result, parent: event.Parent}
		if n := m.find(event.Path); n != nil && n.Status == StepPending { // a return, or what cannot be begun
			n.StartedAt = event.At
			if event.Status == RunFailed {
				return m.applyStep(n, Event{Type: EventFailed, At: event.At, Error: event.Error})
			}
			return m.applyStep(n, Event{Type: EventSucceeded, At: event.At})
		}
		return nil
	case EventUndecided:
		if m.undecided = m.find(event.Path); m.undecided == nil || m.stop == nil {
			return m.impossible(event, "the run is not stopping at such a step")
		}
		return nil
	case EventEnded:
		m.applyEnded(event)
		return nil
	}
	n := m.find(event.Path)
	if n == nil {
		return m.impossible(event, "no such step")
	}
	early := event.Type == EventSucceeded && n.Status == StepPending && n.Step.behavior.begins() != EventSucceeded
	if early || !transitions[event.Type].allows(n.Status) {
		return m.impossible(event, "the step is "+string(n.Status))
	}
	return m.applyStep(n, event)
}

func (m *Machine) applyStarted(event Event) error {
	if m.root != nil {
		return m.impossible(event, "the run has started already")
	}
	m.roots = event.Roots
	m.root = newBlock(m.definition.Steps, nil, "")
	m.steps = len(m.root.nodes)
	for _, n := range m.root.nodes {
		m.byPath[n.Path] = n
	}
	m.Begin(event.At)
	return nil
}

// Begin sets when the run is first worked on: its time counts from then on, or from a
// later retry. Before Begin it counts from when the run was made.
func (m *Machine) Begin(at time.Time) {
	deadline := at.Add(m.definition.Timeout)
	if m.definition.Timeout > 0 && deadline.After(m.deadline) {
		m.deadline = deadline
	}
}

// IsOver reports whether the time of the run is over.
func (m *Machine) IsOver(now time.Time) bool {
	return m.stop == nil && !m.deadline.IsZero() && !m.deadline.After(now)
}

func (m *Machine) applyEnded(event Event) {
	m.ended, m.endedAt = event.Status, event.At
	if event.Status == RunSucceeded {
		m.output = event.Result
	}
	if event.Error != nil {
		m.failure = &Failure{Origin: Origin{Step: event.Path}, Err: event.Error}
		if n := m.find(event.Path); n != nil && n.Error != nil { // else the run failed there for its size
			m.failure.Origin = *n.origin()
		}
	}
}

// applyStep folds an event of one step, whose status allows it.
func (m *Machine) applyStep(n *node, event Event) error {
	n.touched = true
	if to := transitions[event.Type].to; to != "" {
		n.Status = to
	}
	switch event.Type {
	case EventEntered, EventScheduled, EventWaiting, EventChild:
		n.StartedAt = event.At
		if n.Step.Timeout > 0 {
			n.deadline = event.At.Add(n.Step.Timeout)
		}
	case EventTakenOver:
		n.StartedAt, n.Child, n.early = event.At, event.Child, true
	}
	switch event.Type {
	case EventEntered:
		inside, ok := n.Step.behavior.(container)
		if !ok {
			return m.impossible(event, "no steps are in it")
		}
		if err := inside.enter(n, event); err != nil {
			return m.impossible(event, err.Error())
		}
		m.steps -= n.opened
		n.opened = n.countOpened()
		m.steps += n.opened
	case EventScheduled:
		n.Attempts++
		n.tries = 1
		n.params, n.key, n.generation = event.Params, event.Key, event.Generation
		if n.keyedAt.IsZero() {
			n.keyedAt = event.At
		}
	case EventWaiting:
		n.RetryAt, n.Event = event.RetryAt, event.Name
	case EventChild:
		n.Child, n.params = event.Child, event.Params
	case EventRetried:
		n.Attempts++
		n.tries++
		n.RetryAt = time.Time{}
	case EventAttemptFailed:
		n.Error, n.cause, n.RetryAt, n.Outcome = event.Error, event.Origin, event.RetryAt, event.outcome()
	case EventExpired:
		n.expired = true
	case EventSettled:
		m.settle(n, event)
	case EventCompensating:
		n.compensate = newBlock(n.Step.Compensate, n, n.Path+"."+compensateName+".")
		m.steps += len(n.compensate.nodes)
		m.compensating = n
	case EventCompensated:
		m.undone(n)
	case EventCompensationFailed:
		m.undone(n)
		if m.notUndone == "" {
			m.notUndone = n.Path
			m.compensationFault = fmt.Sprintf("step %s could not be undone: %s", n.Path, event.Error.Message)
		}
	default:
		m.end(n, event)
	}
	m.track(n)
	return nil
}

// end folds the event that ends a step.
func (m *Machine) end(n *node, event Event) {
	n.FinishedAt = event.At
	n.RetryAt = time.Time{}
	n.awaited = event.Awaited
	switch event.Type {
	case EventSucceeded, EventTakenOver:
		n.Result, n.Error, n.Outcome, n.params = event.Result, nil, "", value.Doc{}
		n.sensitive, n.reads = event.Sensitive, event.Reads
		if event.Dropped > 0 {
			m.full = &full{path: n.Path, err: m.tooLarge(n.Path, event.Dropped)}
		}
	case EventFailed:
		n.Error, n.cause = event.Error, event.Origin
		if n.tries > 0 || !n.mayStand() { // else it was not called again: what is known of it stays
			n.Outcome = event.outcome()
		}
		m.cancelInside(n, event.At) // such as the other iterations of a foreach
		if n.Step.OnError == OnErrorSteps {
			if n.handler == nil {
				m.steps += len(n.Step.Handler.Steps)
			}
			n.handler = newBlock(n.Step.Handler, n, n.Path+"."+handlerName+".")
		}
	case EventCancelled:
		m.cancelInside(n, event.At)
	}
	m.keepCompensable(n)
}

// cancelInside cancels every step in a step that is under way, also those of
// onError and compensate.
func (m *Machine) cancelInside(n *node, at time.Time) {
	for _, b := range n.inner() {
		for _, inner := range b.nodes {
			if inner.Status == StepRunning || inner.Status == StepWaiting {
				inner.Status, inner.FinishedAt, inner.RetryAt = StepCancelled, at, time.Time{}
				m.track(inner)
				m.cancelInside(inner, at)
				m.keepCompensable(inner)
				continue
			}
			m.cancelInside(inner, at)
		}
	}
}

// inner returns the blocks that have been opened in a step.
func (n *node) inner() []*block {
	blocks := n.blocks
	if n.handler != nil {
		blocks = append(blocks[:len(blocks):len(blocks)], n.handler)
	}
	if n.compensate != nil {
		blocks = append(blocks[:len(blocks):len(blocks)], n.compensate)
	}
	return blocks
}

// integration is the one that returned a step's error, empty where the fault was
// found before anything was called.
func (n *node) integration() string {
	if n.Attempts == 0 {
		return ""
	}
	return n.Step.Integration
}

// track updates the sets of steps that are under way.
func (m *Machine) track(n *node) {
	put := func(set map[string]*node, in bool) {
		if in {
			set[n.Path] = n
		} else {
			delete(set, n.Path)
		}
	}
	put(m.activeCalls, n.Status == StepRunning && n.Step.calls())
	put(m.waiting, n.Status == StepWaiting)
	put(m.givenUp, n.awaited)
	put(m.retried, n.Step.calls() && n.Error != nil && (n.Status == StepRunning || n.Status == StepWaiting))
	// A call under way carries its deadline with it, and ends by itself.
	begun := n.Status == StepWaiting || (n.Status == StepRunning && !n.Step.calls())
	put(m.withDeadline, begun && !n.deadline.IsZero() && !n.expired)
}

func (m *Machine) impossible(event Event, why string) error {
	return fmt.Errorf("workflow: run %s: event %q of step %q cannot be: %s", m.runID, event.Type, event.Path, why)
}
