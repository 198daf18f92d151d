package sim

import (
	"context"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// removeEvery is how often a gateway removes what was kept long enough.
const removeEvery = time.Minute

// retain has the runs of a world be removed soon after their end: of few worlds.
func (w *world) retain(r *rand.Rand) {
	if chance(r, 8) {
		w.retention = engine.Retention{
			Succeeded: between(r, 20*time.Second, time.Minute), Failed: between(r, 20*time.Second, time.Minute),
			MaxRuns: pick(r, 0, 0, 2, 5),
		}
	}
}

// request is what a client may repeat as it was.
type request struct {
	path, key string
	body      any
}

// repeatable remembers the request behind a tag.
func (w *world) repeatable(tag string, r request) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.books.requests[tag] = r
}

// forget waits until old runs are removed, and repeats what was accepted: that a
// run is not kept any more does not start it again.
func (w *world) forget() {
	if w.retention == (engine.Retention{}) || w.broken != "" {
		return
	}
	time.Sleep(max(w.retention.Succeeded, w.retention.Failed) + removeEvery + patience)
	w.mu.Lock()
	if w.steady {
		w.books.forgotten()
	}
	var repeats []request
	for _, tag := range append(sortedKeys(w.books.started), sortedKeys(w.books.events)...) {
		repeats = append(repeats, w.books.requests[tag])
	}
	w.mu.Unlock()
	r := w.random(actorRetention + 1000)
	for _, again := range repeats {
		w.insist(r, http.MethodPost, again.path, again.key, again.body)
	}
}

// forgotten: what was kept long enough is gone.
func (b *books) forgotten() {
	kept := 0
	for _, id := range b.order {
		run := b.runs[id]
		if run.removed {
			continue
		}
		kept++
		if late := time.Since(run.head.FinishedAt) - b.keptFor(run); late > removeEvery+patience {
			b.w.violatedLocked("what was kept long enough is removed", "%s is there %s later", run.name, late)
		}
	}
	if most := b.w.retention.MaxRuns; most > 0 && kept > most {
		b.w.violatedLocked("what was kept long enough is removed", "%d runs are kept, of at most %d", kept, most)
	}
}

func (b *books) keptFor(run *ledgerRun) time.Duration {
	if run.head.Status == workflow.RunSucceeded {
		return b.w.retention.Succeeded
	}
	return b.w.retention.Failed
}

// removed: retention removes runs that have ended, not before their time, and
// nothing else with them.
func (b *books) removed(g *gateway, ops []state.Op) {
	var gone []*ledgerRun
	for _, op := range ops {
		if op.Kind != state.KindDelete || op.Space != "run" {
			continue
		}
		run := b.runs[op.ID]
		if run == nil || run.removed {
			b.w.violatedLocked("a run is removed once", "%s removes %s", g.name, op.ID)
			return
		}
		gone = append(gone, run)
	}
	if len(gone) == 0 {
		return
	}
	b.fenced(g)
	ended := 0
	for _, run := range b.runs {
		if !run.removed && run.head.Status.Ended() {
			ended++
		}
	}
	for _, run := range gone {
		b.w.tally.removals++
		age := time.Since(run.head.FinishedAt)
		b.w.noteLocked("%s removes %s, %s after its end", g.name, run.name, age)
		over := b.w.retention.MaxRuns > 0 && ended > b.w.retention.MaxRuns
		switch {
		case !run.head.Status.Ended():
			b.w.violatedLocked("only what has ended is removed", "%s is %s", run.name, run.head.Status)
		case b.w.steady && !over && age < b.keptFor(run):
			b.w.violatedLocked("nothing is removed before its time", "%s after %s of %s, %d have ended", run.name, age, b.keptFor(run), ended)
		}
		run.removed = true
		ended--
	}
	for _, op := range ops {
		if op.Kind == state.KindDelete && op.Space != "run" {
			b.w.violatedLocked("retention removes runs alone", "%s removes a record of %s", g.name, op.Space)
		}
	}
}

// checkGone: nothing is left of a run that was removed.
func (b *books) checkGone(run *ledgerRun) {
	heads, err := b.w.store.Get(context.Background(), state.Ref{Bucket: "run", ID: run.id})
	entries, err2 := b.w.store.Journal(context.Background(), run.id, 0)
	if err != nil || err2 != nil || heads[0] != nil || len(entries) > 0 {
		b.w.violatedLocked("a run is removed whole", "of %s %d bytes and %d entries are left", run.name, len(heads[0]), len(entries))
	}
}
