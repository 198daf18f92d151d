package workflow

import (
	"testing"
	"time"

	"github.com/backflow/backflow/sdk"
)

// nothingUnderWay makes sure that no step of a run that has ended goes on.
func (w *harness) nothingUnderWay() {
	w.t.Helper()
	for path, status := range w.statuses() {
		if !status.Ended() && status != StepPending {
			w.t.Errorf("step %s is %s in a run that has ended", path, status)
		}
	}
}

func TestNothingIsUnderWayInARunThatHasEnded(t *testing.T) {
	for name, raw := range map[string]string{
		"an iteration beside the one that failed": `{"id":"w","steps":[{"id":"e","type":"foreach","items":["a","b"],"concurrency":2,"steps":[
			{"id":"s","type":"sequence","steps":[{"id":"wait","type":"wait","duration":"1h","condition":"{{item}} === 'a'"},{"id":"f","type":"fail","message":"no"}]}]}]}`,
		"what was begun when a step failed": `{"id":"w","steps":[{"id":"p","type":"parallel","steps":[
			{"id":"s","type":"sequence","steps":[{"id":"g","type":"fail","message":"no","onError":[
				{"id":"h","type":"sequence","steps":[{"id":"wait","type":"wait","duration":"1h"}]}]}]},
			{"id":"q","type":"sequence","steps":[{"id":"later","type":"wait","duration":"1s"},{"id":"f","type":"fail","message":"no"}]}]}]}`,
		"what was begun when what was begun when a step failed failed": `{"id":"w","steps":[{"id":"p","type":"parallel","steps":[
			{"id":"a","type":"fail","message":"no","onError":[{"id":"b","type":"fail","message":"no","onError":[{"id":"c","type":"waitForEvent","event":"go"}]}]},
			{"id":"d","type":"sequence","steps":[{"id":"later","type":"wait","duration":"1s"},{"id":"f","type":"fail","message":"no"}]}]}]}`,
		"the same, in the run itself": `{"id":"w","timeout":"1s","steps":[
			{"id":"a","type":"fail","message":"no","onError":[{"id":"b","type":"fail","message":"no","onError":[{"id":"c","type":"waitForEvent","event":"go"}]}]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newHarness(t, raw, `{}`)
			w.run()
			w.ended(RunFailed)
			w.nothingUnderWay()
		})
	}
}

func TestACallThatIsLateIsLeftToItself(t *testing.T) {
	w := newHarness(t, `{"id":"w","steps":[{"id":"c","type":"shop","action":"pay","timeout":"1s"}]}`, `{}`)
	if until, waits := w.m.WaitUntil(); waits {
		t.Errorf("the run goes on by itself at %s while its only step is a call", until)
	}
	w.now = w.now.Add(time.Hour)
	w.does = func(Call) (string, *sdk.Error) {
		return "", &sdk.Error{Code: sdk.CodeTimeout, Message: "late", Retryable: true}
	}
	w.run()
	w.ended(RunFailed)
}
