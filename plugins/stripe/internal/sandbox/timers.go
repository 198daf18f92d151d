package sandbox

import (
	"context"
	"errors"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// fireTimers fires the timers of the sandbox's own time when they are due, until
// the context ends.
func (s *Sandbox) fireTimers(ctx context.Context) {
	for ctx.Err() == nil {
		next, err := s.fireDue(ctx)
		if err != nil && ctx.Err() == nil {
			s.log.Error("the Stripe sandbox cannot do what was due", "error", err)
			next = s.clock.Now().Add(time.Minute)
		}
		s.clock.Wait(ctx, next, s.timers)
	}
}

// fireDue fires what is due, one transaction each, and returns when the next one is;
// the zero time if there is none.
func (s *Sandbox) fireDue(ctx context.Context) (next time.Time, err error) {
	for {
		fired := false
		var timer store.Timer
		var events map[string]int
		_, err := s.change(ctx, "", nil, func(tx *store.Tx, _ *resource.Tx) error {
			var ok bool
			if timer, ok = tx.NextTimer("", ""); !ok {
				next = time.Time{}
				return errUndo
			}
			now, ahead := s.clock.Now(), offset(tx)
			if next = time.Unix(timer.At, 0).Add(-ahead); next.After(now) {
				return errUndo
			}
			fired = true
			events, err = s.fire(tx, timer, now.Add(ahead))
			return err
		})
		if errors.Is(err, errPanic) {
			err = s.putOff(ctx, timer)
		}
		if err != nil || !fired {
			return next, err
		}
		s.announce(events)
	}
}

// putOffBy is when a timer that panicked is tried again: others are due meanwhile.
const putOffBy = time.Hour

// putOff moves a timer on by a while.
func (s *Sandbox) putOff(ctx context.Context, timer store.Timer) error {
	s.log.Error("the Stripe sandbox puts off what was due", "timer", timer.Kind, "object", timer.Object, "by", putOffBy)
	_, err := s.change(ctx, "", nil, func(tx *store.Tx, _ *resource.Tx) error {
		if tx.TakeTimer(timer) {
			timer.At = s.clock.Now().Add(offset(tx) + putOffBy).Unix()
			tx.AddTimer(timer)
		}
		return nil
	})
	return err
}

// fire fires one timer at a time of the sandbox, and returns the events
// that it made, by their type.
func (s *Sandbox) fire(tx *store.Tx, timer store.Timer, now time.Time) (events map[string]int, err error) {
	t := s.env.Begin(tx, timer.Account, s.clock.Now(), now, nil)
	t.Fire(timer)
	return t.Events(), t.Err()
}

// announce has events sent.
func (s *Sandbox) announce(events map[string]int) {
	if len(events) > 0 {
		s.deliverer.Wake()
	}
}
