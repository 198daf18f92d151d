package workflow

import (
	"maps"
	"time"

	"github.com/backflow/backflow/core/template"
	"github.com/backflow/backflow/sdk/value"
)

// FetchStep is the id of the step that fetches what an event is about, before all
// others of the definition. Its result is {{payload.fetched}}.
const FetchStep = "fetch"

// fetchedMember is the member of the payload that is the result of the step.
const fetchedMember = "fetched"

// Fetch is what the first step of the actions of a webhook calls, with the payload as
// its param "event", to get what the event is about as it is then. The actions that
// follow see its result as {{payload.fetched}}, where the payload is an object. A retry
// of the run calls it anew, so that nothing is done with what was fetched for an
// earlier one.
type Fetch struct {
	Integration, Action string
}

// fetchStep makes the step, of which faults are below "/fetch".
func (p *parser) fetchStep(f Fetch) *Step {
	return p.step(map[string]any{
		"id": FetchStep, "integration": f.Integration, "action": f.Action, "params": map[string]any{"event": "{{payload}}"},
	}, "/fetch", FetchStep)
}

// fetchFirst puts the step before all others of a definition.
func (d *Definition) fetchFirst(s *Step) {
	if d.Steps == nil {
		return // a fault already
	}
	d.fetch = s
	for _, other := range d.Steps.Steps {
		for i := range other.Deps {
			other.Deps[i]++
		}
		if other.HasDeps {
			other.Deps = append(other.Deps, 0)
		}
	}
	d.Steps.Steps = append([]*Step{s}, d.Steps.Steps...)
}

// storedFetch reads it as it is stored.
func (p *parser) storedFetch(members map[string]any) *Step {
	stored, _ := members["fetch"].(map[string]any)
	integration, _ := stored["integration"].(string)
	action, _ := stored["action"].(string)
	return p.fetchStep(Fetch{Integration: integration, Action: action})
}

// append adds it to a definition that is being written.
func (f Fetch) append(raw []byte) []byte {
	raw = value.AppendString(append(raw, `,"fetch":{"integration":`...), f.Integration)
	return append(value.AppendString(append(raw, `,"action":`...), f.Action), '}')
}

// fetchReads notes what a reference to the payload reads of what is fetched.
func (c *refChecker) fetchReads(ref template.Ref) {
	switch {
	case c.fetch == nil || ref.Root != "payload":
	case len(ref.Path) == 0:
		c.reads[c.fetch] = append(c.reads[c.fetch], value.Path{})
	case !ref.Path[0].IsIndex && ref.Path[0].Key == fetchedMember:
		c.reads[c.fetch] = append(c.reads[c.fetch], ref.Path[1:])
	}
}

// fetchNode is the step of the run that fetches, nil if it has none.
func (m *Machine) fetchNode() *node {
	if m.definition.fetch == nil || m.root == nil {
		return nil
	}
	return m.root.nodes[0]
}

// payload is the payload with what was fetched in it.
func (s *scope) payload() (any, bool) {
	v, ok := s.machine.roots.Root("payload")
	n := s.machine.fetchNode()
	if !ok || n == nil || n.Status != StepSucceeded {
		return v, ok
	}
	given, isObject := v.(map[string]any)
	if !isObject {
		return v, ok
	}
	if s.fetched == nil {
		s.fetched = maps.Clone(given)
		s.fetched[fetchedMember] = n.resultOrNull().Value()
	}
	return s.fetched, true
}

// fetchAgain has a run that goes on fetch anew.
func (m *Machine) fetchAgain() {
	n := m.fetchNode()
	if n == nil || n.Status != StepSucceeded {
		return
	}
	n.Status, n.StartedAt, n.FinishedAt, n.Result, n.shown = StepPending, time.Time{}, time.Time{}, value.Doc{}, nil
	n.generation++
	n.keyedAt, n.tries = time.Time{}, 0
	m.root.open = 0
	for _, other := range m.root.nodes[1:] {
		other.early = other.early || other.satisfied()
	}
	m.track(n)
}
