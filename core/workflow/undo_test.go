package workflow

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

func lost() *sdk.Error {
	return &sdk.Error{Code: sdk.CodeTimeout, Message: "late", Retryable: true, Outcome: sdk.OutcomeUnknown}
}

// undecided is a run that waits for a decision about its step "pay": "reserve" would be
// released.
func undecided(t *testing.T, more string) *harness {
	t.Helper()
	w := newHarness(t, `{"id":"w",`+more+`"steps":[`+call("reserve", `"compensate":[`+call("release")+`]`)+`,`+
		call("pay", `"retry":{"maxAttempts":1}`, `"compensate":[`+call("refund")+`]`)+`]}`, `{}`)
	w.does = func(c Call) (string, *sdk.Error) {
		if c.Path == "pay" {
			return "", lost()
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunWaiting)
	return w
}

func TestARunThatWaitsForADecisionWaitsForNothingElse(t *testing.T) {
	w := undecided(t, `"timeout":"1h",`)
	waiting := w.m.Waiting()
	if waiting.For != WaitingForDecision || !waiting.Until.IsZero() || waiting.Attempt != 1 || waiting.MaxAttempts != 1 || waiting.Failure.Step != "pay" {
		t.Errorf("it says that it waits for %+v", waiting)
	}
	for _, s := range w.m.Steps() {
		if (s.WaitingFor == WaitingForDecision) != (s.Path == "pay") {
			t.Errorf("step %s waits for %q", s.Path, s.WaitingFor)
		}
	}
	if until, waits := w.m.WaitUntil(); waits || !w.m.Idle() {
		t.Errorf("it goes on by itself at %s", until)
	}
	if events, _ := w.m.FireTimers(noon.Add(48*time.Hour), func(string, string, value.Doc) (Repeat, bool) { return keyed, true }); len(events) > 0 {
		t.Errorf("its timeout ends it: %+v", events)
	}
	if _, ok := w.m.Cancel(true, w.now); ok {
		t.Error("its parent has it undo")
	}
	if _, ok := w.m.Signal("go", document(`{}`), w.now); ok {
		t.Error("it takes a signal")
	}
	w.called("reserve", "pay")
}

func TestARetryDecidesAndHasTheRunsTimeAnew(t *testing.T) {
	w := undecided(t, `"timeout":"1h",`)
	w.now = noon.Add(24 * time.Hour)
	w.does = nil
	w.record(w.m.Retry(nil, w.now))
	if deadline := w.m.Calls()[0].Deadline; !deadline.Equal(w.now.Add(time.Hour)) {
		t.Errorf("the deadline is %s", deadline)
	}
	w.run()
	w.ended(RunSucceeded)
	w.called("reserve", "pay", "pay")
}

func TestWhatWasDecidedOnceIsUndoneOnce(t *testing.T) {
	// After the retry the payment succeeds, and what follows fails for certain.
	w := newHarness(t, flow(call("pay", `"retry":{"maxAttempts":1}`, `"compensate":[`+call("refund")+`]`), call("ship")), `{}`)
	w.does = func(c Call) (string, *sdk.Error) {
		switch {
		case len(w.calls) == 1:
			return "", lost()
		case c.Path == "ship":
			return "", refused()
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunWaiting)
	w.record(w.m.Retry(nil, w.now))
	w.run()
	w.ended(RunFailed)
	w.called("pay", "pay", "ship", "pay.compensate.refund")
	if s := w.statuses(); s["pay"] != StepCompensated {
		t.Errorf("statuses: %v", s)
	}
}

func TestAStepIsUndoneWhoseEffectStandsThoughItFailed(t *testing.T) {
	w := newHarness(t, flow(call("pay", `"compensate":[`+call("refund", `"params":{"why":"{{steps.pay.error.code}}"}`)+`]`)), `{}`)
	w.does = func(c Call) (string, *sdk.Error) {
		switch {
		case c.Path == "pay":
			return "", sdk.Executed(sdk.CodeResultTooLarge, "the effect stands")
		case string(c.Params.Raw()) != `{"why":"result_too_large"}`:
			t.Errorf("it is undone with %s", c.Params.Raw())
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunFailed)
	w.called("pay", "pay.compensate.refund")
	if s := w.m.Steps()[0]; s.Status != StepCompensated || s.Error == nil || w.m.Failure().Err.Code != sdk.CodeResultTooLarge {
		t.Errorf("step %+v, run %+v", s, w.m.Failure())
	}
}

// TestAStepIsUndoneWhereOneInItTookEffect: it failed, and a step in it did not take
// effect for nothing.
func TestAStepIsUndoneWhereOneInItTookEffect(t *testing.T) {
	for name, test := range map[string]struct {
		outcome sdk.Outcome
		want    []string
	}{
		"it stands":         {sdk.OutcomeExecuted, []string{"all.pay", "all.compensate.undo"}},
		"it does not stand": {sdk.OutcomeNotExecuted, []string{"all.pay"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t, flow(`{"id":"all","type":"sequence","compensate":[`+call("undo")+`],"steps":[`+call("pay")+`]}`), `{}`)
			w.does = func(c Call) (string, *sdk.Error) {
				if c.Path == "all.pay" {
					return "", &sdk.Error{Code: sdk.CodeInternal, Message: "no JSON", Final: true, Outcome: test.outcome}
				}
				return `{}`, nil
			}
			w.run()
			w.ended(RunFailed)
			w.called(test.want...)
		})
	}
}

func TestACallThatIsCancelledBetweenTwoAttemptsMayHaveTakenEffect(t *testing.T) {
	// b waits for its next attempt when a is declined.
	steps := flow(call("reserve", `"compensate":[`+call("release")+`]`),
		`{"id":"p","type":"parallel","steps":[`+call("a")+`,`+call("b", `"retry":{"initialInterval":"1h","maxInterval":"1h"}`, `"compensate":[`+call("undoB")+`]`)+`]}`)
	begin := func() *harness {
		w := newHarness(t, steps, `{}`)
		w.record(w.m.Succeeded("reserve", document(`{}`), w.now))
		w.record(w.m.Failed("p.b", lost(), keyed, w.now))
		return w
	}
	w := begin()
	key := w.m.find("p.b").key
	w.record(w.m.Failed("p.a", refused(), keyed, w.now))
	w.run()
	w.ended(RunWaiting)
	if waiting := w.m.Waiting(); waiting.For != WaitingForDecision || waiting.Failure.Step != "p.b" || w.statuses()["p.b"] != StepCancelled {
		t.Fatalf("it waits for %+v", waiting)
	}
	w.record(w.m.Retry(nil, w.now))
	calls := w.m.Calls()
	if i := slices.IndexFunc(calls, func(c Call) bool { return c.Path == "p.b" }); i < 0 || calls[i].Key != key {
		t.Errorf("a retry calls %+v, not with the key %s", calls, key)
	}

	w = begin()
	event, _ := w.m.Cancel(false, w.now)
	w.record(event)
	w.record(w.m.Failed("p.a", refused(), keyed, w.now))
	w.run()
	w.ended(RunCancelled)
	w.called("p.b.compensate.undoB", "reserve.compensate.release")
}

func TestARunThatItsParentGaveUpDoesNotUndoWhatMayStand(t *testing.T) {
	w := newHarness(t, flow(call("reserve", `"compensate":[`+call("release")+`]`), call("pay")), `{}`)
	w.record(w.m.Succeeded("reserve", document(`{}`), w.now))
	event, ok := w.m.Cancel(true, w.now)
	if !ok {
		t.Fatal("its parent cannot cancel it")
	}
	w.record(event)
	w.record(w.m.Failed("pay", lost(), keyed, w.now))
	w.ended(RunWaiting)
	event, ok = w.m.Cancel(false, w.now)
	if !ok {
		t.Fatal("a person cannot cancel it")
	}
	w.record(event)
	w.run()
	w.ended(RunCancelled)
	w.called("reserve.compensate.release")
	if message := w.m.Failure().Err.Message; !strings.Contains(message, "whether step pay took effect") {
		t.Errorf("the run says %q", message)
	}
}

func TestAPersonWhoCancelsARunThatFailsHasDecided(t *testing.T) {
	// b is under way when a is declined, and then the run is cancelled.
	w := newHarness(t, flow(call("reserve", `"compensate":[`+call("release")+`]`), call("a", `"dependsOn":["reserve"]`), call("b", `"dependsOn":["reserve"]`)), `{}`)
	w.record(w.m.Succeeded("reserve", document(`{}`), w.now))
	w.record(w.m.Failed("a", refused(), keyed, w.now))
	if _, ok := w.m.Cancel(true, w.now); ok {
		t.Error("its parent cancels it once more")
	}
	event, ok := w.m.Cancel(false, w.now)
	if !ok {
		t.Fatal("it cannot be cancelled")
	}
	w.record(event)
	if _, ok := w.m.Cancel(false, w.now); ok {
		t.Error("it can be cancelled twice")
	}
	w.record(w.m.Failed("b", lost(), keyed, w.now))
	w.run()
	w.ended(RunCancelled)
	w.called("reserve.compensate.release")
}

func TestACallThatIsToBeMadeAgainMayHaveTakenEffect(t *testing.T) {
	// The run is cancelled after a retry, before the call that the retry is for.
	w := undecided(t, "")
	apply(t, w.m, w.m.Retry(nil, w.now))
	event, _ := w.m.Cancel(false, w.now)
	w.log = append(w.log, w.m.Retry(nil, w.now))
	w.record(event)
	w.run()
	w.ended(RunCancelled)
	w.called("reserve", "pay", "pay.compensate.refund", "reserve.compensate.release")
}

func TestAStepThatIsNotCalledAgainAfterARetryMayHaveTakenEffect(t *testing.T) {
	// After the retry the run has no room any more, for anything or for its params.
	for name, limit := range map[string]func(m *Machine) Limits{
		"for anything":   func(*Machine) Limits { return Limits{Bytes: 1, Steps: 100} },
		"for its params": func(m *Machine) Limits { return Limits{Bytes: m.Bytes() + 1, Steps: 100} },
	} {
		t.Run(name, func(t *testing.T) {
			w := undecided(t, "")
			key := w.m.find("pay").key
			w.m.SetLimits(limit(w.m))
			w.record(w.m.Retry(nil, w.now))
			w.ended(RunWaiting)
			if waiting := w.m.Waiting(); waiting.For != WaitingForDecision {
				t.Errorf("it waits for %+v", waiting)
			}
			w.m.SetLimits(DefaultLimits)
			w.record(w.m.Retry(nil, w.now))
			if got := w.m.Calls()[0].Key; got != key {
				t.Errorf("a retry calls it with the key %s, not %s", got, key)
			}
		})
	}
}

func TestACancelledChildIsFoundByTheRetryOfItsParent(t *testing.T) {
	w := newHarness(t, flow(`{"id":"p","type":"parallel","steps":[`+call("a")+`,{"id":"c","type":"workflow","workflow":"other"}]}`), `{}`)
	first := w.m.Children()[0].ID
	w.record(w.m.Failed("p.a", refused(), keyed, w.now))
	w.ended(RunFailed)
	if children := w.m.OpenChildren(); len(children) != 1 || children[0].ID != first {
		t.Fatalf("children: %+v", children)
	}
	w.record(w.m.Retry(nil, w.now))
	if again := w.m.Children()[0].ID; again == first || again[20:] == first[20:] {
		t.Errorf("another child has the id %s, as the first has %s", again, first)
	}
}

// TestARunFromBeforeDecisionsGoesOnUndoing: its journal says that it began to undo
// what it did, although the outcome of its payment is unknown.
func TestARunFromBeforeDecisionsGoesOnUndoing(t *testing.T) {
	w := undecided(t, "")
	old := slices.DeleteFunc(slices.Clone(w.log), func(e Event) bool { return e.Type == EventUndecided })
	old = append(old, Event{Type: EventCompensating, At: w.now, Path: "reserve"})
	m := NewMachine(w.d, "run-1")
	for _, event := range old {
		apply(t, m, event)
	}
	w.m, w.log, w.calls = m, old, nil
	if _, _, err := m.Advance(w.now, everything()); err != nil {
		t.Fatal(err)
	}
	w.log = slices.Clone(old)
	for m.Status() == RunCompensating {
		for _, c := range m.Calls() {
			w.calls = append(w.calls, c.Path)
			apply(t, m, m.Succeeded(c.Path, document(`{}`), w.now))
		}
		if _, _, err := m.Advance(w.now, everything()); err != nil {
			t.Fatal(err)
		}
	}
	w.ended(RunFailed)
	w.called("reserve.compensate.release")
}

func TestAnEntryHasTheOldestFormatThatCanSayIt(t *testing.T) {
	for name, test := range map[string]struct {
		event Event
		want  string
	}{
		"a result":              {Event{Type: EventSucceeded, Path: "a", Result: value.TrustedDoc([]byte(`1`))}, `{"v":1,`},
		"an unknown outcome":    {Event{Type: EventFailed, Path: "a", Error: lost(), Unknown: true}, `{"v":1,`},
		"an effect that stands": {Event{Type: EventFailed, Path: "a", Error: sdk.Executed(sdk.CodeInternal, "x")}, `{"v":2,`},
		"a decision":            {Event{Type: EventUndecided, Path: "a"}, `{"v":2,`},
		"a cancellation":        {Event{Type: EventStopping, Status: RunCancelled}, `{"v":1,`},
		"that of a parent":      {Event{Type: EventStopping, Status: RunCancelled, Parent: true}, `{"v":2,`},
	} {
		if got := string(EncodeEntry([]Event{{Type: EventRetried, Path: "b"}, test.event})); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWhatFollowsAFailureDoesNotShareItsTime(t *testing.T) {
	// The step's timeout is over when its onError runs, and long over when it is undone.
	w := newHarness(t, flow(call("a", `"timeout":"1s"`, `"compensate":[`+call("undo")+`]`),
		call("b", `"timeout":"1s"`, `"onError":[`+call("tell")+`]`), `{"id":"wait","type":"wait","duration":"1h"}`, `{"id":"end","type":"fail","message":"no"}`), `{}`)
	var deadlines []time.Time
	w.does = func(c Call) (string, *sdk.Error) {
		if c.Path == "b" {
			return "", refused()
		}
		if c.Path != "a" {
			deadlines = append(deadlines, c.Deadline)
		}
		return `{}`, nil
	}
	w.run()
	w.called("a", "b", "b.onError.tell", "a.compensate.undo")
	for _, deadline := range deadlines {
		if !deadline.IsZero() {
			t.Errorf("a call that follows has the deadline %s", deadline)
		}
	}
}

func (w *harness) childEnded(child string, status RunStatus, outcome sdk.Outcome) {
	w.t.Helper()
	event, ok := w.m.ChildEnded(child, status, value.Doc{}, nil, outcome, w.now)
	if !ok {
		w.t.Fatalf("no step is to know how run %s ended", child)
	}
	w.record(event)
}

// TestWhatAChildThatWasGivenUpMayHaveDoneIsKnownBeforeAnythingIsUndone: whatever the
// reason why it was given up.
func TestWhatAChildThatWasGivenUpMayHaveDoneIsKnownBeforeAnythingIsUndone(t *testing.T) {
	const reserve = `{"id":"r","type":"vendor","action":"act","compensate":[{"id":"release","type":"vendor","action":"act"}]}`
	const pay = `{"id":"c","type":"workflow","workflow":"pay","compensate":[{"id":"refund","type":"vendor","action":"act"}]`
	for why, test := range map[string]struct{ more, steps, path string }{
		"the step's timeout":      {"", pay + `,"timeout":"1m"}`, "c"},
		"the run's timeout":       {`"timeout":"1m",`, pay + `}`, "c"},
		"another step that fails": {"", `{"id":"p","type":"parallel","steps":[` + pay + `},{"id":"s","type":"sequence","steps":[{"id":"w","type":"wait","duration":"1m"},{"id":"f","type":"fail","message":"no"}]}]}`, "p.c"},
	} {
		for _, end := range []struct {
			status  RunStatus
			outcome sdk.Outcome
			decide  bool
			undone  []string
		}{
			{RunCancelled, sdk.OutcomeNotExecuted, false, []string{"r.compensate.release"}},
			{RunCancelled, sdk.OutcomeUnknown, true, nil},
			{RunFailed, sdk.OutcomeExecuted, false, []string{test.path + ".compensate.refund", "r.compensate.release"}},
			{RunSucceeded, "", false, []string{test.path + ".compensate.refund", "r.compensate.release"}},
		} {
			t.Run(why+", "+string(end.status)+" "+string(end.outcome), func(t *testing.T) {
				w := newHarness(t, `{"id":"w",`+test.more+`"steps":[`+reserve+`,`+test.steps+`]}`, `{}`)
				w.run()
				w.ended(RunWaiting)
				if got := w.m.Waiting(); got.For != WaitingForChild {
					t.Errorf("the run waits for %q", got.For)
				}
				w.called("r")
				w.childEnded(w.m.GivenUp()[0].ID, end.status, end.outcome)
				if got := w.m.Waiting().For == WaitingForDecision; got != end.decide {
					t.Errorf("it waits for a decision: %t", got)
				}
				w.run()
				w.called(append([]string{"r"}, end.undone...)...)
			})
		}
	}
}

// TestARunThatAPersonHasCancelledDoesNotWaitForWhatItGaveUp: the person has decided.
func TestARunThatAPersonHasCancelledDoesNotWaitForWhatItGaveUp(t *testing.T) {
	w := newHarness(t, `{"id":"w","steps":[{"id":"r","type":"vendor","action":"act","compensate":[{"id":"release","type":"vendor","action":"act"}]},
		{"id":"c","type":"workflow","workflow":"pay"}]}`, `{}`)
	w.run()
	child := w.m.Children()[0].ID
	cancelled, ok := w.m.Cancel(false, w.now)
	if !ok {
		t.Fatal("the run cannot be cancelled")
	}
	w.record(cancelled)
	if w.m.AwaitsChild(child) {
		t.Error("it waits for its child")
	}
	w.run()
	w.ended(RunCancelled)
	w.called("r", "r.compensate.release")
}
