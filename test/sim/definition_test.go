package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// author writes random definitions.
type author struct {
	*rand.Rand
	root         string   // of what a run starts with: input or payload
	ids          int      // numbers the steps of all definitions
	lower        []string // workflows that a step may run
	looped       bool     // inside of a foreach
	compensating bool     // inside of a compensate
	depth        int
}

type object = map[string]any

// drawDefinitions writes the definitions: some workflows, each of which may
// run those before it, and the actions of a webhook.
func (sim *simulation) drawDefinitions() {
	a := &author{Rand: sim.random(actorDefinitions), root: "input"}
	for i := range 3 {
		definition := object{"id": fmt.Sprintf("w%d", i), "steps": a.steps(1 + a.IntN(4))}
		if chance(a.Rand, 20) {
			definition["timeout"] = pick(a.Rand, "3s", "20s", "60s")
		}
		if chance(a.Rand, 30) {
			limit := object{"limit": 1 + a.IntN(2), "onFull": pick(a.Rand, "queue", "queue", "drop")}
			if chance(a.Rand, 50) {
				limit["key"] = "{{input.n}}"
			}
			definition["concurrency"] = limit
		}
		if chance(a.Rand, 20) {
			definition["onUnknown"] = "compensate"
		}
		if chance(a.Rand, 50) {
			definition["output"] = object{"n": "{{input.n}}"}
		}
		sim.workflows = append(sim.workflows, definition)
		a.lower = append(a.lower, fmt.Sprintf("w%d", i))
	}
	a.root = "payload"
	sim.actions = a.steps(1 + a.IntN(3))
	plan, err := sim.load(&fakeIntegration{}, fakeProvider{sim.sender})
	if err != nil {
		sim.t.Fatalf("seed %d: a config that was drawn wrong: %v\n%s", sim.seed, err, sim.config())
	}
	for _, d := range plan.Definitions {
		sim.note("definition %s", d.Source.Raw)
		sim.definitions = append(sim.definitions, d.Definition)
		sim.timed[d.Hash] = bytes.Contains(d.Source.Raw, []byte(`"timeout"`))
	}
}

func encode(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // it is made of plain values
	}
	return raw
}

// steps writes a list of steps that are run in order.
func (a *author) steps(n int) []any { return a.list(n, true) }

// list writes a list of steps. In one that is run in order, calls bring the result
// of the step before with them.
func (a *author) list(n int, inOrder bool) []any {
	a.depth++
	defer func() { a.depth-- }()
	list := make([]any, 0, n)
	var ids []string
	for range n {
		s := a.step()
		params, calls := s["params"].(object)
		switch {
		case len(ids) > 0 && chance(a.Rand, 15):
			s["dependsOn"] = []string{pick(a.Rand, ids...)}
		case len(ids) > 0 && inOrder && calls:
			params["before"] = fmt.Sprintf("{{steps.%s.result?}}", ids[len(ids)-1])
		}
		ids = append(ids, s["id"].(string))
		list = append(list, s)
	}
	return list
}

// step writes one step, with what any step can have.
func (a *author) step() object {
	a.ids++
	s := object{"id": fmt.Sprintf("s%d", a.ids)}
	a.typed(s)
	if chance(a.Rand, 10) {
		s["condition"] = fmt.Sprintf("{{%s.n}} %s %d", a.root, pick(a.Rand, "<", ">", "===", "!=="), a.IntN(4))
	}
	if chance(a.Rand, 12) && s["timeout"] == nil {
		s["timeout"] = pick(a.Rand, "400ms", "2s", "15s")
	}
	switch dice := a.IntN(100); {
	case dice < 12:
		s["onError"] = "continue"
	case dice < 24 && a.depth < 4:
		s["onError"] = a.steps(1 + a.IntN(2))
	}
	if !a.compensating && chance(a.Rand, 25) && a.depth < 4 {
		a.compensating = true
		s["compensate"] = a.steps(1 + a.IntN(2))
		a.compensating = false
	}
	return s
}

// typed writes what only steps of one type have.
func (a *author) typed(s object) {
	dice := a.IntN(100)
	if a.depth >= 4 {
		dice %= 60
	}
	switch {
	case dice < 44:
		a.action(s)
	case dice < 49:
		s["type"], s["duration"] = "wait", pick(a.Rand, "0s", "300ms", "4s", "45s")
	case dice < 55:
		s["type"], s["event"] = "waitForEvent", pick(a.Rand, "go", "stop")
		if a.compensating || chance(a.Rand, 50) {
			s["timeout"] = pick(a.Rand, "1s", "20s")
		}
	case dice < 57:
		s["type"], s["values"] = "set", object{"n": fmt.Sprintf("{{%s.n}}", a.root)}
	case dice < 59:
		s["type"], s["message"] = "fail", "so be it"
	case dice < 60:
		s["type"] = "return"
		if a.compensating {
			s["type"], s["values"] = "set", object{"run": "{{run.id}}"}
		}
	case dice < 70:
		s["type"], s["steps"] = "sequence", a.steps(1+a.IntN(3))
	case dice < 80:
		s["type"], s["steps"] = "parallel", a.list(2+a.IntN(2), false)
	case dice < 89:
		a.foreach(s)
	case dice < 94:
		s["type"] = "switch"
		s["cases"] = []any{object{"when": fmt.Sprintf("{{%s.n}} === %d", a.root, a.IntN(4)), "steps": a.steps(1 + a.IntN(2))}}
		if chance(a.Rand, 60) {
			s["default"] = a.steps(1 + a.IntN(2))
		}
	case len(a.lower) > 0:
		s["type"], s["workflow"] = "workflow", pick(a.Rand, a.lower...)
		s["input"] = object{"n": fmt.Sprintf("{{%s.n}}", a.root), "tag": "child"}
	default:
		a.action(s)
	}
}

// foreach writes a loop; items of inner loops tell those of the outer ones.
func (a *author) foreach(s object) {
	s["type"] = "foreach"
	var items []any
	for i := range a.IntN(4) {
		item := string(rune('a' + i))
		if a.looped {
			item = "{{item}}" + item
		}
		items = append(items, item)
	}
	s["items"], s["concurrency"] = append([]any{}, items...), 1+a.IntN(3)
	outer := a.looped
	a.looped = true
	s["steps"] = a.steps(1 + a.IntN(2))
	a.looped = outer
}

// action writes a call. Its params say where it stands, whatever the key says.
func (a *author) action(s object) {
	s["type"] = "vendor"
	s["action"] = pick(a.Rand, "keyed", "keyed", "keyed", "short", "none", "none", "idem", "read")
	params := object{"run": "{{run.id}}", "step": s["id"]}
	if a.looped {
		params["item"] = "{{item}}"
	}
	s["params"] = params
	if chance(a.Rand, 60) {
		s["retry"] = object{
			"maxAttempts": 1 + a.IntN(4), "initialInterval": pick(a.Rand, "50ms", "1s", "10s"),
			"maxInterval": "20s", "multiplier": 2,
		}
	}
}
