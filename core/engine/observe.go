package engine

import (
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk/excerpt"
)

// maxLoggedDetail is the most bytes of an error's message that a log line has.
const maxLoggedDetail = 500

// observe counts and logs what a commit has made of the run. It is called once the
// commit is durable, with the events that it recorded.
func (r *execution) observe(events []workflow.Event) {
	r.count()
	for i := range events {
		e := &events[i]
		if e.Type == workflow.EventEnded {
			r.metrics.runEnded(&r.record)
			r.logEnd()
			continue
		}
		if e.Type == workflow.EventUndecided {
			r.warn("a run waits for a decision", r.record.Waiting.Failure)
			continue
		}
		if e.Path == "" {
			continue
		}
		step, ok := r.machine.Step(e.Path)
		if !ok {
			continue
		}
		r.metrics.step(r.record.Workflow, step, e)
		if e.Type == workflow.EventAttemptFailed {
			r.logFirstRetry(e, step)
		}
	}
}

// count counts the run among those that this process works on, as it is now.
func (r *execution) count() {
	now := presence{}
	if r.record.Lease != "" && r.record.Status != r.counted.status {
		now = presence{r.metrics.workflow(r.record.Workflow), r.record.Status}
	} else if r.record.Lease != "" {
		return
	}
	r.metrics.present.move(r.counted, now)
	r.counted = now
}

// logEnd logs a run that did not end well: one that failed, and one that was
// cancelled and could not undo what it had done.
func (r *execution) logEnd() {
	notUndone := r.machine.NotUndone()
	message := "a run failed"
	switch {
	case r.record.Status == workflow.RunCancelled && notUndone != "":
		message = "a run was cancelled, and what it did is not undone"
	case r.record.Status != workflow.RunFailed:
		return
	}
	var attrs []any
	if notUndone != "" {
		attrs = append(attrs, "notUndone", notUndone)
	}
	r.warn(message, r.record.Error, attrs...)
}

// warn logs a run that an operator has to look at, with what failed in it, further
// attributes, and what started it.
func (r *execution) warn(message string, failure *workflow.Failure, more ...any) {
	attrs := []any{"run", r.record.ID, "workflow", r.record.Workflow}
	if failure != nil {
		attrs = append(attrs, "step", failure.Step, "code", string(failure.Err.Code), "detail", excerpt.Bytes(failure.Err.Message, maxLoggedDetail))
		if failure.Integration != "" {
			attrs = append(attrs, "integration", failure.Integration)
		}
		if failure.Child != nil {
			attrs = append(attrs, "child", failure.Child.ID, "childStep", failure.Child.Step)
		}
	}
	attrs = append(attrs, more...)
	attrs = append(attrs, r.record.startedBy().attrs()...)
	if r.record.RetriedBy.Token != "" {
		attrs = append(attrs, "retriedBy", r.record.RetriedBy.Token)
	}
	if r.record.RequestID != "" {
		attrs = append(attrs, "requestId", r.record.RequestID)
	}
	r.log.Warn(message, attrs...)
}

// logFirstRetry logs that a step begins to be tried again: after its first failed
// attempt, and not after those that follow.
func (r *execution) logFirstRetry(e *workflow.Event, step *workflow.Step) {
	if r.machine.Tries(e.Path) != 1 {
		return
	}
	attrs := []any{
		"run", r.record.ID, "workflow", r.record.Workflow, "step", e.Path, "attempt", 1, "maxAttempts", step.Retry.MaxAttempts,
		"code", string(e.Error.Code), "detail", excerpt.Bytes(e.Error.Message, maxLoggedDetail), "retryAt", e.RetryAt,
	}
	if r.record.RequestID != "" {
		attrs = append(attrs, "requestId", r.record.RequestID)
	}
	r.log.Info("a step is tried again", attrs...)
}

// attrs are the attributes that name the initiator in a log line.
func (i Initiator) attrs() []any {
	var attrs []any
	for _, field := range i.fields() {
		if field.text != "" {
			attrs = append(attrs, field.name, field.text)
		}
	}
	return attrs
}
