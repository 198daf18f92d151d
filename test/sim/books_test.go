package sim

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// books is what the simulation knows by itself, from what was written and what
// was answered. world.mu guards all of it.
type books struct {
	w          *world
	runs       map[string]*ledgerRun
	order      []string          // of the runs
	started    map[string]string // run by tag of the key
	events     map[string]bool   // acknowledged
	results    map[string]answer // of calls by key
	effects    map[place]int
	timers     map[string]bool // of runs, that are set
	timetables map[string]*timetable
	requests   map[string]request // by tag: of a key, or the id of an event
}

// ledgerRun is what was written of a run.
type ledgerRun struct {
	id         string
	name       string
	head       storedHead
	machine    *workflow.Machine
	definition *workflow.Definition
	events     []workflow.Event
	entries    int
	keys       map[string]sent // by idempotency key
	places     map[place]map[int]string
	retries    int
	accepted   bool
	ended      bool
	waits      time.Time // when it was cancelled by a client
	removed    bool      // by retention
	timed      bool      // some time limit is in its definition
}

// sent is what the journal says of a key.
type sent struct {
	path       string
	generation int
	allowed    int // attempts that were recorded
	made       int
	action     string
	refused    int // of them, by a plugin that was down
}

// storedHead is what the simulation reads of a run's record.
type storedHead struct {
	ID         string             `json:"id"`
	Workflow   string             `json:"workflow"`
	Definition string             `json:"definition"`
	Status     workflow.RunStatus `json:"status"`
	Lease      string             `json:"lease"`
	Held       bool               `json:"held"`
	Group      string             `json:"group"`
	Parent     *struct {
		ID string `json:"id"`
	} `json:"parent"`
	CreatedAt  time.Time `json:"createdAt"`
	FinishedAt time.Time `json:"finishedAt"`
}

func newBooks(w *world) *books {
	return &books{
		w: w, runs: map[string]*ledgerRun{}, started: map[string]string{}, events: map[string]bool{},
		results: map[string]answer{}, effects: map[place]int{}, timers: map[string]bool{},
		timetables: map[string]*timetable{}, requests: map[string]request{},
	}
}

// committed looks at a commit that was applied.
func (b *books) committed(g *gateway, ops []state.Op) {
	var touched, made []*ledgerRun
	before := map[*ledgerRun]storedHead{}
	for _, op := range ops {
		if (op.Kind == state.KindPut || op.Kind == state.KindInsert) && op.Space == "run" {
			run := b.runs[op.ID]
			if run == nil {
				run = b.open(op.ID)
				made = append(made, run)
			}
			before[run] = run.head
			run.head = storedHead{}
			if err := json.Unmarshal(op.Value, &run.head); err != nil {
				b.w.violatedLocked("a head can be read", "%v", err)
			}
			touched = append(touched, run)
		}
	}
	writes := len(touched) > 0
	for _, op := range ops {
		if op.Kind == state.KindAppend {
			writes = true
			b.appended(g, op)
		}
	}
	if writes {
		b.fenced(g)
	}
	for _, run := range touched {
		b.w.noteLocked("%s: %s is %s%s", g.name, run.name, run.head.Status, run.note())
		b.status(run, before[run])
	}
	b.limits(touched)
	b.timed(ops)
	b.ticked(ops, made)
	b.removed(g, ops)
}

// timed: a run that nobody works on and that waits for a time has a timer.
func (b *books) timed(ops []state.Op) {
	for _, op := range ops {
		switch {
		case op.Kind == state.KindSetTimer && op.Space == "run":
			b.timers[op.ID] = true
		case op.Kind == state.KindClearTimer && op.Space == "run":
			delete(b.timers, op.ID)
		}
	}
	for _, op := range ops {
		run := b.runs[op.ID]
		if run == nil || run.head.Lease != "" || run.head.Status.Ended() || run.head.Status == workflow.RunQueued {
			continue
		}
		if _, waits := run.machine.WaitUntil(); waits && !b.timers[run.id] {
			b.w.violatedLocked("what waits for a time has a timer", "%s has none", run.name)
		}
	}
}

func (r *ledgerRun) note() string {
	text := ""
	if r.head.Lease != "" {
		text = ", worked on"
	}
	if r.head.Held {
		text += ", held"
	}
	return text
}

func (b *books) open(id string) *ledgerRun {
	run := &ledgerRun{id: id, name: b.w.nameLocked("run", id), keys: map[string]sent{}, places: map[place]map[int]string{}}
	b.runs[id] = run
	b.order = append(b.order, id)
	b.w.tally.runs++
	return run
}

// fenced: who writes of runs holds its lease.
func (b *books) fenced(g *gateway) {
	found, err := b.w.store.Get(context.Background(), state.Ref{Bucket: "lease", ID: g.lease.ID()})
	if err != nil || found[0] == nil {
		b.w.violatedLocked("a gateway whose lease was taken away writes nothing", "%s wrote", g.name)
	}
}

// status: what has ended stays so, but for a retry.
func (b *books) status(run *ledgerRun, before storedHead) {
	if !before.Status.Ended() || before.Status == run.head.Status {
		return
	}
	if last := run.events[len(run.events)-1]; run.head.Status.Ended() || !slices.ContainsFunc(run.events, func(e workflow.Event) bool { return e.Type == workflow.EventRetry }) {
		b.w.violatedLocked("an end is written once", "%s was %s and is %s after %s", run.name, before.Status, run.head.Status, last.Type)
	}
}

// limits: no more runs of a group are under way than may be.
func (b *books) limits(touched []*ledgerRun) {
	for _, run := range touched {
		group := run.head.Group
		if group == "" || run.head.Held || run.head.Status.Ended() {
			continue
		}
		limit, err := strconv.Atoi(strings.Split(group, "/")[1])
		count := 0
		for _, other := range b.runs {
			if other.head.Group == group && !other.head.Held && !other.head.Status.Ended() {
				count++
			}
		}
		if err != nil || count > limit {
			b.w.violatedLocked("no more runs of a group are under way than its limit", "%d of %s, %s", count, group, run.name)
		}
	}
}

// appended folds an entry of a journal and looks at each event.
func (b *books) appended(g *gateway, op state.Op) {
	run := b.runs[op.ID]
	if run == nil {
		b.w.violatedLocked("a journal belongs to a run", "%s has none", op.ID)
		return
	}
	events, err := workflow.DecodeEntry(op.Value)
	if err != nil {
		b.w.violatedLocked("a journal can be read", "%v", err)
		return
	}
	run.entries++
	if run.machine == nil {
		for _, d := range b.w.definitions {
			if d.Hash == run.head.Definition {
				run.definition = d
			}
		}
		run.timed = b.w.timed[run.head.Definition]
		run.machine = workflow.NewMachine(run.definition, run.id)
	}
	for _, e := range events {
		b.w.noteLocked("%s:   %s %s %s%s%s", g.name, run.name, e.Type, e.Path, e.Status, b.detail(e))
		b.event(run, e)
		run.events = append(run.events, e)
		if err := run.machine.Apply(e); err != nil {
			b.w.violatedLocked("a journal can be folded", "%s: %v", run.name, err)
			return
		}
	}
}

func (b *books) detail(e workflow.Event) string {
	text := ""
	if e.Error != nil {
		text += " " + string(e.Error.Code)
	}
	if e.Child != "" {
		text += " " + b.w.nameLocked("run", e.Child)
	}
	if e.Type == workflow.EventAttemptFailed || e.Type == workflow.EventWaiting {
		text += " " + e.Name
		if !e.RetryAt.IsZero() {
			text += " for " + e.RetryAt.Sub(e.At).String()
		}
	}
	return text
}

func (b *books) event(run *ledgerRun, e workflow.Event) {
	switch e.Type {
	case workflow.EventAttemptFailed, workflow.EventFailed:
		b.tried(run, e)
	}
	switch e.Type {
	case workflow.EventScheduled:
		b.scheduled(run, e)
	case workflow.EventRetried:
		for key, s := range run.keys {
			if s.path == e.Path && b.latest(run, e.Path) == key {
				s.allowed++
				run.keys[key] = s
			}
		}
	case workflow.EventEnded:
		if run.ended {
			b.w.violatedLocked("an end is written once", "%s ends again, as %s", run.name, e.Status)
		}
		run.ended = true
	case workflow.EventRetry:
		if !run.ended {
			b.w.violatedLocked("only what has ended is retried", "%s", run.name)
		}
		run.ended = false
		run.retries++
	default:
		if run.ended {
			b.w.violatedLocked("nothing follows an end", "%s: %s of %s", run.name, e.Type, e.Path)
		}
	}
}

// latest is the key under which a step was last scheduled.
func (b *books) latest(run *ledgerRun, path string) string {
	key, generation := "", -1
	for k, s := range run.keys {
		if s.path == path && s.generation > generation {
			key, generation = k, s.generation
		}
	}
	return key
}

// scheduled: a step has one key in each generation.
func (b *books) scheduled(run *ledgerRun, e workflow.Event) {
	for key, s := range run.keys {
		same := s.path == e.Path && s.generation == e.Generation
		if same != (key == e.Key) {
			b.w.violatedLocked("a step has one key in each generation", "%s %s, generation %d and %d", run.name, e.Path, s.generation, e.Generation)
		}
	}
	s := run.keys[e.Key]
	s.path, s.generation = e.Path, e.Generation
	s.allowed++
	run.keys[e.Key] = s
}
