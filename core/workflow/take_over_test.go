package workflow

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// replaced runs another definition in the place of a run that has ended, which was
// that of raw; it returns the paths that were called, or why it may not be.
func replaced(t *testing.T, w *harness, raw string) (next *harness, refused *sdk.Error) {
	t.Helper()
	next = &harness{t: t, d: parse(t, raw), now: w.now.Add(time.Hour), does: w.does}
	next.m = NewMachine(next.d, "run-1")
	started := Event{Type: EventStarted, At: next.now, Roots: w.m.Roots()}
	apply(t, next.m, started)
	reads := func(_, action string) bool { return action == "look" }
	events, refused := next.m.TakeOver(w.m, reads, next.now)
	if refused != nil {
		return nil, refused
	}
	next.log = append([]Event{started}, events[:max(len(events)-1, 0)]...)
	if len(events) == 0 {
		next.m, next.log = NewMachine(next.d, "run-1"), nil
		next.record(started)
	} else { // record applies the last one, and checks the journal
		next.m = NewMachine(next.d, "run-1")
		for _, event := range next.log {
			apply(t, next.m, event)
		}
		next.record(events[len(events)-1])
	}
	next.run()
	return next, nil
}

func TestWhatSucceededAndIsTheSameIsTakenOverAndTheRestIsRun(t *testing.T) {
	for name, change := range map[string]struct {
		from, to string
		calls    []string
	}{
		"the failed step is another one": {
			`{"id":"charge","type":"shop","action":"pay","params":{"amount":"{{input.wrong}}"}}`, `{"id":"bill","type":"set","values":{}}`,
			[]string{"choose.receipt"},
		},
		"a step that is done has other params":       {`"qty":1`, `"qty":2`, []string{"choose.charge", "choose.receipt"}},
		"a step that is done has a condition":        {`"id":"reserve",`, `"id":"reserve","condition":"false",`, []string{"choose.charge", "choose.receipt"}},
		"a step comes before what is done":           {`{"id":"reserve"`, `{"id":"look","type":"shop","action":"look"},{"id":"reserve"`, []string{"look", "choose.charge", "choose.receipt"}},
		"a step in the loop is not there any more":   {`,{"id":"weigh","type":"shop","action":"tell"}`, ``, []string{"choose.charge", "choose.receipt"}},
		"a step that has not begun is not there":     {`,{"id":"last","type":"set","values":{"n":1}}`, ``, []string{"choose.charge", "choose.receipt"}},
		"a list that decided nothing has more cases": {`"default":[{"id":"other"`, `"default":[{"id":"another"`, []string{"choose.charge", "choose.receipt"}},
	} {
		t.Run(name, func(t *testing.T) {
			raw := strings.ReplaceAll(broken, "\n", "")
			raw = strings.ReplaceAll(raw, "\t", "")
			changed := strings.Replace(raw, change.from, change.to, 1)
			if changed == raw {
				t.Fatal("nothing is changed")
			}
			w, refused := replaced(t, fails(t), strings.ReplaceAll(changed, "input.wrong", "input.right"))
			if refused != nil {
				t.Fatal(refused)
			}
			w.ended(RunSucceeded)
			if !slices.Equal(w.calls, change.calls) {
				t.Errorf("calls %v, want %v", w.calls, change.calls)
			}
			for _, s := range w.m.Steps() {
				if s.Path == "each[1].pack" && (s.Status != StepSucceeded || s.Attempts != 0 || string(s.Result.Raw()) != `{}`) {
					t.Errorf("what is taken over is shown as %s after %d attempts, %s", s.Status, s.Attempts, s.Result.Raw())
				}
			}
		})
	}
}

func TestWhereItCannotBeToldNothingIsTakenOver(t *testing.T) {
	for name, test := range map[string]struct{ before, after, why string }{
		"a step is called something else now": {
			`{"id":"a","type":"shop","action":"pay"},{"id":"f","type":"fail","message":"no"}`,
			`{"id":"b","type":"shop","action":"pay"}`, "step a had succeeded, and is not where it was: step b may be the same",
		},
		"a step is in another one now": {
			`{"id":"a","type":"shop","action":"pay"},{"id":"f","type":"fail","message":"no"}`,
			`{"id":"s","type":"sequence","steps":[{"id":"a","type":"shop","action":"pay"}]}`, "step a had succeeded, and is not where it was",
		},
		"a step without an id comes after another one now": {
			`{"type":"shop","action":"pay","params":{"n":1}},{"id":"f","type":"fail","message":"no"}`,
			`{"type":"shop","action":"tell"},{"type":"shop","action":"pay","params":{"n":1}}`, "step step-1 had succeeded, and is not where it was: step step-2 may be the same",
		},
		"a step without an id stands where another one did": {
			`{"type":"shop","action":"pay","params":{"n":1}},{"id":"f","type":"fail","message":"no"}`,
			`{"type":"shop","action":"pay","params":{"n":0}},{"type":"shop","action":"pay","params":{"n":1}},{"id":"x","type":"set","values":{}}`, "step step-1 had succeeded, and it cannot be told which step it is now",
		},
		"a step with its id calls another integration": {
			`{"id":"a","type":"shop","action":"pay"},{"id":"f","type":"fail","message":"no"}`,
			`{"id":"a","type":"mail","action":"pay"}`, "step a had succeeded, and step a is another one now",
		},
		"a loop is over other items": {
			`{"id":"e","type":"foreach","items":[1,2],"steps":[{"id":"a","type":"shop","action":"pay"}]},{"id":"f","type":"fail","message":"no"}`,
			`{"id":"e","type":"foreach","items":[2,3],"steps":[{"id":"a","type":"shop","action":"pay"}]}`, "step e[0].a had succeeded, and what decides about it in step e is not what it was",
		},
		"a case has another condition": {
			`{"id":"s","type":"switch","cases":[{"when":"true","steps":[{"id":"a","type":"shop","action":"pay"}]}]},{"id":"f","type":"fail","message":"no"}`,
			`{"id":"s","type":"switch","cases":[{"when":"1 === 1","steps":[{"id":"a","type":"shop","action":"pay"}]}]}`, "step s.a had succeeded, and what decides about it in step s",
		},
		"what dealt with a failure took effect": {
			`{"id":"a","type":"fail","message":"no","onError":[{"id":"h","type":"shop","action":"pay"}]},{"id":"f","type":"fail","message":"no"}`,
			`{"id":"a","type":"fail","message":"no","onError":[{"id":"h","type":"shop","action":"pay"}]}`, "step a.onError.h had succeeded, and belongs to the failure of step a",
		},
		"what was done is undone": {
			`{"id":"a","type":"shop","action":"pay","compensate":[{"id":"u","type":"shop","action":"refund"}]},{"id":"f","type":"fail","message":"no"}`,
			`{"id":"a","type":"shop","action":"pay"}`, "the run has undone what it did",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t, `{"id":"w","steps":[`+test.before+`]}`, `{}`)
			w.run()
			w.ended(RunFailed)
			_, refused := replaced(t, w, `{"id":"w","steps":[`+test.after+`]}`)
			if refused == nil || refused.Code != sdk.CodeConflict || !strings.Contains(refused.Message, test.why) {
				t.Errorf("refused with %v, want %s", refused, test.why)
			}
		})
	}
}

func TestWhatHadNoEffectMayChangeAsItLikes(t *testing.T) {
	for name, test := range map[string]struct{ before, after string }{
		"a read is called something else":  {`{"id":"a","type":"shop","action":"look"}`, `{"id":"b","type":"shop","action":"look"}`},
		"a loop of reads has other items":  {`{"id":"e","type":"foreach","items":[1,2],"steps":[{"id":"a","type":"shop","action":"look"}]}`, `{"id":"e","type":"foreach","items":[1],"steps":[{"id":"a","type":"shop","action":"look"}]}`},
		"a value is another":               {`{"id":"a","type":"set","values":{"n":1}}`, `{"id":"a","type":"set","values":{"n":2}}`},
		"what has an effect is gone":       {`{"id":"a","type":"shop","action":"pay"}`, `{"id":"b","type":"shop","action":"look"}`},
		"a failure that was passed over":   {`{"id":"a","type":"fail","message":"no","onError":"continue"}`, `{"id":"a","type":"set","values":{}}`},
		"a step that was skipped, is done": {`{"id":"a","type":"shop","action":"pay","condition":"false"}`, `{"id":"a","type":"shop","action":"pay"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t, `{"id":"w","steps":[`+test.before+`,{"id":"f","type":"fail","message":"no"}]}`, `{}`)
			w.run()
			w.ended(RunFailed)
			next, refused := replaced(t, w, `{"id":"w","steps":[`+test.after+`]}`)
			if refused != nil {
				t.Fatal(refused)
			}
			next.ended(RunSucceeded)
		})
	}
}

// TestWhatIsTakenOverIsUndoneLikeAnythingElse: in the order opposite to that in which
// it was done.
func TestWhatIsTakenOverIsUndoneLikeAnythingElse(t *testing.T) {
	const steps = `{"id":"p","type":"parallel","steps":[
		{"id":"late","type":"sequence","steps":[{"id":"wait","type":"wait","duration":"1h"},{"id":"a","type":"shop","action":"pay","compensate":[{"id":"ua","type":"shop","action":"refund"}]}]},
		{"id":"b","type":"shop","action":"pay","compensate":[{"id":"ub","type":"shop","action":"refund"}]}]},
		{"id":"f","type":"fail","message":"no"}`
	without := strings.NewReplacer(`,"compensate":[{"id":"ua","type":"shop","action":"refund"}]`, "", `,"compensate":[{"id":"ub","type":"shop","action":"refund"}]`, "")
	w := newHarness(t, `{"id":"w","steps":[`+without.Replace(steps)+`]}`, `{}`)
	w.run()
	w.ended(RunFailed)
	next, refused := replaced(t, w, `{"id":"w","steps":[`+steps+`]}`)
	if refused != nil {
		t.Fatal(refused)
	}
	next.ended(RunFailed)
	if want := []string{"p.late.a.compensate.ua", "p.b.compensate.ub"}; !slices.Equal(next.calls, want) {
		t.Errorf("calls %v, want %v", next.calls, want)
	}
}

func TestALoopGoesOnWhereAnotherRunHasComeTo(t *testing.T) {
	w := newHarness(t, `{"id":"w","steps":[{"id":"e","type":"foreach","items":["{{input.a}}",{"b":"x,y"},3],"steps":[
		{"id":"pay","type":"shop","action":"pay","params":{"item":"{{item}}"}},{"id":"tell","type":"shop","action":"tell"}]}]}`, `{"a":12345678901234567890}`)
	w.does = func(call Call) (string, *sdk.Error) {
		if call.Path == "e[1].tell" {
			return "", refused()
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunFailed)
	w.does = func(call Call) (string, *sdk.Error) { return string(value.TrustedDoc(call.Params.Raw()).Raw()), nil }
	next, refused := replaced(t, w, `{"id":"w","steps":[{"id":"e","type":"foreach","items":["{{input.a}}",{"b":"x,y"},3],"steps":[
		{"id":"pay","type":"shop","action":"pay","params":{"item":"{{item}}"}},{"id":"say","type":"shop","action":"tell","params":{"item":"{{item}}"}}]}]}`)
	if refused == nil {
		t.Fatalf("what was told under another name was told again: %v", next.calls)
	}
	next, refused = replaced(t, w, `{"id":"w","steps":[{"id":"e","type":"foreach","items":["{{input.a}}",{"b":"x,y"},3],"steps":[
		{"id":"pay","type":"shop","action":"pay","params":{"item":"{{item}}"}},{"id":"tell","type":"shop","action":"tell","params":{"item":"{{item}}"}}]}]}`)
	if refused != nil {
		t.Fatal(refused)
	}
	next.ended(RunSucceeded)
	if want := []string{"e[1].tell", "e[2].pay", "e[2].tell"}; !slices.Equal(next.calls, want) {
		t.Errorf("calls %v, want %v", next.calls, want)
	}
}
