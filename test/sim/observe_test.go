package sim

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/backflow/backflow/sdk"
)

// called records a call before it is sent: its reason is on record.
func (m *model) called(g *gateway, at callSite, call sdk.Call) string {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	m.sim.tally.calls++
	if at.Run == "" {
		return at.Request
	}
	run := m.runs[at.Run]
	if run == nil {
		m.sim.violatedLocked("no step runs without a recorded reason", "a call of a run that is not stored")
		return ""
	}
	s, known := run.keys[call.IdempotencyKey]
	if !known {
		m.sim.violatedLocked("no step runs without a recorded reason", "%s calls %s of %s with a key that is on no record", g.name, at.Step, run.name)
		return run.name
	}
	m.checkCalled(run)
	s.calls++
	s.action = call.Action
	run.keys[call.IdempotencyKey] = s
	if call.Action == "none" && s.calls > s.allowed {
		m.sim.violatedLocked("an action that honours no key is called once for each recorded attempt", "%s %s: %d calls, %d recorded", run.name, s.path, s.calls, s.allowed)
	}
	bare := callSite{Step: at.Step, Item: at.Item}
	if run.sites[bare] == nil {
		run.sites[bare] = map[int]string{}
	}
	if other, used := run.sites[bare][s.generation]; used && other != call.IdempotencyKey {
		m.sim.violatedLocked("a step has one key in each generation", "%s %s is called with two", run.name, s.path)
	}
	run.sites[bare][s.generation] = call.IdempotencyKey
	return run.name + " " + s.path
}

// effect records an effect. Each happens once.
func (m *model) effect(at callSite, call sdk.Call) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	m.sim.tally.effects++
	m.effects[at]++
	may := 1
	if run := m.runs[at.Run]; run != nil {
		may += run.retries
		m.sim.noteLocked("effect of %s %s", run.name, run.keys[call.IdempotencyKey].path)
	}
	if !slices.Contains(m.effectKeys[at], call.IdempotencyKey) {
		m.effectKeys[at] = append(m.effectKeys[at], call.IdempotencyKey)
	}
	if len(m.effectKeys[at]) > 1 && call.Action != "idem" {
		m.sim.violatedLocked("what took effect gets no other key", "%s %+v: %d keys", call.Action, at, len(m.effectKeys[at]))
	}
	if m.effects[at] > may && call.Action != "idem" {
		m.sim.violatedLocked("no action takes effect twice", "%s %+v: %d times", call.Action, at, m.effects[at])
	}
}

// accepted records that a client got the 202 for its run.
func (m *model) accepted(id, tag string) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	run := m.runs[id]
	if run == nil {
		m.sim.violatedLocked("nothing accepted is lost", "run %s of %q is not stored", id, tag)
		return
	}
	run.accepted = true
	if tag == "" {
		return
	}
	if other, known := m.started[tag]; known && other != id {
		m.sim.violatedLocked("a key starts one run", "%s started %s and %s", tag, m.runs[other].name, run.name)
	}
	m.started[tag] = id
}

func (m *model) acknowledged(id string) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	m.events[id] = true
	m.sim.tally.events++
	if n := m.runsOf("payload", id); n != 1 {
		m.sim.violatedLocked("an event that was acknowledged has one run", "%s has %d", id, n)
	}
}

// runsOf counts the runs that started with a tag: of a key, or the id of an event.
func (m *model) runsOf(root, tag string) int {
	count := 0
	for _, run := range m.runs {
		if run.record.RerunOf != "" {
			continue // it was asked for by itself
		}
		var found struct{ ID, Tag string }
		if json.Unmarshal(run.machine.Root(root), &found) == nil && (found.ID == tag || found.Tag == tag) {
			count++
		}
	}
	return count
}

// answered records the response to a call under a key: what it succeeded with
// stays the same. (Where its record could not be settled and the action cannot be
// repeated, the next response is that the outcome is unknown.)
func (m *model) answered(key string, a response) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	before, known := m.results[key]
	if known && before.status == 200 && a.status == 200 && string(a.body) != string(before.body) {
		m.sim.violatedLocked("a key is answered the same again", "%s: %d %s, then %d %s", key, before.status, before.body, a.status, a.body)
	}
	m.results[key] = a
}

func (m *model) cancelled(id string) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	m.sim.tally.cancels++
	if run := m.runs[id]; run != nil && run.waits.IsZero() {
		run.waits = time.Now()
	}
}

// anyRun draws a run among the latest.
func (m *model) anyRun(r *rand.Rand) string {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	if len(m.order) == 0 {
		return ""
	}
	return m.order[r.IntN(len(m.order))]
}
