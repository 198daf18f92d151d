package wakeup

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestASleepEndsAtItsTimeByAWakeupOrAtTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop, began := New(), make(chan struct{}), time.Now()
		after := func(want bool, passed time.Duration) {
			t.Helper()
			if got := w.Sleep(stop, time.Minute); got != want || time.Since(began) != passed {
				t.Errorf("it returned %t after %s, want %t after %s", got, time.Since(began), want, passed)
			}
			began = time.Now()
		}
		after(true, time.Minute)
		time.AfterFunc(time.Second, w.Wake)
		after(true, time.Second)
		w.Wake() // kept for the next sleep, once
		w.Wake()
		after(true, 0)
		after(true, time.Minute)
		time.AfterFunc(time.Second, func() { close(stop) })
		after(false, time.Second)
	})
}
