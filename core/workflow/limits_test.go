package workflow

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// limited starts a run whose limits are narrow.
func limited(t *testing.T, limits Limits, raw, input string) *harness {
	t.Helper()
	w := &harness{t: t, d: parse(t, raw), now: noon}
	w.m = NewMachine(w.d, "run-1")
	w.m.SetLimits(limits)
	w.record(Event{Type: EventStarted, At: w.now, Roots: map[string]value.Doc{"input": document(input)}})
	return w
}

// failedWith makes sure that the run failed with a code at a place.
func (w *harness) failedWith(code sdk.Code, path string) *sdk.Error {
	w.t.Helper()
	w.ended(RunFailed)
	f := w.m.Failure()
	if f.Err.Code != code || f.Step != path || f.Integration != "" {
		w.t.Fatalf("failure = %s at %q of %q (%s), want %s at %q", f.Err.Code, f.Step, f.Integration, f.Err.Message, code, path)
	}
	if f.Err.Outcome != sdk.OutcomeNotExecuted {
		w.t.Errorf("outcome = %q", f.Err.Outcome)
	}
	return f.Err
}

const undo = `"compensate":[{"id":"undo-%s","type":"vendor","action":"undo"}]`

func undoable(id string) string { return call(id, fmt.Sprintf(undo, id)) }

func TestADecisionOverTheSizeOfARunFailsItWithItsPlace(t *testing.T) {
	t.Parallel()
	text := fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 300))
	const both = `{"v":"{{input.text}}{{input.text}}{{input.text}}"}`
	for name, test := range map[string]struct{ step, path string }{
		"set":                {`{"id":"s","type":"set","values":` + both + `}`, "s"},
		"params of a call":   {call("s", `"params":`+both), "s"},
		"input of a child":   {`{"id":"s","type":"workflow","workflow":"other","input":` + both + `}`, "s"},
		"items of a foreach": {`{"id":"s","type":"foreach","items":["{{input.text}}{{input.text}}{{input.text}}"],"steps":[` + call("c") + `]}`, "s"},
		"output of a return": {`{"id":"s","type":"return","output":` + both + `}`, "s"},
		"in a foreach":       {`{"id":"s","type":"foreach","items":[1,2,3],"steps":[{"id":"c","type":"set","values":{"v":"{{input.text}}"}}]}`, "s[2].c"},
		"in an onError":      {`{"id":"s","type":"fail","message":"no","onError":[{"id":"h","type":"set","values":` + both + `}]}`, "s.onError.h"},
		"that is dealt with": {`{"id":"s","type":"set","values":` + both + `,"onError":"continue"}`, "s"},
		"in a switch":        {`{"id":"s","type":"switch","cases":[{"when":"true","steps":[{"id":"c","type":"set","values":` + both + `}]}]}`, "s.c"},
		"in a parallel":      {`{"id":"s","type":"parallel","steps":[{"id":"c","type":"set","values":` + both + `}]}`, "s.c"},
	} {
		t.Run(name, func(t *testing.T) {
			w := limited(t, Limits{Bytes: 1000, Steps: 100}, flow(undoable("pay"), test.step, call("after")), text)
			w.run()
			err := w.failedWith(CodeRunTooLarge, test.path)
			if !strings.Contains(err.Message, "1000 (state.maxRunBytes)") || !strings.Contains(err.Message, test.path) {
				t.Errorf("message = %q", err.Message)
			}
			w.called("pay", "pay.compensate.undo-pay")
		})
	}
	t.Run("output of the run", func(t *testing.T) {
		w := limited(t, Limits{Bytes: 1000, Steps: 100}, `{"id":"w","steps":[`+undoable("pay")+`],"output":`+both+`}`, text)
		w.run()
		w.failedWith(CodeRunTooLarge, "")
		w.called("pay", "pay.compensate.undo-pay")
	})
	t.Run("input of the run", func(t *testing.T) {
		w := limited(t, Limits{Bytes: 200, Steps: 100}, flow(call("pay")), text)
		w.run()
		w.failedWith(CodeRunTooLarge, "")
		w.called()
	})
}

func TestAnAnswerThatARunHasNoRoomForIsRecordedWithoutItsResult(t *testing.T) {
	t.Parallel()
	w := limited(t, Limits{Bytes: 500, Steps: 100}, flow(undoable("first"), undoable("pay"), call("after")), `{}`)
	w.does = func(call Call) (string, *sdk.Error) {
		if call.Path == "pay" {
			return `"` + strings.Repeat("x", 600) + `"`, nil
		}
		return `{}`, nil
	}
	w.run()
	w.failedWith(CodeRunTooLarge, "pay")
	w.called("first", "pay", "pay.compensate.undo-pay", "first.compensate.undo-first")
	i := slices.IndexFunc(w.m.Steps(), func(s StepState) bool { return s.Path == "pay" })
	if s := w.m.Steps()[i]; s.Status != StepCompensated || !s.Result.IsZero() || s.Error != nil {
		t.Errorf("pay = %s, result %s, error %v", s.Status, s.Result.Raw(), s.Error)
	}
}

func TestASignalOrChildThatARunHasNoRoomForEndsItsStepWithoutResult(t *testing.T) {
	t.Parallel()
	large := document(`"` + strings.Repeat("x", 600) + `"`)
	for _, step := range []string{
		`{"id":"s","type":"waitForEvent","event":"go"}`,
		`{"id":"s","type":"workflow","workflow":"other"}`,
	} {
		w := limited(t, Limits{Bytes: 500, Steps: 100}, flow(step, call("after")), `{}`)
		w.run()
		event, ok := w.m.Signal("go", large, w.now)
		if !ok {
			event, ok = w.m.ChildEnded(w.m.Children()[0].ID, RunSucceeded, large, nil, "", w.now)
		}
		if !ok {
			t.Fatal("no step waits")
		}
		w.record(event)
		w.failedWith(CodeRunTooLarge, "s")
		if status := w.statuses()["s"]; status != StepSucceeded {
			t.Errorf("s is %s", status)
		}
	}
}

func TestAnErrorThatARunHasNoRoomForIsKeptInShort(t *testing.T) {
	t.Parallel()
	w := limited(t, Limits{Bytes: 3000, Steps: 100}, flow(undoable("first"), call("pay")), `{}`)
	w.does = func(call Call) (string, *sdk.Error) {
		if call.Path != "pay" {
			return `{}`, nil
		}
		return "", &sdk.Error{
			Code: sdk.CodeDeclined, Message: strings.Repeat("m", 5000), Outcome: sdk.OutcomeNotExecuted,
			Details: json.RawMessage(`"` + strings.Repeat("d", 5000) + `"`), Faults: []sdk.Fault{{Message: strings.Repeat("f", 5000)}},
		}
	}
	w.run()
	w.ended(RunFailed)
	if err := w.m.Failure().Err; err.Code != sdk.CodeDeclined || len(err.Message) > 1100 || err.Details != nil || err.Faults != nil {
		t.Errorf("error = %s with %d, %d and %d bytes", err.Code, len(err.Message), len(err.Details), len(err.Faults))
	}
	w.called("first", "pay", "first.compensate.undo-first")
}

func TestUndoingHasRoomOfItsOwnAndEndsWithIt(t *testing.T) {
	t.Parallel()
	// Each undoing takes 300 bytes, of which as many as the run may have are left.
	undoing := func(id string) string {
		return call(id, `"compensate":[`+call("undo-"+id, `"params":{"v":"{{input.text}}"}`)+`]`)
	}
	w := limited(t, Limits{Bytes: 700, Steps: 100},
		flow(undoing("a"), undoing("b"), undoing("c"), `{"id":"s","type":"set","values":{"v":"{{input.text}}{{input.text}}"}}`),
		fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 300)))
	w.run()
	err := w.failedWith(CodeRunTooLarge, "s")
	w.called("a", "b", "c", "c.compensate.undo-c", "b.compensate.undo-b")
	if !strings.Contains(err.Message, "step a could not be undone") {
		t.Errorf("message = %q", err.Message)
	}
}

func TestARetryOfARunThatIsFullGoesOnOnceItMayGrow(t *testing.T) {
	t.Parallel()
	w := limited(t, Limits{Bytes: 500, Steps: 100}, flow(call("pay"), `{"id":"s","type":"set","values":{"v":"{{input.text}}{{input.text}}"}}`, call("after")),
		fmt.Sprintf(`{"text":%q}`, strings.Repeat("x", 300)))
	w.run()
	w.failedWith(CodeRunTooLarge, "s")
	w.record(w.m.Retry(nil, w.now))
	w.failedWith(CodeRunTooLarge, "s")
	w.m.SetLimits(Limits{Bytes: 2000, Steps: 100})
	w.record(w.m.Retry(nil, w.now))
	w.run()
	w.ended(RunSucceeded)
	w.called("pay", "after")
}

func TestTooManyStepsAreRefusedBeforeAnyOfThemBegins(t *testing.T) {
	t.Parallel()
	each := func(id, items string, steps ...string) string {
		return `{"id":"` + id + `","type":"foreach","items":` + items + `,"steps":[` + strings.Join(steps, ",") + `]}`
	}
	list := func(n int) string { return "[" + strings.TrimSuffix(strings.Repeat("1,", n), ",") + "]" }
	input := fmt.Sprintf(`{"few":%s,"many":%s,"lists":[%s,%s]}`, list(4), list(20), list(20), list(40))
	for name, test := range map[string]struct {
		step, path string
		called     int      // calls of the loop before it was found out
		says       []string // in the message
	}{
		"one loop":                       {each("e", `"{{input.many}}"`, call("a"), call("b"), call("c")), "e", 0, []string{"at least 62 steps", "20 items of e"}},
		"a loop in a loop":               {each("e", `"{{input.many}}"`, each("f", `"{{input.many}}"`, call("a"))), "e", 0, []string{"at least 422 steps", "20 items of e", "20 items of e[0].f"}},
		"in a loop in a loop":            {each("e", `"{{input.few}}"`, each("f", `"{{input.few}}"`, each("g", `"{{input.many}}"`, call("a")))), "e", 0, []string{"20 items of e[0].f[0].g"}},
		"a loop over each item":          {each("e", `"{{input.lists}}"`, each("f", `"{{item}}"`, call("a"))), "e", 0, []string{"2 items of e", "20 items of e[0].f"}},
		"in a sequence":                  {each("e", `"{{input.many}}"`, `{"id":"q","type":"sequence","steps":[`+each("f", `"{{input.few}}"`, call("a"))+`]}`), "e", 0, []string{"4 items of e[0].q.f"}},
		"in a parallel":                  {`{"id":"p","type":"parallel","steps":[` + each("e", `"{{input.many}}"`, each("f", `"{{input.many}}"`, call("a"))) + `]}`, "p", 0, []string{"20 items of p.e", "20 items of p.e[0].f"}},
		"in a case that is taken":        {each("e", `"{{input.many}}"`, `{"id":"q","type":"switch","cases":[{"when":"{{input.few}}.length === 4","steps":[`+each("f", `"{{input.few}}"`, call("a"))+`]}]}`), "e", 0, []string{"4 items of e[0].q.f"}},
		"under a condition that holds":   {each("e", `"{{input.many}}"`, strings.Replace(each("f", `"{{input.few}}"`, call("a")), `{`, `{"condition":"{{index}} >= 0",`, 1)), "e", 0, nil},
		"over what an earlier step says": {each("e", `"{{input.few}}"`, each("f", `"{{steps.pay.result.many}}"`, call("a"))), "e", 0, []string{"15 items of e[0].f"}},
		"over what a step in it says":    {each("e", `"{{input.few}}"`, call("a"), each("f", `"{{steps.a.result.many}}"`, call("b"))), "e[2].f", 33, []string{"15 items of e[2].f"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := limited(t, Limits{Bytes: 1 << 20, Steps: 50}, flow(call("pay"), test.step), input)
			w.does = func(Call) (string, *sdk.Error) { return `{"many":` + list(15) + `}`, nil }
			w.run()
			err := w.failedWith(CodeRunTooManySteps, test.path)
			if n := len(w.calls) - 1; n != test.called {
				t.Errorf("%d calls were made, want %d", n, test.called)
			}
			for _, text := range append(test.says, "50 (state.maxRunSteps)", "step "+test.path) {
				if !strings.Contains(err.Message, text) {
					t.Errorf("message = %q, want %q in it", err.Message, text)
				}
			}
		})
	}
	for name, step := range map[string]string{
		"as many as there may be":          each("e", `"{{input.many}}"`, call("a"), call("b")),
		"under a condition that does not":  each("e", `"{{input.many}}"`, strings.Replace(each("f", `"{{input.few}}"`, call("a")), `{`, `{"condition":"{{index}} < 0",`, 1)),
		"in a case that is not taken":      each("e", `"{{input.few}}"`, `{"id":"q","type":"switch","cases":[{"when":"{{item}} === 2","steps":[`+each("f", `"{{input.many}}"`, call("a"))+`]}]}`),
		"over a default for what is to be": each("e", `"{{input.few}}"`, call("a"), each("f", `"{{steps.a.result.many ?? input.many}}"`, call("b"))),
	} {
		t.Run(name, func(t *testing.T) {
			w := limited(t, Limits{Bytes: 1 << 20, Steps: 50}, flow(call("pay"), step), input)
			w.does = func(Call) (string, *sdk.Error) { return `{"many":[]}`, nil }
			w.run()
			w.ended(RunSucceeded)
		})
	}
}

func TestTheStepsOfAnOnErrorCountOnceTheyAreOpened(t *testing.T) {
	t.Parallel()
	w := limited(t, Limits{Bytes: 1 << 20, Steps: 45}, flow(`{"id":"e","type":"foreach","items":[1,2,3,4,5,6,7,8,9,10],"steps":[`+
		call("a", `"onError":[`+call("h1")+`,`+call("h2")+`,`+call("h3")+`,`+call("h4")+`]`)+`]}`), `{}`)
	w.does = func(call Call) (string, *sdk.Error) {
		if strings.HasSuffix(call.Path, ".a") {
			return "", refused()
		}
		return `{}`, nil
	}
	w.run()
	w.failedWith(CodeRunTooManySteps, "")
	if n := len(w.calls); n != 9+8*4 { // at the ninth failure there are 11 + 9 * 4 steps
		t.Errorf("%d calls were made", n)
	}
}
