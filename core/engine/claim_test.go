package engine

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// doubtful is a store that once applies a commit and does not say so: the one
// that puts a run's record with the status given.
type doubtful struct {
	state.Store
	armed atomic.Bool
}

func (d *doubtful) Commit(ctx context.Context, ops ...state.Op) error {
	err := d.Store.Commit(ctx, ops...)
	for _, op := range ops {
		if err == nil && op.Kind == state.KindPut && op.Space == layout.BucketRun && d.armed.CompareAndSwap(true, false) {
			return fmt.Errorf("%w: the response was lost", state.ErrUnavailable)
		}
	}
	return err
}

func TestAClaimWhoseAnswerWasLostIsAClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The run was handed back between two calls, so nothing can have been
		// sent: that its claim was in doubt must not make its outcome unknown.
		store := &doubtful{Store: memory.New(memory.Options{})}
		const one = `{"id":"one","steps":[{"id":"first","type":"vendor","action":"safe"},{"id":"second","type":"vendor","action":"unsafe"}]}`
		release := make(chan struct{})
		v := &fakeIntegration{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			if n == 1 {
				<-release
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		g1 := open(t, store, "g1", v, Options{}, one)
		id := g1.start("one", `{}`).ID
		synctest.Wait()
		stopped := make(chan struct{})
		go func() { defer close(stopped); g1.stop() }()
		synctest.Wait()
		close(release)
		<-stopped
		store.armed.Store(true)
		g2 := open(t, store, "g2", v, Options{}, one)
		defer g2.stop()
		if run := g2.wait(id); run.Status != workflow.RunSucceeded || len(v.seen()) != 2 {
			t.Errorf("run = %s (%v) after %d calls", run.Status, run.Error, len(v.seen()))
		}
	})
}

func TestARunIsNotClaimedFromAProcessThatLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const one = `{"id":"one","steps":[{"id":"only","type":"vendor","action":"unsafe"}]}`
		g1 := open(t, store, "g1", v, Options{}, one)
		defer g1.stop()
		g2 := open(t, store, "g2", v, Options{}, one)
		defer g2.stop()
		id := g1.start("one", `{}`).ID
		synctest.Wait()
		// As if g2 had found the run under a dead lease just before g1 took it.
		if taken := g2.executor.active.trySlot() && g2.recovery.claimOrphaned(id, "a-dead-lease"); taken {
			t.Error("a run was taken from the process that works on it")
		}
		close(release)
		if run := g1.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s (%v)", run.Status, run.Error)
		}
	})
}

// rival has another process claim a run between a commit that fails and its
// repetition.
type rival struct {
	state.Store
	fail    atomic.Bool
	instead func()
}

func (r *rival) Commit(ctx context.Context, ops ...state.Op) error {
	for _, op := range ops {
		if op.Kind == state.KindRequireDue && op.Space == layout.QueueRun && r.fail.CompareAndSwap(true, false) {
			r.instead()
			return fmt.Errorf("%w: not applied", state.ErrUnavailable)
		}
	}
	return r.Store.Commit(ctx, ops...)
}

func TestAClaimInDoubtIsNotMistakenForThatOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Both gateways decide the very same when the run's time has come: that
		// the journal holds what one of them decided does not make it the holder.
		const one = `{"id":"one","steps":[{"id":"w","type":"wait","duration":"1m"},{"id":"a","type":"vendor","action":"unsafe"}]}`
		release := make(chan struct{})
		v := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		store := memory.New(memory.Options{})
		slow := Options{CheckInterval: time.Hour} // it looks only when the test has it look
		g2 := open(t, store, "g2", v, slow, one)
		defer g2.stop()
		synctest.Wait() // its first look is over before there is the run, and finds no time to wake at
		through := &rival{Store: store}
		g1 := open(t, through, "g1", v, Options{}, one)
		defer g1.stop()
		id := g1.start("one", `{}`).ID
		synctest.Wait()
		through.instead = func() {
			if !g2.executor.active.trySlot() || !g2.timers.claimDue(id, id) {
				t.Error("g2 did not take the run up")
			}
		}
		through.fail.Store(true)
		time.Sleep(90 * time.Second)
		if n := len(v.seen()); n != 1 {
			t.Errorf("%d calls of an action that honours no key", n)
		}
		close(release)
		if run := g2.wait(id); run.Status != workflow.RunSucceeded {
			t.Errorf("run = %s (%v)", run.Status, run.Error)
		}
	})
}
