package sim

import (
	"encoding/json"
	"math/rand/v2"
	"time"

	"github.com/backflow/backflow/sdk"
)

// called is told of a call before it is on its way: its reason is on record.
func (b *books) called(g *gateway, at place, call sdk.Call) string {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.tally.calls++
	if at.Run == "" {
		return at.Request
	}
	run := b.runs[at.Run]
	if run == nil {
		b.w.violatedLocked("no step runs without a recorded reason", "a call of a run that is not stored")
		return ""
	}
	s, known := run.keys[call.IdempotencyKey]
	if !known {
		b.w.violatedLocked("no step runs without a recorded reason", "%s calls %s of %s with a key that is on no record", g.name, at.Step, run.name)
		return run.name
	}
	s.made++
	s.action = call.Action
	run.keys[call.IdempotencyKey] = s
	if call.Action == "none" && s.made > s.allowed {
		b.w.violatedLocked("an action that honours no key is called once for each recorded attempt", "%s %s: %d calls, %d recorded", run.name, s.path, s.made, s.allowed)
	}
	bare := place{Step: at.Step, Item: at.Item}
	if run.places[bare] == nil {
		run.places[bare] = map[int]string{}
	}
	if other, used := run.places[bare][s.generation]; used && other != call.IdempotencyKey {
		b.w.violatedLocked("a step has one key in each generation", "%s %s is called with two", run.name, s.path)
	}
	run.places[bare][s.generation] = call.IdempotencyKey
	return run.name + " " + s.path
}

// effect is told of an effect, which happens once.
func (b *books) effect(at place, call sdk.Call) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.tally.effects++
	b.effects[at]++
	may := 1
	if run := b.runs[at.Run]; run != nil {
		may += run.retries
		b.w.noteLocked("effect of %s %s", run.name, run.keys[call.IdempotencyKey].path)
	}
	if b.effects[at] > may && call.Action != "idem" {
		b.w.violatedLocked("no action takes effect twice", "%s %+v: %d times", call.Action, at, b.effects[at])
	}
}

// accepted is told that a client was told of its run.
func (b *books) accepted(id, tag string) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	run := b.runs[id]
	if run == nil {
		b.w.violatedLocked("nothing accepted is lost", "run %s of %q is not stored", id, tag)
		return
	}
	run.accepted = true
	if tag == "" {
		return
	}
	if other, known := b.started[tag]; known && other != id {
		b.w.violatedLocked("a key starts one run", "%s started %s and %s", tag, b.runs[other].name, run.name)
	}
	b.started[tag] = id
}

func (b *books) acknowledged(id string) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.events[id] = true
	b.w.tally.events++
	if n := b.runsOf("payload", id); n != 1 {
		b.w.violatedLocked("an event that was acknowledged has one run", "%s has %d", id, n)
	}
}

// runsOf counts the runs that started with a tag: of a key, or the id of an event.
func (b *books) runsOf(root, tag string) int {
	count := 0
	for _, run := range b.runs {
		var found struct{ ID, Tag string }
		if json.Unmarshal(run.machine.Root(root), &found) == nil && (found.ID == tag || found.Tag == tag) {
			count++
		}
	}
	return count
}

// answered is told of the answer to a call under a key: what it succeeded with
// stays the same. (Where its record could not be settled and the action cannot be
// repeated, the next answer is that the outcome is unknown.)
func (b *books) answered(key string, a answer) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	before, known := b.results[key]
	if known && before.status == 200 && a.status == 200 && string(a.body) != string(before.body) {
		b.w.violatedLocked("a key is answered the same again", "%s: %d %s, then %d %s", key, before.status, before.body, a.status, a.body)
	}
	b.results[key] = a
}

func (b *books) cancelled(id string) {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	b.w.tally.cancels++
	if run := b.runs[id]; run != nil && run.waits.IsZero() {
		run.waits = time.Now()
	}
}

// anyRun draws a run among the latest.
func (b *books) anyRun(r *rand.Rand) string {
	b.w.mu.Lock()
	defer b.w.mu.Unlock()
	if len(b.order) == 0 {
		return ""
	}
	return b.order[r.IntN(len(b.order))]
}
