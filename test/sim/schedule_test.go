package sim

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/backflow/backflow/core/schedule"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// tickTag begins the tag of what a schedule starts; its name follows.
const tickTag = "tick-"

// timetable is what the simulation knows of a schedule.
type timetable struct {
	cron  *schedule.Cron
	drops bool              // its workflow refuses a start over its limit
	next  time.Time         // as the store has it; zero while it has none
	began map[time.Time]int // runs by tick; 0 for one that was passed over
}

// drawSchedules makes the schedules: none, mostly.
func (sim *simulation) drawSchedules(r *rand.Rand) {
	if !chance(r, 10) {
		return
	}
	for n := range 1 + r.IntN(2) {
		cron := pick(r, "* * * * *", "*/2 * * * *")
		parsed, err := schedule.ParseCron(cron, "")
		if err != nil {
			sim.t.Fatal(err)
		}
		name, definition := fmt.Sprintf("t%d", n), sim.definitions[r.IntN(3)]
		added := object{"name": name, "cron": cron, "workflow": definition.ID, "input": input(r, tickTag+name)}
		sim.changeConfig(func() { sim.schedules = append(sim.schedules, added) })
		drops := definition.Concurrency != nil && definition.Concurrency.Drop
		sim.model.timetables[name] = &timetable{cron: parsed, drops: drops, began: map[time.Time]int{}}
	}
}

// checkSchedules lets schedules tick without faults, perhaps after a time without
// gateways, and takes them out of the config.
func (sim *simulation) checkSchedules() {
	if len(sim.schedules) == 0 {
		return
	}
	r := sim.random(actorSchedules + 1000)
	if chance(r, 30) {
		sim.suspendAll(between(r, time.Minute, 5*time.Minute))
	}
	upcoming := time.Now()
	for _, t := range sim.model.timetables {
		upcoming = later(upcoming, t.cron.Next(time.Now()))
	}
	time.Sleep(time.Until(upcoming) + tolerance + time.Second)
	sim.mu.Lock()
	if sim.exactClocks {
		sim.model.checkOverdue()
	}
	sim.changeConfig(func() { sim.schedules = nil })
	sim.mu.Unlock()
	for _, s := range sim.nodes {
		s.awaitRunning() // a process that starts from now on has none
		for g := s.running(); g != nil && g.server.Reload(g.lifetime) != nil; g = s.running() {
			time.Sleep(time.Second)
		}
		s.awaitRunning()
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// suspendAll suspends all gateways for a time.
func (sim *simulation) suspendAll(d time.Duration) {
	sim.note("all gateways are suspended for %s", d)
	var resume []func()
	for _, s := range sim.nodes {
		if g := s.running(); g != nil {
			resume = append(resume, g.suspend())
		}
	}
	time.Sleep(d)
	for _, goOn := range resume {
		goOn()
	}
	sim.note("all gateways are resumed")
	for _, s := range sim.nodes {
		s.awaitRunning()
	}
}

// checkOverdue: no tick is left that has come.
func (m *model) checkOverdue() {
	for name, t := range m.timetables {
		if late := time.Since(t.next); late > tolerance {
			m.sim.violatedLocked("each tick of a schedule starts a run", "%s waits for one that came %s ago", name, late)
		}
	}
}

// scheduleChange is what a commit does to a schedule.
type scheduleChange struct {
	fired  bool // the timer had to be due
	gone   bool // the record is removed
	next   time.Time
	ticks  []time.Time // that are dealt with by it
	starts int
}

// checkTicks checks what a commit does to schedules.
func (m *model) checkTicks(ops []state.Op, made []*modelRun) {
	if len(m.timetables) == 0 {
		return
	}
	turns := map[string]*scheduleChange{}
	of := func(name string) *scheduleChange {
		if turns[name] == nil {
			turns[name] = &scheduleChange{}
		}
		return turns[name]
	}
	for _, op := range ops {
		switch {
		case op.Kind == state.KindRequireDue && op.Space == layout.QueueSchedule:
			of(op.ID).fired = true
		case op.Kind == state.KindInsert && op.Space == layout.BucketTick:
			name, text, _ := strings.Cut(op.ID, "/")
			tick, err := time.Parse(time.RFC3339, text)
			if err != nil {
				m.sim.violatedLocked("a schedule's record can be read", "%v", err)
			}
			of(name).ticks = append(of(name).ticks, tick)
		case op.Kind == state.KindDelete && op.Space == layout.BucketSchedule:
			of(op.ID).gone = true
		case op.Kind == state.KindPut && op.Space == layout.BucketSchedule:
			var record struct{ Next time.Time }
			if err := json.Unmarshal(op.Value, &record); err != nil {
				m.sim.violatedLocked("a schedule's record can be read", "%v", err)
			}
			of(op.ID).next = record.Next
		}
	}
	for _, run := range made {
		if run.record.RerunOf != "" {
			continue // no tick has started it
		}
		var input struct{ Tag string }
		if json.Unmarshal(run.machine.Root("input"), &input) == nil && strings.HasPrefix(input.Tag, tickTag) {
			of(strings.TrimPrefix(input.Tag, tickTag)).starts++
		}
	}
	for name, done := range turns {
		m.checkScheduleChange(name, m.timetables[name], done)
	}
}

func (m *model) checkScheduleChange(name string, t *timetable, done *scheduleChange) {
	now, before := time.Now(), t.next
	broken := func(format string, args ...any) {
		m.sim.violatedLocked("each tick of a schedule starts a run", "%s: %s", name, fmt.Sprintf(format, args...))
	}
	if done.starts > 0 && done.next.IsZero() {
		broken("a run is started and the next tick is not set with it")
		return
	}
	t.next = done.next
	if !done.fired {
		// It is new, was removed, or was put right after a clock had been wrong.
		if m.sim.exactClocks && !before.IsZero() && !done.gone && !before.Equal(t.next) {
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
	m.sim.tally.ticks++
	m.sim.noteLocked("%s ticks for %s, %d runs", name, tick, done.starts)
	switch {
	case before.After(now):
		broken("a tick comes %s early", before.Sub(now))
	case done.starts > 1 || len(done.ticks) > 1:
		broken("%d runs and %d ticks in one commit", done.starts, len(done.ticks))
	case done.starts+earlier > 1:
		broken("%s starts %d runs", tick, done.starts+earlier)
	case done.starts == 0 && !again && !t.drops && (m.sim.exactClocks || len(done.ticks) > 0):
		broken("%s starts nothing", tick)
	case !m.sim.exactClocks: // a wrong clock passes ticks over
	case tick.Before(before) || tick.After(now) || !t.cron.Next(tick.Add(-time.Second)).Equal(tick):
		broken("it deals with %s, while %s was next", tick, before)
	case !t.next.Equal(t.cron.Next(tick)):
		broken("%s follows %s", t.next, tick)
	}
}
