package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// flaky is a store that loses a number of commits, or applies them and loses the
// response.
type flaky struct {
	state.Store
	mu     sync.Mutex
	outage int
	apply  bool
	unread int // how many reads of a journal fail once the outage is over
}

func (f *flaky) Journal(ctx context.Context, id string, from, limit int) ([][]byte, error) {
	f.mu.Lock()
	down := f.outage == 0 && f.unread > 0
	if down {
		f.unread--
	}
	f.mu.Unlock()
	if down {
		return nil, fmt.Errorf("%w: down", state.ErrUnavailable)
	}
	return f.Store.Journal(ctx, id, from, limit)
}

func (f *flaky) Commit(ctx context.Context, ops ...state.Op) error {
	f.mu.Lock()
	down := f.outage > 0
	if down {
		f.outage--
	}
	f.mu.Unlock()
	if !down {
		return f.Store.Commit(ctx, ops...)
	}
	if f.apply {
		if err := f.Store.Commit(ctx, ops...); err != nil {
			return fmt.Errorf("%w: the response was lost", state.ErrUnavailable)
		}
	}
	return fmt.Errorf("%w: down", state.ErrUnavailable)
}

func (f *flaky) fail(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.outage = n
}

func TestAnOutageOfTheStoreLosesNoResultAndCallsNothingTwice(t *testing.T) {
	for name, apply := range map[string]bool{"commits are lost": false, "responses are lost": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := &flaky{Store: memory.New(memory.Options{}), apply: apply}
				v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
					store.fail(3)
					return sdk.Result{Body: []byte(`{"n":1}`)}, nil
				}}
				g := open(t, store, "g1", v, Options{}, twoSteps)
				defer g.stop()
				run := g.wait(g.start("two", `{"x":1}`).ID)
				if run.Status != workflow.RunSucceeded || len(v.seen()) != 2 {
					t.Errorf("run %s after %d calls, want 2", run.Status, len(v.seen()))
				}
			})
		})
	}
}

// What was lost first is the response to a commit, then the check whether it was
// applied. A run that is given up then loses the results that come meanwhile.
func TestAResultIsKeptWhileItIsNotKnownWhatWasRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &flaky{Store: memory.New(memory.Options{}), apply: true, unread: 2}
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n == 1 {
				store.fail(1)
			} else {
				time.Sleep(10 * time.Millisecond)
			}
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		g := open(t, store, "g1", v, Options{}, `{"id":"both","steps":[{"id":"p","type":"parallel","steps":[
			{"id":"a","type":"vendor","action":"unsafe"},{"id":"b","type":"vendor","action":"unsafe"}]}]}`)
		defer g.stop()
		run := g.wait(g.start("both", `{"x":1}`).ID)
		if run.Status != workflow.RunSucceeded || len(v.seen()) != 2 {
			t.Errorf("run %s after %d calls, want 2: %v", run.Status, len(v.seen()), run.Error)
		}
	})
}
