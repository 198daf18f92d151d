package process

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdogBitesAtTheDeadlineOfThePresentCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var bitten atomic.Pointer[time.Time]
		w := &watchdog{bite: func() { now := time.Now(); bitten.Store(&now) }}

		// Calls that end in time, the later ones with earlier deadlines too.
		for _, limit := range []time.Duration{time.Minute, time.Hour, time.Second} {
			w.guard(time.Now().Add(limit))
			time.Sleep(limit / 2)
			if !w.release() {
				t.Fatalf("it has bitten a call of %s that ended in half the time", limit)
			}
		}
		time.Sleep(3 * time.Hour)
		if bitten.Load() != nil {
			t.Fatal("it has bitten while there was no call")
		}
		// A timer that is armed for the first call serves the second.
		w.guard(time.Now().Add(time.Minute))
		time.Sleep(time.Second)
		if !w.release() {
			t.Fatal("it has bitten")
		}
		late := time.Now()
		w.guard(late.Add(time.Hour))
		time.Sleep(2 * time.Hour)
		if w.release() {
			t.Error("it denies that it has bitten")
		}
		if at := bitten.Load(); at == nil || at.Sub(late) != time.Hour {
			t.Errorf("it has bitten at %v", at)
		}
		w.stop()
	})
}
