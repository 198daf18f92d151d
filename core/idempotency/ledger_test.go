package idempotency

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/state"
	"github.com/backflow/backflow/core/state/layout"
)

func TestTheFirstRequestActsAndItsResponseIsReplayed(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	e := begin(t, l)
	if e.Repeated() {
		t.Error("the first request is said to be a repeat")
	}
	must(t, e.Complete(t.Context(), payment))
	for _, l := range []*Ledger{l, h.process("b")} {
		if diff := cmp.Diff(&payment, replay(t, l)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestAnotherRequestWithTheKeyIsRefused(t *testing.T) {
	h := newHarness(t)
	l, other := h.process("a"), h.process("b")
	check := func(when string) {
		t.Helper()
		for _, l := range []*Ledger{l, other} {
			if _, err := l.Begin(t.Context(), scope, different); !errors.Is(err, ErrMismatch) {
				t.Errorf("%s: %v, want ErrMismatch", when, err)
			}
		}
	}
	e := begin(t, l)
	check("under way")
	must(t, e.RepeatLater(t.Context()))
	check("to be repeated")
	must(t, begin(t, l).Complete(t.Context(), payment))
	check("done")
}

func TestTheSameKeyElsewhereIsAnotherKey(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	first := begin(t, l)
	for _, s := range []Scope{
		{Caller: "other", Method: scope.Method, Path: scope.Path, Key: scope.Key},
		{Caller: scope.Caller, Method: "PUT", Path: scope.Path, Key: scope.Key},
		{Caller: scope.Caller, Method: scope.Method, Path: "/other", Key: scope.Key},
		{Caller: scope.Caller, Method: scope.Method, Path: scope.Path, Key: "other"},
	} {
		e, err := l.Begin(t.Context(), s, request)
		must(t, err)
		if e.UpstreamKey() == first.UpstreamKey() {
			t.Errorf("%+v has the same upstream key", s)
		}
		e.Release()
	}
}

func TestARequestUnderWayIsNotRunTwice(t *testing.T) {
	h := newHarness(t)
	l, other := h.process("a"), h.process("b")
	begin(t, l)
	for name, l := range map[string]*Ledger{"this process": l, "another": other} {
		_, err := l.Begin(t.Context(), scope, request)
		var busy *InProgressError
		if !errors.As(err, &busy) || busy.RetryAfter != time.Second {
			t.Errorf("%s: %v, want *InProgressError of 1s", name, err)
		}
	}
}

func TestOfFiftyAtOnceExactlyOneActs(t *testing.T) {
	h := newHarness(t)
	processes := []*Ledger{h.process("a"), h.process("b")}
	var acts atomic.Int32
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 50 {
		wg.Go(func() {
			<-start
			for {
				e, err := processes[i%2].Begin(t.Context(), scope, request)
				if _, ok := errors.AsType[*InProgressError](err); ok {
					continue // as a client would, in less of a hurry
				}
				if err != nil {
					t.Errorf("Begin: %v", err)
					return
				}
				if r, ok := e.Replay(); ok {
					if !bytes.Equal(r.Body, payment.Body) {
						t.Errorf("replayed %s", r.Body)
					}
					return
				}
				acts.Add(1)
				if err := e.Complete(t.Context(), payment); err != nil {
					t.Errorf("Complete: %v", err)
				}
				return
			}
		})
	}
	close(start)
	wg.Wait()
	if n := acts.Load(); n != 1 {
		t.Errorf("%d acted, want 1", n)
	}
}

func TestAnAbandonedKeyIsFree(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	must(t, begin(t, l).Abandon(t.Context()))
	e, err := l.Begin(t.Context(), scope, different)
	must(t, err)
	if e.Repeated() {
		t.Error("nothing was kept, yet the next request is a repeat")
	}
	e.Release()
}

func TestARepeatHasTheSameUpstreamKey(t *testing.T) {
	for name, unsettle := range map[string]func(*testing.T, *harness, *Entry){
		"outcome unknown": func(t *testing.T, _ *harness, e *Entry) { must(t, e.RepeatLater(t.Context())) },
		"panic":           func(_ *testing.T, _ *harness, e *Entry) { e.Release() },
		"response too large": func(t *testing.T, _ *harness, e *Entry) {
			must(t, e.Complete(t.Context(), Response{Status: 200, Body: big}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			l := h.process("a")
			e := begin(t, l)
			unsettle(t, h, e)
			again := begin(t, l)
			if again.UpstreamKey() != e.UpstreamKey() {
				t.Error("another upstream key")
			}
			if !again.Repeated() {
				t.Error("not said to be a repeat")
			}
			if !again.Since().Equal(e.Since()) {
				t.Errorf("since %v, want %v", again.Since(), e.Since())
			}
			must(t, again.Complete(t.Context(), payment))
			replay(t, l)
		})
	}
}

func TestAnUnknownOutcomeKeptRunsNothing(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	must(t, begin(t, l).KeepUnknown(t.Context()))
	for _, l := range []*Ledger{l, h.process("b")} {
		_, err := l.Begin(t.Context(), scope, request)
		var unknown *UnknownOutcomeError
		if !errors.As(err, &unknown) || !unknown.Since.Equal(h.clock.Now()) {
			t.Errorf("Begin: %v, want *UnknownOutcomeError since %v", err, h.clock.Now())
		}
	}
}

func TestARepeatThatDidNotActKeepsTheKey(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	e := begin(t, l)
	must(t, e.RepeatLater(t.Context()))
	must(t, begin(t, l).Abandon(t.Context())) // say 429: but the first may have acted
	if again := begin(t, l); again.UpstreamKey() != e.UpstreamKey() {
		t.Error("the first attempt's upstream key is gone")
	}
}

func TestARestartedGatewayTakesItsRecordsBackAtOnce(t *testing.T) {
	h := newHarness(t)
	crashed := begin(t, h.process("a"))
	h.end("a")
	l := h.process("a2")
	e := begin(t, l)
	if e.UpstreamKey() != crashed.UpstreamKey() || !e.Repeated() {
		t.Error("the record was not taken over with its id")
	}
	must(t, e.Complete(t.Context(), payment))
	replay(t, l)
}

func TestAFencedProcessWritesNothing(t *testing.T) {
	h := newHarness(t)
	late := h.process("a")
	e := begin(t, late)
	h.end("a")
	if err := e.Complete(t.Context(), payment); !errors.Is(err, ErrFenced) {
		t.Errorf("Complete: %v, want ErrFenced", err)
	}
	if _, err := late.Begin(t.Context(), scope, request); !errors.Is(err, ErrFenced) {
		t.Errorf("Begin: %v, want ErrFenced", err)
	}
	begin(t, h.process("b")) // and the record is as it was
}

func TestALateHolderCannotWriteOverItsSuccessor(t *testing.T) {
	h := newHarness(t)
	old := begin(t, h.process("a"))
	h.end("a")
	l := h.process("b")
	must(t, begin(t, l).Complete(t.Context(), payment))
	h.process("a") // the lease is back, the record is not
	if err := old.Complete(t.Context(), Response{Status: 500}); !errors.Is(err, ErrLost) {
		t.Errorf("Complete: %v, want ErrLost", err)
	}
	if r := replay(t, l); r.Status != 200 {
		t.Errorf("replayed %d, want 200", r.Status)
	}
}

func TestStoreDownMeansNothingMayBeExecuted(t *testing.T) {
	for name, f := range map[string]fault{"before": faultBefore, "result lost": faultAfter} {
		t.Run(name, func(t *testing.T) {
			h := newHarness(t)
			l := h.process("a")
			h.setFault(f)
			if e, err := l.Begin(t.Context(), scope, request); !errors.Is(err, state.ErrUnavailable) || e != nil {
				t.Fatalf("Begin = %v, %v; want ErrUnavailable", e, err)
			}
			h.setFault(faultNone)
			e := begin(t, l)
			if e.Repeated() {
				t.Error("what was never executed is said to be a repeat")
			}
			must(t, e.Complete(t.Context(), payment))
		})
	}
}

func TestAResponseStoredInSilenceIsReplayed(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	e := begin(t, l)
	h.setFault(faultAfter)
	if err := e.Complete(t.Context(), payment); !errors.Is(err, state.ErrUnavailable) {
		t.Fatalf("Complete: %v, want ErrUnavailable", err)
	}
	h.setFault(faultNone)
	replay(t, l)
}

func TestAResponseIsStoredForAClientThatLeft(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	e := begin(t, l)
	gone, leave := context.WithCancel(t.Context())
	leave()
	must(t, e.Complete(gone, payment))
	replay(t, l)
}

func TestARecordLivesFromItsFirstInsert(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	e := begin(t, l)
	h.clock.Advance(10 * time.Hour)
	must(t, e.RepeatLater(t.Context()))
	h.clock.Advance(10 * time.Hour)
	must(t, begin(t, l).Complete(t.Context(), payment))
	h.clock.Advance(4*time.Hour - time.Second)
	replay(t, l)
	h.clock.Advance(time.Second)
	again := begin(t, l)
	if again.Repeated() || again.UpstreamKey() == e.UpstreamKey() {
		t.Error("an expired record has an afterlife")
	}
}

func TestAnEntryIsSettledOnce(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	e := begin(t, l)
	must(t, e.Complete(t.Context(), payment))
	stored, err := l.Begin(t.Context(), scope, request)
	must(t, err)
	for name, e := range map[string]*Entry{"settled": e, "replayed": stored} {
		for _, err := range []error{
			e.Complete(t.Context(), payment), e.Abandon(t.Context()), e.KeepUnknown(t.Context()), e.RepeatLater(t.Context()),
		} {
			if !errors.Is(err, ErrSettled) {
				t.Errorf("%s: %v, want ErrSettled", name, err)
			}
		}
		e.Release()
	}
	replay(t, l)
}

func TestReleaseOfASettledEntryFreesNoOther(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	first := begin(t, l)
	must(t, first.RepeatLater(t.Context()))
	begin(t, l)
	first.Release()
	if _, err := l.Begin(t.Context(), scope, request); err == nil {
		t.Error("two hold the record")
	}
}

func TestACorruptRecordExecutesNothing(t *testing.T) {
	h := newHarness(t)
	l := h.process("a")
	h.commit(state.Put(layout.BucketIdempotency, scope.recordID(), []byte{99}, 0))
	if _, err := l.Begin(t.Context(), scope, request); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Begin: %v, want ErrCorrupt", err)
	}
	if _, _, err := l.Recorded(t.Context(), scope, request); !errors.Is(err, ErrCorrupt) {
		t.Errorf("Recorded: %v, want ErrCorrupt", err)
	}
}

func TestAStoredRecordShowsNoKey(t *testing.T) {
	h := newHarness(t)
	begin(t, h.process("a"))
	values, err := h.Get(t.Context(), state.Ref{Bucket: layout.BucketIdempotency, ID: scope.recordID()})
	must(t, err)
	if bytes.Contains(values[0], []byte(scope.Key)) || bytes.Contains([]byte(scope.recordID()), []byte(scope.Key)) {
		t.Error("the client's key is in the store")
	}
}
