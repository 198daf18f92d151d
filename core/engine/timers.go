package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// timers continues runs whose timers are due: a time has come, or there is a
// message.
type timers struct {
	*service
	*claims
	interval time.Duration
}

// Start watches the timers in the background until Stop.
func (t *timers) Start() { t.run(t.loop) }

// loop claims runs whose timers are due, and notifies those that this process
// works on of their messages.
func (t *timers) loop() {
	for {
		due, next, err := t.store.Due(context.Background(), layout.QueueRun, page)
		t.outage.Note("read the timers", err)
		if err != nil {
			next = retryPause
		}
		claimed := 0
		seen := make(map[string]bool, len(due))
		for _, timer := range due {
			id := runOf(timer.ID)
			if seen[id] {
				continue // all its messages are looked at together
			}
			seen[id] = true
			if t.active.contains(id) {
				t.active.notify(id)
				continue
			}
			if !t.active.waitSlot(t.service.stopping) {
				return
			}
			if t.claimDue(id, timer.ID) {
				claimed++
			}
		}
		if claimed > 0 {
			continue
		}
		if len(due) > 0 {
			next = retryPause // none can be claimed now
		}
		if next < 0 || next > t.interval {
			next = t.interval // another process may set a timer at any time
		}
		if !t.sleep(t.wakeups.timers, next) {
			return
		}
	}
}

// claimDue claims a run one of whose timers is due, or lets it wait for a place in its
// lane. It reports whether it has done either. The caller has a slot.
func (t *timers) claimDue(id, timer string) bool {
	queued := false
	claim := func(ctx context.Context, a *activity) (*execution, error) {
		r, data, err := t.load(ctx, id, a)
		if err != nil {
			return nil, err
		}
		if r == nil {
			return nil, t.inbox.clear(ctx, id, timer, data)
		}
		if r.record.Lease != "" {
			return nil, nil
		}
		if _, err := r.readInbox(ctx); err != nil {
			return nil, err
		}
		with := extra{
			conditions: []state.Op{state.RequireValue(layout.BucketRun, id, data), state.RequireDue(layout.QueueRun, timer)},
			ops:        []state.Op{state.ClearTimer(layout.QueueRun, timer), state.ClearTimer(layout.QueueRun, id)},
		}
		if r.record.Status == workflow.RunQueued {
			// Only what ends it takes it out of the queue: a signal is read when its turn
			// has come.
			if r.isToStop() {
				return r.claim(nil, with)
			}
			return nil, r.keepWaiting(ctx, with)
		}
		events, err := r.dueEvents(timer)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 && !r.hasDeliverable() {
			return nil, r.keepWaiting(ctx, with)
		}
		if r.record.Lane != "" && !r.isToStop() {
			err := r.leaveWait(ctx, with, timer == id)
			queued = err == nil
			return nil, err
		}
		return r.claim(events, with)
	}
	claimed := t.tryClaim(id, func(ctx context.Context, a *activity) (*execution, error) {
		r, err := claim(ctx, a)
		if errors.As(err, new(*CorruptError)) {
			err = errors.Join(err, t.postpone(ctx, timer))
		}
		return r, err
	})
	if queued {
		// Only now: until tryClaim has given the run back, the queue cannot claim it.
		t.wakeups.admission.Wake()
		t.wakeups.queue.Wake()
	}
	return claimed || queued
}

// isToStop reports whether a message in the run's inbox ends it.
func (r *execution) isToStop() bool {
	return len(r.messages) > 0 && r.messages[0].priority() == 0
}

// postpone has a timer due again later: the run cannot be read, and must not be
// among the first to be looked at for ever.
func (t *timers) postpone(ctx context.Context, timer string) error {
	return ignoreConflict(t.store.Commit(ctx, t.lease.Fence(), state.RequireDue(layout.QueueRun, timer), state.SetTimerAfter(layout.QueueRun, timer, corruptPause)))
}

// dueEvents returns the events of a waiting run whose time has come. The store's
// clock decides that, since it found the timer due: this process's clock may be
// behind that of the process which set the timer.
func (r *execution) dueEvents(timer string) ([]workflow.Event, error) {
	now := r.now()
	if until, waits := r.machine.WaitUntil(); waits && timer == r.record.ID && until.After(now) {
		now = until
	}
	events, left := r.machine.FireTimers(now.UTC(), r.repeat)
	if left && len(events) == 0 {
		return nil, fmt.Errorf("%w: an integration that it needs is not ready", errNotClaimable)
	}
	return events, nil
}

// keepWaiting leaves a run that was woken for nothing as it is. It sets the timer
// again, since the one that was due may have been that of a message.
func (r *execution) keepWaiting(ctx context.Context, with extra) error {
	ops := append(append([]state.Op{r.lease.Fence()}, with.conditions...), with.ops...)
	if acks := r.ackMessages(); len(acks) > 0 {
		// A process that claims the run at this moment may have read the inbox before
		// the messages came: the changed record has it read again.
		next := r.record
		next.Revision++
		ops = append(append(ops, acks...), r.record.updateOps(&next)...)
	}
	if r.record.Status != workflow.RunQueued {
		ops = append(ops, r.timer(r.now())...)
	}
	return ignoreConflict(r.store.Commit(ctx, ops...)) // another process was faster
}
