package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state"
)

// tickTag begins the tag of what a schedule starts; its name follows.
const tickTag = "tick-"

// timetable is what the simulation knows of a schedule.
type timetable struct {
	plan  *schedule.Plan
	drops bool              // its workflow refuses a start over its limit
	next  time.Time         // as the store has it; zero while it has none
	began map[time.Time]int // runs by tick; 0 for one that was passed over
}

// plan writes the schedules of a world: none, mostly.
func (w *world) plan(r *rand.Rand) {
	if !chance(r, 10) {
		return
	}
	for n := range 1 + r.IntN(2) {
		plan, err := schedule.NewPlan(pick(r, "* * * * *", "*/2 * * * *"), "")
		if err != nil {
			w.t.Fatal(err)
		}
		name, definition := fmt.Sprintf("t%d", n), w.definitions[r.IntN(3)]
		w.schedules = append(w.schedules, schedule.Schedule{
			Name: name, Plan: plan, Workflow: definition.ID, Input: encode(input(r, tickTag+name)),
		})
		drops := definition.Concurrency != nil && definition.Concurrency.Drop
		w.books.timetables[name] = &timetable{plan: plan, drops: drops, began: map[time.Time]int{}}
	}
}

// inForce are the schedules of the config as it is now.
func (w *world) inForce() []schedule.Schedule {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.schedules
}

// keepTime lets schedules tick without faults, perhaps after a time without
// gateways, and takes them out of the config.
func (w *world) keepTime() {
	if len(w.inForce()) == 0 {
		return
	}
	r := w.random(actorSchedules + 1000)
	if chance(r, 30) {
		w.absent(between(r, time.Minute, 5*time.Minute))
	}
	upcoming := time.Now()
	for _, s := range w.schedules {
		upcoming = later(upcoming, s.Plan.Next(time.Now()))
	}
	time.Sleep(time.Until(upcoming) + patience + time.Second)
	w.mu.Lock()
	if w.steady {
		w.books.punctual()
	}
	w.schedules = nil
	w.mu.Unlock()
	for _, s := range w.slots {
		s.heal() // a process that comes up from now on has none
		for g := s.up(); g != nil && g.scheduler.Set(g.life, nil) != nil; g = s.up() {
			time.Sleep(time.Second)
		}
		s.heal()
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// absent stops all gateways for a time.
func (w *world) absent(d time.Duration) {
	w.note("nobody is there for %s", d)
	var resume []func()
	for _, s := range w.slots {
		if g := s.up(); g != nil {
			resume = append(resume, g.stopSignal())
		}
	}
	time.Sleep(d)
	for _, goOn := range resume {
		goOn()
	}
	w.note("they go on")
	for _, s := range w.slots {
		s.heal()
	}
}

// punctual: no tick is left that has come.
func (b *books) punctual() {
	for name, t := range b.timetables {
		if late := time.Since(t.next); late > patience {
			b.w.violatedLocked("each tick of a schedule starts a run", "%s waits for one that came %s ago", name, late)
		}
	}
}

// turn is what a commit does about a schedule.
type turn struct {
	fired  bool // the timer had to be due
	gone   bool // the record is removed
	next   time.Time
	ticks  []time.Time // that are dealt with by it
	starts int
}

// ticked looks at a commit for what it does about schedules.
func (b *books) ticked(ops []state.Op, made []*ledgerRun) {
	if len(b.timetables) == 0 {
		return
	}
	turns := map[string]*turn{}
	of := func(name string) *turn {
		if turns[name] == nil {
			turns[name] = &turn{}
		}
		return turns[name]
	}
	for _, op := range ops {
		switch {
		case op.Kind == state.KindRequireDue && op.Space == "schedule":
			of(op.ID).fired = true
		case op.Kind == state.KindInsert && op.Space == "schedule-tick":
			name, text, _ := strings.Cut(op.ID, "/")
			tick, err := time.Parse(time.RFC3339, text)
			if err != nil {
				b.w.violatedLocked("a schedule's record can be read", "%v", err)
			}
			of(name).ticks = append(of(name).ticks, tick)
		case op.Kind == state.KindDelete && op.Space == "schedule":
			of(op.ID).gone = true
		case op.Kind == state.KindPut && op.Space == "schedule":
			var record struct{ Next time.Time }
			if err := json.Unmarshal(op.Value, &record); err != nil {
				b.w.violatedLocked("a schedule's record can be read", "%v", err)
			}
			of(op.ID).next = record.Next
		}
	}
	for _, run := range made {
		var input struct{ Tag string }
		if json.Unmarshal(run.machine.Root("input"), &input) == nil && strings.HasPrefix(input.Tag, tickTag) {
			of(strings.TrimPrefix(input.Tag, tickTag)).starts++
		}
	}
	for name, done := range turns {
		b.turned(name, b.timetables[name], done)
	}
}

func (b *books) turned(name string, t *timetable, done *turn) {
	now, before := time.Now(), t.next
	broken := func(format string, args ...any) {
		b.w.violatedLocked("each tick of a schedule starts a run", "%s: %s", name, fmt.Sprintf(format, args...))
	}
	if done.starts > 0 && done.next.IsZero() {
		broken("a run is started and the next tick is not set with it")
		return
	}
	t.next = done.next
	if !done.fired {
		// It is new, was removed, or was put right after a clock had been wrong.
		if b.w.steady && !before.IsZero() && !done.gone && !before.Equal(t.next) {
			broken("its next tick changes from %s to %s although none came", before, t.next)
		}
		return
	}
	tick := before // or, where a clock was wrong, another one that was dealt with before
	if len(done.ticks) > 0 {
		tick = done.ticks[0]
	}
	earlier, again := t.began[tick]
	t.began[tick] += done.starts
	b.w.tally.ticks++
	b.w.noteLocked("%s ticks for %s, %d runs", name, tick, done.starts)
	switch {
	case before.After(now):
		broken("a tick comes %s early", before.Sub(now))
	case done.starts > 1 || len(done.ticks) > 1:
		broken("%d runs and %d ticks in one commit", done.starts, len(done.ticks))
	case done.starts+earlier > 1:
		broken("%s starts %d runs", tick, done.starts+earlier)
	case done.starts == 0 && !again && !t.drops && (b.w.steady || len(done.ticks) > 0):
		broken("%s starts nothing", tick)
	case !b.w.steady: // a wrong clock passes ticks over
	case tick.Before(before) || tick.After(now) || !t.plan.Next(tick.Add(-time.Second)).Equal(tick):
		broken("it deals with %s, while %s was next", tick, before)
	case !t.next.Equal(t.plan.Next(tick)):
		broken("%s follows %s", t.next, tick)
	}
}
