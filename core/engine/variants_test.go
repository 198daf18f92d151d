package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// anyStep is a workflow whose only step calls "any" with what the input says.
const anyStep = `{"id":"any","steps":[{"id":"a","type":"vendor","action":"any","params":{"do":"{{input.do}}"}}]}`

// TestAStepIsRepeatedAsItsParamsSay: after an unknown outcome, a crash, and late.
func TestAStepIsRepeatedAsItsParamsSay(t *testing.T) {
	for name, test := range map[string]struct {
		do     string
		again  time.Duration // when the vendor wants to be called again
		status workflow.RunStatus
	}{
		"a read, whenever":                      {"getThing", 2 * time.Hour, workflow.RunSucceeded},
		"a key of 30 hours within them":         {"longThing", 2 * time.Hour, workflow.RunSucceeded},
		"a key of an hour within it":            {"postThing", 59 * time.Minute, workflow.RunSucceeded},
		"a key of an hour after it":             {"postThing", time.Hour, workflow.RunFailed},
		"what is idempotent, whenever":          {"deleteThing", 2 * time.Hour, workflow.RunSucceeded},
		"what must not be repeated, not at all": {"mailThing", time.Second, workflow.RunFailed},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
					if n == 1 {
						return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Message: "slow", Retryable: true, RetryAfter: test.again}
					}
					return sdk.Result{Body: []byte(`{}`)}, nil
				}}
				g := open(t, memory.New(memory.Options{}), "g1", v, Options{}, anyStep)
				defer g.stop()
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Hour)
				defer cancel()
				run, err := g.Wait(ctx, g.start("any", `{"do":"`+test.do+`"}`).ID)
				if err != nil || run.Status != test.status {
					t.Fatalf("the run is %s, %v", run.Status, err)
				}
				if run.Status == workflow.RunFailed && run.Error.Err.Code != sdk.CodeOutcomeUnknown {
					t.Errorf("its error is %+v", run.Error.Err)
				}
				want := 2
				if test.status == workflow.RunFailed {
					want = 1
				}
				if n := len(v.seen()); n != want {
					t.Errorf("%d calls, want %d", n, want)
				}
			})
		})
	}
}

func TestACallIsRepeatedAfterACrashAsItsParamsSay(t *testing.T) {
	for do, want := range map[string]workflow.RunStatus{
		"getThing": workflow.RunSucceeded, "postThing": workflow.RunSucceeded, "deleteThing": workflow.RunSucceeded, "mailThing": workflow.RunFailed,
	} {
		t.Run(do, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := memory.New(memory.Options{})
				hang := &fakeIntegration{do: func(ctx context.Context, _ int, _ sdk.Call) (sdk.Result, error) {
					<-ctx.Done()
					return sdk.Result{}, &sdk.Error{Code: sdk.CodeTimeout, Retryable: true}
				}}
				g1 := open(t, store, "g1", hang, Options{}, anyStep)
				id := g1.start("any", `{"do":"`+do+`"}`).ID
				synctest.Wait()
				g1.crash()

				v := &fakeIntegration{}
				g2 := open(t, store, "g2", v, Options{}, anyStep)
				defer g2.stop()
				if run := g2.wait(id); run.Status != want {
					t.Errorf("the run is %s, want %s: %+v", run.Status, want, run.Error)
				}
				if called := len(v.seen()) > 0; called != (want == workflow.RunSucceeded) {
					t.Errorf("it was called again: %t", called)
				}
			})
		})
	}
}
