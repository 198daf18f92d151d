package resource

import (
	"time"

	"github.com/backflow/backflow/plugins/stripe/internal/sandbox/store"
)

// TestClock is the type of test clocks.
const TestClock = "test_helpers.test_clock"

// On makes a test clock the one whose time Now, New, Emit and After go by, and
// returns the one before. Empty is the sandbox's own time. What belongs to a customer
// goes by the customer's clock: call On(customer.Text("test_clock")) first.
func (t *Tx) On(clock string) (before string) {
	before, t.clock = t.clock, clock
	return before
}

// Clock is the test clock in use, empty for the sandbox's own time.
func (t *Tx) Clock() string { return t.clock }

// Now is the time of the clock in use, in whole seconds, UTC.
func (t *Tx) Now() time.Time {
	if t.clock != "" {
		if clock, ok := t.Find(TestClock, t.clock); ok {
			return time.Unix(clock.Int("frozen_time"), 0).UTC()
		}
	}
	return t.base.UTC().Truncate(time.Second)
}

// At has a timer fire for an object, by its id, once the clock in use shows a
// time. Kind is one of Module.Timers.
func (t *Tx) At(at time.Time, kind, object string) {
	t.state.AddTimer(store.Timer{Account: t.account, Clock: t.clock, At: at.Unix(), Kind: kind, Object: object})
}

// After has a timer fire for an object after a while on the clock in use.
func (t *Tx) After(wait time.Duration, kind, object string) { t.At(t.Now().Add(wait), kind, object) }

// Stop stops the timers of an object: those of one kind, all when kind is empty.
func (t *Tx) Stop(object, kind string) { t.state.StopTimers(t.account, object, kind) }

// StopClock stops all timers that follow a test clock.
func (t *Tx) StopClock(clock string) { t.state.StopClock(t.account, clock) }

// AdvanceClock moves a test clock of this account on, firing each timer at its own
// time, and returns how many fired. The clock object is stored with each new time. A
// time that has passed does nothing.
func (t *Tx) AdvanceClock(clock string, to time.Time) (fired int) {
	before := t.On(clock)
	defer t.On(before)
	for t.Err() == nil {
		timer, ok := t.state.NextTimer(t.account, clock)
		if !ok || timer.At > to.Unix() {
			break
		}
		t.freeze(clock, timer.At)
		t.fire(timer)
		fired++
		if fired > MaxFired {
			break
		}
	}
	t.freeze(clock, to.Unix())
	return fired
}

// freeze sets the time of a test clock, unless it shows a later one.
func (t *Tx) freeze(clock string, at int64) {
	o, ok := t.Find(TestClock, clock)
	if ok && o.Int("frozen_time") < at {
		o["frozen_time"] = at
		t.Put(o)
	}
}

// MaxFired bounds the timers that fire in one advance.
const MaxFired = 20_000

// fire takes a timer and does what it is for.
func (t *Tx) fire(timer store.Timer) {
	if !t.state.TakeTimer(timer) {
		return
	}
	before := t.On(timer.Clock)
	if do := t.env.Module.Timers[timer.Kind]; do != nil {
		do(t, timer.Object)
	}
	t.On(before)
	t.Settle(nil)
}

// Fire fires a timer; a test clock is brought to its time before. The sandbox calls
// it.
func (t *Tx) Fire(timer store.Timer) {
	if timer.Clock != "" {
		t.freeze(timer.Clock, timer.At)
	}
	t.fire(timer)
}

// Hasten fires a timer at the time that its clock shows, which is before its own. The
// sandbox calls it.
func (t *Tx) Hasten(timer store.Timer) { t.fire(timer) }
