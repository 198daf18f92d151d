package idempotency

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/memory"
)

// world is a store with a clock and a switch for its faults. Ledgers over it
// are gateway processes.
type world struct {
	t *testing.T
	*memory.Store

	mu    sync.Mutex // guards all below
	now   time.Time
	fault fault
	ids   int
}

// fault is what happens to commits.
type fault int

const (
	faultNone   fault = iota
	faultBefore       // the store cannot be reached
	faultAfter        // the commit is applied, its answer lost
)

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	w.Store = memory.New(memory.Options{Now: w.clock})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) suffer(f fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fault = f
}

func (w *world) Commit(ctx context.Context, ops ...state.Op) error {
	w.mu.Lock()
	f := w.fault
	w.mu.Unlock()
	if f == faultBefore {
		return fmt.Errorf("memory: %w", state.ErrUnavailable)
	}
	err := w.Store.Commit(ctx, ops...)
	if err == nil && f == faultAfter {
		return fmt.Errorf("memory: %w", state.ErrUnavailable)
	}
	return err
}

func (w *world) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	w.mu.Lock()
	f := w.fault
	w.mu.Unlock()
	if f == faultBefore {
		return nil, fmt.Errorf("memory: %w", state.ErrUnavailable)
	}
	return w.Store.Get(ctx, refs...)
}

func (w *world) newID() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	return fmt.Sprintf("record-%d", w.ids)
}

// lease is a process's lease in a world.
type lease struct {
	id string
	w  *world
}

func (l lease) ID() string      { return l.id }
func (l lease) Fence() state.Op { return state.Require("lease", l.id) }

func (l lease) Alive(ctx context.Context, id string) (bool, error) {
	found, err := l.w.Get(ctx, state.Ref{Bucket: "lease", ID: id})
	if err != nil {
		return false, err
	}
	return found[0] != nil, nil
}

// process starts a gateway process with a lease of its own.
func (w *world) process(name string) *Ledger {
	w.t.Helper()
	w.commit(state.Put("lease", name, []byte("1"), 0))
	l := New(w, lease{id: name, w: w}, Options{Now: w.clock, NewID: w.newID, MaxResponseBytes: 1000})
	w.t.Cleanup(l.Close)
	return l
}

// end is the end of a process, as its successor or a reaper notes it.
func (w *world) end(name string) {
	w.t.Helper()
	w.commit(state.Delete("lease", name))
}

func (w *world) commit(ops ...state.Op) {
	w.t.Helper()
	if err := w.Store.Commit(w.t.Context(), ops...); err != nil {
		w.t.Fatal(err)
	}
}

var (
	scope     = Scope{Caller: "shop", Method: "POST", Path: "/integrations/stripe/payment-intents", Key: "order-17"}
	request   = FingerprintOf(scope.Method, scope.Path, "", []byte(`{"amount":2000}`))
	different = FingerprintOf(scope.Method, scope.Path, "", []byte(`{"amount":2001}`))
	payment   = Response{Status: 200, Header: map[string][]string{"Content-Type": {"application/json"}}, Body: []byte(`{"id":"pi_1"}`)}
)

// begin expects the right to act.
func begin(t *testing.T, l *Ledger) *Entry {
	t.Helper()
	e, err := l.Begin(t.Context(), scope, request)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	if _, ok := e.Replay(); ok {
		t.Fatal("Begin: an answer to replay, want the right to act")
	}
	t.Cleanup(e.Release)
	return e
}

// replay expects a stored answer.
func replay(t *testing.T, l *Ledger) *Response {
	t.Helper()
	e, err := l.Begin(t.Context(), scope, request)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	r, ok := e.Replay()
	if !ok {
		t.Fatal("Begin: the right to act, want an answer to replay")
	}
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var big = []byte(strings.Repeat("x", 1001))
