package workflow

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
)

// edge is one arrow of a state diagram.
type edge struct{ from, to, label string }

var arrow = regexp.MustCompile(`^(\S+) --> (\S+?)(?:: (.+))?$`)

// diagrams reads the state diagrams of docs/workflows.md, in their order.
func diagrams(t *testing.T) [][]edge {
	t.Helper()
	page, err := os.ReadFile("../../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	var all [][]edge
	inside := false
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "stateDiagram-v2":
			inside = true
			all = append(all, nil)
		case line == "```":
			inside = false
		case inside:
			found := arrow.FindStringSubmatch(line)
			if found == nil {
				t.Fatalf("%q is no arrow", line)
			}
			all[len(all)-1] = append(all[len(all)-1], edge{found[1], found[2], found[3]})
		}
	}
	if len(all) != 2 {
		t.Fatalf("docs/workflows.md has %d state diagrams, not one of runs and one of steps", len(all))
	}
	return all
}

func TestTheDiagramOfRunsIsTheTable(t *testing.T) {
	drawn := map[string]bool{}
	for _, e := range diagrams(t)[0] {
		if e.label == "" && e.to != "[*]" {
			t.Errorf("%s --> %s does not say why", e.from, e.to)
		}
		drawn[e.from+" "+e.to] = true
	}
	wanted := map[string]bool{"[*] queued": true}
	for _, from := range RunStatuses {
		for _, to := range runTransitions[from] {
			wanted[string(from)+" "+string(to)] = true
		}
		if from.Ended() {
			wanted[string(from)+" [*]"] = true
		}
	}
	if diff := cmp.Diff(wanted, drawn); diff != "" {
		t.Errorf("docs/workflows.md draws runs otherwise than the table (-table +drawn):\n%s", diff)
	}
}

// What a step becomes is what Apply does, not what the table says.
func TestTheDiagramOfStepsIsWhatEventsDo(t *testing.T) {
	drawn := map[edge]bool{}
	for _, e := range diagrams(t)[1] {
		for label := range strings.SplitSeq(e.label, ", ") {
			drawn[edge{e.from, e.to, label}] = true
		}
	}
	wanted := map[edge]bool{{"[*]", string(StepPending), ""}: true}
	ends := map[StepStatus]bool{}
	for _, event := range slices.Sorted(maps.Keys(transitions)) {
		for _, from := range transitions[event].allowedFrom {
			m := NewMachine(&Definition{}, "run")
			n := stepWith(from)
			if err := m.applyStep(n, Event{Type: event, Path: n.Path, Error: &sdk.Error{}}); err != nil {
				t.Fatal(err)
			}
			wanted[edge{string(from), string(n.Status), string(event)}] = true
			ends[n.Status] = true
		}
	}
	for _, from := range []StepStatus{StepFailed, StepCancelled} {
		alone, around := stepWith(from), stepWith(from)
		alone.Step = &Step{Type: TypeIntegration, behavior: integration{}}
		around.open(&Block{})
		m := NewMachine(&Definition{}, "run")
		for _, n := range []*node{alone, around} {
			m.reopenStep(n, nil, noon)
			wanted[edge{string(from), string(n.Status), string(EventRetry)}] = true
		}
	}
	for _, from := range []StepStatus{StepFailed, StepCancelled} {
		child := stepWith(from)
		child.Step, child.Path, child.Child = &Step{Type: TypeWorkflow, behavior: childWorkflow{}}, "c", "another-run"
		NewMachine(&Definition{}, "run").reopenStep(child, []string{"c"}, noon)
		wanted[edge{string(from), string(child.Status), string(EventRetry)}] = true
	}
	for status := range ends {
		if status.Ended() {
			wanted[edge{string(status), "[*]", ""}] = true
		}
	}
	if diff := cmp.Diff(wanted, drawn); diff != "" {
		t.Errorf("docs/workflows.md draws steps otherwise than events move them (-events +drawn):\n%s", diff)
	}
}

// stepWith is a step, with steps in it, that has a status.
func stepWith(status StepStatus) *node {
	step := &Step{Type: TypeSequence, behavior: sequence{body: &Block{}}, Compensate: &Block{}}
	return &node{StepState: StepState{Step: step, Path: "s", Status: status}, block: &block{definition: &Block{}}}
}

func TestWhatHasEndedWellStaysSo(t *testing.T) {
	for _, from := range RunStatuses {
		for _, to := range RunStatuses {
			can := from.CanBecome(to)
			if can && (from == RunSucceeded || from == RunCancelled) {
				t.Errorf("%s becomes %s", from, to)
			}
			if from == RunFailed && can != (to == RunQueued) {
				t.Errorf("a failed run becoming %s: %t", to, can)
			}
			if (from == RunQueued || from == RunWaiting) && to.Ended() && !can {
				t.Errorf("%s cannot become %s in one write", from, to)
			}
		}
	}
}
