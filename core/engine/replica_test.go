package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/action"
	"github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
	"github.com/backflow/backflow/core/workflow"
	"github.com/backflow/backflow/sdk"
)

// pausable is the store as one process sees it: while the process is paused, as
// by SIGSTOP, nothing that it asks gets through.
type pausable struct {
	state.Store
	mu      sync.Mutex // guards paused
	paused  chan struct{}
	outcome []error // of commits that were held up
}

func (p *pausable) pause() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.paused = make(chan struct{})
}

func (p *pausable) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	close(p.paused)
	p.paused = nil
}

func (p *pausable) hold() bool {
	p.mu.Lock()
	paused := p.paused
	p.mu.Unlock()
	if paused == nil {
		return false
	}
	<-paused
	return true
}

func (p *pausable) Commit(ctx context.Context, ops ...state.Op) error {
	held := p.hold()
	err := p.Store.Commit(ctx, ops...)
	if held {
		p.mu.Lock()
		p.outcome = append(p.outcome, err)
		p.mu.Unlock()
	}
	return err
}

func (p *pausable) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	p.hold()
	return p.Store.Get(ctx, refs...)
}

func (p *pausable) Range(ctx context.Context, r state.Range) ([]string, error) {
	p.hold()
	return p.Store.Range(ctx, r)
}

func (p *pausable) Due(ctx context.Context, queue string, limit int) ([]state.Timer, time.Duration, error) {
	p.hold()
	return p.Store.Due(ctx, queue, limit)
}

// replica starts an engine under a lease of its own.
func replica(t *testing.T, store state.Store, node string, v *fakeIntegration) (*Engine, *lease.Lease) {
	t.Helper()
	held, err := lease.Acquire(t.Context(), store, lease.Options{Node: node})
	if err != nil {
		t.Fatal(err)
	}
	registry, err := action.NewRegistry(v)
	if err != nil {
		t.Fatal(err)
	}
	definition, err := workflow.Parse([]byte(twoSteps), workflow.InputRoots)
	if err != nil {
		t.Fatal(err)
	}
	e := New(Options{Store: store, Lease: held, Actions: registry})
	if err := e.SetDefinitions(t.Context(), []*workflow.Definition{definition}); err != nil {
		t.Fatal(err)
	}
	e.Run()
	return e, held
}

func TestAReplicaThatIsPausedPastItsLeaseLosesItsRunsAndCannotWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		shared := memory.New(memory.Options{})
		store1 := &pausable{Store: shared}
		respond := make(chan struct{})
		v1 := &fakeIntegration{do: func(context.Context, int, sdk.Call) (sdk.Result, error) {
			<-respond // reaches the paused process when it goes on
			return sdk.Result{Body: []byte(`{"n":1}`)}, nil
		}}
		v2 := &fakeIntegration{}
		first, lease1 := replica(t, store1, "a", v1)
		second, lease2 := replica(t, shared, "b", v2)
		time.Sleep(time.Minute)

		g := &gateway{Engine: first, t: t}
		id := g.start("two", `{"x":1}`).ID
		synctest.Wait()
		store1.pause()
		paused := time.Now()
		g.Engine = second
		run := g.wait(id)
		if took := time.Since(paused); run.Status != workflow.RunSucceeded || took > 10*time.Second {
			t.Errorf("the run is %s after %v, want it succeeded within 10 s", run.Status, took)
		}
		if sent, again := v1.seen(), v2.seen(); len(sent) != 1 || len(again) != 2 || again[0].IdempotencyKey != sent[0].IdempotencyKey {
			t.Errorf("calls of the first %v, of the second %v: want the same key for the first step", sent, again)
		}

		close(respond)
		synctest.Wait() // the result is about to be recorded
		store1.resume()
		time.Sleep(10 * time.Second)
		select {
		case <-lease1.Lost():
		default:
			t.Error("the paused one does not know that its lease is lost")
		}
		store1.mu.Lock()
		outcome := slices.Clone(store1.outcome)
		store1.mu.Unlock()
		if len(outcome) == 0 {
			t.Error("the paused one tried to write nothing")
		}
		for _, err := range outcome {
			if !errors.As(err, new(*state.ConflictError)) {
				t.Errorf("the paused one wrote: %v", err)
			}
		}
		if len(v1.seen()) != 1 || len(v2.seen()) != 2 {
			t.Error("the paused one went on with the run")
		}
		for _, e := range []*Engine{first, second} {
			if err := e.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}
		for _, l := range []*lease.Lease{lease1, lease2} {
			if err := l.Release(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}
