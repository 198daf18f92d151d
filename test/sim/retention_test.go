package sim

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
)

// removeEvery is how often a gateway removes what was kept long enough.
const removeEvery = time.Minute

// drawRetention makes runs be removed soon after their end, in few simulations.
func (sim *simulation) drawRetention(r *rand.Rand) {
	if chance(r, 8) {
		retention := engine.Retention{
			Succeeded: between(r, 20*time.Second, time.Minute), Failed: between(r, 20*time.Second, time.Minute),
			MaxRuns: pick(r, 0, 0, 2, 5),
		}
		sim.changeConfig(func() { sim.retention = retention })
	}
}

// request is what a client may repeat as it was.
type request struct {
	path, key string
	body      any
}

// rememberRequest stores the request of a tag.
func (sim *simulation) rememberRequest(tag string, r request) {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	sim.model.requests[tag] = r
}

// checkRetention waits until old runs are removed, and repeats what was accepted:
// a removed run is not started again.
func (sim *simulation) checkRetention() {
	if sim.retention == (engine.Retention{}) || sim.violation != "" {
		return
	}
	time.Sleep(max(sim.retention.Succeeded, sim.retention.Failed) + removeEvery + tolerance)
	sim.mu.Lock()
	if sim.exactClocks {
		sim.model.checkRetained()
	}
	var repeats []request
	for _, tag := range append(sortedKeys(sim.model.started), sortedKeys(sim.model.events)...) {
		repeats = append(repeats, sim.model.requests[tag])
	}
	sim.mu.Unlock()
	r := sim.random(actorRetention + 1000)
	for _, again := range repeats {
		sim.requestUntilFinal(r, http.MethodPost, again.path, again.key, again.body)
	}
	sim.finishRuns() // an event that failed, and whose run is kept, is resumed
}

// checkRetained: what was kept long enough is gone.
func (m *model) checkRetained() {
	kept := 0
	for _, id := range m.order {
		run := m.runs[id]
		if run.removed {
			continue
		}
		kept++
		if late := time.Since(run.record.FinishedAt) - m.keptFor(run); late > removeEvery+tolerance {
			m.sim.violatedLocked("what was kept long enough is removed", "%s is there %s later", run.name, late)
		}
	}
	if most := m.sim.retention.MaxRuns; most > 0 && kept > most {
		m.sim.violatedLocked("what was kept long enough is removed", "%d runs are kept, of at most %d", kept, most)
	}
}

func (m *model) keptFor(run *modelRun) time.Duration {
	if run.record.Status == workflow.RunSucceeded {
		return m.sim.retention.Succeeded
	}
	return m.sim.retention.Failed
}

// checkRemoved: retention removes runs that have ended, not before their time, and
// nothing else with them.
func (m *model) checkRemoved(g *gateway, ops []state.Op) {
	var gone []*modelRun
	for _, op := range ops {
		if op.Kind != state.KindDelete || op.Space != layout.BucketRun {
			continue
		}
		run := m.runs[op.ID]
		if run == nil || run.removed {
			m.sim.violatedLocked("a run is removed once", "%s removes %s", g.name, op.ID)
			return
		}
		gone = append(gone, run)
	}
	if len(gone) == 0 {
		return
	}
	m.checkFence(g)
	ended := 0
	for _, run := range m.runs {
		if !run.removed && run.record.Status.Ended() {
			ended++
		}
	}
	for _, run := range gone {
		m.sim.tally.removals++
		age := time.Since(run.record.FinishedAt)
		m.sim.noteLocked("%s removes %s, %s after its end", g.name, run.name, age)
		over := m.sim.retention.MaxRuns > 0 && ended > m.sim.retention.MaxRuns
		switch {
		case !run.record.Status.Ended():
			m.sim.violatedLocked("only what has ended is removed", "%s is %s", run.name, run.record.Status)
		case m.sim.exactClocks && !over && age < m.keptFor(run):
			m.sim.violatedLocked("nothing is removed before its time", "%s after %s of %s, %d have ended", run.name, age, m.keptFor(run), ended)
		}
		run.removed = true
		m.moved[run.record.Order], m.moved[run.record.Lane] = time.Now(), time.Now()
		ended--
	}
	for _, op := range ops {
		if op.Kind == state.KindDelete && op.Space != layout.BucketRun {
			m.sim.violatedLocked("retention removes runs alone", "%s removes a record of %s", g.name, op.Space)
		}
	}
}

// checkGone: nothing is left of a run that was removed.
func (m *model) checkGone(run *modelRun) {
	records, err := m.sim.store.Get(context.Background(), state.Ref{Bucket: layout.BucketRun, ID: run.id})
	entries, err2 := m.sim.store.Journal(context.Background(), run.id, 0, 10_000)
	if err != nil || err2 != nil || records[0] != nil || len(entries) > 0 {
		m.sim.violatedLocked("a run is removed whole", "of %s %d bytes and %d entries are left", run.name, len(records[0]), len(entries))
	}
}
