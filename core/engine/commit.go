package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/backoff"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// extra holds the conditions and ops of a commit beside those of the run's
// events.
type extra struct {
	conditions []state.Op
	ops        []state.Op
}

// commit records answers and what follows from them, as far as a turn has room: see
// execution.unsettled. Answers are what has happened: results, messages, times that
// have come. They are never lost for the size of what follows. All of it is written
// together with the new record over the stored one. The machine is ahead of the
// store until commit returns; after an error the run must be loaded again.
func (r *execution) commit(stored *runRecord, answers []workflow.Event, with extra) error {
	for {
		before := r.record
		err := r.tryCommit(stored, answers, with)
		if _, refused := errors.AsType[*state.RefusedError](err); !refused {
			return err
		}
		narrower, left := r.width.narrower()
		if !left {
			return err
		}
		r.log.Warn("the state store does not take what a run has to record; recording it in smaller parts", "run", r.record.ID, "error", err)
		r.record, r.width, r.refusal = before, narrower, reasonOf(err)
		if err := r.reload(); err != nil {
			return err
		}
		if len(answers) > 1 && len(with.conditions) == 0 {
			return r.commitEach(stored, answers, with)
		}
	}
}

// commitEach records each answer by itself.
func (r *execution) commitEach(stored *runRecord, answers []workflow.Event, with extra) error {
	for i := range answers {
		if err := r.commit(stored, answers[i:i+1], with); err != nil {
			return err
		}
		recorded := r.record
		stored, with = &recorded, extra{}
	}
	return nil
}

// tryCommit is commit, but leaves a *state.RefusedError to the caller.
func (r *execution) tryCommit(stored *runRecord, answers []workflow.Event, with extra) error {
	turn, err := r.prepareTurn(stored, answers)
	if err != nil {
		return err
	}
	var after followUps
	for {
		if after, err = r.followUpsUntilKnown(turn.events); err != nil {
			return err
		}
		ops := make([]state.Op, 0, 1+len(with.conditions)+len(with.ops)+len(turn.ops)+len(after.places.groups)+len(after.ops))
		ops = append(ops, r.lease.Fence())
		ops = append(ops, with.conditions...)
		ops = append(ops, after.places.conditions()...)
		ops = append(ops, with.ops...)
		ops = append(ops, turn.ops...)
		ops = append(ops, after.ops...)
		if err = r.commitUntilKnown(r.record.ID, r.entries, ops); err == nil {
			break
		}
		if !after.places.changed(err) {
			return err
		}
	}
	r.onRecorded(turn, after)
	return nil
}

// preparedTurn is a turn of a run that is about to be recorded.
type preparedTurn struct {
	events []workflow.Event
	ops    []state.Op // without the fence, and without what follows for other runs
}

// prepareTurn applies answers and what follows from them, and returns what is to be
// written. The machine is ahead of the store from then on.
func (r *execution) prepareTurn(stored *runRecord, answers []workflow.Event) (*preparedTurn, error) {
	now := r.now().UTC()
	turn := r.newTurn()
	applied, err := r.applyAnswers(answers, turn)
	if err != nil {
		return nil, err
	}
	events, ops, err := r.follow(applied, now, turn)
	if err != nil {
		return nil, err
	}
	r.syncRecord(len(events) > 0)
	if stored.Status != r.record.Status && !stored.Status.CanBecome(r.record.Status) {
		return nil, fmt.Errorf("engine: run %s is %s and cannot become %s", r.record.ID, stored.Status, r.record.Status)
	}
	if !stored.sameAs(&r.record) {
		ops = append(ops, stored.updateOps(&r.record)...)
	}
	if len(events) > 0 {
		ops = append(ops, state.Append(r.record.ID, r.entries, workflow.EncodeEntry(events)))
	}
	return &preparedTurn{events: events, ops: append(ops, r.timer(now)...)}, nil
}

// onRecorded notes that a turn is recorded, and notifies those who wait for it.
func (r *execution) onRecorded(turn *preparedTurn, after followUps) {
	if len(turn.events) > 0 {
		r.entries++
	}
	r.observe(turn.events)
	r.width = r.width.after(r.unsettled)
	r.notifyAfterCommit(after)
	r.subscribers.changed(r.record.ID)
	if r.record.Status.Ended() {
		r.announce()
	}
	if r.record.Lease == "" && r.record.isGrouped() {
		r.wakeups.admission.Wake()
	}
}

// applyAnswers applies answers, as far as the run and the store have room for them. It
// returns them as they are recorded.
func (r *execution) applyAnswers(answers []workflow.Event, turn *workflow.Turn) ([]workflow.Event, error) {
	events := make([]workflow.Event, 0, 2*len(answers)+1) // with room for what follows
	for _, answer := range answers {
		if r.width == bare {
			answer = workflow.Bare(answer)
		}
		answer = r.machine.Fit(answer)
		if err := r.machine.Apply(answer); err != nil {
			return nil, err
		}
		turn.Add(&answer)
		events = append(events, answer)
	}
	return events, nil
}

// follow applies what follows from the events of a turn, known messages included,
// so that a run never waits for a message that it has. It returns all events, and
// the ops that remove the messages from the inbox.
func (r *execution) follow(events []workflow.Event, now time.Time, turn *workflow.Turn) (all []workflow.Event, ops []state.Op, err error) {
	all = events
	for r.unsettled = true; r.unsettled; {
		// A cancellation is handled before further steps begin.
		taken, with, err := r.drainInbox(now, turn)
		if err != nil {
			return nil, nil, err
		}
		decided, settled, err := r.decide(now, turn)
		if err != nil {
			return nil, nil, err
		}
		all, ops = append(append(all, taken...), decided...), append(ops, with...)
		r.unsettled = !settled || r.hasDeliverable()
		if !settled || len(with)+len(decided) == 0 {
			break
		}
	}
	return all, append(ops, r.ackMessages()...), nil
}

// decide is Machine.Advance. Where the store has not taken what was decided, another
// decision takes its place.
func (r *execution) decide(now time.Time, turn *workflow.Turn) (decided []workflow.Event, settled bool, err error) {
	if r.width == bare {
		return r.machine.AdvanceRefused(now, turn, r.refusal)
	}
	return r.machine.Advance(now, turn)
}

// timer returns the op that sets the run's timer. While a process works on the
// run it has an alarm instead: the timer is for the process that claims the run
// next.
func (r *execution) timer(now time.Time) []state.Op {
	if r.record.Lease != "" || r.record.Status == workflow.RunQueued {
		return nil
	}
	until, waits := r.machine.WaitUntil()
	if !waits {
		return nil
	}
	return []state.Op{state.SetTimerAfter(layout.QueueRun, r.record.ID, max(until.Sub(now), time.Millisecond))}
}

// handBack puts a run that is between two calls back into the queue, so that
// another process continues it at once. A queued run has no call that was sent
// but not recorded.
func (r *execution) handBack() {
	next := r.record
	next.Status, next.Lease = workflow.RunQueued, ""
	ops := append([]state.Op{r.lease.Fence()}, r.record.updateOps(&next)...)
	if err := r.store.Commit(context.Background(), ops...); err != nil {
		r.log.Warn("a run could not be handed back; it is taken up when the lease is over", "run", r.record.ID, "error", err)
	}
}

// followUpsUntilKnown is followUps, for as long as an outage of the store lasts.
func (r *execution) followUpsUntilKnown(events []workflow.Event) (after followUps, err error) {
	err = r.untilKnown("record", func(ctx context.Context) (err error) {
		after, err = r.followUps(ctx, events)
		return err
	})
	return after, err
}

// untilKnown repeats what an outage of the store has interrupted, until it has a
// result.
func (e *executor) untilKnown(what string, do func(context.Context) error) error {
	wait := backoff.Exponential{First: 50 * time.Millisecond, Longest: 2 * time.Second}
	for failures := 1; ; failures++ {
		err := do(context.Background())
		if !errors.Is(err, state.ErrUnavailable) {
			e.outage.Note(what, nil)
			return err
		}
		e.outage.Note(what, err)
		if backoff.Sleep(e.calls, wait.After(failures)) != nil {
			return err
		}
	}
}

// commitUntilKnown commits until the outcome is known. A commit whose outcome an
// outage of the store left unknown is made again; its journal entry shows whether
// the first attempt was applied.
func (e *executor) commitUntilKnown(id string, entries int, ops []state.Op) error {
	failures := 0
	err := e.untilKnown("record", func(ctx context.Context) error {
		err := e.store.Commit(ctx, ops...)
		if err != nil && !errors.Is(err, state.ErrUnavailable) && failures > 0 {
			// An attempt before may have been applied. While that cannot be read, it is
			// not known.
			switch applied, readErr := e.applied(ctx, id, entries, ops); {
			case applied:
				return nil
			case errors.Is(readErr, state.ErrUnavailable):
				err = readErr
			}
		}
		failures++
		return err
	})
	if err != nil {
		return fmt.Errorf("engine: record run %s: %w", id, err)
	}
	return nil
}

// applied reports whether the store holds what ops write: the entry that they
// append to the run's journal, and the record that they put. Either alone could be
// another process's, which decided the same at the same time; the record names the
// holder, and without one only the holder appends.
func (e *executor) applied(ctx context.Context, id string, entries int, ops []state.Op) (bool, error) {
	written := false
	for _, op := range ops {
		var held [][]byte
		var err error
		switch {
		case op.Kind == state.KindAppend && op.ID == id:
			held, err = e.store.Journal(ctx, id, entries, 1)
		case op.Kind == state.KindPut && op.Space == layout.BucketRun && op.ID == id:
			held, err = e.store.Get(ctx, state.Ref{Bucket: layout.BucketRun, ID: id})
		default:
			continue
		}
		if err != nil || len(held) == 0 || string(held[0]) != string(op.Value) {
			return false, err
		}
		written = true
	}
	return written, nil
}
