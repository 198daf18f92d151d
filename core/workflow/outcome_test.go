package workflow

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// fate is what becomes of a step whose call failed so, as a row of
// docs/workflows.md says.
type fate struct {
	again    bool // it is called again by itself
	unknown  bool // it fails with outcome_unknown
	retry    string
	undone   bool
	decision bool
}

// What a retry does with the step.
const (
	anotherKey = "with another key"
	sameKey    = "with the same key"
	notAtAll   = "not at all"
)

// fates reads the table. It has one row for each failure.
func fates(t *testing.T) func(outcome sdk.Outcome, retryable, final, safe bool) fate {
	t.Helper()
	page, err := os.ReadFile("../../docs/workflows.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(page), "| outcome | retryable | final | safe |")
	if !found {
		t.Fatal("docs/workflows.md has no such table")
	}
	var rows [][]string
	for line := range strings.Lines(table) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); strings.HasPrefix(line, "| not") || strings.HasPrefix(line, "| unk") || strings.HasPrefix(line, "| exe") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows = append(rows, cells)
		}
		if strings.TrimSpace(line) == "" {
			break
		}
	}
	is := func(cell string, value bool) bool { return cell == "any" || (cell == "yes") == value }
	return func(outcome sdk.Outcome, retryable, final, safe bool) fate {
		var fitting []fate
		for _, row := range rows {
			if row[0] == string(outcome) && is(row[1], retryable) && is(row[2], final) && is(row[3], safe) {
				fitting = append(fitting, fate{row[4] == "yes", row[5] == "`outcome_unknown`", row[6], row[7] == "yes", row[8] == "yes"})
			}
		}
		if len(fitting) != 1 {
			t.Fatalf("%d rows for %s, retryable %t, final %t, safe %t", len(fitting), outcome, retryable, final, safe)
		}
		return fitting[0]
	}
}

// places are where the step stands. Compensate is its own, or empty.
var places = map[string]func(compensate string) string{
	"a step": func(compensate string) string { return call("pay", compensate, `"retry":{"maxAttempts":3}`) },
	"an iteration": func(compensate string) string {
		return `{"id":"each","type":"foreach","items":[1,2],"steps":[` + call("pay", compensate, `"retry":{"maxAttempts":3}`) + `]}`
	},
	"a step beside another": func(compensate string) string {
		return `{"id":"all","type":"parallel","steps":[` + call("other") + `,` + call("pay", compensate, `"retry":{"maxAttempts":3}`) + `]}`
	},
	"a handler": func(compensate string) string {
		return `{"id":"first","type":"fail","message":"no","onError":[` + call("pay", compensate, `"retry":{"maxAttempts":3}`) + `]}`
	},
	"a step that is dealt with": func(compensate string) string {
		return call("pay", compensate, `"retry":{"maxAttempts":3}`, `"onError":"continue"`) + `,{"id":"end","type":"fail","message":"no"}`
	},
	"a step of a child": func(compensate string) string {
		return `{"id":"child","type":"workflow","workflow":"child",` + strings.ReplaceAll(compensate, "undoPay", "undoChild") + `}`
	},
}

// failing runs a workflow whose payment always fails so. Children are run too, by a
// definition without anything to undo.
type failing struct {
	*harness
	repeat Repeat
	err    sdk.Error
	keys   []string // that the payment was called with
	undid  []string // the steps of compensates that were called
	child  *failing
}

func newFailing(t *testing.T, steps, more string, err sdk.Error, repeat Repeat) *failing {
	t.Helper()
	return &failing{harness: newHarness(t, `{"id":"w",`+more+`"steps":[`+steps+`]}`, `{}`), err: err, repeat: repeat}
}

func (f *failing) lookup(string, string, value.Doc) (Repeat, bool) { return f.repeat, true }

// run goes on until nothing is left to do but to decide.
func (f *failing) run() {
	f.t.Helper()
	for range 1000 {
		if calls := f.m.Calls(); len(calls) > 0 {
			f.call(calls[0])
			continue
		}
		if children := f.m.Children(); len(children) > 0 {
			f.runChild(children[0])
			continue
		}
		until, waits := f.m.WaitUntil()
		if !waits {
			return
		}
		f.now = until
		events, _ := f.m.FireTimers(f.now, f.lookup)
		for _, event := range events {
			f.record(event)
		}
	}
	f.t.Fatal("the run does not end")
}

func (f *failing) call(c Call) {
	f.t.Helper()
	id := c.Path[strings.LastIndexByte(c.Path, '.')+1:]
	switch {
	case id == "pay":
		f.keys = append(f.keys, c.Key)
		err := f.err
		f.record(f.m.Failed(c.Path, &err, f.repeat, f.now))
		return
	case strings.HasPrefix(id, "undo"):
		f.undid = append(f.undid, id)
	}
	f.record(f.m.Succeeded(c.Path, document(`{}`), f.now))
}

func (f *failing) runChild(c Child) {
	f.t.Helper()
	if f.child == nil {
		f.child = newFailing(f.t, call("pay", `"retry":{"maxAttempts":3}`), "", f.err, f.repeat)
	}
	f.child.run()
	f.keys = f.child.keys
	outcome, _ := f.child.m.Outcome()
	event, ok := f.m.ChildEnded(c.ID, f.child.m.Status(), value.Doc{}, f.child.m.Failure(), outcome, f.now)
	if !ok {
		f.t.Fatal("the parent does not wait for its child")
	}
	f.record(event)
}

// payment is the step that failed, in a run or in its child.
func (f *failing) payment() StepState {
	m := f.m
	if f.child != nil {
		m = f.child.m
	}
	for _, s := range m.Steps() {
		if s.Step.ID == "pay" && s.Error != nil {
			return s
		}
	}
	f.t.Fatal("no payment failed")
	return StepState{}
}

// retry retries the run, and its child where that failed; false if it is refused.
func (f *failing) retry() bool {
	f.t.Helper()
	if refused := f.m.CanRetry(); refused != nil {
		f.t.Fatalf("the run cannot be retried: %v", refused)
	}
	if f.m.CanRepeat(f.now, f.lookup) != nil {
		return false
	}
	var kept []string
	for _, child := range f.m.OpenChildren() {
		if !f.child.retry() {
			return false
		}
		kept = append(kept, child.Path)
	}
	f.record(f.m.Retry(kept, f.now))
	return true
}

// forgetKeys forgets the keys so far.
func (f *failing) forgetKeys() {
	if f.keys = nil; f.child != nil {
		f.child.keys = nil
	}
}

// TestWhatBecomesOfAFailureIsWhatTheTableSays: of each kind of failure, in each place,
// whether anything is to be undone or not.
func TestWhatBecomesOfAFailureIsWhatTheTableSays(t *testing.T) {
	fateOf := fates(t)
	const reserve = `{"id":"reserve","type":"vendor","action":"act","compensate":[{"id":"undoReserve","type":"vendor","action":"act"}]}`
	const undoPay = `"compensate":[{"id":"undoPay","type":"vendor","action":"act"}]`
	const nothing = `"name":"pays"`
	both := []bool{true, false}
	for place, at := range places {
		t.Run(place, func(t *testing.T) {
			for _, outcome := range []sdk.Outcome{sdk.OutcomeNotExecuted, sdk.OutcomeUnknown, sdk.OutcomeExecuted} {
				for i := range 8 {
					retryable, final, safe := both[i&1], both[i>>1&1], both[i>>2&1]
					t.Run(fmt.Sprintf("%s, retryable %t, final %t, safe %t", outcome, retryable, final, safe), func(t *testing.T) {
						want := fateOf(outcome, retryable, final, safe)
						said := sdk.Error{Code: sdk.CodeUpstream, Message: "so", Outcome: outcome, Retryable: retryable, Final: final}
						repeat := Repeat{Safe: safe}
						dealtWith := place == "a step that is dealt with"

						// Nothing is to be undone.
						f := newFailing(t, at(nothing), "", said, repeat)
						f.run()
						f.ended(RunFailed)
						step := f.payment()
						code := sdk.CodeUpstream
						if want.unknown {
							code = sdk.CodeOutcomeUnknown
						}
						if again := len(f.keys) == 3; again != want.again || step.Error.Code != code || step.Outcome != outcome {
							t.Fatalf("%d calls, then %v with the outcome %q", len(f.keys), step.Error, step.Outcome)
						}
						if slices.ContainsFunc(f.keys, func(key string) bool { return key != f.keys[0] }) {
							t.Errorf("attempts have several keys: %q", f.keys)
						}
						if dealtWith {
							if !f.retry() {
								t.Error("a step that is dealt with keeps its run from being retried")
							}
						} else {
							before := f.keys[len(f.keys)-1]
							got := notAtAll
							if f.retry() {
								f.forgetKeys()
								f.run()
								got = map[bool]string{true: sameKey, false: anotherKey}[f.keys[0] == before]
							}
							if got != want.retry {
								t.Errorf("a retry calls it %s, want %s", got, want.retry)
							}
						}

						// Something is, and nobody decides.
						undone := []string{"undoReserve"}
						if want.undone {
							undone = []string{map[bool]string{true: "undoChild", false: "undoPay"}[place == "a step of a child"], "undoReserve"}
						}
						f = newFailing(t, reserve+","+at(undoPay), `"onUnknown":"compensate",`, said, repeat)
						f.run()
						f.ended(RunFailed)
						if diff := cmp.Diff(undone, f.undid); diff != "" {
							t.Errorf("undone (-want +got):\n%s", diff)
						}

						// Something is, and a person decides where that is needed.
						f = newFailing(t, reserve+","+at(undoPay), "", said, repeat)
						f.run()
						if waiting := f.m.Waiting(); (waiting.For == WaitingForDecision) != want.decision || want.decision && waiting.Failure.Err.Outcome != sdk.OutcomeUnknown {
							t.Fatalf("the run is %s and waits for %+v", f.m.Status(), waiting)
						}
						if !want.decision {
							f.ended(RunFailed)
							if diff := cmp.Diff(undone, f.undid); diff != "" {
								t.Errorf("undone (-want +got):\n%s", diff)
							}
							return
						}
						f.ended(RunWaiting)
						if len(f.undid) > 0 {
							t.Errorf("%q without anyone having decided", f.undid)
						}
						if !dealtWith {
							before := f.keys[len(f.keys)-1]
							if !f.retry() {
								t.Fatal("the retry is refused")
							}
							f.forgetKeys()
							f.run()
							f.ended(RunWaiting)
							if f.keys[0] != before {
								t.Error("a retry that is to find out calls it with another key")
							}
						}
						event, ok := f.m.Cancel(false, f.now)
						if !ok {
							t.Fatal("it cannot be cancelled")
						}
						f.record(event)
						f.run()
						f.ended(RunCancelled)
						if diff := cmp.Diff(undone, f.undid); diff != "" {
							t.Errorf("undone by the cancellation (-want +got):\n%s", diff)
						}
					})
				}
			}
		})
	}
}

// TestWhatOnlyReadsHasNoEffectOfWhichTheOutcomeCouldBeUnknown: a run need not ask
// before it undoes what it did.
func TestWhatOnlyReadsHasNoEffectOfWhichTheOutcomeCouldBeUnknown(t *testing.T) {
	const reserve = `{"id":"reserve","type":"vendor","action":"act","compensate":[{"id":"undoReserve","type":"vendor","action":"act"}]}`
	lost := sdk.Error{Code: sdk.CodeTimeout, Message: "late", Retryable: true}
	f := newFailing(t, reserve+","+call("pay", `"retry":{"maxAttempts":3}`), "", lost, Repeat{Safe: true, Reads: true})
	f.run()
	f.ended(RunFailed)
	if len(f.keys) != 3 || !slices.Equal(f.undid, []string{"undoReserve"}) {
		t.Errorf("%d calls, undone: %q", len(f.keys), f.undid)
	}
}

// TestAttemptsWithOneKeyCountTogether: the last error alone does not say what is known.
func TestAttemptsWithOneKeyCountTogether(t *testing.T) {
	limited := sdk.Error{Code: sdk.CodeRateLimited, Message: "slower", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
	late := sdk.Error{Code: sdk.CodeTimeout, Message: "late", Retryable: true, Outcome: sdk.OutcomeUnknown}
	cut := sdk.Error{Code: sdk.CodeUpstream, Message: "the answer was cut off", Retryable: true, Outcome: sdk.OutcomeExecuted}
	decline := sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
	refusal := sdk.Error{Code: sdk.CodeRejected, Message: "no", Outcome: sdk.OutcomeNotExecuted}
	for name, test := range map[string]struct {
		errs []sdk.Error
		want sdk.Outcome
	}{
		"refused after it may have taken effect":       {[]sdk.Error{late, refusal}, sdk.OutcomeUnknown},
		"slowed down after it may have taken effect":   {[]sdk.Error{late, limited, limited}, sdk.OutcomeUnknown},
		"declined under the key that may have been it": {[]sdk.Error{late, decline}, sdk.OutcomeNotExecuted},
		"late after it took effect":                    {[]sdk.Error{cut, late, late}, sdk.OutcomeExecuted},
		"refused after it took effect":                 {[]sdk.Error{cut, refusal}, sdk.OutcomeExecuted},
		"never executed":                               {[]sdk.Error{limited, limited, refusal}, sdk.OutcomeNotExecuted},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t, flow(call("pay", `"retry":{"maxAttempts":3}`)), `{}`)
			w.does = func(Call) (string, *sdk.Error) { err := test.errs[len(w.calls)-1]; return "", &err }
			w.run()
			w.ended(RunFailed)
			if got := w.m.Steps()[0]; got.Outcome != test.want || got.Error.Outcome != test.want || got.Attempts != len(test.errs) {
				t.Errorf("%d attempts: the outcome is %q, that of the error %q, want %q", got.Attempts, got.Outcome, got.Error.Outcome, test.want)
			}
		})
	}
}

// TestACallThatTookEffectIsNotMadeOnceItsKeyIsForgotten, not even by a person.
func TestACallThatTookEffectIsNotMadeOnceItsKeyIsForgotten(t *testing.T) {
	day := Repeat{Safe: true, KeyLifetime: 24 * time.Hour}
	f := newFailing(t, call("pay"), "", sdk.Error{Code: sdk.CodeInternal, Outcome: sdk.OutcomeExecuted, Final: true}, day)
	f.run()
	if refused := f.m.CanRepeat(noon.Add(23*time.Hour), f.lookup); refused != nil {
		t.Errorf("within the life of its key: %v", refused)
	}
	if refused := f.m.CanRepeat(noon.Add(25*time.Hour), f.lookup); refused == nil || refused.Code != sdk.CodeConflict {
		t.Errorf("past it: %v", refused)
	}
	if refused := f.m.CanRepeat(noon, func(string, string, value.Doc) (Repeat, bool) { return Repeat{}, false }); refused == nil || refused.Code != sdk.CodeUnavailable {
		t.Errorf("while it is not known what the key is worth: %v", refused)
	}
}

// TestACallThatWasInterruptedMayHaveTakenEffect, whatever is said to the one that is
// made in its place.
func TestACallThatWasInterruptedMayHaveTakenEffect(t *testing.T) {
	down := &sdk.Error{Code: sdk.CodeUnavailable, Message: "the plugin is down", Outcome: sdk.OutcomeNotExecuted}
	for name, test := range map[string]struct {
		err    *sdk.Error
		repeat Repeat
		want   sdk.Outcome
	}{
		"it is not sent":                    {down, keyed, sdk.OutcomeUnknown},
		"the key is answered for good":      {refused(), keyed, sdk.OutcomeNotExecuted},
		"it only reads":                     {down, Repeat{Safe: true, Reads: true}, sdk.OutcomeNotExecuted},
		"it says that the effect stands":    {sdk.Executed(sdk.CodeInternal, "no JSON"), keyed, sdk.OutcomeExecuted},
		"nothing is known of it, once more": {lost(), Repeat{Safe: true, KeyLifetime: time.Nanosecond}, sdk.OutcomeUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t, flow(call("pay")), `{}`)
			if _, ended := w.m.Interrupted("pay", Repeat{Safe: true, Reads: test.repeat.Reads}, w.now); ended {
				t.Fatal("it is not made again")
			}
			w.record(w.m.Failed("pay", test.err, test.repeat, w.now))
			w.ended(RunFailed)
			if got := w.m.Steps()[0].Outcome; got != test.want {
				t.Errorf("the outcome is %q, want %q", got, test.want)
			}
		})
	}
}
