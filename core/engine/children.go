package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// MaxDepth is how many runs may wait for each other in a row, so that a workflow
// that runs itself comes to an end.
const MaxDepth = 20

// followUps returns what the events just applied mean for other runs. It reads the
// store only where a step starts a run that a limit may drop.
func (r *execution) followUps(ctx context.Context, events []workflow.Event) (followUps, error) {
	var f followUps
	for i, event := range events {
		switch {
		case event.Type == workflow.EventChild:
			if err := r.startChild(ctx, &f, event); err != nil {
				return followUps{}, err
			}
		case event.Child != "": // the step that waited for it was given up
			f.send(event.Child, message{Kind: messageCancel, Parent: !r.machine.IsCancelled()})
		case event.Type == workflow.EventStopping && event.Status == workflow.RunCancelled && !event.Parent: // decided by a person
			for _, child := range r.machine.GivenUp() {
				if !slices.ContainsFunc(events[i:], func(e workflow.Event) bool { return e.Child == child.ID }) {
					f.send(child.ID, message{Kind: messageCancel})
				}
			}
		case event.Type == workflow.EventEnded && r.record.Parent != nil:
			f.send(r.record.Parent.ID, r.endMessage())
		}
	}
	return f, nil
}

// endMessage tells the run's parent how it ended.
func (r *storedRun) endMessage() message {
	m := message{
		Kind: messageChild, Child: r.record.ID, Status: r.record.Status,
		Body: r.machine.Output(), Failure: r.machine.Failure(),
	}
	if m.Status != workflow.RunSucceeded {
		m.Outcome, _ = r.machine.Outcome()
	}
	return m
}

// startChild creates the run that a step waits for, in the commit that makes the
// step wait. If it cannot be created, it counts as failed.
func (r *execution) startChild(ctx context.Context, f *followUps, event workflow.Event) error {
	step, ok := r.machine.Step(event.Path)
	if !ok {
		return fmt.Errorf("engine: run %s has no step %s", r.record.ID, event.Path)
	}
	depth := 1
	if r.record.Parent != nil {
		depth = r.record.Parent.Depth + 1
	}
	definition, known := r.definitions.current(step.Workflow)
	input := event.Params
	var refused *sdk.Error
	child := runRecord{
		ID: event.Child, Status: workflow.RunQueued, CreatedAt: event.At, RequestID: r.record.RequestID,
		Parent: &parent{ID: r.record.ID, Depth: depth},
	}
	roots := map[string]value.Doc{"input": input}
	switch {
	case !known:
		refused = invalidInput("there is no workflow %q", step.Workflow)
	case depth > MaxDepth:
		refused = invalidInput("more than %d runs wait for each other in a row", MaxDepth)
	default:
		if refused = checkInput(definition, input); refused != nil {
			break
		}
		if err := child.place(definition, roots); err != nil {
			refused = invalidInput("%v", err)
			break
		}
		if child.ConcurrencyKey == "" || !definition.Concurrency.Drop {
			break
		}
		free, err := f.places.take(ctx, r.store, child.ConcurrencyKey)
		if err != nil {
			return err
		}
		if !free {
			refused = &sdk.Error{
				Code: CodeLimitReached, Outcome: sdk.OutcomeNotExecuted, Retryable: true,
				Message: fmt.Sprintf("as many runs of %s as may be are under way, and it drops further ones", definition.ID),
			}
		}
	}
	if refused != nil {
		f.send(r.record.ID, message{
			Kind: messageChild, Child: event.Child, Status: workflow.RunFailed, Failure: &workflow.Failure{Err: refused}, Outcome: refused.Outcome, NotMade: true,
		})
		return nil
	}
	child.Workflow, child.Definition = definition.ID, definition.Hash
	child.throttle(false)
	f.ops = append(f.ops, child.insertOps(workflow.EncodeEntry([]workflow.Event{{Type: workflow.EventStarted, At: event.At, Roots: roots}}))...)
	f.queued = true
	return nil
}
