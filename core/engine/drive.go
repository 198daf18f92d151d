package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// run is a run that this process works on: the machine, the head as it is
// stored, and the length of the journal. One goroutine owns it.
type run struct {
	engine  *Engine
	machine *workflow.Machine
	head    head
	entries int
}

// answer is what came of one call.
type answer struct {
	call   workflow.Call
	result json.RawMessage
	err    *sdk.Error
}

// drive works on a run until it ends, waits, or is handed back; it gives back
// the run's slot and its reservation.
func (r *run) drive() {
	e := r.engine
	defer e.release(r.head.ID)
	defer e.freeSlot()
	for r.head.Status == workflow.RunRunning {
		if e.isStopping() {
			r.handBack()
			return
		}
		answered, ok := r.callAll()
		if !ok {
			return // abandoned by Stop; whoever takes the run up finds it interrupted
		}
		if err := r.record(answered); err != nil {
			e.log.Error("a run is left for the check to take up", "run", r.head.ID, "error", err)
			return
		}
	}
	if r.head.Status == workflow.RunWaiting {
		poke(e.wake)
	}
}

// callAll makes the calls that are to be under way and waits for their
// answers; false if the engine stopped before they came.
func (r *run) callAll() ([]answer, bool) {
	calls := r.machine.Calls()
	answers := make([]answer, len(calls))
	for i, call := range calls {
		answers[i] = r.call(call)
	}
	return answers, r.engine.calls.Err() == nil
}

func (r *run) call(call workflow.Call) answer {
	e := r.engine
	ctx, cancel := context.WithTimeout(e.calls, e.timeout)
	defer cancel()
	found, err := (*e.actions.Load()).Find(call.Integration, call.Action)
	if err != nil {
		return answer{call: call, err: callError(err)}
	}
	result, err := found.Execute(ctx, sdk.Call{
		Action: call.Action, Params: call.Params, IdempotencyKey: call.Key, RequestID: r.head.RequestID,
	})
	if err != nil {
		return answer{call: call, err: callError(err)}
	}
	kept, tooLarge := keep(result)
	return answer{call: call, result: kept, err: tooLarge}
}

// keep is the form in which a result is kept: JSON as it is; other content as
// an object that holds it.
func keep(result sdk.Result) (json.RawMessage, *sdk.Error) {
	body := json.RawMessage(result.Body)
	if result.ContentType != "" {
		wrapped, err := json.Marshal(struct {
			ContentType string `json:"contentType"`
			Base64      []byte `json:"base64"`
		}{result.ContentType, result.Body})
		if err != nil {
			return nil, callError(err)
		}
		body = wrapped
	} else if _, err := value.Parse(body); err != nil {
		return nil, &sdk.Error{Code: sdk.CodeInternal, Outcome: sdk.OutcomeUnknown, Final: true,
			Message: fmt.Sprintf("the integration answered success, but what it answered is not JSON: %v", err)}
	}
	if len(body) > MaxResult {
		return nil, &sdk.Error{Code: sdk.CodeResultTooLarge, Final: true,
			Message: fmt.Sprintf("the effect stands, but its result of %d bytes is more than the %d that are kept", len(body), MaxResult)}
	}
	return body, nil
}

// record makes durable what came of the calls and what follows from it, and
// tells those who wait for the run's end.
func (r *run) record(answers []answer) error {
	now := r.engine.now().UTC()
	events := make([]workflow.Event, 0, len(answers))
	for _, a := range answers {
		event := r.machine.Succeeded(a.call.Path, a.result, now)
		if a.err != nil {
			event = r.machine.Failed(a.call.Path, a.err, r.engine.repeatAfter(a.call), now)
		}
		events = append(events, event)
	}
	stored := r.head
	return r.commit(&stored, events)
}

// commit applies events, decides what follows, and writes all of it with the
// head that results, over the one that is stored. The machine is ahead of the
// store until it returns; after an error the run must be loaded again.
func (r *run) commit(stored *head, events []workflow.Event, conditions ...state.Op) error {
	now := r.engine.now().UTC()
	for _, event := range events {
		if err := r.machine.Apply(event); err != nil {
			return err
		}
	}
	decided, err := r.machine.Advance(now)
	if err != nil {
		return err
	}
	events = append(events, decided...)

	r.settleHead()
	ops := make([]state.Op, 0, len(conditions)+6)
	ops = append(ops, r.engine.lease.Fence())
	ops = append(ops, conditions...)
	if stored.Status != r.head.Status || stored.Lease != r.head.Lease {
		ops = append(ops, stored.change(&r.head)...)
	}
	if len(events) > 0 {
		ops = append(ops, state.Append(r.head.ID, r.entries, workflow.EncodeEntry(events)))
	}
	if until, waits := r.machine.WaitUntil(); waits {
		ops = append(ops, state.SetTimerAfter(queueRun, r.head.ID, max(until.Sub(now), time.Millisecond)))
	}
	if err := r.engine.commitSurely(r.head.ID, r.entries, ops); err != nil {
		return err
	}
	if len(events) > 0 {
		r.entries++
	}
	if r.head.Status.Ended() {
		r.engine.announce(r)
	}
	return nil
}

// settleHead brings the head in line with the machine.
func (r *run) settleHead() {
	r.head.Status = r.machine.Status()
	if r.head.Status != workflow.RunRunning {
		r.head.Lease = ""
	}
	if r.head.Status.Ended() {
		r.head.FinishedAt = r.machine.EndedAt()
		r.head.Error = r.machine.Failure()
	}
}

// handBack puts a run that is between two calls back into the queue, so that
// another process goes on with it at once. Of a queued run no call can have
// been sent that is not recorded.
func (r *run) handBack() {
	next := r.head
	next.Status, next.Lease = workflow.RunQueued, ""
	ops := append([]state.Op{r.engine.lease.Fence()}, r.head.change(&next)...)
	if err := r.engine.store.Commit(context.Background(), ops...); err != nil {
		r.engine.log.Warn("a run could not be handed back; it is taken up when the lease is over", "run", r.head.ID, "error", err)
	}
}

// commitSurely commits until the outcome is known. A commit that an outage of
// the store left in doubt is made again; that it was applied the first time is
// seen by its journal entry.
func (e *Engine) commitSurely(id string, entries int, ops []state.Op) error {
	const firstWait, longestWait = 50 * time.Millisecond, 2 * time.Second
	wait := firstWait
	for doubt := false; ; doubt = true {
		err := e.store.Commit(context.Background(), ops...)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, state.ErrUnavailable):
			e.log.Warn("the state store does not answer; trying again", "run", id, "error", err)
		case doubt && e.applied(id, entries, ops):
			return nil
		default:
			return fmt.Errorf("engine: record run %s: %w", id, err)
		}
		select {
		case <-e.calls.Done():
			return fmt.Errorf("engine: record run %s: %w", id, err)
		case <-time.After(wait):
			wait = min(2*wait, longestWait)
		}
	}
}

// applied reports whether the journal holds the entry that ops append.
func (e *Engine) applied(id string, entries int, ops []state.Op) bool {
	found, err := e.store.Journal(context.Background(), id, entries)
	if err != nil || len(found) == 0 {
		return false
	}
	for _, op := range ops {
		if op.Kind == state.KindAppend {
			return string(found[0]) == string(op.Value)
		}
	}
	return false
}

func (e *Engine) isStopping() bool {
	select {
	case <-e.stopping:
		return true
	default:
		return false
	}
}
