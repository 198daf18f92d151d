package engine

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/backflow/backflow/core/wakeup"
)

func TestAServiceStopsItsLoopsAndWaitsForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService()
		rounds := 0
		s.run(func() {
			for s.sleep(nil, time.Minute) {
				rounds++
			}
			time.Sleep(time.Second) // it has work to finish
			rounds += 100
		})
		time.Sleep(150 * time.Second)
		if s.isStopping() {
			t.Error("it is stopping before it is stopped")
		}
		s.Stop()
		if rounds != 102 {
			t.Errorf("%d, want 2 rounds and the end of the loop", rounds)
		}
		s.Stop()
		if !s.isStopping() {
			t.Error("it is not stopping after it was stopped")
		}
	})
}

func TestAWakeupEndsASleepAndIsKeptForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, w := newService(), wakeup.New()
		defer s.Stop()
		began := time.Now()
		w.Wake()
		w.Wake() // two before a sleep are one
		s.sleep(w, time.Minute)
		if slept := time.Since(began); slept != 0 {
			t.Errorf("slept %s although it was woken before", slept)
		}
		time.AfterFunc(time.Second, w.Wake)
		s.sleep(w, time.Minute)
		s.sleep(w, time.Minute)
		if slept := time.Since(began); slept != 61*time.Second {
			t.Errorf("slept %s, want 1s and 1m", slept)
		}
	})
}
