package engine

import (
	"context"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// readInbox reads the run's messages. Each is taken by the commit in which it
// takes effect. It reports whether any is new.
func (r *execution) readInbox(ctx context.Context) (isNew bool, err error) {
	messages, err := r.inbox.read(ctx, r.record.ID)
	if err != nil {
		return false, err
	}
	for i := range messages {
		known := slices.IndexFunc(r.messages, func(m pendingMessage) bool { return m.id == messages[i].id })
		if known >= 0 {
			messages[i].acked = r.messages[known].acked
		}
		isNew = isNew || known < 0
	}
	r.messages = messages
	return isNew, nil
}

// drainInbox applies the known messages that take effect now: cancellations
// first, then the oldest. A message that comes too late is taken without an
// event. It returns the ops that remove them from the inbox.
func (r *execution) drainInbox(now time.Time) (events []workflow.Event, ops []state.Op, err error) {
	for i := r.nextDeliverable(now); i >= 0; i = r.nextDeliverable(now) {
		m := r.messages[i]
		r.messages = slices.Delete(r.messages, i, i+1)
		ops = append(ops, m.deleteOps()...)
		event, ok := r.eventOf(m, now)
		if !ok {
			continue
		}
		if err := r.machine.Apply(event); err != nil {
			return nil, nil, err
		}
		events = append(events, event)
	}
	return events, ops, nil
}

// hasDeliverable reports whether any known message is to be taken now.
func (r *execution) hasDeliverable(now time.Time) bool { return r.nextDeliverable(now) >= 0 }

// nextDeliverable returns the index of the message to take next, -1 if there is
// none. A signal that no step waits for yet stays.
func (r *execution) nextDeliverable(now time.Time) int {
	return slices.IndexFunc(r.messages, func(m pendingMessage) bool {
		_, ok := r.eventOf(m, now)
		return ok || m.Kind != messageSignal || r.machine.Status().Ended()
	})
}

// ackMessages returns the ops that clear the timers of the messages that stay,
// since this process knows them now.
func (r *execution) ackMessages() []state.Op {
	var ops []state.Op
	for i := range r.messages {
		if m := &r.messages[i]; !m.acked {
			m.acked = true
			ops = append(ops, state.ClearTimer(layout.QueueRun, m.id))
		}
	}
	return ops
}

// eventOf returns the event that a message means to the run now.
func (r *execution) eventOf(m pendingMessage, now time.Time) (workflow.Event, bool) {
	switch m.Kind {
	case messageCancel:
		return r.machine.Cancel(now)
	case messageChild:
		event, ok := r.machine.ChildEnded(m.Child, m.Status, m.Body, m.Failure, now)
		if m.NotMade {
			event.Origin = nil
		}
		return event, ok
	default:
		return r.machine.Signal(m.Name, m.Body, now)
	}
}
