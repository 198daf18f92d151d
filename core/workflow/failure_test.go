package workflow

import (
	"fmt"
	"testing"

	"github.com/backflow/backflow/sdk"
)

func TestAFailureSaysWhereItComesFrom(t *testing.T) {
	t.Parallel()
	declined := &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted, Details: []byte(`{"declineCode":"lost"}`)}
	pay := call("p")
	for name, tt := range map[string]struct {
		steps, path string
		around      []string // steps that failed with it
	}{
		"itself":               {pay, "p", nil},
		"foreach":              {`{"id":"e","type":"foreach","items":[1,2],"concurrency":2,"steps":[` + pay + `]}`, "e[0].p", []string{"e"}},
		"sequence":             {`{"id":"q","type":"sequence","steps":[` + pay + `]}`, "q.p", []string{"q"}},
		"parallel":             {`{"id":"q","type":"parallel","steps":[` + pay + `]}`, "q.p", []string{"q"}},
		"switch":               {`{"id":"q","type":"switch","cases":[{"when":"true","steps":[` + pay + `]}]}`, "q.p", []string{"q"}},
		"nested":               {`{"id":"e","type":"foreach","items":[1],"steps":[{"id":"q","type":"parallel","steps":[` + pay + `]}]}`, "e[0].q.p", []string{"e", "e[0].q"}},
		"onError":              {`{"id":"x","type":"fail","message":"first","onError":[` + pay + `]}`, "x.onError.p", nil},
		"in a step of onError": {`{"id":"x","type":"fail","message":"first","onError":[{"id":"e","type":"foreach","items":[1],"steps":[` + pay + `]}]}`, "x.onError.e[0].p", []string{"x.onError.e"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newHarness(t, `{"id":"f","steps":[`+tt.steps+`]}`, `{}`)
			w.does = func(Call) (string, *sdk.Error) { return "", declined }
			w.run()
			w.ended(RunFailed)
			want := Origin{Integration: "vendor", Step: tt.path}
			if f := w.m.Failure(); f.Origin != want || string(f.Err.Details) != string(declined.Details) {
				t.Errorf("the run failed with %+v", f)
			}
			for _, s := range w.m.Steps() {
				for _, path := range append(tt.around, tt.path) {
					if s.Path == path && (s.Failure == nil || s.Failure.Origin != want) {
						t.Errorf("step %s failed with %+v", path, s.Failure)
					}
				}
			}
			for _, e := range w.log {
				if e.Type == EventEnded && tt.around != nil && (e.Origin == nil || *e.Origin != want) {
					t.Errorf("the end is recorded with %+v", e.Origin)
				}
			}
		})
	}
}

func TestAFailureOfAChildNamesItAndItsStep(t *testing.T) {
	t.Parallel()
	w := newHarness(t, `{"id":"f","steps":[{"id":"e","type":"foreach","items":[1],"steps":[{"id":"c","type":"workflow","workflow":"other"}]}]}`, `{}`)
	child := w.m.Children()[0].ID
	event, ok := w.m.ChildEnded(child, RunFailed, document(`null`), &Failure{
		Origin: Origin{Integration: "stripe", Step: "q.pay"}, Err: &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Details: []byte(`{"a":1}`)},
	}, sdk.OutcomeNotExecuted, w.now)
	if !ok {
		t.Fatal("no step waits for the child")
	}
	w.record(event)
	w.ended(RunFailed)
	f := w.m.Failure()
	if f.Integration != "stripe" || f.Step != "e[0].c" || *f.Child != (FailedChild{ID: child, Step: "q.pay"}) || string(f.Err.Details) != `{"a":1}` {
		t.Errorf("the run failed with %+v of %+v", f, f.Child)
	}
	if want := fmt.Sprintf("run %s failed: no", child); f.Err.Message != want {
		t.Errorf("message %q, want %q", f.Err.Message, want)
	}
}

func TestATimeoutOfAContainerIsItsOwn(t *testing.T) {
	t.Parallel()
	w := newHarness(t, `{"id":"f","steps":[{"id":"q","type":"sequence","timeout":"1s","steps":[{"id":"w","type":"wait","duration":"1h"}]}]}`, `{}`)
	w.run()
	w.ended(RunFailed)
	if f := w.m.Failure(); f.Step != "q" || f.Err.Code != sdk.CodeTimeout {
		t.Errorf("the run failed with %+v", f)
	}
}
