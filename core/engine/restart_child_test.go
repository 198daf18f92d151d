package engine

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// compensatingChild compensates its first step when the second fails, and then
// cannot be retried.
const compensatingChild = `{"id":"child","onUnknown":"compensate","steps":[
  {"id":"a","type":"vendor","action":"safe","params":{"do":"a"},"compensate":[{"id":"u","type":"vendor","action":"safe","params":{"do":"u"}}]},
  {"id":"b","type":"vendor","action":"safe","params":{"do":"b"}}]}`

// TestAnotherChildIsOnlyStartedWhereItCanRepeatNothing: its keys are new ones.
func TestAnotherChildIsOnlyStartedWhereItCanRepeatNothing(t *testing.T) {
	declined := &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
	gone := &sdk.Error{Code: sdk.CodeUpstream, Message: "gone", Outcome: sdk.OutcomeUnknown}
	for name, test := range map[string]struct {
		fails map[string]*sdk.Error // the first time, by params
		want  sdk.Code              // empty: another child is started
		child string                // empty is compensatingChild
	}{
		"what failed has failed for certain": {map[string]*sdk.Error{`{"do":"b"}`: declined}, "", ""},
		"a step's outcome is unknown":        {map[string]*sdk.Error{`{"do":"b"}`: gone}, sdk.CodeOutcomeUnknown, ""},
		"a step is not undone": {map[string]*sdk.Error{`{"do":"b"}`: declined}, sdk.CodeConflict,
			strings.Replace(compensatingChild, `"steps":[`, `"steps":[{"id":"k","type":"vendor","action":"safe","params":{"do":"k"}},`, 1)},
		"what is not undone only reads": {map[string]*sdk.Error{`{"do":"b"}`: declined}, "",
			strings.Replace(compensatingChild, `"steps":[`, `"steps":[{"id":"k","type":"vendor","action":"read","params":{"do":"k"}},`, 1)},
		"what is not undone only reads by its params": {map[string]*sdk.Error{`{"do":"b"}`: declined}, "",
			strings.Replace(compensatingChild, `"steps":[`, `"steps":[{"id":"k","type":"vendor","action":"any","params":{"do":"getThing"}},`, 1)},
		"what is not undone writes by its params": {map[string]*sdk.Error{`{"do":"b"}`: declined}, sdk.CodeConflict,
			strings.Replace(compensatingChild, `"steps":[`, `"steps":[{"id":"k","type":"vendor","action":"any","params":{"do":"longThing"}},`, 1)},
		"that of undoing is unknown": {map[string]*sdk.Error{`{"do":"b"}`: declined, `{"do":"u"}`: gone},
			sdk.CodeOutcomeUnknown, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeIntegration{do: func(_ context.Context, n int, call sdk.Call) (sdk.Result, error) {
					if err := test.fails[string(call.Params)]; err != nil && n <= 3 {
						return sdk.Result{}, err
					}
					return sdk.Result{Body: []byte(`{}`)}, nil
				}}
				g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, parentFlow, cmp.Or(test.child, compensatingChild))
				defer g.stop()
				id := g.start("parent", `{"x":1}`).ID
				if run := g.wait(id); run.Status != workflow.RunFailed {
					t.Fatalf("the parent is %s", run.Status)
				}
				before := len(v.seen())
				_, err := g.Retry(t.Context(), RetryRequest{ID: id})
				if test.want != "" {
					if !errors.Is(err, &sdk.Error{Code: test.want}) {
						t.Errorf("retry: %v, want %s", err, test.want)
					}
					time.Sleep(time.Minute)
					if n := len(v.seen()); n != before || g.status(id) != workflow.RunFailed {
						t.Errorf("%d calls more; the parent is %s", n-before, g.status(id))
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if run := g.wait(id); run.Status != workflow.RunSucceeded {
					t.Errorf("the parent is %s", run.Status)
				}
			})
		})
	}
}

// TestAChildThatItsParentGaveUpIsNotDoneAgain: it goes on, or has done its work.
func TestAChildThatItsParentGaveUpIsNotDoneAgain(t *testing.T) {
	const parent = `{"id":"parent","steps":[{"id":"c","type":"workflow","workflow":"child","timeout":"10s"}]}`
	const slow = `{"id":"child","steps":[{"id":"a","type":"vendor","action":"safe"}]}`
	synctest.Test(t, func(t *testing.T) {
		respond := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-respond
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, parent, slow)
		defer g.stop()
		id := g.start("parent", `{}`).ID
		if run := g.wait(id); run.Status != workflow.RunFailed {
			t.Fatalf("the parent is %s", run.Status)
		}
		if _, err := g.Retry(t.Context(), RetryRequest{ID: id}); !errors.Is(err, &sdk.Error{Code: sdk.CodeConflict}) {
			t.Errorf("while the child is at work: %v", err)
		}
		time.Sleep(time.Second) // until the child has heard of it
		close(respond)
		synctest.Wait()
		list, err := g.List(t.Context(), ListRequest{Workflow: "child"})
		if err != nil || len(list.Runs) != 1 || !list.Runs[0].Status.Ended() {
			t.Fatalf("children: %+v, %v", list.Runs, err)
		}
		_, err = g.Retry(t.Context(), RetryRequest{ID: id})
		refused(t, err, sdk.CodeConflict, "what its step a did is not undone")
		if n := len(v.seen()); n != 1 {
			t.Errorf("%d calls", n)
		}
	})
}
