package process

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchdogExpiresAtTheDeadlineOfThePresentCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var expired atomic.Pointer[time.Time]
		w := &watchdog{onExpire: func() { now := time.Now(); expired.Store(&now) }}

		// Calls that end in time, the later ones with earlier deadlines too.
		for _, limit := range []time.Duration{time.Minute, time.Hour, time.Second} {
			w.watch(time.Now().Add(limit))
			time.Sleep(limit / 2)
			if !w.release() {
				t.Fatalf("it expired in a call of %s that ended in half the time", limit)
			}
		}
		time.Sleep(3 * time.Hour)
		if expired.Load() != nil {
			t.Fatal("it expired while there was no call")
		}
		// A timer that is armed for the first call serves the second.
		w.watch(time.Now().Add(time.Minute))
		time.Sleep(time.Second)
		if !w.release() {
			t.Fatal("it expired too early")
		}
		late := time.Now()
		w.watch(late.Add(time.Hour))
		time.Sleep(2 * time.Hour)
		if w.release() {
			t.Error("release does not report that it expired")
		}
		if at := expired.Load(); at == nil || at.Sub(late) != time.Hour {
			t.Errorf("it expired at %v", at)
		}
		w.stop()
	})
}
