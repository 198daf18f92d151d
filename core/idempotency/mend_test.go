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

func TestAnAnswerThatTheStoreMissedIsStoredOnceItIsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.process("a"), w.process("b")
		e := begin(t, a)
		w.suffer(faultBefore)
		unavailable(t, e.Complete(t.Context(), payment))
		time.Sleep(time.Minute + mendPause/2)
		w.suffer(faultNone)
		busy(t, b)
		time.Sleep(2 * mendPause)
		replay(t, b)
	})
}

func TestAKeyFreedDuringAnOutageIsFreeAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.process("a"), w.process("b")
		e := begin(t, a)
		w.suffer(faultBefore)
		unavailable(t, e.Abandon(t.Context()))
		w.suffer(faultNone)
		time.Sleep(2 * mendPause)
		if begin(t, b).Repeated() {
			t.Error("what took no effect is said to be a repeat")
		}
	})
}

func TestOtherProcessesDoNotWaitForAPanicToEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.process("a"), w.process("b")
		e := begin(t, a)
		e.Release()
		time.Sleep(2 * mendPause)
		again := begin(t, b)
		if !again.Repeated() || again.UpstreamKey() != e.UpstreamKey() {
			t.Error("the record was not taken over")
		}
	})
}

func TestARecordThatNobodyKnewToBeMadeIsRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.process("a"), w.process("b")
		w.suffer(faultAfter)
		_, err := a.Begin(t.Context(), scope, request)
		unavailable(t, err)
		w.suffer(faultNone)
		busy(t, b)
		time.Sleep(2 * mendPause)
		if begin(t, b).Repeated() {
			t.Error("what was never executed is said to be a repeat")
		}
	})
}

func TestATakeOverThatNobodyKnewOfIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.process("a"), w.process("b")
		must(t, begin(t, a).RepeatLater(t.Context()))
		w.suffer(faultAfter)
		_, err := a.Begin(t.Context(), scope, request)
		unavailable(t, err)
		w.suffer(faultNone)
		busy(t, b)
		time.Sleep(2 * mendPause)
		if !begin(t, b).Repeated() {
			t.Error("a repeat is not said to be one")
		}
	})
}

func TestAnAnswerThatTheStoreMissedIsReplayedToTheNextRequest(t *testing.T) {
	w := newWorld(t)
	a := w.process("a")
	e := begin(t, a)
	w.suffer(faultBefore)
	unavailable(t, e.Complete(t.Context(), payment))
	_, err := a.Begin(t.Context(), scope, request)
	unavailable(t, err)
	w.suffer(faultNone)
	replay(t, a)
}

func TestALateWriteLosesToWhoeverTookTheRecordOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.process("a"), w.process("b")
		first := begin(t, a)
		w.suffer(faultBefore)
		unavailable(t, first.Abandon(t.Context()))
		w.suffer(faultNone)
		w.commit(state.Put(layout.BucketIdempotency, scope.recordID(), first.rec.released(statusPending).encode(), 0))
		second := begin(t, b)
		time.Sleep(2 * mendPause)
		must(t, second.Complete(t.Context(), payment))
		replay(t, a)
	})
}

func TestAFencedProcessMendsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a, b := w.process("a"), w.process("b")
		e := begin(t, a)
		w.suffer(faultBefore)
		unavailable(t, e.Complete(t.Context(), payment))
		w.end("a")
		w.suffer(faultNone)
		time.Sleep(2 * mendPause)
		if !begin(t, b).Repeated() {
			t.Error("a process without a lease wrote")
		}
	})
}

func TestWhatWaitsForTheStoreIsBoundedInNumberSizeAndTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.suffer(faultBefore)
		m := newMender(w, lease{id: "a", w: w})
		defer m.close()
		waiting := func() (writes, bytes int) {
			m.mu.Lock()
			defer m.mu.Unlock()
			return len(m.waiting), m.bytes
		}
		for range mendBytes>>20 + 5 {
			m.add("x", state.Put(layout.BucketIdempotency, "x", make([]byte, 1<<20), 0))
		}
		if _, bytes := waiting(); bytes != mendBytes {
			t.Errorf("%d bytes wait, want %d", bytes, mendBytes)
		}
		time.Sleep(mendLimit + 2*mendPause)
		for range mendWrites + 5 {
			m.add("x", state.Put(layout.BucketIdempotency, "x", nil, 0))
		}
		if writes, bytes := waiting(); writes != mendWrites || bytes != 0 {
			t.Errorf("%d writes of %d bytes wait, want %d of none", writes, bytes, mendWrites)
		}
	})
}
