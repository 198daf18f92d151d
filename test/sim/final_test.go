package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sort"
	"strings"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// settleTime is how long gateways without faults have to finish, and tolerance
// how late anything may be.
const (
	settleTime = 3 * time.Minute
	tolerance  = 20 * time.Second
)

// finishRuns waits until every run has ended or waits for something that never
// comes; then it cancels those that wait. Half of the decisions are to try again.
func (sim *simulation) finishRuns() {
	if sim.ended(settleTime) {
		return
	}
	r := sim.random(actorClients + 1000)
	sim.awaitQuiet() // a run may just have been parked
	sim.mu.Lock()
	for _, id := range slices.Clone(sim.model.order) {
		sim.model.checkWaiting(sim.model.runs[id])
	}
	sim.mu.Unlock()
	if sim.violation != "" {
		return
	}
	for !sim.ended(0) {
		before := sim.written()
		for _, run := range sim.open() {
			// A retry is refused where it would start another child, and that could repeat something.
			again := sim.isUndecided(run) && chance(r, 50)
			if !again || sim.requestUntilFinal(r, http.MethodPost, "/runs/"+run.id+"/retry", "", nil).status/100 != 2 {
				sim.requestUntilFinal(r, http.MethodPost, "/runs/"+run.id+"/cancel", "", nil)
			}
		}
		if sim.ended(settleTime) {
			return
		}
		if sim.written() == before {
			run := sim.open()[0]
			sim.violated("every run ends", "%s is %s long after it was cancelled", run.name, run.record.Status)
			return
		}
	}
}

// awaitQuiet waits until nothing is written of runs for a while.
func (sim *simulation) awaitQuiet() {
	for before := -1; before != sim.written(); time.Sleep(tolerance / 4) {
		before = sim.written()
	}
}

// written is how much was written of runs so far.
func (sim *simulation) written() int {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	entries := 0
	for _, run := range sim.model.runs {
		entries += run.entries
	}
	return entries
}

// ended waits until all runs have, and no bulk opens one again, for so long at most.
func (sim *simulation) ended(most time.Duration) bool {
	for until := time.Now().Add(most); ; time.Sleep(time.Second) {
		if sim.settled() {
			time.Sleep(5 * time.Second) // what follows an end
			if sim.settled() {
				return true
			}
		}
		if !time.Now().Before(until) {
			return false
		}
	}
}

// settled reports whether all runs have ended, and no bulk is running.
func (sim *simulation) settled() bool {
	if len(sim.open()) > 0 {
		return false
	}
	sim.mu.Lock()
	defer sim.mu.Unlock()
	return len(sim.members(layout.SetBulksRunning)) == 0
}

func (sim *simulation) open() []*modelRun {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	var open []*modelRun
	for _, id := range sim.model.order {
		if run := sim.model.runs[id]; !run.record.Status.Ended() {
			open = append(open, run)
		}
	}
	return open
}

func (sim *simulation) isUndecided(run *modelRun) bool {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	return run.undecided()
}

// checkWaiting: a run that has not ended although all gateways are idle waits
// for something that has not come.
func (m *model) checkWaiting(run *modelRun) {
	if run.record.Status.Ended() {
		return
	}
	stuck := func(why string) {
		m.sim.violatedLocked("every run goes on", "%s is %s%s: %s", run.name, run.record.Status, run.note(), why)
	}
	// The clock of the gateway that set a timer may be wrong by some minutes.
	until, timed := run.machine.WaitUntil()
	switch {
	case run.record.Held && run.record.Group == "":
		m.checkPlaced(run, stuck)
	case run.record.Held:
		if m.room(run.record.Group) {
			stuck("its group has room")
		}
	case run.record.Lease != "":
		stuck("no gateway is at work any more")
	case run.record.Status == workflow.RunQueued:
		stuck("the gateways have nothing to do")
	case timed && time.Since(until) > tolerance+4*time.Minute:
		stuck("its time came " + time.Since(until).String() + " ago")
	case !run.waits.IsZero() && run.retries == 0 && run.record.Status != workflow.RunCompensating:
		// (What is sent to a run at its end is dropped with it, and it may be retried then.)
		stuck("it was cancelled")
	case timed:
	case len(run.machine.Children()) > 0:
		for _, child := range run.machine.Children() {
			if other := m.runs[child.ID]; other == nil || !other.record.Status.Ended() {
				return
			}
		}
		stuck("what it waits for has ended")
	case !run.machine.AwaitsSignals() && !run.undecided():
		stuck("it waits for nothing")
	}
}

func (m *model) room(group string) bool {
	members, err := m.sim.store.Range(context.Background(), state.Range{Set: layout.SetActive + "/" + group, Limit: 10})
	limit := strings.Split(group, "/")[1]
	return err != nil || len(members) < int(limit[0]-'0')
}

// checkEnd checks the store against the invariants once everything has ended.
func (sim *simulation) checkEnd() {
	sim.mu.Lock()
	defer sim.mu.Unlock()
	m := sim.model
	reader := engine.New(engine.Options{Store: sim.store, Lease: sim.nodes[0].running().server.Lease()})
	for _, id := range m.order {
		if run := m.runs[id]; run.removed {
			m.checkGone(run)
		} else {
			m.checkRun(reader, run)
		}
	}
	for tag, id := range m.started {
		if n := m.runsOf("input", tag); n != 1 {
			sim.violatedLocked("a key starts one run", "%s started %d, one of them %s", tag, n, m.runs[id].name)
		}
	}
	for id := range m.events {
		if n := m.runsOf("payload", id); n != 1 {
			sim.violatedLocked("an event that was acknowledged has one run", "%s has %d", id, n)
		}
	}
	m.checkSets()
}

func (sim *simulation) members(set string) []string {
	members, err := sim.store.Range(context.Background(), state.Range{Set: set, Limit: 10_000})
	if err != nil {
		sim.violatedLocked("the store can be read", "%v", err)
	}
	return members
}

// checkSets: every run is in the sets that its record says, and nothing else is.
func (m *model) checkSets() {
	want := map[string][]string{
		layout.SetRuns: nil, layout.SetWorkflows: nil, layout.SetEnded + "/succeeded": nil, layout.SetFailed: nil, layout.SetCancelled: nil,
		layout.SetRunning: nil, layout.SetWaiting: nil, layout.SetGroups: nil, layout.SetBulksRunning: nil,
	}
	for _, d := range m.sim.definitions {
		want[layout.SetRuns+"/"+d.ID], want[layout.SetQueued+"/"+d.ID] = nil, nil
		want[layout.SetIdle+"/waiting/"+d.ID], want[layout.SetIdle+"/compensating/"+d.ID] = nil, nil
		want[layout.SetWorkflows] = append(want[layout.SetWorkflows], d.ID)
	}
	ended := 0
	for _, id := range m.order {
		run := m.runs[id]
		want[layout.SetInbox+"/"+id] = nil
		if run.record.Group != "" {
			want[layout.SetActive+"/"+run.record.Group], want[layout.SetThrottled+"/"+run.record.Group] = nil, nil
		}
		if run.removed {
			continue
		}
		want[layout.SetRuns+"/"+run.record.Workflow] = append(want[layout.SetRuns+"/"+run.record.Workflow], id)
		if status := run.record.Status; status == workflow.RunFailed || status == workflow.RunCancelled {
			want[string(status)] = append(want[string(status)], id+"/"+run.record.Workflow)
			ended++
		} else if finished := run.record.FinishedAt; finished.Sub(run.record.CreatedAt) > time.Hour {
			want[layout.SetEnded+"/succeeded"] = append(want[layout.SetEnded+"/succeeded"], fmt.Sprintf("%016x/%s", finished.UnixMilli(), id))
		}
	}
	m.checkPlaceSets(want)
	for _, set := range sortedKeys(want) {
		ids := want[set]
		sort.Strings(ids)
		if found := m.sim.members(set); !slices.Equal(found, ids) {
			m.sim.violatedLocked("sets and records agree", "set %s has %v, the records say %v", set, m.names(found), m.names(ids))
		}
	}
	if n := len(m.sim.members(layout.SetEnded + "/failed")); n != ended {
		m.sim.violatedLocked("sets and records agree", "%d runs failed or were cancelled, the sets say %d", ended, n)
	}
	timers, next, err := m.sim.store.Due(context.Background(), layout.QueueRun, 100)
	if err != nil || len(timers) > 0 || next >= 0 {
		m.sim.violatedLocked("no timer is left", "%d are due, the next in %v", len(timers), next)
	}
}

func (m *model) names(ids []string) []string {
	names := make([]string, len(ids))
	for i, id := range ids {
		first, _, _ := strings.Cut(id, "/")
		names[i] = m.sim.nameLocked("run", first)
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

// checkRun compares what is stored of a run with what happened.
func (m *model) checkRun(reader *engine.Engine, run *modelRun) {
	again := workflow.NewMachine(run.definition, run.id)
	entries, err := m.sim.store.Journal(context.Background(), run.id, 0, 10_000)
	if err != nil || len(entries) != run.entries {
		m.sim.violatedLocked("nothing written is lost", "%s has %d entries of %d, %v", run.name, len(entries), run.entries, err)
	}
	for _, data := range entries {
		events, err := workflow.DecodeEntry(data)
		if err != nil {
			m.sim.violatedLocked("a journal can be read", "%s: %v", run.name, err)
		}
		for _, e := range events {
			if err := again.Apply(e); err != nil {
				m.sim.violatedLocked("a journal can be folded", "%s: %v", run.name, err)
				return
			}
		}
	}
	if describe(again) != describe(run.machine) {
		m.sim.violatedLocked("the same journal gives the same state", "%s: %s, %s", run.name, describe(again), describe(run.machine))
	}
	if again.Status() != run.record.Status {
		m.sim.violatedLocked("records and journals agree", "%s is %s, its journal says %s", run.name, run.record.Status, again.Status())
	}
	for _, s := range again.Steps() {
		if s.Status == workflow.StepRunning || s.Status == workflow.StepWaiting {
			m.sim.violatedLocked("nothing is under way in a run that has ended", "%s %s is %s", run.name, s.Path, s.Status)
		}
	}
	m.checkCompensated(run, again)
	m.checkShown(reader, run, again)
}

// checkCompensated: what took effect, or may have, and has a compensation was
// compensated, once, the last first.
func (m *model) checkCompensated(run *modelRun, machine *workflow.Machine) {
	ended, compensated := map[string]int{}, []string{}
	succeeded := map[string]bool{}
	for i, e := range run.events {
		switch e.Type {
		case workflow.EventSucceeded, workflow.EventFailed, workflow.EventCancelled, workflow.EventStopping:
			if step, ok := machine.Step(e.Path); ok && (e.Type != workflow.EventStopping || step.Type == workflow.TypeReturn && e.Status == workflow.RunSucceeded) {
				ended[e.Path], succeeded[e.Path] = i, e.Type == workflow.EventSucceeded || e.Type == workflow.EventStopping
			}
		case workflow.EventRetry:
			// What is reopened may end again together with a step around it, without an
			// event of its own.
			maps.DeleteFunc(ended, func(path string, _ int) bool { return !succeeded[path] })
		case workflow.EventSettled:
			// What is known only now puts the step, and those around it, behind what was
			// known by then, unless they are to be compensated already.
			for path := range ended {
				if rest, inside := strings.CutPrefix(e.Path, path); inside && (rest == "" || rest[0] == '.' || rest[0] == '[') {
					delete(ended, path)
				}
			}
		case workflow.EventCompensating:
			compensated = append(compensated, e.Path)
		}
	}
	var want []string
	steps := machine.Steps()
	for i, s := range steps {
		if s.Step.Compensate == nil || strings.Contains(s.Path, ".compensate.") || machine.Status() == workflow.RunSucceeded {
			continue
		}
		if succeeded[s.Path] || stands(steps[i:]) {
			want = append(want, s.Path)
		}
	}
	sorted := slices.Sorted(slices.Values(compensated))
	sort.Strings(want)
	if !slices.Equal(want, sorted) {
		m.sim.violatedLocked("what took effect is compensated once", "%s compensated %v, not %v", run.name, sorted, want)
	}
	for i := 1; i < len(compensated); i++ {
		before, known := ended[compensated[i-1]]
		after, alsoKnown := ended[compensated[i]]
		if known && alsoKnown && before < after {
			m.sim.violatedLocked("what took effect last is compensated first", "%s compensated %v", run.name, compensated)
		}
	}
}

// stands reports whether the first of the steps, or one in it, did not succeed and
// has taken effect all the same, or may have. Those in it follow it in the list.
func stands(steps []workflow.StepState) bool {
	if s := steps[0]; s.Status == workflow.StepSucceeded || s.Status == workflow.StepSkipped {
		return false
	}
	for _, s := range steps {
		rest, inside := strings.CutPrefix(s.Path, steps[0].Path)
		if !inside || rest != "" && rest[0] != '.' && rest[0] != '[' {
			return false
		}
		own := s.Step.Action != "" || s.Child != ""
		if own && s.Outcome != "" && s.Outcome != sdk.OutcomeNotExecuted && !strings.Contains(rest+".", ".onError.") && !strings.Contains(rest, ".compensate.") {
			return true
		}
	}
	return false
}

// checkShown: what a gateway shows is what the journal says.
func (m *model) checkShown(reader *engine.Engine, run *modelRun, machine *workflow.Machine) {
	shown, err := reader.Get(context.Background(), run.id)
	if err != nil {
		m.sim.violatedLocked("every run can be shown", "%s: %v", run.name, err)
		return
	}
	if shown.Status != machine.Status() || string(shown.Output) != string(machine.Output().Raw()) || len(shown.Steps) != len(machine.Steps()) {
		m.sim.violatedLocked("what is shown is what is stored", "%s is shown as %s", run.name, shown.Status)
	}
}

// describe is the state of a machine as text.
func describe(machine *workflow.Machine) string {
	text, err := json.Marshal(struct {
		Status  workflow.RunStatus
		Output  json.RawMessage
		Failure *workflow.Failure
		Ended   time.Time
	}{machine.Status(), machine.Output().Raw(), machine.Failure(), machine.EndedAt()})
	if err != nil {
		return err.Error()
	}
	all := string(text)
	for _, s := range machine.Steps() {
		all += "\n" + s.Path + " " + string(s.Status) + " " + string(s.Result.Raw()) + s.StartedAt.String() + s.FinishedAt.String()
	}
	return all
}
