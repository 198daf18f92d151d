package sandbox

import (
	"context"
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/mock"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/resource"
	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/span"
)

// advanceParams are the params of "advance".
type advanceParams struct {
	// By is how far to move, as sdk/span reads it; To is the time to move to, RFC 3339.
	By string `json:"by"`
	To string `json:"to"`
	// Clock is the id of the one test clock to move. Without it the sandbox's own
	// time and all test clocks move by the same span.
	Clock   string `json:"clock"`
	Account string `json:"account"`
}

// advanced is the result of "advance".
type advanced struct {
	// Time is what the sandbox shows now, or the one test clock that was moved.
	Time time.Time `json:"time"`
	// Fired counts the timers that came due, Events the events by their type.
	Fired  int            `json:"fired"`
	Events map[string]int `json:"events"`
}

func (a *advanced) add(events map[string]int) {
	for kind, n := range events {
		a.Events[kind] += n
	}
}

// maxAdvance bounds one advance.
const maxAdvance = 5 * 366 * 24 * time.Hour

// advance moves time on, firing each timer at its own time.
func (s *Sandbox) advance(ctx context.Context, p advanceParams) (*advanced, error) {
	if (p.By == "") == (p.To == "") {
		return nil, invalid("/by", "either by or to is needed")
	}
	done := &advanced{Events: map[string]int{}}
	_, err := s.change(ctx, p.Account, nil, func(tx *store.Tx, t *resource.Tx) error {
		if p.Clock != "" {
			if _, ok := t.Find(resource.TestClock, p.Clock); !ok {
				return sdk.Refuse(sdk.CodeNotFound, "stripe: no such test clock: %q", p.Clock)
			}
			t.On(p.Clock)
		}
		by, err := p.span(t.Now())
		if err != nil {
			return err
		}
		if p.Clock != "" {
			done.Fired = t.AdvanceClock(p.Clock, t.Now().Add(by))
			done.Time, done.Events = t.Now(), t.Events()
		} else if err := s.advanceAll(tx, by, done); err != nil {
			return err
		}
		if done.Fired > resource.MaxFired {
			return invalid("", "more than %d timers are due in that time; advance less", resource.MaxFired)
		}
		return nil
	})
	if err != nil {
		return nil, failed(err)
	}
	s.announce(done.Events)
	return done, nil
}

// span is how far to move from a time.
func (p advanceParams) span(now time.Time) (time.Duration, error) {
	var by time.Duration
	pointer := "/by"
	if p.By != "" {
		s, ok := span.Parse(p.By)
		if !ok {
			return 0, invalid(pointer, "by is a span of time such as 31d, 36h, 1w or 1mo")
		}
		by = s.After(now).Sub(now)
	} else {
		pointer = "/to"
		to, err := time.Parse(time.RFC3339, p.To)
		if err != nil {
			return 0, invalid(pointer, "to is a time such as 2027-01-31T00:00:00Z")
		}
		// To the time, or past it by a part of a second: what is due just then happens.
		if by = to.Sub(now); by > 0 {
			by += time.Second - 1
		}
	}
	if by = by.Truncate(time.Second); by < 0 || by > maxAdvance {
		return 0, invalid(pointer, "time moves forward only, and by at most %d days", maxAdvance/(24*time.Hour))
	}
	if now.Add(by).Unix() > mock.LatestTime {
		return 0, tooLate(pointer)
	}
	return by, nil
}

// tooLate refuses to move to a time that dates cannot be reckoned with.
func tooLate(pointer string) error { return invalid(pointer, "no clock goes beyond the year 9998") }

// advanceAll moves the sandbox's own time and all test clocks by the same span, and
// fires the timers of all in the order in which they come due.
func (s *Sandbox) advanceAll(tx *store.Tx, by time.Duration, done *advanced) error {
	real := s.clock.Now()
	start := real.Add(offset(tx)).Truncate(time.Second)
	clocks := tx.All(resource.TestClock)
	frozen := make([]int64, len(clocks))
	left, latest := int64(by/time.Second), start.Unix()
	for i, clock := range clocks {
		o, err := resource.Decode(clock.Data)
		if err != nil {
			return err
		}
		frozen[i] = o.Int("frozen_time")
		latest = max(latest, frozen[i])
	}
	if latest+left > mock.LatestTime {
		return tooLate("")
	}
	for done.Fired <= resource.MaxFired {
		timer, due, found := store.Timer{}, left, false
		if next, ok := tx.NextTimer("", ""); ok && next.At-start.Unix() <= due {
			timer, due, found = next, max(0, next.At-start.Unix()), true
		}
		for i, clock := range clocks {
			if next, ok := tx.NextTimer(clock.Account, clock.ID); ok && (next.At-frozen[i] < due || !found && next.At-frozen[i] == due) {
				timer, due, found = next, max(0, next.At-frozen[i]), true
			}
		}
		if !found {
			break
		}
		events, err := s.fire(tx, timer, start.Add(time.Duration(due)*time.Second))
		if err != nil {
			return err
		}
		done.Fired++
		done.add(events)
	}
	for i, clock := range clocks {
		t := s.env.Begin(tx, clock.Account, real, start, nil)
		t.AdvanceClock(clock.ID, time.Unix(frozen[i]+left, 0))
		done.add(t.Events())
		if err := t.Err(); err != nil {
			return err
		}
	}
	setOffset(tx, offset(tx)+by)
	done.Time = start.Add(by).UTC()
	if err := s.hasten(tx, store.Timer{At: done.Time.Unix()}, done); err != nil {
		return err
	}
	for i, clock := range clocks {
		if err := s.hasten(tx, store.Timer{Account: clock.Account, Clock: clock.ID, At: frozen[i] + left}, done); err != nil {
			return err
		}
	}
	return nil
}

// hasten fires what only waits so that something can be changed meanwhile, on the
// clock of a timer, whose time it shows: where a month was passed, its invoice is paid,
// also where the month had as many days as were passed.
func (s *Sandbox) hasten(tx *store.Tx, shown store.Timer, done *advanced) error {
	for kind, wait := range s.env.Module.Grace {
		for done.Fired <= resource.MaxFired {
			timer, ok := tx.NextTimerOf(kind, shown.Account, shown.Clock, shown.At+int64(wait/time.Second))
			if !ok {
				break
			}
			t := s.env.Begin(tx, timer.Account, s.clock.Now(), time.Unix(shown.At, 0), nil)
			t.Hasten(timer)
			done.Fired++
			done.add(t.Events())
			if err := t.Err(); err != nil {
				return err
			}
		}
	}
	return nil
}
