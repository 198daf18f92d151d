package idempotency

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

// busy expects the key to be under way.
func busy(t *testing.T, l *Ledger) {
	t.Helper()
	if _, err := l.Begin(t.Context(), scope, request); !errors.As(err, new(*InProgressError)) {
		t.Fatalf("Begin: %v, want *InProgressError", err)
	}
}

// unavailable expects a call to have failed for the store.
func unavailable(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, state.ErrUnavailable) {
		t.Fatalf("%v, want ErrUnavailable", err)
	}
}

func TestAResponseThatTheStoreMissedIsStoredOnceItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		a, b := h.process("a"), h.process("b")
		e := begin(t, a)
		h.setFault(faultBefore)
		unavailable(t, e.Complete(t.Context(), payment))
		time.Sleep(time.Minute + retryInterval/2)
		h.setFault(faultNone)
		busy(t, b)
		time.Sleep(2 * retryInterval)
		replay(t, b)
	})
}

func TestAKeyFreedDuringAnOutageIsFreeAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		a, b := h.process("a"), h.process("b")
		e := begin(t, a)
		h.setFault(faultBefore)
		unavailable(t, e.Abandon(t.Context()))
		h.setFault(faultNone)
		time.Sleep(2 * retryInterval)
		if begin(t, b).Repeated() {
			t.Error("what took no effect is said to be a repeat")
		}
	})
}

func TestOtherProcessesDoNotWaitForAPanicToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		a, b := h.process("a"), h.process("b")
		e := begin(t, a)
		e.Release()
		time.Sleep(2 * retryInterval)
		again := begin(t, b)
		if !again.Repeated() || again.UpstreamKey() != e.UpstreamKey() {
			t.Error("the record was not taken over")
		}
	})
}

func TestARecordOfAnUnknownInsertIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		a, b := h.process("a"), h.process("b")
		h.setFault(faultAfter)
		_, err := a.Begin(t.Context(), scope, request)
		unavailable(t, err)
		h.setFault(faultNone)
		busy(t, b)
		time.Sleep(2 * retryInterval)
		if begin(t, b).Repeated() {
			t.Error("what was never executed is said to be a repeat")
		}
	})
}

func TestATakeOverOfUnknownOutcomeIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		a, b := h.process("a"), h.process("b")
		must(t, begin(t, a).RepeatLater(t.Context()))
		h.setFault(faultAfter)
		_, err := a.Begin(t.Context(), scope, request)
		unavailable(t, err)
		h.setFault(faultNone)
		busy(t, b)
		time.Sleep(2 * retryInterval)
		if !begin(t, b).Repeated() {
			t.Error("a repeat is not said to be one")
		}
	})
}

func TestAResponseThatTheStoreMissedIsReplayedToTheNextRequest(t *testing.T) {
	h := newHarness(t)
	a := h.process("a")
	e := begin(t, a)
	h.setFault(faultBefore)
	unavailable(t, e.Complete(t.Context(), payment))
	_, err := a.Begin(t.Context(), scope, request)
	unavailable(t, err)
	h.setFault(faultNone)
	replay(t, a)
}

func TestADeferredWriteLosesToATakeOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		a, b := h.process("a"), h.process("b")
		first := begin(t, a)
		h.setFault(faultBefore)
		unavailable(t, first.Abandon(t.Context()))
		h.setFault(faultNone)
		h.commit(state.Put(layout.BucketIdempotency, scope.recordID(), first.rec.released(statusPending).encode(), 0))
		second := begin(t, b)
		time.Sleep(2 * retryInterval)
		must(t, second.Complete(t.Context(), payment))
		replay(t, a)
	})
}

func TestAFencedProcessMakesNoDeferredWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		a, b := h.process("a"), h.process("b")
		e := begin(t, a)
		h.setFault(faultBefore)
		unavailable(t, e.Complete(t.Context(), payment))
		h.end("a")
		h.setFault(faultNone)
		time.Sleep(2 * retryInterval)
		if !begin(t, b).Repeated() {
			t.Error("a process without a lease wrote")
		}
	})
}

func TestWhatWaitsForTheStoreIsBoundedInNumberSizeAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.setFault(faultBefore)
		d := newDeferredWriter(h, lease{id: "a", h: h})
		defer d.close()
		waiting := func() (writes, bytes int) {
			d.mu.Lock()
			defer d.mu.Unlock()
			return len(d.waiting), d.bytes
		}
		for range maxDeferredBytes>>20 + 5 {
			d.add("x", state.Put(layout.BucketIdempotency, "x", make([]byte, 1<<20), 0))
		}
		if _, bytes := waiting(); bytes != maxDeferredBytes {
			t.Errorf("%d bytes wait, want %d", bytes, maxDeferredBytes)
		}
		time.Sleep(maxDeferral + 2*retryInterval)
		for range maxDeferredWrites + 5 {
			d.add("x", state.Put(layout.BucketIdempotency, "x", nil, 0))
		}
		if writes, bytes := waiting(); writes != maxDeferredWrites || bytes != 0 {
			t.Errorf("%d writes of %d bytes wait, want %d of none", writes, bytes, maxDeferredWrites)
		}
	})
}
