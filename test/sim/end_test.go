package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/workflow"
)

// quiet is how long a world without faults has to come to rest, and patience
// how late anything may be.
const (
	quiet    = 3 * time.Minute
	patience = 20 * time.Second
)

// settle waits until every run has ended, or waits for what never comes; then it
// cancels those that wait.
func (w *world) settle() {
	if w.ended(quiet) {
		return
	}
	r := w.random(actorClients + 1000)
	w.mu.Lock()
	for _, id := range slices.Clone(w.books.order) {
		w.books.justified(w.books.runs[id])
	}
	w.mu.Unlock()
	if w.broken != "" {
		return
	}
	for !w.ended(0) {
		before := w.written()
		for _, run := range w.open() {
			w.insist(r, http.MethodPost, "/runs/"+run.id+"/cancel", "", nil)
		}
		if w.ended(quiet) {
			return
		}
		if w.written() == before {
			run := w.open()[0]
			w.violated("every run ends", "%s is %s long after it was cancelled", run.name, run.head.Status)
			return
		}
	}
}

// written is how much was written of runs so far.
func (w *world) written() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	entries := 0
	for _, run := range w.books.runs {
		entries += run.entries
	}
	return entries
}

// ended waits until all runs have, for so long at most.
func (w *world) ended(most time.Duration) bool {
	for until := time.Now().Add(most); ; time.Sleep(time.Second) {
		if len(w.open()) == 0 {
			time.Sleep(5 * time.Second) // what follows an end
			return true
		}
		if !time.Now().Before(until) {
			return false
		}
	}
}

func (w *world) open() []*ledgerRun {
	w.mu.Lock()
	defer w.mu.Unlock()
	var open []*ledgerRun
	for _, id := range w.books.order {
		if run := w.books.runs[id]; !run.head.Status.Ended() {
			open = append(open, run)
		}
	}
	return open
}

// justified: a run that has not ended although the world has come to rest waits
// for something that has not come.
func (b *books) justified(run *ledgerRun) {
	if run.head.Status.Ended() {
		return
	}
	stuck := func(why string) {
		b.w.violatedLocked("every run goes on", "%s is %s%s: %s", run.name, run.head.Status, run.note(), why)
	}
	// The clock of the gateway that set a timer may be wrong by some minutes.
	until, timed := run.machine.WaitUntil()
	switch {
	case run.head.Held:
		if b.room(run.head.Group) {
			stuck("its group has room")
		}
	case run.head.Lease != "":
		stuck("no gateway is at work any more")
	case run.head.Status == workflow.RunQueued:
		stuck("the gateways have nothing to do")
	case timed && time.Since(until) > patience+4*time.Minute:
		stuck("its time came " + time.Since(until).String() + " ago")
	case !run.waits.IsZero() && run.retries == 0 && run.head.Status != workflow.RunCompensating:
		// (What is sent to a run at its end is dropped with it, and it may be retried then.)
		stuck("it was cancelled")
	case timed:
	case len(run.machine.Children()) > 0:
		for _, child := range run.machine.Children() {
			if other := b.runs[child.ID]; other == nil || !other.head.Status.Ended() {
				return
			}
		}
		stuck("what it waits for has ended")
	case !run.machine.AwaitsSignals():
		stuck("it waits for nothing")
	}
}

func (b *books) room(group string) bool {
	members, err := b.w.store.Range(context.Background(), state.Range{Set: "holding/" + group, Limit: 10})
	limit := strings.Split(group, "/")[1]
	return err != nil || len(members) < int(limit[0]-'0')
}

// checkEnd holds the store against the invariants once all is over.
func (w *world) checkEnd() {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.books
	reader := engine.New(engine.Options{Store: w.store, Lease: w.slots[0].up().lease})
	for _, id := range b.order {
		if run := b.runs[id]; run.removed {
			b.checkGone(run)
		} else {
			b.checkRun(reader, run)
		}
	}
	for tag, id := range b.started {
		if n := b.runsOf("input", tag); n != 1 {
			w.violatedLocked("a key starts one run", "%s started %d, one of them %s", tag, n, b.runs[id].name)
		}
	}
	for id := range b.events {
		if n := b.runsOf("payload", id); n != 1 {
			w.violatedLocked("an event that was acknowledged has one run", "%s has %d", id, n)
		}
	}
	b.checkSets()
}

func (w *world) members(set string) []string {
	members, err := w.store.Range(context.Background(), state.Range{Set: set, Limit: 10_000})
	if err != nil {
		w.violatedLocked("the store can be read", "%v", err)
	}
	return members
}

// checkSets: every run is in the sets that its head says, and nothing else is.
func (b *books) checkSets() {
	want := map[string][]string{"runs": nil, "workflows": nil, "ended/succeeded": nil, "failed": nil, "cancelled": nil, "running": nil, "waiting": nil, "groups": nil}
	for _, d := range b.w.definitions {
		want["runs/"+d.ID], want["queued/"+d.ID] = nil, nil
		want["workflows"] = append(want["workflows"], d.ID)
	}
	ended := 0
	for _, id := range b.order {
		run := b.runs[id]
		want["mail/"+id] = nil
		if run.head.Group != "" {
			want["holding/"+run.head.Group], want["held/"+run.head.Group] = nil, nil
		}
		if run.removed {
			continue
		}
		want["runs/"+run.head.Workflow] = append(want["runs/"+run.head.Workflow], id)
		if status := run.head.Status; status == workflow.RunFailed || status == workflow.RunCancelled {
			want[string(status)] = append(want[string(status)], id+"/"+run.head.Workflow)
			ended++
		} else if finished := run.head.FinishedAt; finished.Sub(run.head.CreatedAt) > time.Hour {
			want["ended/succeeded"] = append(want["ended/succeeded"], fmt.Sprintf("%016x/%s", finished.UnixMilli(), id))
		}
	}
	for _, set := range sortedKeys(want) {
		ids := want[set]
		sort.Strings(ids)
		if found := b.w.members(set); !slices.Equal(found, ids) {
			b.w.violatedLocked("sets and heads agree", "set %s has %v, the heads say %v", set, b.names(found), b.names(ids))
		}
	}
	if n := len(b.w.members("ended/failed")); n != ended {
		b.w.violatedLocked("sets and heads agree", "%d runs failed or were cancelled, the sets say %d", ended, n)
	}
	timers, next, err := b.w.store.Due(context.Background(), "run", 100)
	if err != nil || len(timers) > 0 || next >= 0 {
		b.w.violatedLocked("no timer is left", "%d are due, the next in %v", len(timers), next)
	}
}

func (b *books) names(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		first, _, _ := strings.Cut(id, "/")
		names[i] = b.w.nameLocked("run", first)
	}
	return names
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// checkRun holds what is stored of a run against what happened.
func (b *books) checkRun(reader *engine.Engine, run *ledgerRun) {
	again := workflow.NewMachine(run.definition, run.id)
	entries, err := b.w.store.Journal(context.Background(), run.id, 0)
	if err != nil || len(entries) != run.entries {
		b.w.violatedLocked("nothing written is lost", "%s has %d entries of %d, %v", run.name, len(entries), run.entries, err)
	}
	for _, data := range entries {
		events, err := workflow.DecodeEntry(data)
		if err != nil {
			b.w.violatedLocked("a journal can be read", "%s: %v", run.name, err)
		}
		for _, e := range events {
			if err := again.Apply(e); err != nil {
				b.w.violatedLocked("a journal can be folded", "%s: %v", run.name, err)
				return
			}
		}
	}
	if shape(again) != shape(run.machine) {
		b.w.violatedLocked("the same journal gives the same state", "%s: %s, %s", run.name, shape(again), shape(run.machine))
	}
	if again.Status() != run.head.Status {
		b.w.violatedLocked("heads and journals agree", "%s is %s, its journal says %s", run.name, run.head.Status, again.Status())
	}
	for _, s := range again.Steps() {
		if s.Status == workflow.StepRunning || s.Status == workflow.StepWaiting {
			b.w.violatedLocked("nothing is under way in a run that has ended", "%s %s is %s", run.name, s.Path, s.Status)
		}
	}
	b.checkUndone(run, again)
	b.checkShown(reader, run, again)
}

// checkUndone: what succeeded and can be undone was, once, the last first.
func (b *books) checkUndone(run *ledgerRun, m *workflow.Machine) {
	var want, undone []string
	for _, e := range run.events {
		switch e.Type {
		case workflow.EventSucceeded, workflow.EventStopping:
			if step, ok := m.Step(e.Path); ok && step.Compensate != nil && (e.Type == workflow.EventSucceeded || step.Type == workflow.TypeReturn) {
				want = append(want, e.Path)
			}
		case workflow.EventCompensating:
			undone = append(undone, e.Path)
		}
	}
	if m.Status() == workflow.RunSucceeded {
		want = nil
	}
	slices.Reverse(want)
	if !slices.Equal(want, undone) {
		b.w.violatedLocked("what succeeded is undone once, the last first", "%s undid %v, not %v", run.name, undone, want)
	}
}

// checkShown: what a gateway shows is what the journal says.
func (b *books) checkShown(reader *engine.Engine, run *ledgerRun, m *workflow.Machine) {
	shown, err := reader.Get(context.Background(), run.id)
	if err != nil {
		b.w.violatedLocked("every run can be shown", "%s: %v", run.name, err)
		return
	}
	if shown.Status != m.Status() || string(shown.Output) != string(m.Output()) || len(shown.Steps) != len(m.Steps()) {
		b.w.violatedLocked("what is shown is what is stored", "%s is shown as %s", run.name, shown.Status)
	}
}

// shape is the state of a machine as text.
func shape(m *workflow.Machine) string {
	text, err := json.Marshal(struct {
		Status  workflow.RunStatus
		Output  json.RawMessage
		Failure *workflow.Failure
		Ended   time.Time
	}{m.Status(), m.Output(), m.Failure(), m.EndedAt()})
	if err != nil {
		return err.Error()
	}
	all := string(text)
	for _, s := range m.Steps() {
		all += "\n" + s.Path + " " + string(s.Status) + " " + string(s.Result) + s.StartedAt.String() + s.FinishedAt.String()
	}
	return all
}
