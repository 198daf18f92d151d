package reconcile_test

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/reconcile"
)

func TestAnEventThatNeverArrivedIsTakenInOnceItIsOldEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{Every: 15 * time.Minute})
		defer g.stop()
		time.Sleep(time.Minute)
		h.vendor.make("lost")
		h.vendor.make("arrived")
		g.receive("arrived")
		time.Sleep(14*time.Minute - time.Second)
		if got := h.taken(); len(got) != 1 {
			t.Fatalf("before the pass: %v", got)
		}
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]string{"arrived", "lost"}, h.taken()); diff != "" {
			t.Error(diff)
		}
		h.vendor.make("under delivery")
		time.Sleep(15 * time.Minute)
		h.vendor.make("younger than the grace")
		time.Sleep(time.Second)
		s := g.state()
		if s.Pass.Status != reconcile.StatusSucceeded || s.Pass.Counts.Errors != 0 || s.Every != 15*time.Minute || s.Lookback != 72*time.Hour {
			t.Errorf("%+v: %s", s, brief(s.Pass))
		}
		if got := h.taken(); slices.Contains(got, "younger than the grace") || !slices.Contains(got, "under delivery") {
			t.Errorf("taken %v", got)
		}
		if age := time.Since(s.Watermark); age < 5*time.Minute || age > 6*time.Minute {
			t.Errorf("the watermark is %v old, want the grace of 5 minutes", age)
		}
		if until := time.Until(s.Next); until <= 0 || until > 15*time.Minute {
			t.Errorf("next in %v", until)
		}
	})
}

func TestTheGraceIsNeverLongerThanTheTimeBetweenPasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{Every: 10 * time.Second})
		defer g.stop()
		h.vendor.make("lost")
		time.Sleep(21 * time.Second)
		if diff := cmp.Diff([]string{"lost"}, h.taken()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestMissingEventsAreTakenInOldestFirstAtTheStatedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		var want []string
		for i := range 600 {
			id := fmt.Sprintf("e%03d", (i*7)%600) // names say nothing about the order
			h.vendor.makeAt(id, time.Now().Add(-10*time.Hour+time.Duration(i)*time.Minute/2))
			want = append(want, id)
		}
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour, Pace: time.Second / 10})
		defer g.stop()
		time.Sleep(30*time.Second + 100*time.Millisecond)
		if got := len(h.taken()); got < 299 || got > 302 {
			t.Errorf("%d events in 30 seconds at 10/s", got)
		}
		time.Sleep(31 * time.Second)
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Errorf("order (-want +got):\n%s", diff)
		}
		if c := g.state().Pass.Counts; c != (reconcile.Counts{Listed: 600, Missing: 600, Taken: 600}) {
			t.Errorf("%+v", c)
		}
	})
}

func TestEventsOfOneSecondKeepTheOrderOfTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		at := time.Now().Add(-time.Hour)
		want := []string{"x", "c", "a", "b", "y"}
		for i, id := range want {
			h.vendor.makeAt(id, at.Add(time.Duration(min(i, 1)+i/4)*time.Second))
		}
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour})
		defer g.stop()
		time.Sleep(time.Second)
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAWindowThatHoldsTooMuchIsSplit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		begin := time.Now().Add(-3 * time.Hour)
		want := ids("e", 0, 12_000)
		for i, id := range want {
			h.vendor.makeAt(id, begin.Add(time.Duration(i/100)*time.Second)) // all within 2 minutes
		}
		g := h.gateway("a", reconcile.Webhook{Every: 24 * time.Hour, Pace: time.Second / 100_000})
		defer g.stop()
		time.Sleep(time.Minute)
		if got := h.taken(); !slices.Equal(got, want) {
			t.Errorf("%d events, want %d in their order", len(got), len(want))
		}
		if s := g.state().Pass; s.Status != reconcile.StatusSucceeded || s.Counts.Taken != len(want) {
			t.Error(brief(s))
		}
		if h.vendor.most > 100 {
			t.Errorf("a page of %d events", h.vendor.most)
		}
	})
}

func TestMoreEventsOfOneSecondThanAWindowHoldsAreTakenInAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		at := time.Now().Add(-time.Hour)
		for _, id := range ids("e", 0, 6_000) {
			h.vendor.makeAt(id, at)
		}
		g := h.gateway("a", reconcile.Webhook{Every: 24 * time.Hour, Pace: time.Second / 100_000})
		defer g.stop()
		time.Sleep(time.Minute)
		got := h.taken()
		slices.Sort(got)
		if !slices.Equal(got, ids("e", 0, 6_000)) {
			t.Errorf("%d events", len(got))
		}
	})
}

func TestWhatIsOlderThanTheLookbackIsAGapThatIsWarnedOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		hook := reconcile.Webhook{Every: time.Hour, Lookback: 24 * time.Hour}
		g := h.gateway("a", hook)
		time.Sleep(time.Minute)
		mark := g.state().Watermark
		g.stop()
		time.Sleep(10 * time.Hour)
		h.vendor.make("too old")
		time.Sleep(25 * time.Hour)
		h.vendor.make("not too old")
		time.Sleep(time.Hour)
		g = h.gateway("a", hook)
		defer g.stop()
		time.Sleep(time.Minute)
		if diff := cmp.Diff([]string{"not too old"}, h.taken()); diff != "" {
			t.Error(diff)
		}
		p := g.state().Pass
		if p.Gap == nil || !p.Gap.Since.Equal(mark) || !p.Gap.Until.Equal(p.Since) {
			t.Errorf("gap %+v, watermark %v", p.Gap, mark)
		}
		if h.log.count("may be missing for good") != 1 {
			t.Error("want one warning")
		}
		// A pass that is asked for closes it.
		if p := g.ask(48*time.Hour, false); p.Counts.Taken != 1 || p.Status != reconcile.StatusSucceeded {
			t.Error(brief(&p))
		}
	})
}

func TestAWatermarkInTheFutureIsSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		ahead := 100 * time.Hour
		g := h.gatewayAt("a", reconcile.Webhook{Every: time.Hour}, func() time.Time { return time.Now().Add(ahead) })
		time.Sleep(time.Minute)
		g.stop()
		h.vendor.make("lost")
		g = h.gateway("a", reconcile.Webhook{Every: time.Hour})
		defer g.stop()
		time.Sleep(2 * time.Hour)
		if diff := cmp.Diff([]string{"lost"}, h.taken()); diff != "" {
			t.Error(diff)
		}
		if h.log.count("is in the future") != 1 {
			t.Error("want one warning")
		}
		if age := time.Since(g.state().Watermark); age < 0 || age > 2*time.Hour {
			t.Errorf("the watermark is %v old", age)
		}
	})
}

func TestClocksMayDiffer(t *testing.T) {
	for _, skew := range []time.Duration{-9 * time.Minute, -4 * time.Minute, 4 * time.Minute, 9 * time.Minute} {
		t.Run(skew.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := newHarness(t)
				h.vendor.skew = skew
				g := h.gateway("a", reconcile.Webhook{Every: time.Minute})
				defer g.stop()
				for i := range 120 {
					id := fmt.Sprintf("e%03d", i)
					h.vendor.make(id)
					if i%10 != 0 {
						g.receive(id)
					}
					time.Sleep(37 * time.Second)
				}
				time.Sleep(20 * time.Minute)
				got := h.taken()
				slices.Sort(got)
				if want := 120; len(slices.Compact(got)) != want || len(got) != want {
					t.Errorf("%d events, want %d", len(got), want)
				}
				if n := h.log.count("unknown to its vendor"); n != 0 {
					t.Errorf("%d false alarms", n)
				}
			})
		})
	}
}

func TestAnEventThatCannotBeKeptIsCountedAndHoldsUpNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.vendor.makeAt("huge", time.Now().Add(-2*time.Hour))
		h.vendor.events[0].Payload = []byte(`"` + string(make([]byte, 10)) + `"`) // no JSON
		h.vendor.makeAt("good", time.Now().Add(-time.Hour))
		g := h.gateway("a", reconcile.Webhook{Every: time.Minute})
		defer g.stop()
		time.Sleep(time.Second)
		p := g.state().Pass
		if p.Counts != (reconcile.Counts{Listed: 2, Missing: 2, Taken: 1, Refused: 1}) || p.Status != reconcile.StatusSucceeded {
			t.Error(brief(p))
		}
		if len(p.Events) != 2 || p.Events[0].Result != reconcile.ResultRefused || p.Events[0].Reason == "" || p.Events[1].Result != reconcile.ResultTaken {
			t.Errorf("%+v", p.Events)
		}
	})
}

func TestARefusedEventIsWarnedOfOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{Every: 10 * time.Second})
		defer g.stop()
		h.vendor.make("broken")
		h.vendor.with(func() { h.vendor.events[0].Payload = []byte(`{"a":1,"a":2}`) })
		time.Sleep(20 * time.Minute)
		if n := h.log.count("cannot be kept"); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
}
