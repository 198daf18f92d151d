package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/value"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// doubtful is a store that once applies a commit and does not say so: the one
// that puts a run's head with the status given.
type doubtful struct {
	state.Store
	armed atomic.Bool
}

func (d *doubtful) Commit(ctx context.Context, ops ...state.Op) error {
	err := d.Store.Commit(ctx, ops...)
	for _, op := range ops {
		if err == nil && op.Kind == state.KindPut && op.Space == layout.BucketRun && d.armed.CompareAndSwap(true, false) {
			return fmt.Errorf("%w: the answer was lost", state.ErrUnavailable)
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
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
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

func TestARunIsNotTakenFromAProcessThatLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
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

func TestALimitHoldsForRunsThatAreRetried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		var under, most atomic.Int64
		v := &vendor{do: func(_ context.Context, n int, _ sdk.Call) (sdk.Result, error) {
			most.Store(max(most.Load(), under.Add(1)))
			defer under.Add(-1)
			time.Sleep(time.Minute)
			if n == 1 {
				return sdk.Result{}, &sdk.Error{Code: sdk.CodeDeclined, Message: "no", Final: true, Outcome: sdk.OutcomeNotExecuted}
			}
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const one = `{"id":"one","concurrency":1,"steps":[{"id":"only","type":"vendor","action":"safe"}]}`
		g := open(t, store, "g1", v, Options{}, one)
		defer g.stop()
		failed := g.start("one", `{}`).ID
		if run := g.wait(failed); run.Status != workflow.RunFailed {
			t.Fatalf("run = %s", run.Status)
		}
		second := g.start("one", `{}`).ID
		time.Sleep(time.Second)
		if _, err := g.Retry(t.Context(), failed, Once{}); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{second, failed} {
			if run := g.wait(id); run.Status != workflow.RunSucceeded {
				t.Errorf("run = %s (%v)", run.Status, run.Error)
			}
		}
		if most.Load() != 1 {
			t.Errorf("%d runs of a workflow with a limit of one were under way at once", most.Load())
		}
	})
}

func TestAProcessWithoutItsLeaseDoesNotTryToAdmitForEver(t *testing.T) {
	store := memory.New(memory.Options{})
	e := New(Options{Store: store, Lease: testLease{id: "taken-away", store: store}})
	h := runRecord{Version: recordVersion, ID: NewRunID(), Workflow: "one", Status: workflow.RunQueued, ConcurrencyKey: "one/1/all", Throttled: true}
	if err := store.Commit(t.Context(), append(h.insertIndex(), state.Insert(layout.BucketRun, h.ID, h.encode(), 0))...); err != nil {
		t.Fatal(err)
	}
	if err := e.admission.admitAll(t.Context()); !errors.As(err, new(*state.ConflictError)) {
		t.Errorf("admission without a lease: %v", err)
	}
}

// racing calls back before a commit is made, once, if it clears a timer.
type racing struct {
	state.Store
	before atomic.Pointer[func()]
}

func (r *racing) Commit(ctx context.Context, ops ...state.Op) error {
	for _, op := range ops {
		if op.Kind == state.KindClearTimer && op.Space == layout.QueueRun {
			if f := r.before.Swap(nil); f != nil {
				(*f)()
			}
		}
	}
	return r.Store.Commit(ctx, ops...)
}

func TestASignalThatComesWhileTheBoxIsReadIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &racing{Store: memory.New(memory.Options{})}
		const ask = `{"id":"ask","steps":[{"id":"a","type":"waitForEvent","event":"go"}]}`
		g := open(t, store, "g1", &vendor{}, Options{}, ask)
		defer g.stop()
		id := g.start("ask", `{}`).ID
		synctest.Wait()
		late := func() {
			if _, err := g.Signal(context.Background(), id, "go", document(`1`), Once{}); err != nil {
				t.Error(err)
			}
		}
		store.before.Store(&late)
		if _, err := g.Signal(t.Context(), id, "other", value.Doc{}, Once{}); err != nil { // for nobody: the run waits on
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if g.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s although its signal has come", g.status(id))
		}
	})
}

func TestASignalIsKnownToWhoTakesTheRunUpWhileAnotherSeesIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// g2 reads the empty box of a run in the queue; a signal comes, which g1
		// sees and leaves to the run's turn; then g2 takes the run up.
		store := &racing{Store: memory.New(memory.Options{})}
		const one = `{"id":"one","concurrency":1,"steps":[{"id":"w","type":"wait","duration":"1m"},{"id":"a","type":"waitForEvent","event":"go"}]}`
		g1 := open(t, store, "g1", &vendor{}, Options{CheckInterval: 10 * time.Second}, one)
		defer g1.stop()
		first := g1.start("one", `{}`).ID
		id := g1.start("one", `{}`).ID // held
		synctest.Wait()
		if err := store.Commit(t.Context(), state.Insert("lease", "g2", nil, 0)); err != nil {
			t.Fatal(err)
		}
		g2 := New(Options{Store: store, Lease: testLease{id: "g2", store: store}, Actions: g1.executor.actions})
		r, data, err := g2.queue.load(t.Context(), id, &activity{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.readInbox(t.Context()); err != nil || len(r.messages) > 0 {
			t.Fatal(r.messages, err)
		}
		if _, err := g1.Signal(t.Context(), id, "go", document(`1`), Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		taken, err := r.claim(nil, extra{conditions: []state.Op{state.RequireValue(layout.BucketRun, id, data)}})
		if taken != nil || err != nil {
			t.Errorf("the run was taken up by who does not know its mail (%v)", err)
		}
		if _, err := g1.Cancel(t.Context(), first, Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		if g1.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s although its signal had come", g1.status(id))
		}
	})
}

func TestTheStoresClockSaysWhenAWaitIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		const wait = `{"id":"wait","steps":[{"id":"w","type":"wait","duration":"1m"}]}`
		g1 := open(t, store, "g1", &vendor{}, Options{}, wait)
		id := g1.start("wait", `{}`).ID
		synctest.Wait()
		g1.stop()
		late := func() time.Time { return time.Now().Add(-time.Hour) }
		g2 := open(t, store, "g2", &vendor{}, Options{Now: late}, wait)
		defer g2.stop()
		time.Sleep(2 * time.Minute)
		if g2.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s long after its wait was over", g2.status(id))
		}
	})
}

func TestASignalThatWaitsForItsStepSurvivesACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		const later = `{"id":"later","steps":[{"id":"w","type":"wait","duration":"1h"},{"id":"a","type":"waitForEvent","event":"go"}]}`
		g1 := open(t, store, "g1", &vendor{}, Options{}, later)
		id := g1.start("later", `{}`).ID
		if _, err := g1.Signal(t.Context(), id, "go", document(`1`), Once{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute) // it was seen, and nobody waits for it
		g1.crash()
		g2 := open(t, store, "g2", &vendor{}, Options{}, later)
		defer g2.stop()
		time.Sleep(time.Hour - time.Minute + time.Second)
		if g2.status(id) != workflow.RunSucceeded {
			t.Errorf("run = %s although its signal had come", g2.status(id))
		}
	})
}

func TestMailThatIsTooLateIsThrownAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(memory.Options{})
		release := make(chan struct{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		const one = `{"id":"one","steps":[{"id":"only","type":"vendor","action":"safe"}]}`
		g := open(t, store, "g1", v, Options{}, one)
		defer g.stop()
		id := g.start("one", `{}`).ID
		for range 3 {
			if _, err := g.Signal(t.Context(), id, "nobody", value.Doc{}, Once{}); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Second)
		close(release)
		g.wait(id)
		time.Sleep(10 * time.Second)
		if left, err := store.Range(t.Context(), state.Range{Set: layout.SetInbox + "/" + id, Limit: 10}); err != nil || len(left) > 0 {
			t.Errorf("mail is left: %v, %v", left, err)
		}
		if due, next, err := store.Due(t.Context(), layout.QueueRun, 10); err != nil || len(due) > 0 || next >= 0 {
			t.Errorf("timers are left: %v, %v, %v", due, next, err)
		}
	})
}

func TestARunIsNotTakenUpByAnOldLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// The run waits for its second attempt as it waited for its first: who
		// looked at it then must not take it up now.
		store := memory.New(memory.Options{})
		const one = `{"id":"one","steps":[{"id":"a","type":"wait","duration":"1m"},{"id":"b","type":"wait","duration":"1h"}]}`
		g1 := open(t, store, "g1", &vendor{}, Options{}, one)
		defer g1.stop()
		id := g1.start("one", `{}`).ID
		synctest.Wait()
		old, data, err := g1.timers.load(t.Context(), id, &activity{})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if err := old.keepWaiting(t.Context(), extra{conditions: []state.Op{state.RequireValue(layout.BucketRun, id, data)}, ops: []state.Op{state.ClearTimer(layout.QueueRun, id)}}); err != nil {
			t.Fatal(err)
		}
		if _, next, err := store.Due(t.Context(), layout.QueueRun, 1); err != nil || next < time.Minute {
			t.Errorf("the run goes on in %v (%v), not when its second wait is over", next, err)
		}
	})
}

// rival has another process take a run up between a commit that fails and its
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

func TestAClaimInDoubtIsNotTakenForThatOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Both gateways decide the very same when the run's time has come: that
		// the journal holds what one of them decided does not make it the holder.
		const one = `{"id":"one","steps":[{"id":"w","type":"wait","duration":"1m"},{"id":"a","type":"vendor","action":"unsafe"}]}`
		release := make(chan struct{})
		v := &vendor{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-release
			return sdk.Result{Body: []byte(`{}`)}, nil
		}}
		store := memory.New(memory.Options{})
		slow := Options{CheckInterval: time.Hour} // it looks when it is told to
		g2 := open(t, store, "g2", v, slow, one)
		defer g2.stop()
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
