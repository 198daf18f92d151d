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
	"github.com/backflow/backflow/internal/testkit"
)

// harness is a store with a clock and a switch for its faults. Ledgers over it
// are gateway processes.
type harness struct {
	t *testing.T
	*memory.Store
	clock *testkit.Clock

	mu    sync.Mutex // guards all below
	fault fault
	ids   int
}

// fault is what happens to commits.
type fault int

const (
	faultNone   fault = iota
	faultBefore       // the store cannot be reached
	faultAfter        // the commit is applied, its result lost
)

func newHarness(t *testing.T) *harness {
	h := &harness{t: t, clock: testkit.NewClock(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC))}
	h.Store = memory.New(memory.Options{Now: h.clock.Now})
	return h
}

func (h *harness) setFault(f fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fault = f
}

func (h *harness) Commit(ctx context.Context, ops ...state.Op) error {
	h.mu.Lock()
	f := h.fault
	h.mu.Unlock()
	if f == faultBefore {
		return fmt.Errorf("memory: %w", state.ErrUnavailable)
	}
	err := h.Store.Commit(ctx, ops...)
	if err == nil && f == faultAfter {
		return fmt.Errorf("memory: %w", state.ErrUnavailable)
	}
	return err
}

func (h *harness) Get(ctx context.Context, refs ...state.Ref) ([][]byte, error) {
	h.mu.Lock()
	f := h.fault
	h.mu.Unlock()
	if f == faultBefore {
		return nil, fmt.Errorf("memory: %w", state.ErrUnavailable)
	}
	return h.Store.Get(ctx, refs...)
}

func (h *harness) newID() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ids++
	return fmt.Sprintf("record-%d", h.ids)
}

// lease is a process's lease in a harness.
type lease struct {
	id string
	h  *harness
}

func (l lease) ID() string      { return l.id }
func (l lease) Fence() state.Op { return state.Require("lease", l.id) }

func (l lease) Alive(ctx context.Context, id string) (bool, error) {
	found, err := l.h.Get(ctx, state.Ref{Bucket: "lease", ID: id})
	if err != nil {
		return false, err
	}
	return found[0] != nil, nil
}

// process starts a gateway process with a lease of its own.
func (h *harness) process(name string) *Ledger {
	h.t.Helper()
	h.commit(state.Put("lease", name, []byte("1"), 0))
	l := New(h, lease{id: name, h: h}, Options{Now: h.clock.Now, NewID: h.newID, MaxResponseBytes: 1000})
	h.t.Cleanup(l.Close)
	return l
}

// end is the end of a process, as its successor or a reaper notes it.
func (h *harness) end(name string) {
	h.t.Helper()
	h.commit(state.Delete("lease", name))
}

func (h *harness) commit(ops ...state.Op) {
	h.t.Helper()
	if err := h.Store.Commit(h.t.Context(), ops...); err != nil {
		h.t.Fatal(err)
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
		t.Fatal("Begin: a response to replay, want the right to act")
	}
	t.Cleanup(e.Release)
	return e
}

// replay expects a stored response.
func replay(t *testing.T, l *Ledger) *Response {
	t.Helper()
	e, err := l.Begin(t.Context(), scope, request)
	if err != nil {
		t.Fatalf("Begin: %v", err)
	}
	r, ok := e.Replay()
	if !ok {
		t.Fatal("Begin: the right to act, want a response to replay")
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
