package workflow

import (
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
	"github.com/backflow/backflow/sdk/value"
)

// unavailable is how a call fails that is worth another attempt.
func unavailable(Call) (string, *sdk.Error) {
	return "", &sdk.Error{Code: sdk.CodeUnavailable, Message: "down", Retryable: true, Outcome: sdk.OutcomeNotExecuted}
}

// pass makes all calls that are to be under way, and lets no time go by.
func (w *harness) pass() {
	w.t.Helper()
	for calls := w.m.Calls(); len(calls) > 0; calls = w.m.Calls() {
		w.makeCall(calls[0])
	}
}

func TestARunAndItsStepsSayWhatTheyWaitFor(t *testing.T) {
	t.Parallel()
	wait := `{"id":"w","type":"wait","duration":"1h"}`
	signal := `{"id":"s","type":"waitForEvent","event":"go","timeout":"2h"}`
	child := `{"id":"c","type":"workflow","workflow":"other"}`
	retry := call("r", `"retry":{"initialInterval":"3h","maxInterval":"3h","maxAttempts":7}`)
	for name, tt := range map[string]struct {
		steps string
		want  WaitingFor
		step  string // that waits for it
		least time.Duration
		most  time.Duration
	}{
		"a time":                      {wait, WaitingForTimer, "w", time.Hour, time.Hour},
		"a time, cut by a timeout":    {`{"id":"w","type":"wait","duration":"1h","timeout":"1m"}`, WaitingForTimer, "w", time.Minute, time.Minute},
		"a signal":                    {signal, WaitingForSignal, "s", 2 * time.Hour, 2 * time.Hour},
		"a signal, without a timeout": {`{"id":"s","type":"waitForEvent","event":"go"}`, WaitingForSignal, "s", 0, 0},
		"a child":                     {child, WaitingForChild, "c", 0, 0},
		"an attempt":                  {retry, WaitingForRetry, "r", 90 * time.Minute, 3 * time.Hour},
		"an attempt in a loop":        {`{"id":"e","type":"foreach","items":[1],"steps":[` + retry + `]}`, WaitingForRetry, "e[0].r", 90 * time.Minute, 3 * time.Hour},
		"the attempt, of all":         {`{"id":"p","type":"parallel","steps":[` + wait + `,` + child + `,` + signal + `,` + retry + `]}`, WaitingForRetry, "p.r", 90 * time.Minute, 3 * time.Hour},
		"the signal, of the others":   {`{"id":"p","type":"parallel","steps":[` + wait + `,` + child + `,` + signal + `]}`, WaitingForSignal, "p.s", 2 * time.Hour, 2 * time.Hour},
		"the child, before a time":    {`{"id":"p","type":"parallel","steps":[` + wait + `,` + child + `]}`, WaitingForChild, "p.c", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newHarness(t, `{"id":"f","steps":[`+tt.steps+`]}`, `{}`)
			w.does = unavailable
			w.pass()
			got := w.m.Waiting()
			if w.m.Status() != RunWaiting || got.For != tt.want {
				t.Fatalf("the run is %s and waits for %q", w.m.Status(), got.For)
			}
			for _, s := range w.m.Steps() {
				if s.Path == tt.step && (s.WaitingFor != tt.want || !s.WaitingUntil.Equal(got.Until)) {
					t.Errorf("step %s waits for %q until %s, the run until %s", s.Path, s.WaitingFor, s.WaitingUntil, got.Until)
				}
				if s.Status != StepWaiting && s.WaitingFor != "" {
					t.Errorf("step %s is %s and waits for %q", s.Path, s.Status, s.WaitingFor)
				}
			}
			if until := got.Until.Sub(noon); tt.most == 0 && !got.Until.IsZero() || tt.most > 0 && (until < tt.least || until > tt.most) {
				t.Errorf("until %s", got.Until)
			}
			if retried := tt.want == WaitingForRetry; retried != (got.Attempt == 1) || retried != (got.MaxAttempts == 7) || retried != (got.Failure != nil && got.Failure.Step == tt.step) {
				t.Errorf("attempt %d of %d, %+v", got.Attempt, got.MaxAttempts, got.Failure)
			}
		})
	}
}

func TestARunThatIsTriedAgainSaysSoWhileTheAttemptIsMade(t *testing.T) {
	t.Parallel()
	w := newHarness(t, `{"id":"f","steps":[`+call("a", `"retry":{"maxAttempts":3}`)+`,`+call("b")+`]}`, `{}`)
	if got := w.m.Waiting(); !got.IsZero() {
		t.Errorf("at first: %+v", got)
	}
	for attempt := 1; attempt <= 2; attempt++ {
		w.does = unavailable
		w.pass()
		if got := w.m.Waiting(); got.For != WaitingForRetry || got.Attempt != attempt || got.Failure.Err.Code != sdk.CodeUnavailable {
			t.Errorf("after attempt %d: %+v", attempt, got)
		}
		w.now, _ = w.m.WaitUntil()
		events, _ := w.m.FireTimers(w.now, func(string, string, value.Doc) (Repeat, bool) { return keyed, true })
		w.record(events[0])
		if got := w.m.Waiting(); got.For != "" || got.Attempt != attempt+1 || got.MaxAttempts != 3 || got.Failure == nil {
			t.Errorf("in attempt %d: %+v", attempt+1, got)
		}
		if s := w.m.Steps()[0]; s.Attempt != attempt+1 || s.MaxAttempts != 3 || s.WaitingFor != "" {
			t.Errorf("in attempt %d: %+v", attempt+1, s)
		}
	}
	w.does = nil
	w.makeCall(w.m.Calls()[0])
	if got := w.m.Waiting(); !got.IsZero() || w.m.Steps()[0].Attempt != 0 || w.m.Steps()[0].Failure != nil {
		t.Errorf("after success: %+v", got)
	}
	w.run()
	w.ended(RunSucceeded)
	if got := w.m.Waiting(); !got.IsZero() {
		t.Errorf("after the end: %+v", got)
	}
}

func TestARunWhoseCallIsUnderWayWaitsForNothing(t *testing.T) {
	t.Parallel()
	w := newHarness(t, `{"id":"f","steps":[{"id":"p","type":"parallel","steps":[{"id":"w","type":"wait","duration":"1h"},`+call("a")+`]}]}`, `{}`)
	if got := w.m.Waiting(); !got.IsZero() {
		t.Errorf("got %+v", got)
	}
	w.makeCall(w.m.Calls()[0])
	if got := w.m.Waiting(); got.For != WaitingForTimer {
		t.Errorf("got %+v", got)
	}
}
