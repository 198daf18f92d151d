package idempotency

import (
	"context"
	"errors"
	"testing"

	"go.uber.org/goleak"

	processlease "github.com/backflow/backflow/core/lease"
	"github.com/backflow/backflow/core/state/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheProcessLeaseHoldsRecordsUntilItsSuccessorTakesOver(t *testing.T) {
	store := memory.New(memory.Options{})
	start := func(node string) *Ledger {
		t.Helper()
		l, err := processlease.Acquire(t.Context(), store, processlease.Options{Node: node})
		must(t, err)
		t.Cleanup(func() { must(t, l.Release(context.Background())) })
		return New(store, l, Options{})
	}
	before := start("here")
	e := begin(t, before)
	if _, err := start("elsewhere").Begin(t.Context(), scope, request); err == nil {
		t.Fatal("a living process's record was taken")
	}
	after := start("here")
	again := begin(t, after)
	if again.UpstreamKey() != e.UpstreamKey() || !again.Repeated() {
		t.Error("the record was not taken over with its id")
	}
	if err := e.Complete(t.Context(), payment); !errors.Is(err, ErrFenced) {
		t.Errorf("the process of before: %v, want ErrFenced", err)
	}
	must(t, again.Complete(t.Context(), payment))
	replay(t, after)
}
