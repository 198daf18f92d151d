package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// harness runs a machine as an engine would, in a time of its own: a script says
// what actions return, waits are over at once, and after each event the journal
// must give the same state again.
type harness struct {
	t    *testing.T
	d    *Definition
	m    *Machine
	now  time.Time
	log  []Event
	does func(call Call) (string, *sdk.Error) // nil returns {"path": path}
	// calls are the paths of the actions called, in order.
	calls []string
}

var keyed = Repeat{Safe: true, Keyed: true}

func newHarness(t *testing.T, raw, input string) *harness {
	t.Helper()
	w := &harness{t: t, d: parse(t, raw), now: noon}
	w.m = NewMachine(w.d, "run-1")
	w.record(Event{Type: EventStarted, At: w.now, Roots: map[string]value.Doc{"input": document(input)}})
	return w
}

// record applies an event with all that follows, and replays the journal. Turn by
// turn, however small, the same follows.
func (w *harness) record(event Event) {
	w.t.Helper()
	event = w.m.Fit(event)
	inTurns := NewMachine(w.d, "run-1")
	inTurns.SetLimits(w.m.limits)
	for _, e := range append(w.log[:len(w.log):len(w.log)], event) {
		apply(w.t, inTurns, e)
	}
	apply(w.t, w.m, event)
	events, _, err := w.m.Advance(w.now, everything())
	if err != nil {
		w.t.Fatal(err)
	}
	w.log = append(append(w.log, event), events...)
	for i, settled := 0, false; !settled; {
		var next []Event
		if next, settled, err = inTurns.Advance(w.now, &Turn{MaxEvents: 1}); err != nil {
			w.t.Fatal(err)
		}
		i += len(next)
		if len(next) > 0 && string(EncodeEntry(next)) != string(EncodeEntry(events[i-1:i])) {
			w.t.Fatalf("in a turn of its own follows %s, not %s", EncodeEntry(next), EncodeEntry(events[i-1:i]))
		}
		if settled && i != len(events) {
			w.t.Fatalf("%d events follow in turns of their own, not %d", i, len(events))
		}
	}

	entry, err := DecodeEntry(EncodeEntry(w.log))
	if err != nil {
		w.t.Fatal(err)
	}
	replayed := NewMachine(w.d, "run-1")
	replayed.SetLimits(w.m.limits)
	for _, e := range entry {
		apply(w.t, replayed, e)
	}
	if diff := cmp.Diff(w.m.Steps(), replayed.Steps(), sameSteps); diff != "" {
		w.t.Fatalf("the journal gives other steps (-before +replayed):\n%s", diff)
	}
	if diff := cmp.Diff(w.m.Calls(), replayed.Calls(), sameText); diff != "" {
		w.t.Fatalf("the journal gives other calls (-before +replayed):\n%s", diff)
	}
	if w.m.Bytes() != replayed.Bytes() || w.m.steps != replayed.steps {
		w.t.Fatalf("the journal gives %d bytes and %d steps, not %d and %d", replayed.Bytes(), replayed.steps, w.m.Bytes(), w.m.steps)
	}
	if more, _, err := replayed.Advance(w.now, everything()); err != nil || len(more) != 0 {
		w.t.Fatalf("the journal decides again: %v, %v", more, err)
	}
}

// makeCall makes one call that is to be under way.
func (w *harness) makeCall(call Call) {
	w.t.Helper()
	w.calls = append(w.calls, call.Path)
	result, failed := fmt.Sprintf(`{"path":%q}`, call.Path), (*sdk.Error)(nil)
	if w.does != nil {
		result, failed = w.does(call)
	}
	if failed != nil {
		w.record(w.m.Failed(call.Path, failed, keyed, w.now))
		return
	}
	w.record(w.m.Succeeded(call.Path, document(result), w.now))
}

// run goes on until nothing is left to do but to wait for a signal or a child.
func (w *harness) run() {
	w.t.Helper()
	for range 10_000 {
		if calls := w.m.Calls(); len(calls) > 0 {
			w.makeCall(calls[0])
			continue
		}
		until, waits := w.m.WaitUntil()
		if !waits {
			return
		}
		w.now = until
		events, _ := w.m.FireTimers(w.now, func(string, string, value.Doc) (Repeat, bool) { return keyed, true })
		for _, event := range events {
			w.record(event)
		}
	}
	w.t.Fatal("the run does not end")
}

// ended makes sure that the run has ended so.
func (w *harness) ended(status RunStatus) {
	w.t.Helper()
	if got := w.m.Status(); got != status {
		w.t.Fatalf("run = %s (%+v), want %s; steps: %v", got, w.m.Failure(), status, w.statuses())
	}
}

func (w *harness) statuses() map[string]StepStatus {
	statuses := map[string]StepStatus{}
	for _, s := range w.m.Steps() {
		statuses[s.Path] = s.Status
	}
	return statuses
}

func (w *harness) called(want ...string) {
	w.t.Helper()
	if !slices.Equal(w.calls, want) {
		w.t.Errorf("calls = %v, want %v", w.calls, want)
	}
}

// call is a step that calls an action, for definitions in tests.
func call(id string, more ...string) string {
	extra := ""
	if len(more) > 0 {
		extra = "," + strings.Join(more, ",")
	}
	return `{"id":"` + id + `","type":"vendor","action":"act"` + extra + `}`
}

func flow(steps ...string) string { return `{"id":"w","steps":[` + strings.Join(steps, ",") + `]}` }

func declined(path string) func(Call) (string, *sdk.Error) {
	return func(c Call) (string, *sdk.Error) {
		if c.Path == path {
			return "", &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
		}
		return `{"path":"` + c.Path + `"}`, nil
	}
}

func TestSequenceRunsInOrderAndResultsInItsLastStep(t *testing.T) {
	w := newHarness(t, flow(`{"id":"s","type":"sequence","steps":[`+call("a")+`,`+call("b")+`]}`, call("c", `"params":{"p":"{{steps.s.result.path}}"}`)), `{}`)
	w.run()
	w.ended(RunSucceeded)
	w.called("s.a", "s.b", "c")
}

func TestParallelCallsAllAtOnceAndResultsById(t *testing.T) {
	w := newHarness(t, flow(`{"id":"p","type":"parallel","steps":[`+call("a")+`,`+call("b")+`]}`,
		`{"id":"end","type":"return","output":{"b":"{{steps.p.result.b.path}}"}}`), `{}`)
	if n := len(w.m.Calls()); n != 2 {
		t.Fatalf("%d calls are under way, want 2", n)
	}
	w.run()
	w.ended(RunSucceeded)
	if got := string(w.m.Output().Raw()); got != `{"b":"p.b"}` {
		t.Errorf("output = %s", got)
	}
}

func TestForeachKeepsOrderAndItsConcurrency(t *testing.T) {
	w := newHarness(t, `{"id":"w","steps":[
	  {"id":"e","type":"foreach","items":"{{input.list}}","concurrency":2,"steps":[
	    `+call("c", `"params":{"item":"{{item}}","index":"{{index}}"}`)+`,
	    {"id":"d","type":"set","values":{"of":"{{steps.c.result}}"}}]}],
	  "output":"{{steps.e.result}}"}`, `{"list":[10,20,30,40,50]}`)
	most := 0
	w.does = func(c Call) (string, *sdk.Error) {
		most = max(most, len(w.m.Calls()))
		return string(c.Params.Raw()), nil
	}
	w.run()
	w.ended(RunSucceeded)
	if most != 2 {
		t.Errorf("%d iterations were under way at once, want 2", most)
	}
	var results []struct{ Of struct{ Item, Index int } }
	if err := json.Unmarshal(w.m.Output().Raw(), &results); err != nil || len(results) != 5 {
		t.Fatalf("output = %s, %v", w.m.Output().Raw(), err)
	}
	for i, r := range results {
		if r.Of.Index != i || r.Of.Item != 10*(i+1) {
			t.Errorf("result %d = %+v", i, r)
		}
	}
	if _, ok := w.statuses()["e[3].c"]; !ok {
		t.Errorf("no step e[3].c among %v", w.statuses())
	}
}

func TestForeachOverNothingSucceeds(t *testing.T) {
	w := newHarness(t, flow(`{"id":"e","type":"foreach","items":[],"steps":[`+call("c")+`]}`), `{}`)
	w.ended(RunSucceeded)
}

// TestForeachOverWhatIsNoListFails: null is no empty list.
func TestForeachOverWhatIsNoListFails(t *testing.T) {
	for input, kind := range map[string]string{`null`: "null", `{}`: "an object", `"a"`: "a string", `0`: "a number"} {
		w := newHarness(t, flow(`{"id":"e","type":"foreach","items":"{{input.list}}","steps":[`+call("c")+`]}`), `{"list":`+input+`}`)
		w.ended(RunFailed)
		if got := w.m.Failure().Err.Message; !strings.Contains(got, "items must be a list, not "+kind) && !strings.Contains(got, "items: must be a list, not "+kind) {
			t.Errorf("%s: %s", input, got)
		}
	}
}

func TestAnIterationThatFailsEndsTheOthers(t *testing.T) {
	w := newHarness(t, flow(`{"id":"e","type":"foreach","items":[1,2,3],"concurrency":2,"steps":[
	  `+call("c")+`,{"id":"w8","type":"wait","duration":"1h"}]}`), `{}`)
	w.does = declined("e[1].c")
	w.run()
	w.ended(RunFailed)
	w.called("e[0].c", "e[1].c")
	if got := w.statuses()["e[0].w8"]; got != StepCancelled {
		t.Errorf("the wait of the other iteration is %s", got)
	}
	if !w.now.Equal(noon) {
		t.Errorf("the run waited until %s for what it had given up", w.now)
	}
}

func TestSwitchTakesTheFirstCaseThatHolds(t *testing.T) {
	raw := flow(`{"id":"s","type":"switch","cases":[
	  {"when":"{{input.n}} > 10","steps":[`+call("big")+`]},
	  {"when":"{{input.n}} > 5","steps":[`+call("middle")+`]}],
	  "default":[`+call("small")+`]}`, call("after"))
	for input, want := range map[string]string{`{"n":11}`: "s.big", `{"n":6}`: "s.middle", `{"n":1}`: "s.small"} {
		w := newHarness(t, raw, input)
		w.run()
		w.ended(RunSucceeded)
		w.called(want, "after")
	}
	w := newHarness(t, flow(`{"id":"s","type":"switch","cases":[{"when":"false","steps":[`+call("x")+`]}]}`), `{}`)
	w.ended(RunSucceeded)
}

func TestWaitsWaitAsLongAsTheySay(t *testing.T) {
	w := newHarness(t, flow(`{"id":"a","type":"wait","duration":"{{input.d}}"}`, `{"id":"b","type":"wait","until":"2026-03-02T00:00:00+01:00"}`), `{"d":"90m"}`)
	if until, ok := w.m.WaitUntil(); !ok || until.Sub(noon) != 90*time.Minute || w.m.Status() != RunWaiting {
		t.Errorf("waits until %s, %s", until, w.m.Status())
	}
	w.run()
	w.ended(RunSucceeded)
	if want := time.Date(2026, 3, 1, 23, 0, 0, 0, time.UTC); !w.now.Equal(want) {
		t.Errorf("ended at %s, want %s", w.now, want)
	}
	bad := newHarness(t, flow(`{"id":"a","type":"wait","duration":"{{input.d}}"}`), `{"d":"soon"}`)
	bad.ended(RunFailed)
}

func TestASignalIsTakenOnceByWhoWaitsForIt(t *testing.T) {
	w := newHarness(t, flow(`{"id":"a","type":"waitForEvent","event":"approval-{{input.id}}","timeout":"24h"}`,
		`{"id":"b","type":"return","output":"{{steps.a.result.by}}"}`), `{"id":7}`)
	if _, ok := w.m.Signal("approval-8", value.Doc{}, w.now); ok {
		t.Error("a signal of another name was taken")
	}
	event, ok := w.m.Signal("approval-7", document(`{"by":"Ann"}`), w.now)
	if !ok {
		t.Fatal("the signal was not taken")
	}
	w.record(event)
	w.ended(RunSucceeded)
	if got := string(w.m.Output().Raw()); got != `"Ann"` {
		t.Errorf("output = %s", got)
	}
	if _, ok := w.m.Signal("approval-7", value.Doc{}, w.now); ok {
		t.Error("a signal was taken twice")
	}

	late := newHarness(t, flow(`{"id":"a","type":"waitForEvent","event":"approval","timeout":"24h"}`), `{}`)
	late.run()
	late.ended(RunFailed)
	if f := late.m.Failure(); f.Err.Code != sdk.CodeTimeout || !late.now.Equal(noon.Add(24*time.Hour)) {
		t.Errorf("failure = %+v at %s", f, late.now)
	}
}

func TestAChildRunIsStartedAndItsEndIsTheStepsResult(t *testing.T) {
	raw := flow(`{"id":"c","type":"workflow","workflow":"other","input":{"x":"{{input.x}}"}}`, `{"id":"r","type":"return","output":"{{steps.c.result}}"}`)
	w := newHarness(t, raw, `{"x":5}`)
	children := w.m.Children()
	if len(children) != 1 || children[0].Workflow != "other" || string(children[0].Input.Raw()) != `{"x":5}` {
		t.Fatalf("children = %+v", children)
	}
	event, ok := w.m.ChildEnded(children[0].ID, RunSucceeded, document(`{"y":6}`), nil, "", w.now)
	if !ok {
		t.Fatal("no step waits for the child")
	}
	w.record(event)
	w.ended(RunSucceeded)
	if got := string(w.m.Output().Raw()); got != `{"y":6}` {
		t.Errorf("output = %s", got)
	}
	w = newHarness(t, raw, `{"x":5}`)
	failed := &Failure{Err: &sdk.Error{Code: sdk.CodeDeclined, Message: "no"}}
	event, _ = w.m.ChildEnded(w.m.Children()[0].ID, RunFailed, value.Doc{}, failed, "", w.now)
	w.record(event)
	w.ended(RunFailed)
	if w.m.Failure().Err.Code != sdk.CodeDeclined {
		t.Errorf("failure = %+v", w.m.Failure().Err)
	}
}

func TestFailAndReturnEndTheRun(t *testing.T) {
	w := newHarness(t, flow(`{"id":"f","type":"fail","message":"no {{input.x}}","code":"too_poor"}`, call("never")), `{"x":1}`)
	w.run()
	w.ended(RunFailed)
	if f := w.m.Failure(); f.Err.Code != "too_poor" || f.Err.Message != "no 1" || f.Step != "f" {
		t.Errorf("failure = %+v", f)
	}
	w = newHarness(t, flow(`{"id":"p","type":"parallel","steps":[{"id":"long","type":"wait","duration":"1h"},`+call("a")+`,{"id":"r","type":"return","output":1,"dependsOn":["a"]}]}`, call("never")), `{}`)
	w.run()
	w.ended(RunSucceeded)
	w.called("p.a")
	if !w.now.Equal(noon) || w.statuses()["p.long"] != StepCancelled || w.statuses()["p.r"] != StepSucceeded {
		t.Errorf("at %s: %v", w.now, w.statuses())
	}
}

func TestDependsOnReplacesTheOrder(t *testing.T) {
	w := newHarness(t, flow(call("a"), call("b", `"dependsOn":[]`), call("c", `"dependsOn":["a","b"]`, `"params":{"x":"{{steps.b.result.path}}"}`)), `{}`)
	if n := len(w.m.Calls()); n != 2 {
		t.Errorf("%d calls are under way, want a and b", n)
	}
	w.run()
	w.ended(RunSucceeded)
	w.called("a", "b", "c")
}

func TestOnErrorGoesOnAndShowsTheError(t *testing.T) {
	w := newHarness(t, flow(call("a", `"onError":"continue"`), `{"id":"r","type":"return","output":"{{steps.a.error.code}}"}`), `{}`)
	w.does = declined("a")
	w.run()
	w.ended(RunSucceeded)
	if got := string(w.m.Output().Raw()); got != `"declined"` {
		t.Errorf("output = %s", got)
	}

	w = newHarness(t, flow(call("a", `"onError":[`+call("tell", `"params":{"why":"{{steps.a.error.message}}"}`)+`]`), call("b")), `{}`)
	w.does = declined("a")
	w.run()
	w.ended(RunSucceeded)
	w.called("a", "a.onError.tell", "b")

	w = newHarness(t, flow(call("a", `"onError":[`+call("tell")+`]`), call("b")), `{}`)
	w.does = func(Call) (string, *sdk.Error) {
		return "", &sdk.Error{Code: sdk.CodeRejected, Outcome: sdk.OutcomeNotExecuted}
	}
	w.run()
	w.ended(RunFailed)
	if f := w.m.Failure(); f.Step != "a.onError.tell" {
		t.Errorf("failure of %s", f.Step)
	}
}

func TestWhatSucceededIsUndoneLastFirst(t *testing.T) {
	raw := flow(call("a", `"compensate":[`+call("undoA", `"params":{"of":"{{steps.a.result.path}}"}`)+`]`),
		`{"id":"e","type":"foreach","items":[1,2],"steps":[`+call("b", `"compensate":[`+call("undoB")+`]`)+`]}`,
		call("c", `"compensate":[`+call("undoC")+`]`))
	w := newHarness(t, raw, `{}`)
	w.does = declined("c")
	w.run()
	w.ended(RunFailed)
	w.called("a", "e[0].b", "e[1].b", "c", "e[1].b.compensate.undoB", "e[0].b.compensate.undoB", "a.compensate.undoA")
	if w.statuses()["a"] != StepCompensated || w.statuses()["c"] != StepFailed {
		t.Errorf("statuses = %v", w.statuses())
	}
	if w.m.Failure().Err.Code != sdk.CodeDeclined {
		t.Errorf("failure = %+v", w.m.Failure())
	}
	if w.m.CanRetry() == nil {
		t.Error("a run that has undone what it did can be retried")
	}
}

func TestAStepThatCannotBeUndoneIsToldAndTheOthersAreUndone(t *testing.T) {
	w := newHarness(t, flow(call("a", `"compensate":[`+call("undoA")+`]`), call("b", `"compensate":[`+call("undoB")+`]`), call("c")), `{}`)
	w.does = func(c Call) (string, *sdk.Error) {
		if c.Path == "c" || strings.HasSuffix(c.Path, "undoB") {
			return "", &sdk.Error{Code: sdk.CodeRejected, Message: "no", Outcome: sdk.OutcomeNotExecuted}
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunFailed)
	if w.statuses()["a"] != StepCompensated || w.statuses()["b"] != StepSucceeded {
		t.Errorf("statuses = %v", w.statuses())
	}
	if message := w.m.Failure().Err.Message; !strings.Contains(message, "step b could not be undone") {
		t.Errorf("message = %s", message)
	}
}

func TestCancelEndsWaitsAtOnceCallsWhenTheyAreAnsweredAndUndoes(t *testing.T) {
	w := newHarness(t, flow(call("a", `"compensate":[`+call("undoA")+`]`),
		`{"id":"p","type":"parallel","steps":[`+call("b")+`,{"id":"long","type":"wait","duration":"1h"}]}`), `{}`)
	w.makeCall(w.m.Calls()[0])
	event, ok := w.m.Cancel(false, w.now)
	if !ok {
		t.Fatal("the run cannot be cancelled")
	}
	w.record(event)
	if w.m.Status().Ended() || w.statuses()["p.long"] != StepCancelled {
		t.Fatalf("while a call is under way: %s, %v", w.m.Status(), w.statuses())
	}
	w.run()
	w.ended(RunCancelled)
	w.called("a", "p.b", "a.compensate.undoA")
	if _, ok := w.m.Cancel(false, w.now); ok {
		t.Error("a run was cancelled twice")
	}
}

func TestTimeoutsBoundStepsAndRuns(t *testing.T) {
	always := func(Call) (string, *sdk.Error) {
		return "", &sdk.Error{Code: sdk.CodeUnavailable, Message: "down", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
	}
	w := newHarness(t, flow(call("a", `"timeout":"3s"`)), `{}`)
	w.does = always
	w.run()
	w.ended(RunFailed)
	if took := w.now.Sub(noon); took > 3*time.Second {
		t.Errorf("the step took %s", took)
	}

	w = newHarness(t, flow(`{"id":"s","type":"sequence","timeout":"1m","onError":"continue","steps":[`+call("x")+`,{"id":"long","type":"wait","duration":"1h"}]}`, call("after")), `{}`)
	w.run()
	w.ended(RunSucceeded)
	w.called("s.x", "after")
	if w.statuses()["s"] != StepFailed || w.statuses()["s.long"] != StepCancelled || w.now.Sub(noon) != time.Minute {
		t.Errorf("after %s: %v", w.now.Sub(noon), w.statuses())
	}

	w = newHarness(t, `{"id":"w","timeout":"10s","steps":[{"id":"long","type":"wait","duration":"1h"}]}`, `{}`)
	w.run()
	w.ended(RunFailed)
	if w.m.Failure().Err.Code != sdk.CodeTimeout || w.now.Sub(noon) != 10*time.Second {
		t.Errorf("after %s: %+v", w.now.Sub(noon), w.m.Failure())
	}
	if calls := newHarness(t, `{"id":"w","timeout":"10s","steps":[`+call("a")+`]}`, `{}`).m.Calls(); !calls[0].Deadline.Equal(noon.Add(10 * time.Second)) {
		t.Errorf("deadline of the call = %s", calls[0].Deadline)
	}
}

func TestARetryGoesOnFromTheFailedStepWithANewKeyOnlyIfTheFailureWasCertain(t *testing.T) {
	for name, test := range map[string]struct {
		err     sdk.Error
		sameKey bool
	}{
		"a decline gets another key":       {sdk.Error{Code: sdk.CodeDeclined, Final: true, Outcome: sdk.OutcomeNotExecuted}, false},
		"an unknown outcome keeps its key": {sdk.Error{Code: sdk.CodeUpstream}, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t, flow(call("a"), `{"id":"e","type":"foreach","items":[1,2],"steps":[`+call("b")+`]}`), `{}`)
			keys := map[string][]string{}
			fail := true
			w.does = func(c Call) (string, *sdk.Error) {
				keys[c.Path] = append(keys[c.Path], c.Key)
				if fail && c.Path == "e[1].b" {
					err := test.err
					return "", &err
				}
				return `{}`, nil
			}
			w.run()
			w.ended(RunFailed)
			if err := w.m.CanRetry(); err != nil {
				t.Fatal(err)
			}
			fail = false
			w.record(w.m.Retry(nil, w.now))
			w.run()
			w.ended(RunSucceeded)
			w.called("a", "e[0].b", "e[1].b", "e[1].b")
			k := keys["e[1].b"]
			if (k[0] == k[1]) != test.sameKey {
				t.Errorf("keys = %v", k)
			}
		})
	}
}

func TestAFailureInParallelLetsCallsUnderWayFinish(t *testing.T) {
	w := newHarness(t, flow(`{"id":"p","type":"parallel","steps":[`+call("a")+`,{"id":"s","type":"sequence","steps":[`+call("b")+`,`+call("c")+`]}]}`), `{}`)
	w.does = declined("p.a")
	w.run()
	w.ended(RunFailed)
	w.called("p.a", "p.s.b")
	if s := w.statuses(); s["p.s.b"] != StepSucceeded || s["p.s"] != StepCancelled || s["p.s.c"] != StepPending || s["p"] != StepFailed {
		t.Errorf("statuses = %v", s)
	}
}

func TestDefinitionsThatCannotWorkAreRefused(t *testing.T) {
	for name, test := range map[string]struct{ raw, pointer, says string }{
		"circle":                {flow(call("a", `"dependsOn":["b"]`), call("b", `"dependsOn":["a"]`)), "/steps", "circle"},
		"unknown dependency":    {flow(call("a", `"dependsOn":["x"]`)), "/steps/0/dependsOn/0", "no step"},
		"itself":                {flow(call("a", `"dependsOn":["a"]`)), "/steps/0/dependsOn/0", "itself"},
		"sibling in parallel":   {flow(`{"id":"p","type":"parallel","steps":[` + call("a") + `,` + call("b", `"params":{"x":"{{steps.a.result.id}}"}`) + `]}`), "/steps/0/steps/1/params/x", "cannot be read here"},
		"inner step":            {flow(`{"id":"p","type":"sequence","steps":[`+call("a")+`]}`, call("b", `"params":{"x":"{{steps.a.result.id}}"}`)), "/steps/1/params/x", "cannot be read here"},
		"item outside":          {flow(call("a", `"params":{"x":"{{item}}"}`)), "/steps/0/params/x", "not available here"},
		"same id deep inside":   {flow(call("a"), `{"id":"p","type":"sequence","steps":[`+call("a")+`]}`), "/steps/1/steps/0/id", "unique"},
		"reserved id":           {flow(call("onError")), "/steps/0/id", "something else"},
		"wait for what":         {flow(`{"id":"a","type":"wait"}`), "/steps/0", "either duration or until"},
		"no items":              {flow(`{"id":"a","type":"foreach","steps":[` + call("b") + `]}`), "/steps/0", "items is missing"},
		"no cases":              {flow(`{"id":"a","type":"switch"}`), "/steps/0", "needs cases"},
		"a key of another type": {flow(`{"id":"a","type":"set","values":{},"items":[]}`), "/steps/0/items", "unknown key"},
		"concurrency":           {`{"id":"w","concurrency":0,"steps":[]}`, "/concurrency", "from 1 to"},
		"on full":               {`{"id":"w","concurrency":{"limit":1,"onFull":"wait"},"steps":[]}`, "/concurrency/onFull", "cannot be"},
		"schema":                {`{"id":"w","input":{"type":"nope"},"steps":[]}`, "/input", "no valid JSON Schema"},
		"onError":               {flow(call("a", `"onError":"ignore"`)), "/steps/0/onError", "cannot be"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse([]byte(test.raw), InputRoots)
			if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), test.pointer) {
				t.Errorf("error = %v, want one at %s that says %q", err, test.pointer, test.says)
			}
		})
	}
}
