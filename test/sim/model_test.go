package sim

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// model is what the simulation knows by itself, from what was written and from
// the responses. simulation.mu guards all of it.
type model struct {
	sim        *simulation
	runs       map[string]*modelRun
	order      []string            // of the runs
	started    map[string]string   // run by tag of the key
	events     map[string]bool     // acknowledged
	results    map[string]response // of calls by key
	effects    map[callSite]int
	effectKeys map[callSite][]string // keys under which a site took effect
	timers     map[string]bool       // of runs, that are set
	timetables map[string]*timetable
	requests   map[string]request     // by tag: of a key, or the id of an event
	successes  map[string]*gateway    // to which a call succeeded, by key
	moved      map[string]time.Time   // when a run of an order or a lane was last written
	begun      map[string][]time.Time // when runs began, by lane with a rate
}

// modelRun is what was written of a run.
type modelRun struct {
	id         string
	name       string
	record     storedRecord
	machine    *workflow.Machine
	definition *workflow.Definition
	events     []workflow.Event
	entries    int
	keys       map[string]keyRecord // by idempotency key
	sites      map[callSite]map[int]string
	retries    int
	accepted   bool
	ended      bool
	waits      time.Time // when it was cancelled by a client
	removed    bool      // by retention
	timed      bool      // some time limit is in its definition
	began      time.Time // its first step, as a gateway recorded it
}

// keyRecord is what the journal says of a key.
type keyRecord struct {
	path       string
	generation int
	allowed    int // attempts that were recorded
	calls      int
	action     string
	refused    int  // of them, by a plugin that was down
	open       bool // an attempt is recorded, and nothing came of it yet
	// interrupted: the run was taken up while an attempt was open, so that whether that
	// was made is not known.
	interrupted bool
}

// storedRecord is what the simulation reads of a run's record. It repeats the
// format on purpose, as the model repeats the rules of what is stored: they must
// not change together with the program by mistake. The names of buckets, sets and
// queues it takes from core/state/layout, whose test keeps them as they are.
type storedRecord struct {
	ID         string             `json:"id"`
	Workflow   string             `json:"workflow"`
	Definition string             `json:"definition"`
	Status     workflow.RunStatus `json:"status"`
	Lease      string             `json:"lease"`
	Held       bool               `json:"held"`
	Group      string             `json:"group"`
	Order      string             `json:"order"`
	Turn       string             `json:"turn"`
	Lane       string             `json:"lane"`
	Parent     *struct {
		ID string `json:"id"`
	} `json:"parent"`
	RerunOf    string    `json:"rerunOf"`
	RerunAs    string    `json:"rerunAs"`
	CreatedAt  time.Time `json:"createdAt"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
}

func newModel(sim *simulation) *model {
	return &model{
		sim: sim, runs: map[string]*modelRun{}, started: map[string]string{}, events: map[string]bool{},
		results: map[string]response{}, effects: map[callSite]int{}, effectKeys: map[callSite][]string{}, timers: map[string]bool{},
		timetables: map[string]*timetable{}, requests: map[string]request{}, successes: map[string]*gateway{}, begun: map[string][]time.Time{}, moved: map[string]time.Time{},
	}
}

// committed checks a commit that was applied.
func (m *model) committed(g *gateway, ops []state.Op) {
	var touched, made []*modelRun
	before := map[*modelRun]storedRecord{}
	for _, op := range ops {
		if (op.Kind == state.KindPut || op.Kind == state.KindInsert) && op.Space == layout.BucketRun {
			run := m.runs[op.ID]
			if run == nil {
				run = m.open(op.ID)
				made = append(made, run)
			}
			before[run] = run.record
			run.record = storedRecord{}
			if err := json.Unmarshal(op.Value, &run.record); err != nil {
				m.sim.violatedLocked("a record can be read", "%v", err)
			}
			touched = append(touched, run)
		}
	}
	for _, run := range touched {
		m.checkTakenUp(run, ops)
	}
	writes := len(touched) > 0
	for _, op := range ops {
		if op.Kind == state.KindAppend {
			writes = true
			m.appended(g, op)
		}
	}
	if writes {
		m.checkFence(g)
	}
	for _, run := range touched {
		m.sim.noteLocked("%s: %s is %s%s", g.name, run.name, run.record.Status, run.note())
		m.checkStatus(run, before[run])
	}
	m.checkReplaced(touched, made)
	m.checkLimits(touched)
	m.checkPlaces(touched, before)
	m.checkNames(ops)
	m.checkTimers(ops)
	m.checkTicks(ops, made)
	m.checkRemoved(g, ops)
}

// checkTakenUp notes the attempts that are open when a run is taken up: its record says
// that a gateway works on it, and nothing was recorded with that.
func (m *model) checkTakenUp(run *modelRun, ops []state.Op) {
	recorded := slices.ContainsFunc(ops, func(op state.Op) bool { return op.Kind == state.KindAppend && op.ID == run.id })
	if run.record.Lease == "" || recorded {
		return
	}
	for key, s := range run.keys {
		s.interrupted = s.interrupted || s.open
		run.keys[key] = s
	}
}

// checkReplaced: a run is replaced by one other, each names the other, and the one
// that was replaced stays ended.
func (m *model) checkReplaced(touched, made []*modelRun) {
	for _, run := range made {
		if run.record.RerunOf == "" {
			continue
		}
		if replaced := m.runs[run.record.RerunOf]; replaced == nil || replaced.record.RerunAs != run.id {
			m.sim.violatedLocked("a run that replaces another is named by it", "%s", run.name)
		}
	}
	for _, run := range touched {
		if run.record.RerunAs != "" && !run.record.Status.Ended() {
			m.sim.violatedLocked("a run that was replaced stays ended", "%s is %s", run.name, run.record.Status)
		}
	}
}

// checkTimers: a run that no gateway works on and that waits for a time has a
// timer.
func (m *model) checkTimers(ops []state.Op) {
	for _, op := range ops {
		switch {
		case op.Kind == state.KindSetTimer && op.Space == layout.QueueRun:
			m.timers[op.ID] = true
		case op.Kind == state.KindClearTimer && op.Space == layout.QueueRun:
			delete(m.timers, op.ID)
		}
	}
	for _, op := range ops {
		run := m.runs[op.ID]
		if run == nil || run.record.Lease != "" || run.record.Status.Ended() || run.record.Status == workflow.RunQueued {
			continue
		}
		if _, waits := run.machine.WaitUntil(); waits && !m.timers[run.id] {
			m.sim.violatedLocked("what waits for a time has a timer", "%s has none", run.name)
		}
	}
}

func (r *modelRun) note() string {
	text := ""
	if r.record.Lease != "" {
		text = ", worked on"
	}
	if r.record.Held {
		text += ", held"
	}
	return text
}

func (m *model) open(id string) *modelRun {
	run := &modelRun{id: id, name: m.sim.nameLocked("run", id), keys: map[string]keyRecord{}, sites: map[callSite]map[int]string{}}
	m.runs[id] = run
	m.order = append(m.order, id)
	m.sim.tally.runs++
	return run
}

// checkFence: a gateway that writes runs holds its lease.
func (m *model) checkFence(g *gateway) {
	found, err := m.sim.store.Get(context.Background(), state.Ref{Bucket: layout.BucketLease, ID: g.leaseID})
	if err != nil || found[0] == nil {
		m.sim.violatedLocked("a gateway whose lease was taken away writes nothing", "%s wrote", g.name)
	}
}

// checkStatus: a run that has ended stays ended, except for a retry.
func (m *model) checkStatus(run *modelRun, before storedRecord) {
	if run.undecided() && run.record.Status != workflow.RunQueued && run.record.Lease == "" != (run.record.Status == workflow.RunWaiting) {
		m.sim.violatedLocked("a run that waits for a decision is worked on by none", "%s is %s%s", run.name, run.record.Status, run.note())
	}
	if !before.Status.Ended() || before.Status == run.record.Status {
		return
	}
	if last := run.events[len(run.events)-1]; run.record.Status.Ended() || !slices.ContainsFunc(run.events, func(e workflow.Event) bool { return e.Type == workflow.EventRetry }) {
		m.sim.violatedLocked("an end is written once", "%s was %s and is %s after %s", run.name, before.Status, run.record.Status, last.Type)
	}
}

// checkLimits: no more runs of a concurrency key are active than its limit.
func (m *model) checkLimits(touched []*modelRun) {
	for _, run := range touched {
		group := run.record.Group
		if group == "" || run.record.Held || run.record.Status.Ended() {
			continue
		}
		limit, err := strconv.Atoi(strings.Split(group, "/")[1])
		count := 0
		for _, other := range m.runs {
			if other.record.Group == group && !other.record.Held && !other.record.Status.Ended() {
				count++
			}
		}
		if err != nil || count > limit {
			m.sim.violatedLocked("no more runs of a group are under way than its limit", "%d of %s, %s", count, group, run.name)
		}
	}
}

// appended applies an entry of a journal and checks each event.
func (m *model) appended(g *gateway, op state.Op) {
	run := m.runs[op.ID]
	if run == nil {
		m.sim.violatedLocked("a journal belongs to a run", "%s has none", op.ID)
		return
	}
	events, err := workflow.DecodeEntry(op.Value)
	if err != nil {
		m.sim.violatedLocked("a journal can be read", "%v", err)
		return
	}
	run.entries++
	if run.machine == nil {
		for _, d := range m.sim.definitions {
			if d.Hash == run.record.Definition {
				run.definition = d
			}
		}
		run.timed = m.sim.timed[run.record.Definition]
		run.machine = workflow.NewMachine(run.definition, run.id)
	}
	for _, e := range events {
		m.sim.noteLocked("%s:   %s %s %s%s%s", g.name, run.name, e.Type, e.Path, e.Status, m.detail(e))
		m.event(run, e)
		run.events = append(run.events, e)
		if err := run.machine.Apply(e); err != nil {
			m.sim.violatedLocked("a journal can be folded", "%s: %v", run.name, err)
			return
		}
	}
}

func (m *model) detail(e workflow.Event) string {
	text := ""
	if e.Error != nil {
		text += " " + string(e.Error.Code)
	}
	if e.Child != "" {
		text += " " + m.sim.nameLocked("run", e.Child)
	}
	if e.Type == workflow.EventAttemptFailed || e.Type == workflow.EventWaiting {
		text += " " + e.Name
		if !e.RetryAt.IsZero() {
			text += " for " + e.RetryAt.Sub(e.At).String()
		}
	}
	return text
}

// returned notes that a gateway was handed the result of a call.
func (m *model) returned(g *gateway, key string) {
	m.sim.mu.Lock()
	defer m.sim.mu.Unlock()
	m.successes[key] = g
}

// checkKept: a result that a gateway was handed is recorded, unless the gateway has
// died since.
func (m *model) checkKept(run *modelRun, e workflow.Event) {
	if e.Error == nil || e.Error.Code != sdk.CodeOutcomeUnknown {
		return
	}
	g := m.successes[m.latest(run, e.Path)]
	if g == nil || g.lifetime.Err() != nil {
		return
	}
	if found, err := m.sim.store.Get(context.Background(), state.Ref{Bucket: layout.BucketLease, ID: g.leaseID}); err == nil && found[0] != nil {
		m.sim.violatedLocked("a result that has come is recorded", "%s %s: %s had it, and its outcome is unknown", run.name, e.Path, g.name)
	}
}

func (m *model) event(run *modelRun, e workflow.Event) {
	if e.Type == workflow.EventFailed {
		m.checkKept(run, e)
	}
	if e.Type == workflow.EventEnded && e.Error != nil && e.Error.Code == workflow.CodeRunTooLarge {
		m.sim.tally.tooLarge++
	}
	if e.Type == workflow.EventStopping {
		m.checkParked(run, e)
	}
	switch e.Type {
	case workflow.EventAttemptFailed, workflow.EventFailed:
		m.checkAttempts(run, e)
	}
	switch e.Type {
	case workflow.EventAttemptFailed, workflow.EventFailed, workflow.EventSucceeded:
		if key := m.latest(run, e.Path); key != "" {
			s := run.keys[key]
			s.open = false
			run.keys[key] = s
		}
	}
	switch e.Type {
	case workflow.EventScheduled:
		m.scheduled(run, e)
	case workflow.EventRetried:
		for key, s := range run.keys {
			if s.path == e.Path && m.latest(run, e.Path) == key {
				s.allowed++
				s.open = true
				run.keys[key] = s
			}
		}
	case workflow.EventEnded:
		if run.ended {
			m.sim.violatedLocked("an end is written once", "%s ends again, as %s", run.name, e.Status)
		}
		run.ended = true
	case workflow.EventRetry:
		if !run.ended && !run.undecided() {
			m.sim.violatedLocked("only what has ended or waits for a decision is retried", "%s", run.name)
		}
		run.ended = false
		run.retries++
	case workflow.EventCompensating:
		m.checkDecided(run)
	case workflow.EventParked:
		if !run.ended {
			m.sim.violatedLocked("what is parked by itself has failed", "%s", run.name)
		}
		m.checkParked(run, e)
	default:
		if run.ended {
			m.sim.violatedLocked("nothing follows an end", "%s: %s of %s", run.name, e.Type, e.Path)
		}
	}
}

// undecided reports whether the run waits for a decision.
func (r *modelRun) undecided() bool {
	return len(r.events) > 0 && r.events[len(r.events)-1].Type == workflow.EventUndecided
}

// checkDecided: nothing is undone while a step that did not succeed has taken effect
// and that is not known, unless a person has cancelled the run or its workflow says so.
func (m *model) checkDecided(run *modelRun) {
	last := slices.IndexFunc(run.events, func(e workflow.Event) bool {
		return e.Type == workflow.EventStopping && e.Status == workflow.RunCancelled && !e.Parent
	})
	if run.definition.UndoUnknown || last >= 0 {
		return
	}
	for _, s := range run.machine.Steps() {
		if s.Status != workflow.StepFailed && s.Status != workflow.StepCancelled || strings.Contains(s.Path, ".compensate.") || s.Outcome == sdk.OutcomeExecuted {
			continue
		}
		for key, record := range run.keys {
			if record.path == s.Path && record.action != "read" && m.tookEffect(key) {
				m.sim.violatedLocked("nothing is undone while an outcome is unknown", "%s: %s took effect, and nobody has decided", run.name, s.Path)
			}
		}
	}
}

// tookEffect reports whether anything took effect under a key.
func (m *model) tookEffect(key string) bool {
	for _, keys := range m.effectKeys {
		if slices.Contains(keys, key) {
			return true
		}
	}
	return false
}

// latest is the key under which a step was last scheduled.
func (m *model) latest(run *modelRun, path string) string {
	key, generation := "", -1
	for k, s := range run.keys {
		if s.path == path && s.generation > generation {
			key, generation = k, s.generation
		}
	}
	return key
}

// scheduled: a step has one key in each generation.
func (m *model) scheduled(run *modelRun, e workflow.Event) {
	for key, s := range run.keys {
		same := s.path == e.Path && s.generation == e.Generation
		if same != (key == e.Key) {
			m.sim.violatedLocked("a step has one key in each generation", "%s %s, generation %d and %d", run.name, e.Path, s.generation, e.Generation)
		}
	}
	s := run.keys[e.Key]
	s.path, s.generation = e.Path, e.Generation
	s.allowed++
	s.open = true
	run.keys[e.Key] = s
}
