package engine

import (
	"fmt"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// MaxDepth is how many runs may wait for each other in a row, so that a
// workflow that runs itself comes to an end.
const MaxDepth = 20

// kin is what a commit means to other runs: those that it starts and cancels,
// and the one that waits for its end.
type followUps struct {
	ops    []state.Op
	notify []string // runs that have mail now
	queued bool     // a run was put into the queue
}

// kin works out what events, that were just applied, mean to other runs.
func (r *run) followUps(events []workflow.Event) (followUps, error) {
	var k followUps
	for _, event := range events {
		switch {
		case event.Type == workflow.EventChild:
			if err := r.startChild(&k, event); err != nil {
				return followUps{}, err
			}
		case event.Child != "": // the step that waited for it was given up
			k.ops = append(k.ops, appendInbox(event.Child, message{Kind: messageCancel})...)
			k.notify = append(k.notify, event.Child)
		case event.Type == workflow.EventEnded && r.record.Parent != nil:
			k.ops = append(k.ops, appendInbox(r.record.Parent.ID, message{
				Kind: messageChild, Child: r.record.ID, Status: r.record.Status,
				Body: r.machine.Output(), Failure: r.machine.Failure(),
			})...)
			k.notify = append(k.notify, r.record.Parent.ID)
		}
	}
	return k, nil
}

// startChild makes the run that a step waits for, in the write that makes it
// wait. One that cannot be made has failed.
func (r *run) startChild(k *followUps, event workflow.Event) error {
	step, ok := r.machine.Step(event.Path)
	if !ok {
		return fmt.Errorf("engine: run %s has no step %s", r.record.ID, event.Path)
	}
	depth := 1
	if r.record.Parent != nil {
		depth = r.record.Parent.Depth + 1
	}
	definition, known := r.engine.definitions.current(step.Workflow)
	input := value.TrustedDoc(event.Params)
	var refused *sdk.Error
	switch {
	case !known:
		refused = refuseChild("there is no workflow %q", step.Workflow)
	case depth > MaxDepth:
		refused = refuseChild("more than %d runs wait for each other in a row", MaxDepth)
	default:
		refused = checkInput(definition, input)
	}
	if refused != nil {
		k.ops = append(k.ops, appendInbox(r.record.ID, message{
			Kind: messageChild, Child: event.Child, Status: workflow.RunFailed, Failure: &workflow.Failure{Err: refused},
		})...)
		k.notify = append(k.notify, r.record.ID)
		return nil
	}
	child := &run{engine: r.engine, record: runRecord{
		Version: recordVersion, ID: event.Child, Workflow: definition.ID, Definition: definition.Hash,
		Status: workflow.RunQueued, CreatedAt: event.At, RequestID: r.record.RequestID,
		Parent: &parent{ID: r.record.ID, Depth: depth},
	}}
	roots := map[string]value.Doc{"input": input}
	if err := child.applyLimit(definition, roots); err != nil {
		return err
	}
	k.ops = append(k.ops, child.insertOps(workflow.EncodeEntry([]workflow.Event{{Type: workflow.EventStarted, At: event.At, Roots: roots}}))...)
	k.queued = true
	return nil
}

func refuseChild(format string, args ...any) *sdk.Error {
	return &sdk.Error{Code: sdk.CodeInvalidParams, Message: fmt.Sprintf(format, args...), Outcome: sdk.OutcomeNotExecuted}
}

// checkInput holds an input against the schema of its workflow. The error has
// every fault.
func checkInput(definition *workflow.Definition, input value.Doc) *sdk.Error {
	if definition.Input == nil {
		return nil
	}
	faults := definition.Input.Faults(input.Value())
	if len(faults) == 0 {
		return nil
	}
	return &sdk.Error{
		Code: sdk.CodeInvalidParams, Message: fmt.Sprintf("the input of %s: %s", definition.ID, faults[0].Message),
		Outcome: sdk.OutcomeNotExecuted, Faults: faults,
	}
}

// told wakes, after the commit, the runs that it means something to.
func (e *Engine) notifyAfterCommit(k followUps) {
	if len(k.notify) > 0 {
		for _, id := range k.notify {
			e.notify(id)
		}
		wake(e.wakeTimers)
	}
	if k.queued {
		wake(e.wakeQueue)
		wake(e.wakeAdmission)
	}
}
