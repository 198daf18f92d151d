package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// apply records updates. Results of abandoned calls are ignored: the process that
// recovers the run determines their outcome.
func (r *execution) apply(now updates) error {
	if r.calls.Err() != nil {
		return context.Cause(r.calls)
	}
	if now.empty() { // what follows from what is recorded
		stored := r.record
		return r.commit(&stored, nil, extra{})
	}
	if len(now.results) > 0 {
		if err := r.recordResults(now.results); err != nil {
			return err
		}
	}
	if now.due && r.record.Lease != "" {
		r.alarmAt = time.Time{}
		if err := r.fireTimers(); err != nil {
			return err
		}
	}
	if now.message && r.record.Lease != "" {
		r.active.ack(r.activity)
		return r.handleMessages()
	}
	return nil
}

// recordResults commits the results of calls, in as many turns as they need, and
// what follows from them.
func (r *execution) recordResults(results []callResult) error {
	now := r.now().UTC()
	for len(results) > 0 {
		turn := r.newTurn()
		answers := make([]workflow.Event, 0, len(results))
		for _, c := range results {
			event := r.machine.Conceal(r.machine.Succeeded(c.call.Path, c.result, now), c.sensitive)
			event.Reads = c.reads
			if c.err != nil {
				event = r.machine.Failed(c.call.Path, c.err, r.repeatAfter(c.call), now)
			}
			if !turn.Fits(event.Size()) {
				break
			}
			r.started = slices.DeleteFunc(r.started, func(path string) bool { return path == c.call.Path })
			turn.Add(&event)
			answers = append(answers, event)
		}
		results = results[len(answers):]
		stored := r.record
		if err := r.commit(&stored, answers, extra{}); err != nil {
			return err
		}
	}
	return nil
}

// fireTimers records what is due while calls are in flight. What cannot be
// decided now, because an integration is not ready, is tried again after a pause.
func (r *execution) fireTimers() error {
	events, left := r.machine.FireTimers(r.now().UTC(), r.repeat)
	if left {
		r.notBefore = r.now().Add(retryPause)
	}
	if len(events) == 0 {
		return nil
	}
	stored := r.record
	return r.commit(&stored, events, extra{})
}

// handleMessages takes the messages that the run waits for, and commits them with
// what follows. If the inbox cannot be read the run continues: the timers of the
// messages wake it again.
func (r *execution) handleMessages() error {
	isNew, err := r.readInbox(context.Background())
	if errors.Is(err, state.ErrUnavailable) {
		r.outage.Note("read mail", err)
		return nil
	}
	r.outage.Note("read mail", nil)
	if err != nil {
		r.log.Error("mail of a run cannot be read; trying again", "run", r.record.ID, "error", err)
		return nil
	}
	if !isNew {
		return nil
	}
	stored := r.record
	return r.commit(&stored, nil, extra{})
}
