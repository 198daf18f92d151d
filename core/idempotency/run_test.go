package idempotency

import (
	"errors"
	"testing"
	"time"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/state"
)

func TestARequestForARunIsRecordedInTheWriteThatDoesIt(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	if _, ok, err := l.Recorded(t.Context(), scope, request); ok || err != nil {
		t.Fatalf("Recorded = %v, %v before anything was", ok, err)
	}
	var expires time.Time
	makeRun := func(id string) error {
		var once engine.Once
		once, expires = l.Record(scope, request, id)
		return h.Commit(t.Context(), append(once.Ops(), state.Put("run", id, []byte("x"), 0))...)
	}
	must(t, makeRun("run-1"))
	var conflict *state.ConflictError
	if err := makeRun("run-2"); !errors.As(err, &conflict) || conflict.Index != 0 {
		t.Fatalf("a second start: %v, want a conflict of the record", err)
	}
	want := Change{RunID: "run-1", Expires: h.clock.Now().Add(DefaultTTL)}
	if got, ok, err := l.Recorded(t.Context(), scope, request); got != want || !ok || err != nil || !expires.Equal(want.Expires) {
		t.Errorf("Recorded = %v, %v, %v and until %s; want %v", got, ok, err, expires, want)
	}
	h.clock.Advance(DefaultTTL)
	if _, ok, err := l.Recorded(t.Context(), scope, request); ok || err != nil {
		t.Errorf("Recorded = %v, %v after the record's life", ok, err)
	}
}

func TestARunIsNotReturnedToAnotherRequest(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	once, _ := l.Record(scope, request, "run-1")
	h.commit(once.Ops()...)
	if _, ok, err := l.Recorded(t.Context(), scope, different); ok || !errors.Is(err, ErrMismatch) {
		t.Errorf("another fingerprint: %v, %v; want ErrMismatch", ok, err)
	}
	if _, err := l.Begin(t.Context(), scope, request); !errors.Is(err, ErrMismatch) {
		t.Errorf("an action under a start's key: %v, want ErrMismatch", err)
	}
}

func TestARunIsNotReturnedForAnAction(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	begin(t, l)
	if _, ok, err := l.Recorded(t.Context(), scope, request); ok || !errors.Is(err, ErrMismatch) {
		t.Errorf("Recorded = %v, %v; want ErrMismatch", ok, err)
	}
}

func TestRecordedNeedsTheStore(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	h.setFault(faultBefore)
	if _, _, err := l.Recorded(t.Context(), scope, request); !errors.Is(err, state.ErrUnavailable) {
		t.Errorf("Recorded: %v, want ErrUnavailable", err)
	}
}

func TestDefaults(t *testing.T) {
	h := newHarness(t)
	l := New(h, lease{id: "a", h: h}, Options{})
	if l.opt.TTL != 24*time.Hour || l.opt.MaxResponseBytes != 1<<20 {
		t.Errorf("defaults: %+v", l.opt)
	}
	if a, b := l.opt.NewID(), l.opt.NewID(); a == b || len(a) < 26 {
		t.Errorf("ids %q and %q", a, b)
	}
}
