package reconcile_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/backflow/backflow/core/engine"
	"github.com/backflow/backflow/core/reconcile"
	"github.com/backflow/backflow/sdk"
)

func TestAPassThatIsAskedForComparesUpToNow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.vendor.skew = 2 * time.Minute // its clock is ahead
		g := h.gateway("a", reconcile.Webhook{})
		defer g.stop()
		for i := range 10 {
			h.vendor.make(ids("e", i, i+1)[0])
			time.Sleep(10 * time.Minute)
		}
		h.vendor.make("just now")
		p := g.ask(time.Hour, false)
		want := append(ids("e", 4, 10), "just now")
		if diff := cmp.Diff(want, h.taken()); diff != "" {
			t.Error(diff)
		}
		if p.Status != reconcile.StatusSucceeded || p.By != "alice" || p.Counts != (reconcile.Counts{Listed: 7, Missing: 7, Taken: 7}) {
			t.Error(brief(&p))
		}
		if p = g.ask(time.Hour, false); p.Counts.Missing != 0 {
			t.Error(brief(&p))
		}
	})
}

func TestADryRunChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{Every: 10 * time.Hour})
		defer g.stop()
		time.Sleep(time.Minute)
		mark := g.state().Watermark
		h.vendor.make("lost")
		g.receive("forged")
		time.Sleep(time.Minute)
		p := g.ask(time.Hour, true)
		if p.Counts != (reconcile.Counts{Listed: 1, Missing: 1, Unknown: 1}) || !p.DryRun {
			t.Error(brief(&p))
		}
		if len(p.Events) != 1 || p.Events[0].ID != "lost" || p.Events[0].Result != "" || len(p.UnknownEvents) != 1 || p.UnknownEvents[0].ID != "forged" {
			t.Errorf("%+v, %+v", p.Events, p.UnknownEvents)
		}
		if got := h.taken(); len(got) != 1 || len(h.flags("forged")) != 0 || len(h.notices()) != 0 || h.log.count("unknown to its vendor") != 0 {
			t.Errorf("taken %v, flags %v, notices %v", got, h.flags("forged"), h.notices())
		}
		if !g.state().Watermark.Equal(mark) {
			t.Error("the watermark has moved")
		}
		if p = g.ask(time.Hour, false); p.Counts != (reconcile.Counts{Listed: 1, Missing: 1, Taken: 1, Unknown: 1}) {
			t.Error(brief(&p))
		}
		if !slices.Contains(h.flags("forged"), reconcile.FlagUnknown) {
			t.Error("no flag")
		}
	})
}

func TestAForgeryIsFoundAtOnceByAPassThatIsAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{})
		defer g.stop()
		h.vendor.make("real")
		g.receive("real")
		g.receive("forged")
		time.Sleep(time.Millisecond)
		begin := time.Now()
		p := g.ask(time.Hour, false)
		if p.Counts.Unknown != 1 || time.Since(begin) > 15*time.Second {
			t.Errorf("after %v: %s", time.Since(begin), brief(&p))
		}
	})
}

func TestPassesThatAreAskedForComeOneAfterAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		h.lost()
		a, b := h.gateway("a", reconcile.Webhook{Pace: time.Second / 10}), h.gateway("b", reconcile.Webhook{Pace: time.Second / 10})
		var passes []string
		for i := range 3 {
			g := []*gateway{a, b}[i%2]
			p, err := g.Request(t.Context(), reconcile.Request{ID: engine.NewRunID(), Webhook: "shop", By: "bob"})
			if err != nil || p.Status != reconcile.StatusQueued {
				t.Fatalf("%v, %s", err, brief(&p))
			}
			passes = append(passes, p.ID)
		}
		time.Sleep(10 * time.Second)
		s := b.state()
		if s.Pass == nil || s.Pass.ID != passes[0] || s.Pass.Status != reconcile.StatusRunning || s.Pass.Counts.Taken == 0 || len(s.Queued) != 2 {
			t.Errorf("%d wait, %s", len(s.Queued), brief(s.Pass))
		}
		var ended time.Time
		for _, id := range passes {
			p, err := a.Wait(t.Context(), "shop", id)
			if err != nil || p.Status != reconcile.StatusSucceeded || !p.StartedAt.After(ended) && !p.StartedAt.Equal(ended) {
				t.Errorf("%v, %s", err, brief(&p))
			}
			ended = p.FinishedAt
		}
		if s := a.state(); s.Pass.ID != passes[2] || len(s.Queued) != 0 || len(h.taken()) != 350 {
			t.Errorf("%d wait, %s", len(s.Queued), brief(s.Pass))
		}
		a.stop()
		b.stop()
		time.Sleep(8 * 24 * time.Hour)
		c := h.gateway("c", reconcile.Webhook{})
		defer c.stop()
		if _, err := c.Pass(t.Context(), "shop", passes[0]); !errors.Is(err, reconcile.ErrNotFound) {
			t.Errorf("after eight days: %v", err)
		}
	})
}

func TestWhatCannotBeComparedIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{Every: time.Hour})
		defer g.stop()
		request := reconcile.Request{Webhook: "shop"}
		for name, since := range map[string]time.Time{"in the future": time.Now().Add(time.Minute), "too long ago": time.Now().Add(-31 * 24 * time.Hour)} {
			request.ID, request.Since = engine.NewRunID(), since
			var e *sdk.Error
			if _, err := g.Request(t.Context(), request); !errors.As(err, &e) || e.Code != sdk.CodeInvalidParams || len(e.Faults) != 1 || e.Faults[0].Pointer != "/since" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if _, err := g.Request(t.Context(), reconcile.Request{ID: "x", Webhook: "other"}); !errors.Is(err, reconcile.ErrNoList) {
			t.Errorf("another webhook: %v", err)
		}
		if _, err := g.Get(t.Context(), "other"); !errors.Is(err, reconcile.ErrNoList) {
			t.Errorf("another webhook: %v", err)
		}
		synctest.Wait() // the first pass of its own accord has ended
		h.vendor.with(func() {
			h.vendor.fault = func(int, sdk.ListEventsRequest, *sdk.EventPage) error { time.Sleep(time.Hour); return nil }
		})
		var last error
		for range 12 {
			_, last = g.Request(t.Context(), reconcile.Request{ID: engine.NewRunID(), Webhook: "shop"})
			synctest.Wait() // the first is worked on, and the others wait
		}
		var e *sdk.Error
		if !errors.As(last, &e) || e.Code != sdk.CodeConflict {
			t.Errorf("too many: %v", last)
		}
	})
}

func TestARequestIsDoneOnceForItsKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		g := h.gateway("a", reconcile.Webhook{})
		defer g.stop()
		once := engine.Once{Bucket: "idempotency", Key: "k", Value: []byte("1"), TTL: time.Hour}
		if _, err := g.Request(t.Context(), reconcile.Request{ID: "1", Webhook: "shop", Once: once}); err != nil {
			t.Fatal(err)
		}
		if _, err := g.Request(t.Context(), reconcile.Request{ID: "2", Webhook: "shop", Once: once}); !errors.Is(err, engine.ErrDuplicate) {
			t.Errorf("the second: %v", err)
		}
	})
}
