package engine

import (
	"maps"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/backflow/backflow/core/workflow"
)

// removedWorkflow stands in labels for every workflow that the config has no more.
// So the series are as many as the config has workflows, whatever was reloaded.
const removedWorkflow = "(removed)"

// metrics count what this process does to runs. Their labels hold names from the
// config, statuses and outcomes: no request can add a series.
type metrics struct {
	runs    *prometheus.CounterVec
	steps   *prometheus.CounterVec
	retries *prometheus.CounterVec
	events  *prometheus.CounterVec

	present *presences

	mu        sync.RWMutex    // guards workflows
	workflows map[string]bool // that the config has
}

// The outcomes of a step in metrics.
const (
	outcomeSucceeded = "succeeded"
	outcomeFailed    = "failed"
	outcomeUnknown   = "unknown" // it failed, and whether its effect took place is not known
	outcomeSkipped   = "skipped"
	outcomeCancelled = "cancelled"
	outcomeUndone    = "undone"     // it had taken effect
	outcomeNotUndone = "not_undone" // it had taken effect, and its compensate failed
)

// The statuses of an event once its run has ended.
const (
	eventProcessed = "processed"
	eventFailed    = "failed"
)

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "backflow_" + name, Help: help}, labels)
	}
	return &metrics{
		present: newPresences(),
		runs:    counter("runs_total", "Runs that ended, by how.", "workflow", "status"),
		steps:   counter("steps_total", "Steps that ended, by how.", "workflow", "integration", "action", "outcome"),
		retries: counter("step_retries_total", "Attempts at a call that failed and are made again.", "workflow", "integration", "action"),
		events:  counter("events_ended_total", "Webhook events whose run ended, by what became of them.", "webhook", "status"),
	}
}

func (m *metrics) vectors() []*prometheus.CounterVec {
	return []*prometheus.CounterVec{m.runs, m.steps, m.retries, m.events}
}

// setWorkflows makes the workflows of the config known. Their counters of runs
// begin at zero; those of workflows that the config has no more are dropped.
func (m *metrics) setWorkflows(list []*workflow.Definition) {
	m.mu.Lock()
	before := m.workflows
	m.workflows = make(map[string]bool, len(list))
	for _, d := range list {
		m.workflows[d.ID] = true
	}
	now := m.workflows
	m.mu.Unlock()
	for id := range now {
		for _, status := range []workflow.RunStatus{workflow.RunSucceeded, workflow.RunFailed, workflow.RunCancelled} {
			m.runs.WithLabelValues(id, string(status))
		}
	}
	for id := range before {
		if !now[id] {
			for _, vector := range []*prometheus.CounterVec{m.runs, m.steps, m.retries} {
				vector.DeletePartialMatch(prometheus.Labels{"workflow": id})
			}
		}
	}
}

// labels are those of the workflows that the config has.
func (m *metrics) labels() []string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return slices.Collect(maps.Keys(m.workflows))
}

// workflow is the label of a workflow.
func (m *metrics) workflow(id string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.workflows[id] {
		return id
	}
	return removedWorkflow
}

// step counts what an event means to the step that it is about.
func (m *metrics) step(workflowID string, step *workflow.Step, e *workflow.Event) {
	if e.Type == workflow.EventAttemptFailed {
		m.retries.WithLabelValues(m.workflow(workflowID), step.Integration, step.Action).Inc()
		return
	}
	if outcome := outcomeOf(e); outcome != "" {
		m.steps.WithLabelValues(m.workflow(workflowID), step.Integration, step.Action, outcome).Inc()
	}
}

// outcomeOf is the outcome of a step that an event ends, empty if it ends none.
func outcomeOf(e *workflow.Event) string {
	switch e.Type {
	case workflow.EventSucceeded:
		return outcomeSucceeded
	case workflow.EventFailed:
		if e.Unknown {
			return outcomeUnknown
		}
		return outcomeFailed
	case workflow.EventSkipped:
		return outcomeSkipped
	case workflow.EventCancelled:
		return outcomeCancelled
	case workflow.EventCompensated:
		return outcomeUndone
	case workflow.EventCompensationFailed:
		return outcomeNotUndone
	default:
		return ""
	}
}

// runEnded counts the end of a run.
func (m *metrics) runEnded(rec *runRecord) {
	label := m.workflow(rec.Workflow)
	m.runs.WithLabelValues(label, string(rec.Status)).Inc()
	if rec.StartedBy.Webhook == "" {
		return
	}
	webhook, status := rec.StartedBy.Webhook, eventFailed
	if label == removedWorkflow {
		webhook = removedWorkflow
	}
	if rec.Status == workflow.RunSucceeded {
		status = eventProcessed
	}
	m.events.WithLabelValues(webhook, status).Inc()
}
