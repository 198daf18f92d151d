package workflow

import (
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

func refused() *sdk.Error {
	return &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
}

func TestARetryGoesOnWithWhatFollowedAFailure(t *testing.T) {
	// The run fails beside a step whose failure is being dealt with: the step is
	// not called again, what deals with it is.
	w := newHarness(t, `{"id":"w","steps":[{"id":"p","type":"parallel","steps":[
		{"id":"a","type":"shop","action":"pay","onError":[{"id":"h1","type":"shop","action":"tell"},{"id":"h2","type":"wait","duration":"1h"},{"id":"h3","type":"shop","action":"tell"}]},
		{"id":"b","type":"sequence","steps":[{"id":"b1","type":"wait","duration":"1m"},{"id":"b2","type":"shop","action":"pay"}]}]}]}`, `{}`)
	w.does = func(call Call) (string, *sdk.Error) {
		if call.Path == "p.a" || (call.Path == "p.b.b2" && call.Attempt == 1) {
			return "", refused()
		}
		return `{}`, nil
	}
	w.run()
	w.ended(RunFailed)
	w.record(w.m.Retry(nil, w.now))
	w.run()
	w.ended(RunSucceeded)
	counts := map[string]int{}
	for _, path := range w.calls {
		counts[path]++
	}
	if counts["p.a"] != 1 || counts["p.a.onError.h1"] != 1 || counts["p.a.onError.h3"] != 1 || counts["p.b.b2"] != 2 {
		t.Errorf("calls: %v", w.calls)
	}
}

func TestTheLifeOfAKeyCountsFromItsFirstUse(t *testing.T) {
	// The user retries a step whose outcome is unknown just before its key is
	// forgotten. The next attempt by itself would come after that.
	w := newHarness(t, `{"id":"w","steps":[{"id":"c","type":"shop","action":"pay","retry":{"initialInterval":"2h","maxInterval":"2h","maxAttempts":1}}]}`, `{}`)
	lost := &sdk.Error{Code: sdk.CodeTimeout, Message: "lost", Retryable: true}
	day := Repeat{Safe: true, KeyLifetime: 24 * time.Hour}
	w.record(w.m.Failed("c", lost, day, w.now))
	w.ended(RunFailed)
	w.now = w.now.Add(24*time.Hour - time.Minute)
	w.record(w.m.Retry(nil, w.now))
	if _, ended := w.m.Interrupted("c", day, w.now); ended {
		t.Error("the key is honoured still")
	}
	if _, ended := w.m.Interrupted("c", day, w.now.Add(2*time.Minute)); !ended {
		t.Error("a call was repeated by itself with a key that may be forgotten")
	}
}

func TestWhatUndoesIsNotUndone(t *testing.T) {
	w := newHarness(t, `{"id":"w","steps":[
		{"id":"a","type":"shop","action":"pay","compensate":[{"id":"u","type":"shop","action":"refund","compensate":[{"id":"uu","type":"shop","action":"pay"}]}]},
		{"id":"b","type":"shop","action":"pay","compensate":[{"id":"v","type":"shop","action":"refund"}]},
		{"id":"f","type":"fail","message":"no"}]}`, `{}`)
	w.run()
	w.ended(RunFailed)
	if got, want := len(w.calls), 4; got != want {
		t.Errorf("calls: %v", w.calls)
	}
}

func TestWhatWasUnknownOfAnInnerStepIsForgottenOfTheOuterOne(t *testing.T) {
	w := newHarness(t, `{"id":"w","steps":[{"id":"s","type":"sequence","timeout":"1m","steps":[
		{"id":"c","type":"shop","action":"pay"},{"id":"wait","type":"wait","duration":"1h"}]}]}`, `{}`)
	w.record(w.m.Failed("s.c", &sdk.Error{Code: sdk.CodeTimeout, Message: "lost", Retryable: true}, Repeat{}, w.now))
	w.ended(RunFailed)
	w.record(w.m.Retry(nil, w.now))
	w.run()
	w.ended(RunFailed)
	if f := w.m.Failure(); f.Err.Code != sdk.CodeTimeout {
		t.Errorf("failure = %v, want a timeout", f.Err)
	}
}
