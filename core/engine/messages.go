package engine

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// readInbox learns of the run's messages. Each is taken by the commit in which it
// takes effect. It reports whether any is new.
func (r *execution) readInbox(ctx context.Context) (isNew bool, err error) {
	messages, err := r.inbox.list(ctx, r.record.ID)
	if err != nil {
		return false, err
	}
	known := make(map[string]pendingMessage, len(r.messages))
	for _, m := range r.messages {
		known[m.id] = m
	}
	for i := range messages {
		if m, ok := known[messages[i].id]; ok {
			messages[i] = m
		} else {
			isNew = true
		}
	}
	r.messages = messages
	return isNew, nil
}

// drainInbox applies the known messages that take effect now, as far as the turn has
// room: what ends the run first, then the oldest. A message that comes too late is taken
// without an event. It returns the ops that remove them from the inbox.
func (r *execution) drainInbox(now time.Time, turn *workflow.Turn) (events []workflow.Event, ops []state.Op, err error) {
	for i := r.nextDeliverable(); i >= 0; i = r.nextDeliverable() {
		m := r.messages[i]
		if m.kind == messagePark {
			r.record.Parking = r.record.Turn == turnHas
		}
		if r.hasEffect(&m) {
			if !turn.Fits(m.size) {
				break
			}
			event, ok, err := r.eventOf(&m, now)
			if errors.Is(err, state.ErrUnavailable) {
				return nil, nil, err
			}
			if err != nil {
				r.log.Error("a message to a run cannot be read, and is left where it is", "run", r.record.ID, "error", err)
				r.messages[i].unreadable = true
				continue
			}
			if ok {
				if err := r.machine.Apply(event); err != nil {
					return nil, nil, err
				}
				turn.Add(&event)
				events = append(events, event)
			}
			if m.kind == messageRetry {
				continue // for the other steps; it is taken when it has no more effect
			}
		}
		r.messages = slices.Delete(r.messages, i, i+1)
		ops = append(ops, m.deleteOps()...)
	}
	return events, ops, nil
}

// hasDeliverable reports whether any known message is to be taken now.
func (r *execution) hasDeliverable() bool { return r.nextDeliverable() >= 0 }

// nextDeliverable returns the index of the message to take next, -1 if there is
// none. A signal that no step waits for yet stays.
func (r *execution) nextDeliverable() int {
	return slices.IndexFunc(r.messages, func(m pendingMessage) bool {
		return r.hasEffect(&m) || r.machine.Status().Ended() || m.kind != messageSignal && !m.unreadable
	})
}

// hasEffect reports whether a message means anything to the run now.
func (r *execution) hasEffect(m *pendingMessage) bool {
	switch {
	case m.unreadable || r.machine.Status().Ended():
		return false
	case m.kind == messageCancel:
		return true
	case m.kind == messagePark:
		return r.record.Turn == turnHas && r.machine.CanPark()
	case m.kind == messageChild:
		return r.machine.AwaitsChild(m.name)
	case m.kind == messageRetry:
		_, ok := r.machine.RetryNow(r.now(), r.repeat)
		return ok
	default:
		return r.machine.Awaits(m.name) > 0
	}
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

// eventOf reads a message and returns the event that it means to the run now.
func (r *execution) eventOf(m *pendingMessage, now time.Time) (event workflow.Event, ok bool, err error) {
	if m.kind == messageCancel {
		event, ok = r.machine.Cancel(m.name == parentGaveUp, now)
		return event, ok, nil
	}
	if m.kind == messagePark {
		event, ok = r.machine.Park(r.record.BlockFor, now)
		return event, ok, nil
	}
	if m.kind == messageRetry {
		event, ok = r.machine.RetryNow(now, r.repeat)
		return event, ok, nil
	}
	var body *message
	err = r.untilKnown("read a message", func(ctx context.Context) (err error) {
		body, _, err = r.inbox.body(ctx, m.id)
		return err
	})
	if err != nil || body == nil {
		return event, false, err
	}
	if m.kind == messageChild {
		event, ok = r.machine.ChildEnded(body.Child, body.Status, body.Body, body.Failure, body.Outcome, now)
		if body.NotMade {
			event.Origin = nil
		}
	} else {
		event, ok = r.machine.Signal(body.Name, body.Body, now)
	}
	if r.width == bare {
		event = workflow.Bare(event)
	}
	return r.machine.Fit(event), ok, nil
}
